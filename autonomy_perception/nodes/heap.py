"""When free memory of the C heap goes back to the system (no rclpy here).

The allocator is set up to keep what it has (environment.py), so that ordinary messages cost no page faults. What is out of
the ordinary (a huge message, a stall in which messages pile up, maps that begin anew) scatters other buffers over the heap,
which then would stay as large as it ever was.
"""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable

AFTER_S = 5.0
"""Memory is given back this long after something out of the ordinary."""
LEAST_BYTES = 4 << 20
UNUSUAL = 2.0
"""A message is out of the ordinary above this size and so many times the usual size of its topic."""
LEARNED = 0.1
"""Share of a new message in the usual size."""


def trim() -> bool:
    """Give free memory of the C heap back; False if there is none, or where the C library cannot (only glibc can).

    The pages come back zeroed one by one when they are needed again: some milliseconds once.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(ctypes.c_size_t(0)))


class HeapCare:
    """Remembers what was out of the ordinary, and trims the heap once when it is over. Used by one thread."""

    def __init__(self) -> None:
        self._usual: dict[str, float] = {}
        self._disorder = 0
        self._due = math.inf

    def on_message(self, topic: str, size: int) -> None:
        """A message of ``size`` bytes has come."""
        usual = self._usual.get(topic, float(size))
        if size > max(LEAST_BYTES, UNUSUAL * usual):
            self._soon()
        self._usual[topic] = usual + LEARNED * (min(size, UNUSUAL * usual) - usual)

    def on_disorder(self, count: int) -> None:
        """``count`` of messages lost and maps begun anew so far."""
        if count != self._disorder:
            self._disorder = count
            self._soon()

    def when_free(self, release: Callable[[], None]) -> None:
        """There is time now (outputs are out, the next sweep is some way off): ``release`` and trim if it is due."""
        if time.monotonic() >= self._due:
            self._due = math.inf
            release()
            trim()

    def _soon(self) -> None:
        self._due = min(self._due, time.monotonic() + AFTER_S)
