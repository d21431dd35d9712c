"""Where the trailer is: the hitch angle by topic, else by TF, else by the points, and how far each is believed."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import Hitch, VehicleConfig
from autonomy_perception.messages.events import JointMsg
from autonomy_perception.sensors import trailer
from autonomy_perception.sensors.health import HealthBook
from autonomy_perception.sensors.tf import TfBuffer, TfError

HITCH = "hitch"
"""Name of the hitch angle among the sensors of health and faults."""
KEEP_NS = 3_000_000_000
MAX_SAMPLES = 2000
HOLD_NS = 500_000_000
"""A told angle is held this long beyond its last message; then the next source is asked."""
LOST_NS = 2_000_000_000
"""A trailer that was seen and is not found any more is masked this long where it was; then it counts as gone."""
GAIN_ANGLE, GAIN_RATE = 0.8, 0.3
"""Alpha-beta filter of the estimated angle."""
CHECK_NS = 1_000_000_000
"""A told angle is compared with the points this often."""
DISAGREE = math.radians(3.0)
"""A told angle farther than this from the points' is named, and both are masked [rad]."""
GATE = math.radians(8.0)
"""An estimate farther than this from the followed angle starts anew [rad]."""

Span = tuple[float, float]
"""Angles [rad] at the beginning and the end of a span of time."""
Views = Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]]
"""Of each lidar its place (3,) and points (N,3) in base_link [m], each point at its own time."""


class JointError(ValueError):
    """A message does not tell the hitch angle: field, expected, found."""

    def __init__(self, field: str, expected: str, found: str) -> None:
        super().__init__(f"{field}: expected {expected}, found {found}")
        self.field, self.expected, self.found = field, expected, found


def told_angle(message: JointMsg, hitch: Hitch) -> float:
    """Hitch angle [rad] in a message, with the vehicle file's sign and offset.

    Raises:
        JointError: the joint is not in it, or its position is not an angle that the hitch can have.
    """
    names = list(message.names)
    if hitch.joint and hitch.joint not in names:
        raise JointError("name", repr(hitch.joint), ", ".join(map(repr, names)) or "no joint")
    at = names.index(hitch.joint) if hitch.joint else 0
    if at >= len(message.positions):
        raise JointError("position", f"a value for joint {at}", f"{len(message.positions)} values")
    raw = message.positions[at]
    angle = hitch.sign * (raw - math.radians(hitch.offset_deg))
    if not abs(angle) <= math.radians(hitch.max_angle_deg):  # also for NaN
        raise JointError("position", f"within {hitch.max_angle_deg:.0f} deg", f"{math.degrees(raw):.1f} deg")
    return angle


@dataclass
class _Followed:
    """The trailer as the points tell it."""

    stamp_ns: int
    angle: float
    rate: float = 0.0

    def at(self, stamp_ns: int) -> float:
        return self.angle + self.rate * (stamp_ns - self.stamp_ns) * 1e-9

    def update(self, stamp_ns: int, angle: float) -> None:
        dt = max(1e-3, (stamp_ns - self.stamp_ns) * 1e-9)
        error = angle - self.at(stamp_ns)
        self.angle = self.at(stamp_ns) + GAIN_ANGLE * error
        self.rate += GAIN_RATE * error / dt
        self.stamp_ns = stamp_ns


