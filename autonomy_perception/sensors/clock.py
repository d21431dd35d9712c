"""Whether a sensor's stamps can be believed: its clock as seen by the receiver."""

from __future__ import annotations

GLITCH_NS = 1_000_000_000
"""A stamp that departs by more than this from where the sensor's clock was is not believed at once."""
AGREEING = 3
"""So many messages in a row that agree among themselves mean that the clock was set, not that a stamp was wrong."""


class SensorClock:
    """Follows the offset between reception and stamps of one sensor; constant offsets of any size are fine.

    A single stamp from the future would otherwise open a frame there, and the next good one would look like a jump
    back in time that costs all maps.
    """

    def __init__(self) -> None:
        self._offset: int | None = None
        self._rival, self._votes = 0, 0

    def departure_ns(self, stamp_ns: int, receive_ns: int) -> int:
        """Take in a message: 0 if its stamp is believed, otherwise how far it is ahead (+) or behind (-) [ns]."""
        offset = receive_ns - stamp_ns
        if self._offset is None or abs(offset - self._offset) <= GLITCH_NS:
            self._offset, self._votes = offset, 0
            return 0
        agrees = self._votes > 0 and abs(offset - self._rival) <= GLITCH_NS
        self._rival, self._votes = offset, self._votes + 1 if agrees else 1
        if self._votes >= AGREEING:
            self._offset, self._votes = offset, 0
            return 0
        return self._offset - offset
