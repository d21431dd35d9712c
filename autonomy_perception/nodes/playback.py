"""When to send what: pacing of a bag against the monotonic clock (no rclpy here)."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable


def header_stamp(data: bytes | memoryview) -> int:
    """Stamp [ns] of the std_msgs/Header at the beginning of a CDR message, without decoding the rest.

    Raises:
        ValueError: the message is shorter than a header.
    """
    if len(data) < 12:
        raise ValueError(f"a CDR message with a header has at least 12 bytes, got {len(data)}")
    order = "<" if data[1] & 1 else ">"
    sec, nanosec = struct.unpack_from(f"{order}iI", data, 4)
    return int(sec * 1_000_000_000 + nanosec)


class Pace:
    """Bag time against monotonic time, with a rate and pauses.

    Args:
        rate: bag seconds per second, above 0.
        clock: monotonic nanoseconds.
    """

    def __init__(self, rate: float, clock: Callable[[], int] = time.monotonic_ns) -> None:
        if not rate > 0:
            raise ValueError(f"rate must be above 0, got {rate}")
        self.rate, self._clock = rate, clock
        self._bag_ns, self._at_ns, self._running = 0, clock(), False

    @property
    def running(self) -> bool:
        """False while paused."""
        return self._running

    def seek(self, bag_ns: int) -> None:
        """Put bag time ``bag_ns`` at this moment."""
        self._bag_ns, self._at_ns = bag_ns, self._clock()

    def start(self) -> None:
        """Go on from where it stands."""
        if not self._running:
            self._at_ns, self._running = self._clock(), True

    def pause(self) -> None:
        """Stand still."""
        self._bag_ns, self._running = self.now(), False

    def now(self) -> int:
        """Bag time of this moment [ns]."""
        if not self._running:
            return self._bag_ns
        return self._bag_ns + int((self._clock() - self._at_ns) * self.rate)

    def wait_s(self, bag_ns: int) -> float:
        """Seconds until bag time ``bag_ns``; negative if it has passed, infinite while paused."""
        if not self._running:
            return float("inf")
        return (bag_ns - self.now()) / self.rate * 1e-9