class Articulation:
    """Follows the trailer of one vehicle.

    Args:
        vehicle: with a hitch.
        tf: asked if the vehicle file names the trailer's frame.
        book: told what is wrong.
    """

    def __init__(self, vehicle: VehicleConfig, tf: TfBuffer, book: HealthBook) -> None:
        assert vehicle.hitch is not None
        self._hitch, self._base = vehicle.hitch, vehicle.base_frame
        self._tf, self._book = tf, book
        self._told: list[tuple[int, float]] = []
        self._followed: _Followed | None = None
        self._checked_ns, self._correction = 0, 0.0
        self.about = "not known yet"
        """Angle and source in words."""

    def forget(self) -> None:
        """Time jumped."""
        self._told, self._followed, self._checked_ns = [], None, 0

    def on_joint(self, message: JointMsg) -> None:
        """Take in what the topic says."""
        try:
            angle = told_angle(message, self._hitch)
        except JointError as e:
            self._book.invalid(HITCH, e.field, e.expected, e.found, message.receive_ns)
            return
        if self._told and message.stamp_ns < self._told[-1][0] - KEEP_NS:
            self._told.clear()  # what came before was stamped wrongly, or the clock was set
        insort(self._told, (message.stamp_ns, angle))
        old = max(bisect_left(self._told, (self._told[-1][0] - KEEP_NS, -math.inf)), len(self._told) - MAX_SAMPLES)
        del self._told[:old]

    def span(self, first_ns: int, last_ns: int, views: Callable[[], Views], now_ns: int) -> Span | None:
        """The trailer's yaw in base_link at two times; None if there is no trailer.

        Args:
            views: gives what the lidars saw around the hitch; called only if neither topic nor TF tells the angle.
        """
        span: Span | None
        source, told = "topic", self._from_topic(first_ns, last_ns)
        if told is None:
            source, told = "TF", self._from_tf(first_ns, last_ns, now_ns)
        if told is not None:
            self._followed = None
            span = self._checked(told, last_ns, views, now_ns)
        elif not self._hitch.estimate:
            source, span = "nobody: taken as straight", (0.0, 0.0)
        else:
            source, span = "points", self._from_points(first_ns, last_ns, views)
        self.about = "no trailer in the points" if span is None else f"{math.degrees(span[1]):.1f} deg by {source}"
        return span

    def _checked(self, told: Span, stamp_ns: int, views: Callable[[], Views], now_ns: int) -> Span:
        """A told angle, or all angles from there to where the points show the trailer (a sensor put on turned)."""
        if self._hitch.estimate and not 0 <= stamp_ns - self._checked_ns < CHECK_NS:
            self._checked_ns = stamp_ns
            cells, middle = trailer.Cells.of(views(), self._hitch), 0.5 * (told[0] + told[1])
            found = trailer.fit(cells, self._hitch, middle) or trailer.fit(cells, self._hitch)
            off = found.angle - middle if found is not None else 0.0
            self._correction = off if abs(off) > DISAGREE else 0.0
            if self._correction:
                expected, seen = (
                    f"{math.degrees(middle + off):.1f} deg as the points show",
                    f"{math.degrees(middle):.1f} deg",
                )
                self._book.note(HITCH, "hitch angle", expected, seen, now_ns)
        return told[0], told[1] + self._correction

    def _from_topic(self, first_ns: int, last_ns: int) -> Span | None:
        if not self._told or not self._told[0][0] - HOLD_NS <= last_ns <= self._told[-1][0] + HOLD_NS:
            return None
        stamps, angles = zip(*self._told, strict=True)
        first, last = np.interp([first_ns, last_ns], stamps, angles)
        return float(first), float(last)

    def _from_tf(self, first_ns: int, last_ns: int, now_ns: int) -> Span | None:
        if not self._hitch.frame:
            return None
        try:
            T = [self._tf.lookup(self._base, self._hitch.frame, stamp) for stamp in (first_ns, last_ns)]
        except TfError as e:
            expected = f"{self._base} <- {self._hitch.frame}"
            self._book.note("tf", "hitch.frame", expected, str(e), now_ns, "/tf")
            return None
        return geometry.yaw_of(T[0]), geometry.yaw_of(T[1])

    def _from_points(self, first_ns: int, last_ns: int, views: Callable[[], Views]) -> Span | None:
        middle, followed = (first_ns + last_ns) // 2, self._followed
        if followed is not None and not -KEEP_NS < middle - followed.stamp_ns < LOST_NS:
            followed = None
        cells = trailer.Cells.of(views(), self._hitch)
        found = trailer.fit(cells, self._hitch, followed.at(middle)) if followed is not None else None
        found = found or trailer.fit(cells, self._hitch)
        if found is None:
            if followed is not None:
                followed.rate = 0.0
        elif followed is None or abs(found.angle - followed.at(middle)) > GATE:
            followed = _Followed(middle, found.angle)
        else:
            followed.update(middle, found.angle)
        self._followed = followed
        return None if followed is None else (followed.at(first_ns), followed.at(last_ns))
