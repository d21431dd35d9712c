"""Markers, bird's-eye picture and coloured cloud for people; works only while somebody looks (rclpy only under nodes/)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from autonomy_perception import geometry, topics
from autonomy_perception.config import ConfigError, PerceptionConfig, VehicleConfig, load_vehicle
from autonomy_perception.messages.events import Event, ImageMsg
from autonomy_perception.messages.parts import stamp_ns, transform_of
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.nodes.inputs import Inputs
from autonomy_perception.nodes.markers import mode_marker, track_markers
from autonomy_perception.nodes.messages import cloud, image
from autonomy_perception.nodes.parameters import MarkersConfig
from autonomy_perception.nodes.pictures import (
    HIGH,
    LOW,
    Elevation,
    GridPicture,
    birds_eye,
    coloured,
    point_colours,
    terrain_points,
)
from autonomy_perception.nodes.process import StopFlag, run
from autonomy_perception.nodes.qos import message_class, profile
from autonomy_perception.nodes.qos_events import QosWatch
from autonomy_perception.nodes.ros_parameters import read
from autonomy_perception.ops.library import CpuLibrary, KernelError
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.sensors.image import decoder
from autonomy_perception.sensors.image_header import ImageError
from autonomy_perception.types import SensorFrame

LOOK_S = 0.5
PICTURE_S = 0.2
CAMERA_S = 0.1


class MarkersNode(Node):
    """Every half second it looks who subscribes, and opens or closes its own subscriptions accordingly."""

    def __init__(self, stop: StopFlag) -> None:
        super().__init__("markers")
        self.config = read(self, MarkersConfig)
        self.vehicle: VehicleConfig | None = (
            load_vehicle(Path(self.config.vehicle_file)) if self.config.vehicle_file else None
        )
        self._watch = QosWatch(self.get_logger())
        mine = (topics.MARKERS, topics.TEXT, topics.CLOUD, topics.TERRAIN_CLOUD, topics.CAMERA, topics.BEV_IMAGE)
        self._publishers_by_name = {
            t.name: self.create_publisher(message_class(t.msgtype), t.name, profile(t.qos)) for t in mine
        }
        self._held: dict[str, Any] = {}
        self._cloud_inputs: Inputs | None = None
        self._front: SensorFrontEnd | None = None
        self._elevation: Elevation | None = None
        self._tracks: Any = None
        self._vehicle_pose: tuple[float, float, float] | None = None
        self._camera = camera_topic(self.vehicle) if self.vehicle is not None and self.vehicle.cameras else None
        self._picture_due = self._camera_due = 0.0
        self.create_timer(LOOK_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _wanted(self, topic: topics.Topic) -> bool:
        return bool(self._publishers_by_name[topic.name].get_subscription_count() > 0)

    def _send(self, topic: topics.Topic, message: Any) -> None:
        self._publishers_by_name[topic.name].publish(message)

    def _look(self) -> None:
        birds, cloud = self._wanted(topics.BEV_IMAGE), self._wanted(topics.CLOUD)
        self._subscribe(topics.TRACKED_OBJECTS, self._on_tracks, self._wanted(topics.MARKERS) or birds)
        self._subscribe(topics.STATUS, lambda m: self._send(topics.TEXT, mode_marker(m)), self._wanted(topics.TEXT))
        self._subscribe(topics.OCCUPANCY_GRID, self._on_grid, birds)
        if self.vehicle is not None and self.vehicle.odometry.topic:
            odometry = topics.Topic(
                self.vehicle.odometry.topic, "nav_msgs/msg/Odometry", "-", "odom", "-", topics.MOTION
            )
            self._subscribe(odometry, self._on_odometry, birds)
        if self._camera is not None:
            self._subscribe(self._camera, self._on_camera, self._wanted(topics.CAMERA))
        self._subscribe(topics.TERRAIN_MAP, self._on_terrain, cloud or self._wanted(topics.TERRAIN_CLOUD))
        self._subscribe_sensors(cloud)

    def _subscribe(self, topic: topics.Topic, callback: Callable[[Any], None], wanted: bool) -> None:
        held = self._held.get(topic.name)
        if wanted and held is None:
            spec = topics.QosSpec(topic.qos.reliability, topic.qos.depth)
            self._held[topic.name] = self.create_subscription(
                message_class(topic.msgtype), topic.name, guarded(self, topic.name, callback), profile(spec)
            )
        elif not wanted and held is not None:
            self.destroy_subscription(self._held.pop(topic.name))

    def _subscribe_sensors(self, wanted: bool) -> None:
        if wanted and self._cloud_inputs is None and self.vehicle is not None:
            lidars_only = self.vehicle.model_copy(update={"cameras": {}})
            try:
                self._front = SensorFrontEnd(PerceptionConfig(), lidars_only, CpuLibrary())
            except KernelError as e:
                self.get_logger().error(str(e), once=True)
                return
            show = guarded(self, topics.CLOUD.name, self._on_event)
            self._cloud_inputs = Inputs(self, lidars_only, self._watch, show)
        elif not wanted and self._cloud_inputs is not None:
            self._cloud_inputs.close()
            self._cloud_inputs, self._front = None, None

    def _on_tracks(self, message: Any) -> None:
        self._tracks = message
        if self._wanted(topics.MARKERS):
            self._send(topics.MARKERS, track_markers(message))

    def _on_terrain(self, message: Any) -> None:
        self._elevation = Elevation.of(message)
        if self._wanted(topics.TERRAIN_CLOUD):
            xyz, colours = terrain_points(message)
            head, points = message.header, coloured(xyz, colours)
            self._send(topics.TERRAIN_CLOUD, cloud(head.frame_id, stamp_ns(head.stamp), points))

    def _on_odometry(self, message: Any) -> None:
        if self.vehicle is not None and message.child_frame_id == self.vehicle.base_frame:
            T = transform_of(message.pose.pose)
            self._vehicle_pose = (float(T[0, 3]), float(T[1, 3]), geometry.yaw_of(T))

    def _on_grid(self, message: Any) -> None:
        if time.monotonic() < self._picture_due:
            return
        self._picture_due = time.monotonic() + PICTURE_S
        grid = GridPicture.of(message)
        ny, nx = grid.data.shape
        middle = (grid.corner[0] + nx * grid.resolution / 2, grid.corner[1] + ny * grid.resolution / 2, 0.0)
        moving = self._vehicle_pose is not None and message.header.frame_id != (
            self.vehicle.base_frame if self.vehicle else ""
        )
        pose = self._vehicle_pose if moving and self._vehicle_pose is not None else middle
        rgb = birds_eye(grid, self._tracks, pose, self.config.bev_size, self.config.bev_side)
        self._send_picture(topics.BEV_IMAGE, message.header, rgb)

    def _on_camera(self, message: Any) -> None:
        assert self._camera is not None
        if time.monotonic() < self._camera_due:
            return
        self._camera_due = time.monotonic() + CAMERA_S
        try:
            event = CONVERTERS[self._camera.msgtype](self._camera.name, message, 0, 0)
            assert isinstance(event, ImageMsg)
            rgb = decoder(event)()
        except ImageError as e:
            self.get_logger().warning(f"{self._camera.name}: {e}", throttle_duration_sec=5.0)
            return
        self._send_picture(topics.CAMERA, message.header, rgb)

    def _on_event(self, event: Event) -> None:
        if self._front is None:
            return
        for frame in self._front.feed(event):
            base = self.vehicle.base_frame if self.vehicle else "base_link"
            self._send(topics.CLOUD, cloud(base, frame.stamp_ns, self._coloured(frame)))

    def _coloured(self, frame: SensorFrame) -> NDArray[Any]:
        xyz = np.concatenate([s.cloud.xyz for s in frame.scans])[:: self.config.cloud_stride]
        T = frame.trajectory.pose(frame.stamp_ns) if frame.trajectory is not None else np.eye(4)
        height = np.full(len(xyz), np.nan, np.float32)
        if self._elevation is not None:
            height = self._elevation.height(geometry.transform_points(T, xyz))
        body = self.vehicle.dimensions if self.vehicle else None
        return coloured(xyz, point_colours(height, LOW, body.height + body.overhead_margin if body else HIGH))

    def _send_picture(self, topic: topics.Topic, header: Any, rgb: NDArray[np.uint8]) -> None:
        self._send(topic, image(header.frame_id, stamp_ns(header.stamp), rgb, "rgb8"))


def guarded(node: Any, topic: str, callback: Callable[[Any], None]) -> Callable[[Any], None]:
    """The callback, but what it cannot show is named in the log: nothing that a message holds ends the node."""

    def take(message: Any) -> None:
        try:
            callback(message)
        except Exception as e:
            node.get_logger().warning(f"{topic}: not shown: {type(e).__name__}: {e}", throttle_duration_sec=5.0)

    return take


def camera_topic(vehicle: VehicleConfig) -> topics.Topic:
    """The first camera's images."""
    camera = next(iter(vehicle.cameras.values()))
    kind = "sensor_msgs/msg/CompressedImage" if camera.compressed else "sensor_msgs/msg/Image"
    return topics.Topic(camera.topic, kind, "-", camera.frame, "-", topics.SENSOR)


def main() -> int:
    """Entry point of the process."""
    try:
        return run(MarkersNode)
    except ConfigError as e:
        rclpy.logging.get_logger("markers").error(str(e))
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
