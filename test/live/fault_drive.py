"""The drives of the fault tests: that of drive.py with a raw camera beside the compressed one, a second lidar, or objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nodes import drive

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.types import Detections

RAW, RAW_INFO, IMAGE_TYPE = "/rear/image", "/rear/camera_info", "sensor_msgs/msg/Image"
SECOND = "/side/points"
SIDE = "  side: {topic: /side/points, frame: side, stamp_at: end, intensity_max: 1.0}\n"
REAR = "  rear: {topic: /rear/image, info_topic: /rear/camera_info, frame: rear, compressed: false}\n"


def write_vehicle(path: Path) -> Path:
    """The vehicle file: one lidar, a compressed and a raw camera, odometry."""
    path.write_text(drive.VEHICLE.replace("odometry:", REAR.rstrip() + "\nodometry:"))
    return path


def write_drive(folder: Path, frames: int = 30) -> Path:
    """A bag of ``frames`` sweeps at 10 Hz."""
    plain, path = drive.write_drive(folder / "plain", frames), folder / "faulty"
    K = np.array([[100.0, 0, 80], [0, 100.0, 60], [0, 0, 1]])
    pixels = np.full((120, 160, 3), 90, np.uint8)
    edge = m.transforms(drive.START_NS, [("base_link", "rear", geometry.make_transform(translation=(0, 0, 1.4)))])
    with BagReader(plain) as reader, BagWriter(path) as bag:
        bag.write("/tf_static", m.TF, drive.START_NS - 300_000_000, edge)
        for raw in reader.raw():
            bag.write_raw(raw.topic, raw.msgtype, raw.receive_ns, raw.data)
            if raw.topic == drive.IMAGE:
                header = reader.decode(raw).header
                stamp = header.stamp.sec * 10**9 + header.stamp.nanosec
                image = m.image("rear", stamp, pixels, "rgb8")
                bag.write(RAW_INFO, m.CAMERA_INFO, raw.receive_ns, m.camera_info("rear", stamp, (160, 120), K))
                bag.write(RAW, IMAGE_TYPE, raw.receive_ns + 1000, image)
    return path


def write_second_lidar(folder: Path, frames: int = 30) -> tuple[Path, Path]:
    """A bag and its vehicle file with a second lidar that sees what the first one sees."""
    plain, path, vehicle = drive.write_drive(folder / "plain", frames), folder / "two", folder / "two.yaml"
    vehicle.write_text(drive.VEHICLE.replace("cameras:", SIDE + "cameras:"))
    mount = geometry.make_transform(translation=(1.0, 0, drive.LIDAR_HEIGHT))
    with BagReader(plain) as reader, BagWriter(path) as bag:
        bag.write("/tf_static", m.TF, drive.START_NS - 300_000_000, m.transforms(drive.START_NS, [("base_link", "side", mount)]))  # fmt: skip
        for raw in reader.raw():
            bag.write_raw(raw.topic, raw.msgtype, raw.receive_ns, raw.data)
            if raw.topic == drive.CLOUD:
                cloud = reader.decode(raw)
                cloud.header.frame_id = "side"
                bag.write(SECOND, m.CLOUD, raw.receive_ns + 1000, cloud)
    return path, vehicle


def write_objects(folder: Path, frames: int = 30) -> tuple[Path, Path]:
    """A bag and its vehicle file with the detections of another node: the car ahead, 20 ms after each sweep."""
    from rclpy.serialization import serialize_message

    from autonomy_perception.messages.fields import Pool
    from autonomy_perception.messages.objects import detected_objects
    from autonomy_perception.nodes.messages import ROS
    from autonomy_perception.topics import DETECTED_OBJECTS

    plain, path = drive.write_drive(folder / "plain", frames), folder / "objects"
    one = Detections(
        center=np.array([[17.1, 0.0, 0.8]], np.float32), size=np.array([[4.2, 1.8, 1.5]], np.float32), yaw=np.zeros(1, np.float32),
        velocity=np.full((1, 2), np.nan, np.float32), covariance=np.diag([0.05, 0.05, 0.05, 0.01])[None].astype(np.float32),
        class_probs=np.eye(9, dtype=np.float32)[1:2], existence=np.array([0.9], np.float32), points=np.array([50], np.int32),
        yaw_known=np.ones(1, np.bool_), source=np.ones(1, np.uint8), frame_id="base_link",
    )  # fmt: skip
    with BagReader(plain) as reader, BagWriter(path) as bag:
        for raw in reader.raw():
            bag.write_raw(raw.topic, raw.msgtype, raw.receive_ns, raw.data)
            if raw.topic == drive.CLOUD:
                stamp = reader.decode(raw).header.stamp
                message = detected_objects(Pool(ROS), one, stamp.sec * 10**9 + stamp.nanosec)
                data = serialize_message(message)
                bag.write_raw(DETECTED_OBJECTS.name, DETECTED_OBJECTS.msgtype, raw.receive_ns + 20_000_000, data)
    return path, drive.write_vehicle(folder / "test.yaml")
