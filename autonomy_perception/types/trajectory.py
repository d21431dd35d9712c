"""Ego poses and twists over a span of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autonomy_perception import geometry
from autonomy_perception.types.arrays import F64, I64


@dataclass(frozen=True)
class Trajectory:
    """Ego poses and twists over a span of time, sorted by stamp.

    Attributes:
        stamps_ns: int64 (N,).
        T_odom_base: float64 (N,4,4).
        twist: float64 (N,6) vx vy vz wx wy wz in base_link [m/s, rad/s].
        dead_reckoned: from an IMU and a speed, without odometry.
        held: the last twist stands for messages that did not come.
    """

    stamps_ns: I64
    T_odom_base: F64
    twist: F64
    dead_reckoned: bool = False
    held: bool = False

    def poses(self, stamps_ns: I64) -> F64:
        """Poses (M,4,4) at stamps (M,): interpolated inside the span, constant twist beyond it.

        Raises:
            ValueError: the trajectory is empty.
        """
        if len(self.stamps_ns) == 0:
            raise ValueError("trajectory holds no pose")
        stamps = np.asarray(stamps_ns, np.int64)
        if len(self.stamps_ns) == 1:
            return self._extrapolate(np.zeros(len(stamps), np.int64), stamps)
        hi = np.clip(np.searchsorted(self.stamps_ns, stamps), 1, len(self.stamps_ns) - 1)
        lo = hi - 1
        span = np.maximum(self.stamps_ns[hi] - self.stamps_ns[lo], 1)
        ratio = (stamps - self.stamps_ns[lo]) / span
        r = np.clip(ratio, 0.0, 1.0)
        out = np.zeros((len(stamps), 4, 4))
        q = geometry.quaternions_of(self.T_odom_base)
        out[:, :3, :3] = geometry.rotation_of(geometry.slerp(q[lo], q[hi], r))
        out[:, :3, 3] = (1 - r)[:, None] * self.T_odom_base[lo, :3, 3] + r[:, None] * self.T_odom_base[hi, :3, 3]
        out[:, 3, 3] = 1.0
        for edge, outside in ((0, stamps < self.stamps_ns[0]), (-1, stamps > self.stamps_ns[-1])):
            if np.any(outside):
                index = np.full(int(outside.sum()), edge % len(self.stamps_ns), np.int64)
                out[outside] = self._extrapolate(index, stamps[outside])
        return out

    def pose(self, stamp_ns: int) -> F64:
        """Pose (4,4) at one stamp; see :meth:`poses`."""
        return np.asarray(self.poses(np.array([stamp_ns], np.int64))[0])

    def _extrapolate(self, index: I64, stamps: I64) -> F64:
        dt = ((stamps - self.stamps_ns[index]) * 1e-9)[:, None]
        step = np.zeros((len(stamps), 4, 4))
        half = geometry.rotations_rpy(
            0.5 * dt * self.twist[index, 3:]
        )  # midpoint: half the turn, the way, the other half
        step[:, :3, :3], step[:, 3, 3] = half @ half, 1.0
        step[:, :3, 3] = (half @ (self.twist[index, :3] * dt)[:, :, None])[:, :, 0]
        return np.asarray(self.T_odom_base[index] @ step)
