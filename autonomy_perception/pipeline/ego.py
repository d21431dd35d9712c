"""Where the platform is in one step, and in which frames its results are told: the one place that decides frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.pipeline.modes import Reason
from autonomy_perception.platform import Platform
from autonomy_perception.types import SensorHealth, Trajectory

ANCHOR_STEP = 10.0
"""The anchor frame's origin moves in steps of this many metres."""


@dataclass(frozen=True)
class EgoState:
    """Pose of base_link in ``frame``, and the working frame of the step.

    Attributes:
        T_odom_base: float64 (4,4); identity without ego motion.
        anchor: float64 (3,) origin of the anchor frame in ``frame`` [m].
        has_motion: whether the pose is known.
        frame: of maps and tracks: the platform's fixed frame, or its base frame while the pose is not known.
        reasons: what is short of odometry in it.
    """

    T_odom_base: NDArray[np.float64]
    anchor: NDArray[np.float64]
    has_motion: bool
    frame: str
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def at(cls, platform: Platform, pose: NDArray[np.float64] | None, reasons: tuple[Reason, ...] = ()) -> EgoState:
        """At a known pose (4,4) in the fixed frame, or nowhere."""
        if pose is None:
            return cls(np.eye(4), np.zeros(3), False, platform.base_frame, (Reason.NO_EGO_MOTION,))
        return cls(pose, np.floor(pose[:3, 3] / ANCHOR_STEP) * ANCHOR_STEP, True, platform.fixed_frame, reasons)

    @classmethod
    def of(cls, platform: Platform, trajectory: Trajectory | None, stamp_ns: int) -> EgoState:
        """At ``stamp_ns`` on a trajectory; a platform that stands needs none."""
        if platform.T_fixed_base is not None:
            return cls.at(platform, platform.T_fixed_base)
        if trajectory is None or len(trajectory.stamps_ns) == 0:
            return cls.at(platform, None)
        short = {Reason.DEAD_RECKONING: trajectory.dead_reckoned, Reason.EGO_MOTION_HELD: trajectory.held}
        return cls.at(platform, trajectory.pose(stamp_ns), tuple(reason for reason, holds in short.items() if holds))

    @property
    def xy(self) -> tuple[float, float]:
        """Position of base_link in ``frame`` [m]."""
        return float(self.T_odom_base[0, 3]), float(self.T_odom_base[1, 3])

    @property
    def T_anchor_base(self) -> NDArray[np.float64]:
        """base_link to anchor (4,4)."""
        out = self.T_odom_base.copy()
        out[:3, 3] -= self.anchor
        return out


@dataclass(frozen=True)
class Moment:
    """What ageing has to know of the last output: its time, that of its data, the pose then, and what was told."""

    stamp_ns: int
    data_stamp_ns: int
    ego: EgoState
    network: bool
    health: tuple[SensorHealth, ...] = ()
    calibration_hash: str = ""
