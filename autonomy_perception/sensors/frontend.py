"""Events in, SensorFrames out: the whole of the sensors room behind three calls, for live use and replay alike.

Nothing an input does is raised to the caller: a message that cannot be used is left out, named and counted, and
shows in the health of its sensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.ops.library import Library
from autonomy_perception.ops.unpack import Masks
from autonomy_perception.sensors import cloud, image
from autonomy_perception.sensors.assemble import CloudItem, camera_frame, estimate_beams, lidar_scan, with_beams
from autonomy_perception.sensors.calibration import Calibration, CalibrationError, Rig
from autonomy_perception.sensors.collector import Collector, Group, Item
from autonomy_perception.sensors.deskew import sweep_time
from autonomy_perception.sensors.events import CameraInfoMsg, CloudMsg, Event, ImageMsg, OdomMsg, TfMsg
from autonomy_perception.sensors.faults import Counted, Fault, FaultLog
from autonomy_perception.sensors.mask import self_masks
from autonomy_perception.sensors.odometry import OdometryBuffer, OdometryError
from autonomy_perception.sensors.tf import TfBuffer, TfError
from autonomy_perception.types import CameraFrame, LidarScan, SensorFrame, SensorHealth, SensorState, Trajectory

ODOMETRY = "odometry"
"""Name of the odometry among the sensors of health and faults."""


@dataclass
class _Seen:
    """Newest message of a sensor: its stamp and its reception; what was wrong with the newest one, if anything."""

    stamp_ns: int = 0
    receive_ns: int | None = None
    fault: Fault | None = None


@dataclass(frozen=True)
class Diagnostics:
    """Counters of the front end since its start."""

    frames: int
    partial: int
    late: int
    overflow: int
    jumps: int
    received: dict[str, int]
    faults: Sequence[Counted]


class SensorFrontEnd:
    """Collects, decodes, deskews and masks.

    Args:
        config: all stage parameters (``sensors`` and ``pipeline.max_jump_m`` are used).
        vehicle: sensors, frames, body.
        lib: kernels of the device to run on.
    """

    def __init__(self, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> None:
        self._config, self._vehicle, self._lib = config.sensors, vehicle, lib
        self.tf = TfBuffer()
        self.calibration = Calibration(vehicle, self.tf)
        self._collector = Collector(config.sensors, list(vehicle.lidars), list(vehicle.cameras))
        self._odometry = OdometryBuffer(config.pipeline.max_jump_m, int(vehicle.odometry.max_age_ms * 1e6))
        self._faults = FaultLog()
        self._clouds = {c.topic: name for name, c in vehicle.lidars.items()}
        self._images = {c.topic: name for name, c in vehicle.cameras.items()}
        self._infos = {c.info_topic: name for name, c in vehicle.cameras.items()}
        names = [*vehicle.lidars, *vehicle.cameras, *([ODOMETRY] if vehicle.odometry.topic else [])]
        self._seen = {name: _Seen() for name in names}
        self._received = dict.fromkeys(names, 0)
        self._reset: str | None = None
        self._frames = 0
        self._beams: dict[str, NDArray[np.float32]] = {
            name: np.sort(np.deg2rad(np.asarray(c.beam_elevations_deg, np.float32)))
            for name, c in vehicle.lidars.items()
        }
        self._masks: tuple[float, Masks] = (0.0, self_masks(vehicle.dimensions, vehicle.hitch))

    def feed(self, event: Event) -> list[SensorFrame]:
        """Take in one event at ``event.receive_ns``; returns the frames that are ready, oldest first. Never raises."""
        try:
            if self._collector.observe(event.receive_ns):
                self._time_back()
            return self._frames_of(self._take(event), event.receive_ns)
        except Exception as e:  # last resort: a fault of ours must not take the vehicle's perception down
            self._fault(
                Fault("front_end", event.topic, "unexpected error", "none", f"{type(e).__name__}: {e}"),
                event.receive_ns,
            )
            return []

    def poll(self, now_ns: int) -> list[SensorFrame]:
        """Frames whose wait is over at ``now_ns`` (ROS time); to be called when :attr:`deadline_ns` has come."""
        if self._collector.observe(now_ns):
            self._time_back()
        return self._frames_of(self._collector.poll(now_ns), now_ns)

    @property
    def deadline_ns(self) -> int | None:
        """ROS time at which an open frame has waited long enough; None while nothing waits."""
        return self._collector.deadline_ns

    def rig(self) -> Rig:
        """Calibration known now."""
        return self.calibration.rig()

    def diagnostics(self) -> Diagnostics:
        """Counters and faults since the start."""
        c = self._collector.counters
        return Diagnostics(
            self._frames, c.partial, c.late, c.overflow, c.jumps, dict(self._received), self._faults.counted()
        )

    def health(self, now_ns: int, used: Sequence[str] | None = None) -> tuple[SensorHealth, ...]:
        """State of every sensor at ``now_ns``.

        Args:
            used: sensors that made it into a frame; live ones that did not are LATE. None: no frame is meant.
        """
        return tuple(self._health_of(name, seen, now_ns, used) for name, seen in self._seen.items())

    def _health_of(self, name: str, seen: _Seen, now_ns: int, used: Sequence[str] | None) -> SensorHealth:
        if seen.receive_ns is None:
            return SensorHealth(name, SensorState.MISSING, 0, f"no message on {self._topic(name)} yet")
        age, silent = max(0, now_ns - seen.stamp_ns), now_ns - seen.receive_ns
        if silent > self._config.no_data_after_ms * 1e6:
            return SensorHealth(
                name, SensorState.MISSING, age, f"no message on {self._topic(name)} for {silent * 1e-9:.1f} s"
            )
        if seen.fault is not None:
            return SensorHealth(name, SensorState.INVALID, age, str(seen.fault))
        if used is not None and name not in used:
            return SensorHealth(name, SensorState.LATE, age, f"{age * 1e-6:.0f} ms old: not part of this frame")
        return SensorHealth(name, SensorState.OK, age)

    def _topic(self, name: str) -> str:
        if name == ODOMETRY:
            return self._vehicle.odometry.topic
        return self._vehicle.lidars[name].topic if name in self._vehicle.lidars else self._vehicle.cameras[name].topic

    def _fault(self, fault: Fault, now_ns: int) -> None:
        self._faults.add(fault, now_ns)
        if fault.sensor in self._seen:
            self._seen[fault.sensor].fault = fault

    def _time_back(self) -> None:
        """ROS time jumped back: nothing that was heard before is valid."""
        self._collector.reset()
        self._odometry.clear()
        self.tf.drop_moving()
        for seen in self._seen.values():
            seen.receive_ns = None
        self._reset = "TIME_JUMPED_BACK"

    def _take(self, event: Event) -> list[Group]:
        if isinstance(event, CloudMsg) and event.topic in self._clouds:
            return self._take_cloud(self._clouds[event.topic], event)
        if isinstance(event, ImageMsg) and event.topic in self._images:
            return self._take_image(self._images[event.topic], event)
        if isinstance(event, CameraInfoMsg) and event.topic in self._infos:
            self._take_info(self._infos[event.topic], event)
        elif isinstance(event, TfMsg):
            for fault in self.tf.add(event):
                self._fault(
                    Fault("tf", event.topic, "transforms", "a tree of finite transforms", fault), event.receive_ns
                )
        elif isinstance(event, OdomMsg) and event.topic == self._vehicle.odometry.topic:
            self._take_odometry(event)
        return self._collector.poll(event.receive_ns)

    def _arrived(self, name: str, event: CloudMsg | ImageMsg | OdomMsg, offset_ms: float) -> int:
        """Note a message; returns its stamp in vehicle time."""
        stamp = event.stamp_ns + round(offset_ms * 1e6)
        self._received[name] += 1
        self._seen[name] = _Seen(stamp, event.receive_ns)
        return stamp

    def _frame_id_wrong(self, name: str, event: CloudMsg | ImageMsg, expected: str) -> bool:
        if event.frame_id.lstrip("/") == expected:
            return False
        self._fault(Fault(name, event.topic, "header.frame_id", repr(expected), repr(event.frame_id)), event.receive_ns)
        return True

    def _take_cloud(self, name: str, event: CloudMsg) -> list[Group]:
        lidar = self._vehicle.lidars[name]
        self._arrived(name, event, lidar.offset_ms)
        if self._frame_id_wrong(name, event, lidar.frame):
            return self._collector.poll(event.receive_ns)
        try:
            sweep = cloud.read_layout(event, lidar, self._config.max_points)
        except cloud.CloudError as e:
            self._fault(Fault(name, event.topic, e.field, e.expected, e.found), event.receive_ns)
            return self._collector.poll(event.receive_ns)
        if sweep.cut:
            found = f"{sweep.points}: {sweep.cut} left out"
            self._fault(Fault(name, event.topic, "points", f"<= {self._config.max_points}", found), event.receive_ns)
        time = sweep_time(event.stamp_ns, lidar, sweep.has_time)
        item = Item(name, time.end_ns, time.reference_ns, CloudItem(event, sweep, time))
        return self._collector.add(item, event.receive_ns)

    def _take_image(self, name: str, event: ImageMsg) -> list[Group]:
        camera = self._vehicle.cameras[name]
        stamp = self._arrived(name, event, camera.offset_ms)
        if self._frame_id_wrong(name, event, camera.frame):
            return self._collector.poll(event.receive_ns)
        try:
            image.check(event)
        except image.ImageError as e:
            self._fault(Fault(name, event.topic, "data", "an image", str(e)), event.receive_ns)
            return self._collector.poll(event.receive_ns)
        return self._collector.add(Item(name, stamp, stamp, event), event.receive_ns)

    def _take_info(self, name: str, event: CameraInfoMsg) -> None:
        try:
            self.calibration.on_info(name, event)
        except CalibrationError as e:
            self._fault(Fault(name, event.topic, e.field, e.expected, e.found), event.receive_ns)

    def _take_odometry(self, event: OdomMsg) -> None:
        self._arrived(ODOMETRY, event, 0.0)
        base, odom = self._vehicle.base_frame, self._vehicle.odom_frame
        if event.frame_id.lstrip("/") != odom:
            self._fault(
                Fault(ODOMETRY, event.topic, "header.frame_id", repr(odom), repr(event.frame_id)), event.receive_ns
            )
            return
        child = event.child_frame_id.lstrip("/") or base
        try:
            T = None if child == base else self.tf.lookup(child, base, event.stamp_ns)
            jump = self._odometry.add(event, T)
        except OdometryError as e:
            self._fault(Fault(ODOMETRY, event.topic, e.field, e.expected, e.found), event.receive_ns)
        except TfError as e:
            self._fault(Fault(ODOMETRY, event.topic, "child_frame_id", repr(base), str(e)), event.receive_ns)
        else:
            self._reset = jump or self._reset

    def _frames_of(self, groups: list[Group], now_ns: int) -> list[SensorFrame]:
        frames = (self._frame(group, now_ns) for group in groups)
        return [frame for frame in frames if frame is not None]

    def _frame(self, group: Group, now_ns: int) -> SensorFrame | None:
        trajectory = self._trajectory(group, now_ns)
        scans = [s for s in (self._scan(i, group.frame_ns, trajectory, now_ns) for i in group.lidars.values()) if s]
        cameras = [c for c in (self._camera(i, now_ns) for i in group.cameras.values()) if c]
        if not scans and not cameras:
            return None
        used = [s.sensor for s in scans] + [c.sensor for c in cameras] + ([ODOMETRY] if trajectory else [])
        arrivals = [i.payload.event.arrival_ns for i in group.lidars.values()] + [
            i.payload.arrival_ns for i in group.cameras.values()
        ]
        reset, self._reset = self._reset, None
        self._frames += 1
        return SensorFrame(
            group.frame_ns, tuple(scans), tuple(cameras), trajectory, self.health(now_ns, used), reset,
            self.calibration.rig().version, max(arrivals),
        )  # fmt: skip

    def _trajectory(self, group: Group, now_ns: int) -> Trajectory | None:
        if not self._vehicle.odometry.topic:
            return None
        starts = [i.payload.time.start_ns for i in group.lidars.values()] + [i.stamp_ns for i in group.cameras.values()]
        ends = [i.payload.time.end_ns for i in group.lidars.values() if i.payload.sweep.has_time]
        found = self._odometry.trajectory(min(starts), max([group.frame_ns, *ends]))
        if found is None and self._odometry.newest_ns is not None:
            gap = abs(group.frame_ns - self._odometry.newest_ns) * 1e-6
            fault = Fault(ODOMETRY, self._vehicle.odometry.topic, "stamp",
                          f"within {self._vehicle.odometry.max_age_ms:.0f} ms of the frame", f"{gap:.0f} ms")  # fmt: skip
            self._fault(fault, now_ns)
        return found

    def _scan(self, item: Item, frame_ns: int, trajectory: Trajectory | None, now_ns: int) -> LidarScan | None:
        payload: CloudItem = item.payload
        topic = payload.event.topic
        try:
            T = self.calibration.pose(item.sensor, payload.time.stamp_ns)
        except CalibrationError as e:
            self._fault(Fault(item.sensor, topic, e.field, e.expected, e.found), now_ns)
            return None
        scan, dropped = lidar_scan(self._lib, item.sensor, payload, T, trajectory, frame_ns, self._config,
                                   self._self_masks(frame_ns, now_ns), self._vehicle.base_frame)  # fmt: skip
        if not len(scan.cloud):
            reasons = ", ".join(f"{n} {why}" for why, n in dropped.items() if n)
            self._fault(
                Fault(item.sensor, topic, "data", "usable points", f"none of {payload.sweep.points} ({reasons})"),
                now_ns,
            )
            return None
        if not len(self._beams[item.sensor]) and scan.cloud.has_ring:
            self._beams[item.sensor] = estimate_beams(scan, T)
        return with_beams(scan, self._beams[item.sensor])

    def _camera(self, item: Item, now_ns: int) -> CameraFrame | None:
        message: ImageMsg = item.payload
        try:
            model, T = self.calibration.model(item.sensor), self.calibration.pose(item.sensor, item.stamp_ns)
            return camera_frame(item.sensor, message, item.stamp_ns, model, T)
        except CalibrationError as e:
            self._fault(Fault(item.sensor, message.topic, e.field, e.expected, e.found), now_ns)
        except image.ImageError as e:
            self._fault(Fault(item.sensor, message.topic, "data", "an image of the calibrated size", str(e)), now_ns)
        return None

    def _self_masks(self, frame_ns: int, now_ns: int) -> Masks:
        """Masks of the body; the trailer's follow the hitch angle that TF knows."""
        hitch = self._vehicle.hitch
        if hitch is None or not hitch.frame:
            return self._masks[1]
        try:
            angle = geometry.yaw_of(self.tf.lookup(self._vehicle.base_frame, hitch.frame, frame_ns))
        except TfError as e:
            self._fault(
                Fault("tf", "/tf", "hitch.frame", f"{self._vehicle.base_frame} <- {hitch.frame}", str(e)), now_ns
            )
            return self._masks[1]
        if abs(angle - self._masks[0]) > 1e-3:
            self._masks = (angle, self_masks(self._vehicle.dimensions, hitch, angle))
        return self._masks[1]
