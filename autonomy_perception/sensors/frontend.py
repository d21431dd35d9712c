"""Events in, SensorFrames out: the whole of the sensors room behind three calls, for live use and replay alike.

Nothing an input does is raised to the caller: a message that cannot be used is left out, named and counted, and
shows in the health of its sensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.messages.events import CameraInfoMsg, CloudMsg, Event, ImageMsg, JointMsg, TfMsg
from autonomy_perception.ops.library import Library
from autonomy_perception.sensors import cloud, image
from autonomy_perception.sensors.articulation import HITCH
from autonomy_perception.sensors.assemble import Assembler, CloudItem
from autonomy_perception.sensors.calibration import Calibration, CalibrationError, Rig
from autonomy_perception.sensors.clock import SensorClock
from autonomy_perception.sensors.collector import Collector, Group
from autonomy_perception.sensors.deskew import end_shift_ns, sweep_time
from autonomy_perception.sensors.ego import EgoMotion, ego_topics
from autonomy_perception.sensors.faults import Counted
from autonomy_perception.sensors.health import HealthBook, clock_offset_ns
from autonomy_perception.sensors.high_bytes import HighBytes
from autonomy_perception.sensors.image_header import ImageError
from autonomy_perception.sensors.stream import Item
from autonomy_perception.sensors.tf import TfBuffer
from autonomy_perception.types import SensorFrame, SensorHealth, Trajectory

UNCHANGED = "the calibration that the drive began with"
"""What is expected of transforms and CameraInfo while driving."""
TIME_JUMPED_BACK = "TIME_JUMPED_BACK"
"""Reason of a reset: ROS time or the reference's stamps went back."""


@dataclass(frozen=True)
class Diagnostics:
    """Counters of the front end since its start; ``faults`` by kind, the most recent last; ``layouts`` of the clouds by
    lidar, in words."""

    frames: int
    partial: int
    late: int
    overflow: int
    jumps: int
    received: dict[str, int]
    faults: Sequence[Counted]
    layouts: dict[str, str]
    trailer: str = ""


