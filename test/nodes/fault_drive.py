"""The drive of the fault tests: that of drive.py with a raw camera beside the compressed one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nodes import drive

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.writer import BagWriter

RAW, RAW_INFO, IMAGE_TYPE = "/rear/image", "/rear/camera_info", "sensor_msgs/msg/Image"
REAR = "  rear: {topic: /rear/image, info_topic: /rear/camera_info, frame: rear, compressed: false}\n"


def write_vehicle(path: Path) -> Path:
    """The vehicle file: one lidar, a compressed and a raw camera, odometry."""
    path.write_text(drive.VEHICLE.replace("odometry:", REAR.rstrip() + "\nodometry:"))
    return path


def write_drive(folder: Path, frames: int = 30) -> Path:
    """A bag of ``frames`` sweeps at 10 Hz."""
    plain, path = drive.write_drive(folder / "plain", frames), folder / "faulty"
    K = np.array([[100.0, 0, 80], [0, 100.0, 60], [0, 0, 1]])
    pixels = np.full(120 * 160 * 3, 90, np.uint8)
    edge = m.transforms(drive.START_NS, [("base_link", "rear", geometry.make_transform(translation=(0, 0, 1.4)))])
    with BagReader(plain) as reader, BagWriter(path) as bag:
        bag.write("/tf_static", m.TF, drive.START_NS - 300_000_000, edge)
        for raw in reader.raw():
            bag.write_raw(raw.topic, raw.msgtype, raw.receive_ns, raw.data)
            if raw.topic == drive.IMAGE:
                header = reader.decode(raw).header
                image = m.make(IMAGE_TYPE, header, 120, 160, "rgb8", 0, 480, pixels)
                header.frame_id = "rear"
                stamp = header.stamp.sec * 10**9 + header.stamp.nanosec
                bag.write(RAW_INFO, m.CAMERA_INFO, raw.receive_ns, m.camera_info("rear", stamp, (160, 120), K))
                bag.write(RAW, IMAGE_TYPE, raw.receive_ns + 1000, image)
    return path
