"""Which messages belong to one frame: a pure function of (item, now), bounded, never stuck.

The first live lidar of the vehicle file is the reference: each of its sweeps opens a group. The group is complete
when every other live lidar has a sweep whose end lies within the jitter window or, by its rhythm, none to come there;
at the latest after ``timeout_ms``. Cameras are never waited for: the image nearest in time joins if its age passes
the test on either side. A lidar that brought nothing useful for ``no_data_after_ms`` is not waited for; if it was the
reference, the next live one takes over; without any lidar the first live camera opens groups. Times of all sensors
are vehicle time already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autonomy_perception.config import SensorsConfig
from autonomy_perception.sensors.stream import Item, Stream

BACK_NS = 1_000_000_000
"""Reference stamps older than the last group by more than this mean that time jumped, not that a message is late."""
NOW_BACK_NS = 500_000_000
"""ROS time going back by more than this is a jump (a bag that loops)."""
KEEP_LIDAR, KEEP_CAMERA = 4, 8
"""Items kept per sensor; the first to arrive goes first."""


@dataclass(frozen=True)
class Group:
    """Items of one frame by sensor.

    Attributes:
        reference: sensor that opened it.
        missing: live lidars without a sweep in the window, and how far their nearest one was off [ns] (None: no
            sweep at hand).
        resting: live lidars slower than the reference whose next sweep belongs to a later group.
        after_jump: the first group since time jumped back.
    """

    frame_ns: int
    reference: str
    lidars: dict[str, Item]
    cameras: dict[str, Item]
    missing: dict[str, int | None] = field(default_factory=dict)
    resting: tuple[str, ...] = ()
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
        self._jitter = int(self.config.jitter_ms * 1e6)
        self._silence = int(self.config.no_data_after_ms * 1e6)
        self._now: int | None = None
        self._jumped = False
        self.reset()

    def reset(self) -> None:
        """Forget all items (time jumped)."""
        self._open: _Open | None = None
        self._last: int | None = None
        self._since = self._now
        self._streams = {name: Stream(KEEP_LIDAR) for name in self.lidars}
        self._streams |= {name: Stream(KEEP_CAMERA) for name in self.cameras}

    def observe(self, now_ns: int) -> bool:
        """Tell the time; True if it jumped back, in which case everything was forgotten."""
        jumped = self._now is not None and now_ns < self._now - NOW_BACK_NS
        self._now = now_ns if jumped or self._now is None else max(self._now, now_ns)
        if jumped:
            self._jump()
        self._since = self._now if self._since is None else self._since
        return jumped

    def add(self, item: Item, now_ns: int) -> list[Group]:
        """Take in an item; returns the groups that it completes, oldest first."""
        groups = self.poll(now_ns)
        if not self._streams[item.sensor].rhythm(item.stamp_ns):
            self.counters.late += 1
            return groups
        if item.sensor in self.cameras:
            return groups + self._on_camera(item, now_ns)
        if self._leads(item.sensor, now_ns) and not self._joins(item):
            return groups + self._on_reference(item, now_ns)
        if self._last is not None and item.stamp_ns <= self._last - self._jitter:
            self.counters.late += 1
            return groups
        self._streams[item.sensor].heard_ns = now_ns
        self.counters.overflow += self._streams[item.sensor].keep(item)
        return groups + self._complete(now_ns)

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
        return sum(len(s.items) for s in self._streams.values()) + (self._open is not None)

    def alive(self, sensor: str, now_ns: int) -> bool:
        """True if the sensor brought something useful lately."""
        heard = self._streams[sensor].heard_ns
        return heard is not None and now_ns - heard <= self._silence

    def _first_alive(self, names: Iterable[str], now_ns: int) -> str | None:
        return next((name for name in names if self.alive(name, now_ns)), None)

    def _leads(self, lidar: str, now_ns: int) -> bool:
        """True if no lidar before it is alive or, shortly after the start, may still have its first word to say."""
        started = self._since is not None and now_ns - self._since <= self._silence
        before = self.lidars[: self.lidars.index(lidar)]
        return not any(self.alive(n, now_ns) or (started and self._streams[n].heard_ns is None) for n in before)

    def _joins(self, item: Item) -> bool:
        """True if the open group was opened by another lidar at about the same time."""
        opened = self._open.item if self._open is not None else item
        return opened.sensor != item.sensor and abs(item.stamp_ns - opened.stamp_ns) <= self._jitter

    def _jump(self) -> None:
        self.counters.jumps += 1
        self._jumped = True
        self.reset()

    def _on_time(self, item: Item, now_ns: int) -> bool:
        """Whether an item that would open a group is newer than the last one; a great step back is a jump of time."""
        if self._last is not None and item.stamp_ns < self._last - BACK_NS:
            self._jump()
            self._since = now_ns
            self._streams[item.sensor].rhythm(item.stamp_ns)
        stream, newest = self._streams[item.sensor], self._last if self._open is None else self._open.item.stamp_ns
        late = newest is not None and item.stamp_ns <= newest
        self.counters.late += late
        if newest is None or item.stamp_ns > newest - self._jitter:
            stream.heard_ns = now_ns  # in step, if only its group had not left without it: the next one waits
        return not late

    def _on_reference(self, item: Item, now_ns: int) -> list[Group]:
        if not self._on_time(item, now_ns):
            return []
        groups = [self._close(now_ns)] if self._open is not None else []
        self._open = _Open(item, now_ns + int(self.config.timeout_ms * 1e6))
        return groups + self._complete(now_ns)

    def _on_camera(self, item: Item, now_ns: int) -> list[Group]:
        """Without any live lidar, images of the first live camera make frames of their own."""
        waited = self._since is not None and now_ns - self._since > self._silence
        blind = waited and self._first_alive(self.lidars, now_ns) is None and self._open is None
        blind = blind and self._outlives_lidars(self._streams[item.sensor])
        leads = blind and item.sensor == (self._first_alive(self.cameras, now_ns) or item.sensor)
        opens = leads and self._on_time(item, now_ns)
        stream = self._streams[item.sensor]  # after a jump it is a new one
        stream.keep(item)
        if not leads:
            stream.heard_ns = now_ns
        if not opens:
            return []
        self._last = item.stamp_ns
        return [Group(item.frame_ns, item.sensor, {}, self._images(item.frame_ns), after_jump=self._after_jump())]

    def _outlives_lidars(self, camera: Stream) -> bool:
        """True if the camera has brought an image since the last sweep: at the start and after a silence of all
        sensors, lidars may follow within the same frame."""
        swept = [s.heard_ns for name in self.lidars if (s := self._streams[name]).heard_ns is not None]
        return camera.heard_ns is not None and camera.heard_ns > max(swept, default=-1)

    def _absent(self, now_ns: int) -> list[str]:
        """Live lidars without a sweep in the open group's window."""
        assert self._open is not None
        item = self._open.item
        others = (name for name in self.lidars if name != item.sensor and self.alive(name, now_ns))
        return [name for name in others if self._streams[name].nearest(item.stamp_ns, self._jitter) is None]

    def _complete(self, now_ns: int) -> list[Group]:
        if self._open is None:
            return []
        end = self._open.item.stamp_ns + self._jitter
        waited = any(self._streams[name].due(end) for name in self._absent(now_ns))
        return [] if waited else [self._close(now_ns)]

    def _close(self, now_ns: int) -> Group:
        assert self._open is not None
        absent = self._absent(now_ns)
        item, self._open = self._open.item, None
        resting = tuple(name for name in absent if self._rests(name, item.stamp_ns))
        missing = {name: self._distance(name, item.stamp_ns) for name in absent if name not in resting}
        lidars = {item.sensor: item}
        for name in self.lidars:
            found = self._streams[name].nearest(item.stamp_ns, self._jitter)
            if found is not None and name != item.sensor:
                lidars[name] = found
        self._last = item.stamp_ns
        for name in self.lidars:
            stream, used, limit = self._streams[name], lidars.get(name), item.stamp_ns - self._jitter
            stream.used_ns = used.stamp_ns if used else stream.used_ns
            stream.drop_until(max(used.stamp_ns, limit) if used else limit)
        self.counters.partial += bool(missing)
        ordered = {name: lidars[name] for name in self.lidars if name in lidars}
        images = self._images(item.frame_ns)
        return Group(item.frame_ns, item.sensor, ordered, images, missing, resting, self._after_jump())

    def _rests(self, name: str, stamp_ns: int) -> bool:
        """True if a lidar's last used sweep is so recent that, by its rhythm, the next one is yet to be measured."""
        stream = self._streams[name]
        return stream.used_ns is not None and stamp_ns - stream.used_ns < stream.spacing_ns - self._jitter

    def _distance(self, name: str, stamp_ns: int) -> int | None:
        near = self._streams[name].nearest(stamp_ns)
        return None if near is None else near.stamp_ns - stamp_ns

    def _images(self, frame_ns: int) -> dict[str, Item]:
        window = int(self.config.max_camera_age_ms * 1e6)
        found = {name: self._streams[name].nearest(frame_ns, window) for name in self.cameras}
        for name in self.cameras:  # no later frame can use what is too old for this one
            self._streams[name].drop_until(frame_ns - window - 1)
        return {name: item for name, item in found.items() if item is not None}

    def _after_jump(self) -> bool:
        jumped, self._jumped = self._jumped, False
        return jumped
