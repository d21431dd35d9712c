"""Which messages belong to one frame: a pure function of (item, now), bounded, never stuck.

The first live lidar of the vehicle file is the reference: each of its sweeps opens a group. The group is complete
when every other live lidar has a sweep whose end lies within the jitter window, or when it has waited for
``timeout_ms``. Cameras are never waited for: the image nearest in time joins if its age passes the test on either
side. A lidar silent for ``no_data_after_ms`` is not waited for; if the reference is silent the next live lidar
takes over; without any lidar the first live camera opens groups. Times of all sensors are vehicle time already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from autonomy_perception.config import SensorsConfig

BACK_NS = 1_000_000_000
"""Reference stamps older than the last group by more than this mean that time jumped, not that a message is late."""
NOW_BACK_NS = 500_000_000
"""ROS time going back by more than this is a jump (a bag that loops)."""
KEEP_LIDAR, KEEP_CAMERA = 4, 8
"""Items kept per sensor; the first to arrive goes first."""


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


@dataclass(frozen=True)
class Group:
    """Items of one frame by sensor.

    ``missing``: live lidars without a sweep in the window, and how far their nearest one was off [ns] (None: no
    sweep at hand). ``after_jump``: the first group since time jumped back.
    """

    frame_ns: int
    lidars: dict[str, Item]
    cameras: dict[str, Item]
    missing: dict[str, int | None] = field(default_factory=dict)
    after_jump: bool = False


@dataclass
class Counters:
    """What happened to items that were not used."""

    late: int = 0
    overflow: int = 0
    partial: int = 0
    jumps: int = 0


@dataclass
class _Open:
    item: Item
    deadline_ns: int


@dataclass
class Collector:
    """State of the collection; see the module.

    Args:
        config: windows and timeouts.
        lidars: names, the preferred reference first.
        cameras: names.
    """

    config: SensorsConfig
    lidars: Sequence[str]
    cameras: Sequence[str]
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self._now: int | None = None
        self._jumped = False
        self.reset()

    def reset(self) -> None:
        """Forget all items (time jumped)."""
        self._open: _Open | None = None
        self._last: int | None = None
        self._since: int | None = None
        self._heard: dict[str, int] = {}
        self._items: dict[str, list[Item]] = {name: [] for name in (*self.lidars, *self.cameras)}

    def observe(self, now_ns: int) -> bool:
        """Tell the time; True if it jumped back, in which case everything was forgotten."""
        jumped = self._now is not None and now_ns < self._now - NOW_BACK_NS
        if jumped:
            self._jump()
        self._now = now_ns if jumped or self._now is None else max(self._now, now_ns)
        self._since = self._now if self._since is None else self._since
        return jumped

    def _jump(self) -> None:
        self.counters.jumps += 1
        self._jumped = True
        self.reset()

    def _after_jump(self) -> bool:
        jumped, self._jumped = self._jumped, False
        return jumped

    def add(self, item: Item, now_ns: int) -> list[Group]:
        """Take in an item; returns the groups that it completes, oldest first."""
        self.observe(now_ns)
        groups = self.poll(now_ns)
        self._heard[item.sensor] = now_ns
        if item.sensor in self.cameras:
            self._keep(item, KEEP_CAMERA)
            return groups + self._camera_group(item, now_ns)
        if item.sensor != self._reference(now_ns):
            if self._last is not None and item.stamp_ns <= self._last - self._jitter:
                self.counters.late += 1
            else:
                self._keep(item, KEEP_LIDAR)
            return groups + self._complete(now_ns)
        return groups + self._on_reference(item, now_ns)

    def poll(self, now_ns: int) -> list[Group]:
        """Groups that have waited long enough."""
        self.observe(now_ns)
        if self._open is not None and now_ns >= self._open.deadline_ns:
            return [self._close(now_ns)]
        return self._complete(now_ns)

    @property
    def deadline_ns(self) -> int | None:
        """When :meth:`poll` should be called at the latest, or None."""
        return self._open.deadline_ns if self._open else None

    @property
    def pending(self) -> int:
        """Items held."""
        return sum(len(v) for v in self._items.values()) + (self._open is not None)

    @property
    def _jitter(self) -> int:
        return int(self.config.jitter_ms * 1e6)

    def alive(self, sensor: str, now_ns: int) -> bool:
        """True if the sensor was heard of lately."""
        heard = self._heard.get(sensor)
        return heard is not None and now_ns - heard <= self.config.no_data_after_ms * 1e6

    def _reference(self, now_ns: int) -> str | None:
        """The first live lidar; while the first of all has not had its chance to speak, that one."""
        started = self._since is not None and now_ns - self._since <= self.config.no_data_after_ms * 1e6
        for name in self.lidars:
            if self.alive(name, now_ns) or (started and name not in self._heard):
                return name
        return None

    def _on_reference(self, item: Item, now_ns: int) -> list[Group]:
        if self._last is not None and item.stamp_ns < self._last - BACK_NS:
            self._jump()
            self._heard[item.sensor] = now_ns
            self._since = now_ns
        if self._last is not None and item.stamp_ns <= self._last:
            self.counters.late += 1
            return []
        groups = []
        if self._open is not None:
            if item.stamp_ns <= self._open.item.stamp_ns:
                self.counters.late += 1
                return []
            groups.append(self._close(now_ns))
        self._open = _Open(item, now_ns + int(self.config.timeout_ms * 1e6))
        return groups + self._complete(now_ns)

    def _keep(self, item: Item, capacity: int) -> None:
        items = self._items[item.sensor]
        items.append(item)
        if len(items) > capacity:
            items.pop(0)
            self.counters.overflow += item.sensor in self.lidars

    def _nearest(self, sensor: str, stamp_ns: int, window_ns: int) -> Item | None:
        near = [i for i in self._items[sensor] if abs(i.stamp_ns - stamp_ns) <= window_ns]
        return min(near, key=lambda i: (abs(i.stamp_ns - stamp_ns), -i.stamp_ns)) if near else None

    def _absent(self, now_ns: int) -> list[str]:
        """Live lidars without a sweep in the open group's window."""
        assert self._open is not None
        item = self._open.item
        others = (name for name in self.lidars if name != item.sensor and self.alive(name, now_ns))
        return [name for name in others if self._nearest(name, item.stamp_ns, self._jitter) is None]

    def _complete(self, now_ns: int) -> list[Group]:
        if self._open is None:
            return []
        end = self._open.item.stamp_ns + self._jitter
        # a lidar whose next sweep is already here will not bring the one that is absent
        waited = [name for name in self._absent(now_ns) if not any(i.stamp_ns > end for i in self._items[name])]
        return [] if waited else [self._close(now_ns)]

    def _distance(self, sensor: str, stamp_ns: int) -> int | None:
        near = min(self._items[sensor], key=lambda i: abs(i.stamp_ns - stamp_ns), default=None)
        return None if near is None else near.stamp_ns - stamp_ns

    def _close(self, now_ns: int) -> Group:
        assert self._open is not None
        missing = {name: self._distance(name, self._open.item.stamp_ns) for name in self._absent(now_ns)}
        item, self._open = self._open.item, None
        lidars = {item.sensor: item}
        for name in self.lidars:
            found = None if name == item.sensor else self._nearest(name, item.stamp_ns, self._jitter)
            if found is not None:
                lidars[name] = found
        self._last = item.stamp_ns
        for name in self.lidars:
            used = lidars.get(name)
            limit = item.stamp_ns - self._jitter if used is None else max(used.stamp_ns, item.stamp_ns - self._jitter)
            self._items[name] = [i for i in self._items[name] if i.stamp_ns > limit]
        self.counters.partial += bool(missing)
        ordered = {name: lidars[name] for name in self.lidars if name in lidars}
        return Group(item.frame_ns, ordered, self._images(item.frame_ns), missing, self._after_jump())

    def _images(self, frame_ns: int) -> dict[str, Item]:
        window = int(self.config.max_camera_age_ms * 1e6)
        found = {name: self._nearest(name, frame_ns, window) for name in self.cameras}
        for name in self.cameras:  # no later frame can use what is too old for this one
            self._items[name] = [i for i in self._items[name] if i.stamp_ns >= frame_ns - window]
        return {name: item for name, item in found.items() if item is not None}

    def _camera_group(self, item: Item, now_ns: int) -> list[Group]:
        """Without any live lidar, images of the first live camera make frames of their own."""
        waited = self._since is not None and now_ns - self._since > self.config.no_data_after_ms * 1e6
        first = next((name for name in self.cameras if self.alive(name, now_ns)), None)
        if not waited or item.sensor != first or any(self.alive(name, now_ns) for name in self.lidars):
            return []
        if self._last is not None and item.stamp_ns < self._last - BACK_NS:
            self._jump()
            self._heard[item.sensor] = self._since = now_ns
            return []
        if self._last is not None and item.stamp_ns <= self._last:
            self.counters.late += 1
            return []
        self._last = item.stamp_ns
        return [Group(item.frame_ns, {}, self._images(item.frame_ns), {}, self._after_jump())]
