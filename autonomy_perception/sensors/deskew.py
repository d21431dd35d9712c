"""Where the lidar was during its sweep: the sweep's span in time and the pose table for the unpack kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import LidarConfig
from autonomy_perception.types import Trajectory

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
STEP_NS = 5_000_000
"""Spacing of the pose table: at 1 rad/s the blend between two poses errs by 3e-6 of the range."""


@dataclass(frozen=True)
class SweepTime:
    """When a sweep was measured, in vehicle time [ns].

    Attributes:
        stamp_ns: header stamp with the sensor's offset: zero of the points' times.
        start_ns, end_ns: first and last shot.
        reference_ns: stamp a frame gets from this sweep: its end, where points carry times to bring them there;
            otherwise the middle of the sweep, where its points belong on average.
    """

    stamp_ns: int
    start_ns: int
    end_ns: int
    reference_ns: int


def sweep_time(header_ns: int, lidar: LidarConfig, has_time: bool) -> SweepTime:
    """Span of a sweep from its header stamp, by ``stamp_at``, ``period_ms`` and ``offset_ms``."""
    stamp = header_ns + round(lidar.offset_ms * 1e6)
    period = round(lidar.period_ms * 1e6)
    end = stamp + {"start": period, "mid": period // 2, "end": 0}[lidar.stamp_at]
    start = end - period
    return SweepTime(stamp, start, end, end if has_time else start + period // 2)


def end_shift_ns(lidar: LidarConfig) -> int:
    """What to add to a header stamp to get the time by which sweeps of several lidars are matched [ns]: the end of the
    sweep less the lidar's phase."""
    return sweep_time(0, lidar, True).end_ns - round(lidar.phase_ms * 1e6)


def pose_table(sweep: SweepTime, frame_ns: int, trajectory: Trajectory | None, T_base_sensor: F64,
               has_time: bool) -> tuple[F32, tuple[float, float]]:  # fmt: skip
    """``T_base_sensor`` over the sweep, seen from base_link at the frame's stamp.

    ``T_out_sensor(t) = T_odom_base(frame)^-1 T_odom_base(t) T_base_sensor``; without ego motion, or without times
    of the points, it is one rigid transform (the latter at the middle of the sweep).

    Returns:
        float32 (K,3,4) at K uniform times, and the times [s, relative to ``sweep.stamp_ns``] of the first and last.
    """
    if trajectory is None:
        return T_base_sensor[None, :3].astype(np.float32), (0.0, 0.0)
    if not has_time:
        stamps = np.array([(sweep.start_ns + sweep.end_ns) // 2], np.int64)
    else:
        margin = (sweep.end_ns - sweep.start_ns) // 10  # a lidar may turn a little slower than it says
        first, last = sweep.start_ns - margin, sweep.end_ns + margin
        stamps = np.linspace(first, last, max(2, 1 + round((last - first) / STEP_NS))).astype(np.int64)
    T_base_odom = geometry.invert(trajectory.pose(frame_ns))
    poses = T_base_odom @ trajectory.poses(stamps) @ T_base_sensor
    span = ((int(stamps[0]) - sweep.stamp_ns) * 1e-9, (int(stamps[-1]) - sweep.stamp_ns) * 1e-9)
    return poses[:, :3].astype(np.float32), span
