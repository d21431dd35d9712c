"""Results of several nodes brought together by their stamp (no rclpy here): bounded, never stuck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
KEEP = 8
"""Stamps that may wait."""
BACK_NS = 1_000_000_000
"""A driver's stamp older than the last by more than this means that time jumped back."""
AHEAD_NS = 1_000_000_000
"""A partner's stamp farther than this beyond where the driver's clock must be by now is refused."""


class TimeSynchroniser(Generic[T]):
    """Waits, for every item of the driver, for the items of the same stamp from those partners that may bring them.

    Every item of the driver comes out, but for those as old as what came out already, and those that wait while its time
    jumps back: of what has to go for want of room, the driver's own is never a part.

    Args:
        driver: kind of item that each result is for.
        partners: kinds that it waits for.
        wait_ns: longest wait after the driver's item came [ns].
        silence_ns: a partner silent for longer is not waited for.
    """

    def __init__(self, driver: str, partners: Sequence[str], wait_ns: int, silence_ns: int) -> None:
        self._driver, self._partners, self._wait, self._silence = driver, tuple(partners), wait_ns, silence_ns
        self._heard: dict[str, tuple[int, int]] = {}
        self._items: dict[int, dict[str, T]] = {}
        self._came: dict[int, int] = {}
        self._last: int | None = None

    def put(self, kind: str, stamp_ns: int, item: T, now_ns: int) -> int:
        """Take in an item; one whose stamp is done with is too late, unless the driver's time jumped back.

        Returns:
            How far ahead of the driver a partner's stamp lies that was refused for it [ns]; 0 otherwise.
        """
        if kind != self._driver and (ahead := self._ahead_ns(stamp_ns, now_ns)) > AHEAD_NS:
            return ahead  # not heard of either: nobody waits for such a partner, and one slip changes nothing
        self._heard[kind] = (now_ns, stamp_ns)
        if self._last is not None and stamp_ns <= self._last:
            if kind != self._driver or stamp_ns >= self._last - BACK_NS:
                return 0
            self._items.clear()
            self._came.clear()
            self._last = None
        self._items.setdefault(stamp_ns, {})[kind] = item
        if kind == self._driver:
            self._came.setdefault(stamp_ns, now_ns)
        waiting = self._items.keys() - self._came.keys()  # for the driver; what lies farthest ahead is needed last
        for stamp in sorted(waiting, reverse=True)[: max(len(self._items) - KEEP, 0)]:
            self._drop(stamp)
        return 0

    def ready(self, now_ns: int) -> list[tuple[int, dict[str, T]]]:
        """Stamp and items by kind of all that waits no longer, oldest first; what is older is dropped with it."""
        out = []
        for stamp in sorted(self._came):
            items, waited = self._items[stamp], now_ns - self._came[stamp]
            missing = [p for p in self._partners if p not in items and self._may_come(p, stamp, now_ns)]
            if missing and 0 <= waited < self._wait and len(self._came) <= KEEP:
                break
            out.append((stamp, items))
            self._last = stamp
            for old in [s for s in self._items if s <= stamp]:
                self._drop(old)
        return out

    @property
    def deadline_ns(self) -> int | None:
        """When the oldest stamp has waited long enough, or None."""
        return self._came[min(self._came)] + self._wait if self._came else None

    def _ahead_ns(self, stamp_ns: int, now_ns: int) -> int:
        """How far a stamp lies beyond where the driver's clock must be by now; 0 before its first item."""
        came_ns, newest_ns = self._heard.get(self._driver, (now_ns, stamp_ns))
        return stamp_ns - newest_ns - max(now_ns - came_ns, 0)

    def _may_come(self, kind: str, stamp_ns: int, now_ns: int) -> bool:
        """Whether a partner was heard of lately and has nothing newer to offer yet."""
        heard_ns, newest_ns = self._heard.get(kind, (None, 0))
        return heard_ns is not None and now_ns - heard_ns <= self._silence and newest_ns < stamp_ns

    def _drop(self, stamp: int) -> None:
        self._items.pop(stamp)
        self._came.pop(stamp, None)