class SensorFrontEnd:
    """Collects, decodes, deskews and masks.

    Args:
        config: all stage parameters (``sensors`` and ``pipeline.max_jump_m`` are used).
        vehicle: sensors, frames, body.
        lib: kernels of the device to run on.
    """

    def __init__(self, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> None:
        self._config, self._vehicle = config.sensors, vehicle
        self.tf = TfBuffer()
        self.calibration = Calibration(vehicle, self.tf)
        self._collector = Collector(config.sensors, list(vehicle.lidars), list(vehicle.cameras))
        self._clouds = {c.topic: name for name, c in vehicle.lidars.items()}
        self._images = {c.topic: name for name, c in vehicle.cameras.items()}
        self._infos = {c.info_topic: name for name, c in vehicle.cameras.items()}
        topics = {name: topic for by_topic in (self._clouds, self._images) for topic, name in by_topic.items()}
        topics |= ego_topics(vehicle)
        self._hitch_topic = vehicle.hitch.topic if vehicle.hitch is not None else ""
        if self._hitch_topic:
            topics[HITCH] = self._hitch_topic
        self._book = HealthBook(topics, config.sensors.no_data_after_ms)
        self._ego = EgoMotion(vehicle, config.pipeline.max_jump_m, self.tf, self._book)
        self._readers = {name: cloud.CloudReader(c) for name, c in vehicle.lidars.items()}
        self._high_bytes = {name: HighBytes() for name in vehicle.cameras}
        self._clocks = {name: SensorClock() for name in topics}
        self._doubted: dict[str, tuple[CloudMsg | ImageMsg | JointMsg, int]] = {}
        self._assembler = Assembler(config.sensors, vehicle, self.calibration, self.tf, self._book, lib)
        self._reset: str | None = None
        self._frames = 0

    def feed(self, event: Event) -> list[SensorFrame]:
        """Take in one event at ``event.receive_ns``; returns the frames that are ready, oldest first. Never raises."""
        return self._guarded(event.topic, event.receive_ns, lambda: self._take(event))

    def poll(self, now_ns: int) -> list[SensorFrame]:
        """Frames whose wait is over at ``now_ns`` (ROS time); to be called when :attr:`deadline_ns` has come."""
        return self._guarded("", now_ns, lambda: self._collector.poll(now_ns))

    @property
    def deadline_ns(self) -> int | None:
        """ROS time at which an open frame has waited long enough; None while nothing waits."""
        return self._collector.deadline_ns

    def rig(self) -> Rig:
        """Calibration known now."""
        return self.calibration.rig()

    def health(self, now_ns: int) -> tuple[SensorHealth, ...]:
        """State of every sensor at ``now_ns``, for outputs that no frame stands behind."""
        return self._book.report(now_ns)

    def motion(self, stamp_ns: int) -> Trajectory | None:
        """Ego motion at ``stamp_ns`` as far as it is known now, for outputs that no frame stands behind."""
        return self._ego.at(stamp_ns)

    def motion_frame(self, stamp_ns: int, now_ns: int) -> SensorFrame:
        """A frame without sensor data: only where the vehicle is, for results that come from other nodes."""
        trajectory = self._ego.trajectory(stamp_ns, stamp_ns, now_ns)
        reset, self._reset = self._reset, None
        return SensorFrame(
            stamp_ns, trajectory=trajectory, health=self._book.report(now_ns, self._ego.used(trajectory)),
            reset_reason=reset, calibration_hash=self.calibration.rig().version,
            clock_offset_ns=clock_offset_ns(stamp_ns, now_ns),
        )  # fmt: skip

    def note(self, topic: str, field: str, expected: str, found: str, now_ns: int) -> None:
        """Count a fault of an input that is no sensor's."""
        self._book.note(topic, field, expected, found, now_ns, topic)

    def diagnostics(self) -> Diagnostics:
        """Counters and faults since the start."""
        c, book = self._collector.counters, self._book
        return Diagnostics(
            self._frames,
            c.partial,
            c.late,
            c.overflow,
            c.jumps,
            dict(book.received),
            book.log.counted(),
            {name: reader.about for name, reader in self._readers.items()},
            self._assembler.trailer,
        )

    def _guarded(self, topic: str, now_ns: int, take: Callable[[], list[Group]]) -> list[SensorFrame]:
        try:
            groups = self._after_jump(now_ns) if self._collector.observe(now_ns) else []
            frames = (self._frame(group, now_ns) for group in groups + take())
            return [frame for frame in frames if frame is not None]
        except Exception as e:  # last resort: a fault of ours must not take the vehicle's perception down
            self._book.note("front_end", "unexpected error", "none", f"{type(e).__name__}: {e}", now_ns, topic)
            return []

    def _time_back(self) -> None:
        """Forget what was heard before a jump (the collector knows already)."""
        self._ego.forget()
        self.tf.drop_moving()
        self._book.forget()
        self._assembler.forget()

    def _take(self, event: Event) -> list[Group]:
        if isinstance(event, CloudMsg) and event.topic in self._clouds:
            return self._take_cloud(self._clouds[event.topic], event)
        if isinstance(event, ImageMsg) and event.topic in self._images:
            return self._take_image(self._images[event.topic], event)
        if isinstance(event, CameraInfoMsg) and event.topic in self._infos:
            self._take_info(self._infos[event.topic], event)
            self._note_changes(event)
        elif isinstance(event, TfMsg):
            for fault in self.tf.add(event):
                expected = "a tree of finite transforms"
                self._book.note("tf", "transforms", expected, fault, event.receive_ns, event.topic)
            self._note_changes(event)
        elif self._ego.takes(event):
            self._reset = self._ego.take(event) or self._reset
        elif isinstance(event, JointMsg) and event.topic == self._hitch_topic:
            self._take_hitch(event)
        return self._collector.poll(event.receive_ns)

    def _doubts(self, name: str, event: CloudMsg | ImageMsg | JointMsg, stamp_ns: int) -> bool:
        """Whether a stamp is too odd to be used now. The message is held until the sensor's next one shows that it was
        wrong, or ROS time jumps and proves it right (where a drive loops, the clock may be told after a sweep)."""
        ahead, now = self._clocks[name].departure_ns(stamp_ns, event.receive_ns), event.receive_ns
        _, before = self._doubted.pop(name, (None, 0))
        if before:
            found = f"{abs(before) * 1e-9:.1f} s {'ahead of' if before > 0 else 'behind'} it"
            self._book.note(name, "header.stamp", "where the sensor's clock was", found, now)
        if ahead:
            self._doubted[name] = event, ahead
        return ahead != 0

    def _after_jump(self, now_ns: int) -> list[Group]:
        """ROS time jumped back: nothing that was heard before is valid, except what was ahead of the jump."""
        self._time_back()
        doubted, self._doubted = self._doubted, {}
        return [group for event, _ in doubted.values() for group in self._take(replace(event, receive_ns=now_ns))]

    def _collect(self, item: Item, now_ns: int) -> list[Group]:
        counters = self._collector.counters
        late = counters.late
        groups = self._collector.add(item, now_ns)
        if counters.late > late:
            self._book.note(item.sensor, "header.stamp", "newer than the last frame", "as old or older", now_ns)
        return groups

    def _frame_id_wrong(self, name: str, event: CloudMsg | ImageMsg, expected: str) -> bool:
        if event.frame_id.lstrip("/") == expected:
            return False
        self._book.invalid(name, "header.frame_id", repr(expected), repr(event.frame_id), event.receive_ns)
        return True

    def _take_cloud(self, name: str, event: CloudMsg) -> list[Group]:
        lidar, now = self._vehicle.lidars[name], event.receive_ns
        stamp = event.stamp_ns + round(lidar.offset_ms * 1e6)
        self._book.arrived(name, stamp, now)
        if self._frame_id_wrong(name, event, lidar.frame) or self._doubts(name, event, stamp):
            return self._collector.poll(now)
        try:
            sweep = self._readers[name].read(event, self._config.max_points)
        except cloud.CloudError as e:
            self._book.invalid(name, e.field, e.expected, e.found, now)
            return self._collector.poll(now)
        if sweep.odd is not None:
            self._book.note(name, sweep.odd.field, sweep.odd.expected, sweep.odd.found, now)
        if sweep.cut:
            found = f"{sweep.points}: {sweep.cut} left out"
            self._book.note(name, "points", f"<= {self._config.max_points}", found, now)
        time = sweep_time(event.stamp_ns, lidar, sweep.has_time)
        matched_by = event.stamp_ns + end_shift_ns(lidar)
        return self._collect(Item(name, matched_by, time.reference_ns, CloudItem(event, sweep, time)), now)

    def _take_image(self, name: str, event: ImageMsg) -> list[Group]:
        camera, now = self._vehicle.cameras[name], event.receive_ns
        stamp = event.stamp_ns + round(camera.offset_ms * 1e6)
        self._book.arrived(name, stamp, now)
        if self._frame_id_wrong(name, event, camera.frame) or self._doubts(name, event, stamp):
            return self._collector.poll(now)
        try:
            image.check(event)
        except ImageError as e:
            self._book.invalid(name, "data", "an image", str(e), now)
            return self._collector.poll(now)
        if dark := self._high_bytes[name].dark(event):
            self._book.note(name, "data", "16-bit values that use their high bits", dark, now)
        return self._collect(Item(name, stamp, stamp, event), now)

    def _take_info(self, name: str, event: CameraInfoMsg) -> None:
        try:
            self.calibration.on_info(name, event)
        except CalibrationError as e:
            self._book.invalid(name, e.field, e.expected, e.found, event.receive_ns, event.topic)

    def _note_changes(self, event: Event) -> None:
        for change in self.calibration.take_changes():
            self._book.note(change.sensor, change.field, UNCHANGED, change.found, event.receive_ns, event.topic)

    def _take_hitch(self, event: JointMsg) -> None:
        self._book.arrived(HITCH, event.stamp_ns, event.receive_ns)
        if not self._doubts(HITCH, event, event.stamp_ns):
            self._assembler.on_joint(event)

    def _frame(self, group: Group, now_ns: int) -> SensorFrame | None:
        for name, off in group.missing.items():
            found = "none in time" if off is None else f"{off * 1e-6:+.0f} ms (phase_ms in the vehicle file?)"
            expected = f"a sweep within {self._config.jitter_ms:.0f} ms of the reference's end"
            self._book.note(name, "sweep", expected, found, now_ns)
        if group.after_jump:
            self._reset = TIME_JUMPED_BACK
        trajectory = self._trajectory(group, now_ns)
        scans = self._assembler.scans(group, trajectory, now_ns)
        cameras = self._assembler.cameras(group, now_ns)
        if not scans and not cameras:
            return None
        used = [s.sensor for s in scans] + [c.sensor for c in cameras] + self._ego.used(trajectory)
        used += [*group.resting, HITCH]
        arrivals = [i.payload.event.arrival_ns for i in group.lidars.values()]
        arrivals += [i.payload.arrival_ns for i in group.cameras.values()]
        reset, self._reset = self._reset, None
        self._frames += 1
        return SensorFrame(
            group.frame_ns, scans, cameras, trajectory, self._book.report(now_ns, used), reset,
            self.calibration.rig().version, max(arrivals), clock_offset_ns(group.frame_ns, now_ns),
        )  # fmt: skip

    def _trajectory(self, group: Group, now_ns: int) -> Trajectory | None:
        """Ego motion over all sweeps and images of the group."""
        sweeps: list[CloudItem] = [i.payload for i in group.lidars.values()]
        starts = [s.time.start_ns for s in sweeps] + [i.stamp_ns for i in group.cameras.values()]
        ends = [s.time.end_ns for s in sweeps if s.sweep.has_time]
        return self._ego.trajectory(min(starts), int(np.max([group.frame_ns, *ends])), now_ns)
