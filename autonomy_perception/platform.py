"""What carries the sensors, as far as the pipeline has to know: frames, sensors, where its pose comes from, its body
(floor 0). A vehicle today; a station by the road is the same with a fixed pose and no body of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import Dimensions, VehicleConfig

LEGAL_TRUCK = Dimensions(front=4.0, rear=1.5, width=2.55, height=4.0, wheelbase=3.8)
"""Whom a platform without a body looks out for: the largest articulated vehicle of directive 96/53/EC."""


@dataclass(frozen=True)
class Platform:
    """Frames, sensors and body.

    Attributes:
        base_frame: moves with the sensors; detections are told in it.
        fixed_frame: does not move; maps and tracks are told in it wherever the pose is known.
        lidars, cameras: names of the sensors.
        body: own body, None for a platform that does not drive.
        T_fixed_base: pose (4,4) of a platform that stands for ever; None: the pose comes with each frame.
    """

    base_frame: str = "base_link"
    fixed_frame: str = "odom"
    lidars: frozenset[str] = frozenset()
    cameras: frozenset[str] = frozenset()
    body: Dimensions | None = None
    T_fixed_base: NDArray[np.float64] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, vehicle: VehicleConfig) -> Platform:
        """The platform that a vehicle file describes."""
        return cls(
            vehicle.base_frame,
            vehicle.odom_frame,
            frozenset(vehicle.lidars),
            frozenset(vehicle.cameras),
            vehicle.dimensions,
        )

    @property
    def served(self) -> Dimensions:
        """Whose height, slope and step decide what is passable: the own body's, or a legal truck's."""
        return self.body if self.body is not None else LEGAL_TRUCK
