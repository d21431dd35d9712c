"""What a stage is, and what the stages of one step hand on to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid
from autonomy_perception.pipeline.ego import EgoState
from autonomy_perception.types import F32, Detections, GroundLabels, Mode, Occupancy, SensorFrame, TerrainGrid, Tracks

T = TypeVar("T")
State = Mapping[str, NDArray[Any]]
"""What a stage remembers, as named arrays: see :meth:`Stage.save`."""


@dataclass(frozen=True)
class Key(Generic[T]):
    """Name and type of something that one stage gives and others need.

    ``published``: it also leaves the pipeline, in ``Perception.more`` under its name (those below have fields of their own).
    """

    name: str
    published: bool = False


@dataclass(frozen=True)
class LabelledScan:
    """A lidar scan in anchor: xyz float32 (N,3) and origin (3,) [m], with the ground labels of its points."""

    xyz: F32
    origin: F32
    labels: GroundLabels


@dataclass(frozen=True)
class Layer:
    """One float32 layer (ny,nx) on a world grid."""

    grid: WorldGrid
    values: F32


SCANS = Key[Sequence[LabelledScan]]("scans")
TERRAIN = Key[TerrainGrid]("terrain")
LETHAL = Key[Layer]("lethal")
"""How surely the terrain is beyond the vehicle, 0..1."""
DETECTIONS = Key[Detections]("detections")
"""In the frame of the ego state."""
TRACKS = Key[Tracks]("tracks")
"""In the frame of the ego state."""
OCCUPANCY = Key[Occupancy]("occupancy")


@dataclass
class Context:
    """One moment: what came in, and what the stages have made of it so far.

    Attributes:
        stamp_ns: time of the outputs, by the sensors' clock.
        ego: where the platform is at that time.
        frame: what the sensors saw; None when nothing came and the stages only age.
        given: what is handed in from outside, by key.
        mode: the best that any stage stands for so far; while ageing, what is left (STOPPED: nothing may be told as if known).
    """

    stamp_ns: int
    ego: EgoState
    frame: SensorFrame | None = None
    given: Mapping[Key[Any], Any] = field(default_factory=dict)
    mode: Mode = Mode.GEOMETRIC
    _made: dict[Key[Any], Any] = field(default_factory=dict)

    def __getitem__(self, key: Key[T]) -> T:
        """What an earlier stage gave. Raises KeyError naming it if none did."""
        if key not in self._made:
            raise KeyError(f"no stage has given {key.name!r} yet")
        return self._made[key]  # type: ignore[no-any-return]

    def __setitem__(self, key: Key[T], value: T) -> None:
        self._made[key] = value

    def get(self, key: Key[T], default: T) -> T:
        """What an earlier stage gave, or ``default``."""
        return self._made.get(key, default)  # type: ignore[no-any-return]

    def published(self) -> dict[str, Any]:
        """What leaves the pipeline beside the fields of a Perception, by name."""
        return {key.name: value for key, value in self._made.items() if key.published}

    def stands_for(self, mode: Mode) -> None:
        """A stage says which mode its result stands for (a network: FUSED, LIDAR_ONLY or CAMERA_ONLY)."""
        self.mode = min(self.mode, mode)


class Stage:
    """One step of the pipeline; the methods do nothing, so that a stage writes down only what it does.

    Attributes:
        name: in timings and saved states; unique in a pipeline.
        needs: what earlier stages must have given. gives: what it gives in every step.
    """

    name: str
    needs: Sequence[Key[Any]] = ()
    gives: Sequence[Key[Any]] = ()

    def ready(self, context: Context) -> bool:
        """Whether a frame holds what the stage lives on; a frame that leaves a stage without is only aged by."""
        return True

    def run(self, context: Context) -> None:
        """Take in ``context.frame``: read ``needs`` from the context, put in ``gives``."""

    def age(self, context: Context) -> None:
        """Nothing came: give what is left of the results at ``context.stamp_ns`` (what is not given counts as nothing)."""

    def reset(self) -> None:
        """Forget what was seen."""

    def release(self) -> None:
        """Give back work memory."""

    def counters(self) -> Mapping[str, int]:
        """What the stage counts since its start, for diagnostics."""
        return {}

    def save(self) -> State:
        """Everything remembered from step to step, as arrays; a stage that loads it goes on with the same bytes."""
        return {}

    def load(self, state: State) -> None:
        """Go on from what :meth:`save` gave. Raises KeyError or ValueError if it does not fit."""


def scalar(state: State, name: str) -> Any:
    """A number that :meth:`Stage.save` stored as an array of no dimensions."""
    return np.asarray(state[name]).item()
