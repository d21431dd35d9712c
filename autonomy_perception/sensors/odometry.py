"""Ego motion from odometry messages: a bounded buffer, jumps found, a Trajectory on request."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.messages.events import OdomMsg
from autonomy_perception.sensors.tf import is_unit
from autonomy_perception.types import Trajectory

F64 = NDArray[np.float64]
KEEP_NS = 3_000_000_000
MAX_SAMPLES = 2000
BACK_NS = 1_000_000_000
"""A stamp older than the newest by more than this is a restart, not a late message."""
MAX_YAW_JUMP = 0.5
"""A heading farther than this from its prediction is a jump [rad] (per second of gap, beyond 1 s)."""
MAX_POSITION, MAX_TWIST = 1e8, 1e4
"""Beyond these a value is garbage, not motion [m; m/s and rad/s]."""


class OdometryError(ValueError):
    """An odometry message cannot be used: field, expected, found."""

    def __init__(self, field: str, expected: str, found: str) -> None:
        super().__init__(f"{field}: expected {expected}, found {found}")
        self.field, self.expected, self.found = field, expected, found


class OdometryBuffer:
    """Poses of base_link in odom, sorted by stamp, the last few seconds.

    Args:
        max_jump_m: a pose farther than this from its prediction is a jump [m] (per second of gap, beyond 1 s).
        max_age_ns: longest extrapolation beyond the samples, as between two messages.
        hold_ns: so long the last twist is held when they stop coming.
    """

    def __init__(self, max_jump_m: float, max_age_ns: int, hold_ns: int = 0) -> None:
        self._max_jump, self._max_age, self._hold = max_jump_m, max_age_ns, max(hold_ns, max_age_ns)
        self._stamps: list[int] = []
        self._poses: list[F64] = []
        self._twists: list[F64] = []

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest sample."""
        return self._stamps[-1] if self._stamps else None

    def clear(self) -> None:
        """Forget everything."""
        self._stamps, self._poses, self._twists = [], [], []

    def add(self, message: OdomMsg, T_child_base: F64 | None = None) -> str | None:
        """Take in a message; returns why the maps must be dropped if it does not continue the motion so far.

        Args:
            T_child_base: pose of base_link in the message's child frame, if that is another frame.

        Raises:
            OdometryError: a value is not a number, or the quaternion has no length.
        """
        pose, twist = self._read(message)
        if T_child_base is not None:
            pose, twist = pose @ T_child_base, move_twist(twist, T_child_base)
        jump = self._jump(message.stamp_ns, pose)
        if jump:
            self.clear()
        self.put(message.stamp_ns, pose, twist)
        return jump

    def put(self, stamp_ns: int, pose: F64, twist: F64) -> None:
        """Take in a pose (4,4) and a twist (6,) that are known to continue the motion."""
        at = bisect_left(self._stamps, stamp_ns)
        if at < len(self._stamps) and self._stamps[at] == stamp_ns:
            self._poses[at], self._twists[at] = pose, twist
        else:
            self._stamps.insert(at, stamp_ns)
            self._poses.insert(at, pose)
            self._twists.insert(at, twist)
        old = max(bisect_left(self._stamps, self._stamps[-1] - KEEP_NS), len(self._stamps) - MAX_SAMPLES)
        del self._stamps[:old], self._poses[:old], self._twists[:old]

    def cut(self, stamp_ns: int) -> None:
        """Forget samples that are newer than a stamp."""
        keep = bisect_right(self._stamps, stamp_ns)
        del self._stamps[keep:], self._poses[keep:], self._twists[keep:]

    def newest(self) -> tuple[int, F64] | None:
        """Stamp and pose (4,4) of the newest sample."""
        return (self._stamps[-1], self._poses[-1]) if self._stamps else None

    @staticmethod
    def _read(message: OdomMsg) -> tuple[F64, F64]:
        twist = np.asarray(message.twist, np.float64)
        if not np.all(np.abs(message.position) < MAX_POSITION):  # also false for NaN
            raise OdometryError("pose.position", f"numbers below {MAX_POSITION:.0e} m", str(message.position))
        if not np.all(np.abs(twist) < MAX_TWIST):
            raise OdometryError("twist", f"numbers below {MAX_TWIST:.0e}", str(message.twist))
        if not is_unit(message.quaternion):
            raise OdometryError("pose.orientation", "a unit quaternion", str(message.quaternion))
        return geometry.make_transform(geometry.rotation_of(message.quaternion), message.position), twist

    def _jump(self, stamp_ns: int, pose: F64) -> str | None:
        if not self._stamps or stamp_ns > self._stamps[-1] + 10 * BACK_NS:
            return None if not self._stamps else f"ODOMETRY_GAP {(stamp_ns - self._stamps[-1]) * 1e-9:.1f} s"
        if stamp_ns < self._stamps[-1] - BACK_NS:
            return f"ODOMETRY_TIME_BACK {(self._stamps[-1] - stamp_ns) * 1e-9:.1f} s"
        if stamp_ns <= self._stamps[-1]:
            return None  # late or repeated: its neighbours are already accepted
        dt = (stamp_ns - self._stamps[-1]) * 1e-9
        predicted = self._trajectory(slice(-1, None)).pose(stamp_ns)
        allowed = max(1.0, dt)
        distance = float(np.linalg.norm(pose[:3, 3] - predicted[:3, 3]))
        turn = abs(float(geometry.wrap_angle(geometry.yaw_of(pose) - geometry.yaw_of(predicted))))
        if distance > self._max_jump * allowed:
            return f"ODOMETRY_JUMP {distance:.1f} m"
        return f"ODOMETRY_JUMP {turn:.2f} rad" if turn > MAX_YAW_JUMP * allowed else None

    def _trajectory(self, part: slice) -> Trajectory:
        return Trajectory(
            np.array(self._stamps[part], np.int64), np.array(self._poses[part]), np.array(self._twists[part])
        )

    def trajectory(self, first_ns: int, last_ns: int) -> Trajectory | None:
        """Samples that cover a span (with one neighbour on either side).

        ``held`` says that the last twist stands for messages that did not come; None if for longer than ``hold_ns``, or
        the span lies more than ``max_age_ns`` before the samples.
        """
        if not self._stamps or last_ns > self._stamps[-1] + self._hold or last_ns < self._stamps[0] - self._max_age:
            return None
        lo = max(bisect_left(self._stamps, first_ns) - 1, 0)
        hi = bisect_left(self._stamps, last_ns) + 1
        lo = min(lo, max(len(self._stamps) - 2, 0))
        found = self._trajectory(slice(lo, max(hi, lo + 1)))
        return replace(found, held=last_ns > self._stamps[-1] + self._max_age)


def move_twist(twist: F64, T_child_base: F64) -> F64:
    """Twist (6,) of the child frame's origin as that of base_link's, a rigid body's points: v + w x r."""
    R = T_child_base[:3, :3].T
    linear = twist[:3] + np.cross(twist[3:], T_child_base[:3, 3])
    return np.concatenate([R @ linear, R @ twist[3:]])
