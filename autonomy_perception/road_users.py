"""Road users (floor 0): the one table of what the suite believes of each class of object, and where that comes from.

Rows of every array follow :class:`ObjectClass`. The simulator's shapes are drawn elsewhere on purpose
(``simulation/world``): what is judged by them must not be made from the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]
Extent = tuple[float, float, float]


class ObjectClass(IntEnum):
    """Object classes; 0-7 as in autoware_perception_msgs/ObjectClassification."""

    UNKNOWN = 0
    CAR = 1
    TRUCK = 2
    BUS = 3
    TRAILER = 4
    MOTORCYCLE = 5
    BICYCLE = 6
    PEDESTRIAN = 7
    ANIMAL = 8


N_CLASSES = len(ObjectClass)


class Motion(IntEnum):
    """Motion models that the tracker mixes; formulas in kernels/imm.cuh."""

    CONSTANT_VELOCITY = 0
    CONSTANT_TURN = 1
    BICYCLE = 2


FREE = (Motion.CONSTANT_VELOCITY, Motion.CONSTANT_TURN)
STEERED = (*FREE, Motion.BICYCLE)


@dataclass(frozen=True)
class SeenAs:
    """How a lidar's clusters show a class: what the detector compares them with.

    Attributes:
        prior: how often such clusters occur, in units of those of cars.
        size, spread: length, width, height above local ground and one standard deviation [m].
    """

    prior: float
    size: Extent
    spread: Extent


@dataclass(frozen=True)
class RoadUser:
    """What is believed of one class.

    Attributes:
        size, spread: length, width, height of the whole object and one standard deviation [m].
        seen: the same as clusters show it; None where there is no usual size.
        top_speed: faster ones are hardly of this class [m/s].
        acceleration, turn: standard deviations of its mean acceleration [m/s^2] and turn acceleration [rad/s^2] over
            0.1 s; yaw_drift: of its heading [rad/sqrt(s)], slip of wheels and flicker of the outline.
        motions: models it may follow; what steers follows the bicycle.
        directed: its box points where it goes.
        round: its outline has no axis worth measuring.
        small: little displacement shows that it moves.
        ridden: its upper part is the rider's.
        articulated: it may bend at a hitch, so that one box does not always hold it.
        confused_with: classes near in size, which a detector may say instead.
        source: where the numbers come from.
    """

    size: Extent
    spread: Extent
    seen: SeenAs | None
    top_speed: float
    acceleration: float
    turn: float
    yaw_drift: float
    source: str
    motions: tuple[Motion, ...] = FREE
    directed: bool = False
    round: bool = False
    small: bool = False
    ridden: bool = False
    articulated: bool = False
    confused_with: frozenset[ObjectClass] = frozenset()

    @property
    def steers(self) -> bool:
        """Whether it follows the kinematic bicycle."""
        return Motion.BICYCLE in self.motions


_C = ObjectClass
_LARGE = frozenset({_C.CAR, _C.TRUCK, _C.BUS, _C.TRAILER})
_RIDDEN = frozenset({_C.MOTORCYCLE, _C.BICYCLE})
_SLOW = frozenset({_C.PEDESTRIAN, _C.ANIMAL})
_JUDGED = "dynamics by judgement (experiment: none)"
_MEASURED = f"sizes rounded by hand, beside labels in tools/fit_road_users.py; {_JUDGED}"

ROAD_USERS = MappingProxyType(
    {
        _C.UNKNOWN: RoadUser(
            (0.0, 0.0, 0.0), (9.9, 9.9, 9.9), None, 40.0, 2.0, 0.5, 0.15,
            f"no size of its own; {_JUDGED}", confused_with=frozenset(ObjectClass),
        ),
        _C.CAR: RoadUser(
            (4.3, 1.80, 1.6), (0.5, 0.15, 0.30), SeenAs(1.0, (4.3, 1.8, 1.65), (0.5, 0.16, 0.25)), 45.0, 3.0, 0.5, 0.03,
            _MEASURED, STEERED, directed=True, confused_with=_LARGE,
        ),
        _C.TRUCK: RoadUser(
            (7.5, 2.5, 3.2), (2.5, 0.25, 0.6), SeenAs(0.25, (7.5, 2.5, 3.2), (1.8, 0.25, 0.5)), 30.0, 2.0, 0.25, 0.02,
            _MEASURED, STEERED, directed=True, articulated=True, confused_with=_LARGE,
        ),
        _C.BUS: RoadUser(
            (11.5, 2.55, 3.2), (1.5, 0.20, 0.3), SeenAs(0.1, (11.5, 2.6, 3.2), (1.2, 0.2, 0.3)), 28.0, 1.5, 0.2, 0.02,
            f"12 m class, width of Directive 96/53/EC (2.55 m); {_MEASURED}",
            STEERED, directed=True, articulated=True, confused_with=_LARGE,
        ),
        _C.TRAILER: RoadUser(
            (12.0, 2.5, 3.5), (3.0, 0.25, 0.5), SeenAs(0.1, (12.5, 2.5, 3.8), (3.0, 0.2, 0.4)), 28.0, 2.0, 0.25, 0.02,
            f"semi-trailers of Directive 96/53/EC are 13.6 x 2.55 x 4.0 m at most; {_MEASURED}",
            STEERED, directed=True, articulated=True, confused_with=_LARGE,
        ),
        _C.MOTORCYCLE: RoadUser(
            (2.1, 0.8, 1.4), (0.3, 0.25, 0.3), SeenAs(0.2, (2.1, 0.8, 1.45), (0.25, 0.2, 0.25)), 45.0, 4.0, 1.0, 0.10,
            _MEASURED, directed=True, small=True, ridden=True, confused_with=_RIDDEN,
        ),
        _C.BICYCLE: RoadUser(
            (1.8, 0.65, 1.65), (0.25, 0.25, 0.3), SeenAs(0.4, (1.75, 0.6, 1.65), (0.2, 0.15, 0.2)), 9.0, 2.0, 1.0, 0.2,
            f"with rider; {_MEASURED}", directed=True, small=True, ridden=True, confused_with=_RIDDEN | {_C.PEDESTRIAN},
        ),
        _C.PEDESTRIAN: RoadUser(
            (0.65, 0.65, 1.7), (0.30, 0.25, 0.25), SeenAs(0.7, (0.75, 0.6, 1.72), (0.25, 0.2, 0.18)), 2.8, 1.5, 1.5, 0.8,
            f"walking, arms swinging; {_MEASURED}", round=True, small=True, confused_with=_SLOW | {_C.BICYCLE},
        ),
        _C.ANIMAL: RoadUser(
            (1.2, 0.5, 1.0), (0.6, 0.3, 0.5), SeenAs(0.02, (1.0, 0.4, 0.8), (0.4, 0.2, 0.3)), 6.0, 3.0, 2.0, 0.8,
            f"dogs to deer, by judgement (experiment: none); {_JUDGED}",
            round=True, small=True, confused_with=_SLOW,
        ),
    }
)  # fmt: skip


def column(value: Callable[[RoadUser], float | Extent]) -> F64:
    """A number or extent of every class: (N_CLASSES,) or (N_CLASSES,3)."""
    return np.array([value(ROAD_USERS[c]) for c in ObjectClass], np.float64)


def those(holds: Callable[[RoadUser], bool]) -> Bools:
    """Classes (N_CLASSES,) of which something holds."""
    return np.array([holds(ROAD_USERS[c]) for c in ObjectClass], np.bool_)
