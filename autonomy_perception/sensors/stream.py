"""What the collector keeps of one sensor: its messages of the last moments and the rhythm in which they come."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Item:
    """One message of a sensor.

    Attributes:
        stamp_ns: what sweeps are matched by: the end of the sweep less the lidar's phase; the image stamp (camera).
        frame_ns: the stamp a frame gets if this is its reference.
        payload: anything; carried through.
    """

    sensor: str
    stamp_ns: int
    frame_ns: int
    payload: Any = None


@dataclass
class Stream:
    """Messages of one sensor that no frame has used yet.

    Attributes:
        capacity: items kept; the first to arrive goes first.
        heard_ns: when the last useful message came [ns, ROS time].
        used_ns: stamp of the last item that became part of a frame.
    """

    capacity: int
    items: list[Item] = field(default_factory=list)
    heard_ns: int | None = None
    used_ns: int | None = None
    _newest: int | None = None
    _spacings: deque[int] = field(default_factory=lambda: deque(maxlen=2))

    def rhythm(self, stamp_ns: int) -> bool:
        """Note the stamp of a message that came; False if it is that of the one before."""
        before, self._newest = self._newest, stamp_ns
        if before is not None and stamp_ns > before:
            self._spacings.append(stamp_ns - before)
        return stamp_ns != before

    def keep(self, item: Item) -> int:
        """Keep an item; returns how many went for it."""
        self.items.append(item)
        gone = max(0, len(self.items) - self.capacity)
        del self.items[:gone]
        return gone

    @property
    def spacing_ns(self) -> int:
        """Time between two messages: the shorter of the last two gaps, so that one lost message changes nothing.
        0: not known yet."""
        return min(self._spacings, default=0)

    def due(self, until_ns: int) -> bool:
        """True if a message with a stamp of at most ``until_ns`` may still come, by the rhythm so far."""
        return self._newest is None or self._newest + self.spacing_ns <= until_ns

    def nearest(self, stamp_ns: int, window_ns: int | None = None) -> Item | None:
        """The item nearest to a stamp (of two equally near ones the newer) within a window on either side."""
        near = [i for i in self.items if window_ns is None or abs(i.stamp_ns - stamp_ns) <= window_ns]
        return min(near, key=lambda i: (abs(i.stamp_ns - stamp_ns), -i.stamp_ns), default=None)

    def drop_until(self, stamp_ns: int) -> None:
        """Let go of items with a stamp of at most ``stamp_ns``."""
        self.items = [i for i in self.items if i.stamp_ns > stamp_ns]
