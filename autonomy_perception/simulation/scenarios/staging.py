"""What a scenario lays out, and what all scenarios share: the own vehicle on its way, lattices, winding roads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.world.ground import Ground, Lattice, lines
from autonomy_perception.simulation.world.motion import Plan, heading_of, towed, unit
from autonomy_perception.simulation.world.shapes import Shape
from autonomy_perception.simulation.world.structures import Furnishing
from autonomy_perception.simulation.world.truck import ego_shape, trailer_shape
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Own:
    """The own vehicle: base_link (T,2) [m] and its direction (T,) [rad]; its body, and its trailer if it has one."""

    xy: F64
    yaw: F64
    body: Plan
    trailer: Plan | None

    @property
    def plans(self) -> list[Plan]:
        """Everything of it that others must not touch."""
        return [self.body, *([self.trailer] if self.trailer else [])]

    @classmethod
    def along(cls, vehicle: VehicleConfig, way: Way, s: F64, d: ArrayLike = 0.0) -> Own:
        """The vehicle whose rear axle follows road coordinates (T,)."""
        xy = way.xy(s, np.broadcast_to(np.asarray(d, np.float64), s.shape))
        yaw = np.unwrap(heading_of(xy, way.heading(s)))
        shape, middle = ego_shape(vehicle.dimensions), 0.5 * (vehicle.dimensions.front - vehicle.dimensions.rear)
        body = Plan("ego", shape, xy + middle * unit(yaw), yaw)
        if vehicle.hitch is None:
            return cls(xy, yaw, body, None)
        puller = Plan("ego", Shape(shape.phases, shape.label, shape.color, hitch=vehicle.hitch.x), xy, yaw)
        return cls(xy, yaw, body, towed("own trailer", puller, trailer_shape(vehicle.hitch)))


def total_length(vehicle: VehicleConfig) -> float:
    """From the front bumper to the rear of the trailer, when straight [m]."""
    body, hitch = vehicle.dimensions, vehicle.hitch
    return body.front + (max(body.rear, hitch.trailer_length - hitch.x) if hitch else body.rear)


@dataclass(frozen=True)
class Staging:
    """A scenario laid out for one seed."""

    ground: Ground
    own: Own
    plans: Sequence[Plan]
    furnishing: Furnishing


Builder = Callable[[np.random.Generator, VehicleConfig, F64], Staging]


@dataclass(frozen=True)
class Scenario:
    """One kind of drive.

    Attributes:
        name, description: what it is called, and what it is in a sentence.
        build: lays it out from a generator, the vehicle and the times (T,) [s] of motion.
        longest_s: longest drive that it can be laid out for [s].
        shortest_s: it is laid out for at least so long [s].
    """

    name: str
    description: str
    build: Builder
    longest_s: float = 120.0
    shortest_s: float = 1.0


def corridor(
    way: Way, step: float, paved: tuple[float, float], fine: float, verge: float, reach: float = 110.0
) -> Lattice:
    """Lattice along a road: ``step`` [m] along it; ``fine`` across its paved part (right, left of the centre line)
    and 10 m beside it, coarser farther out to ``reach`` [m]."""
    right, left = paved
    d = lines(
        (-reach, 3.5), (-right - 34.0, 1.4), (-right - 10.0, verge), (-right, fine), (left, verge), (left + 10.0, 1.4),
        (left + 34.0, 3.5), end=reach,
    )  # fmt: skip
    return Lattice(way, lines((0.0, step), end=way.length), d)


def winding(
    rng: np.random.Generator, length: float, bends: Sequence[tuple[tuple[float, float], tuple[float, float]]]
) -> Way:
    """A way of a length [m] whose direction swings: (wavelength range [m], swing range [rad]) each."""
    s = np.arange(0.0, length, 0.25)
    heading = np.full_like(s, rng.uniform(-np.pi, np.pi))
    for wavelength, swing in bends:
        heading += rng.uniform(*swing) * np.sin(2 * np.pi * s / rng.uniform(*wavelength) + rng.uniform(0, 2 * np.pi))
    return Way.bending(heading)
