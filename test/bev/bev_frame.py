"""A frame of one scan and two cameras."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy_perception import geometry
from autonomy_perception.types import CameraFrame, CameraModel, GroundLabels, LidarScan, PointCloud, SensorFrame

OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
MODEL = CameraModel(640, 400, np.array([[320.0, 0.0, 319.5], [0.0, 320.0, 199.5], [0.0, 0.0, 1.0]]), np.zeros(5))


def scan(xyz: Any, label: Any, height: Any) -> tuple[LidarScan, GroundLabels]:
    n = len(xyz)
    cloud = PointCloud(
        np.asarray(xyz, np.float32),
        np.full(n, 0.5, np.float32),
        np.zeros(n, np.float32),
        np.zeros(n, np.uint16),
        "base_link",
        0,
    )
    return LidarScan("l", cloud, np.zeros(3, np.float32)), GroundLabels(
        np.asarray(label, np.uint8), np.asarray(height, np.float32)
    )


def camera(name: str, yaw: float, stamp_ns: int = 0) -> CameraFrame:
    return CameraFrame(
        name, stamp_ns, MODEL, geometry.make_transform(geometry.rotation_z(yaw) @ OPTICAL, (1.0, 0.0, 1.5))
    )


FRAME = SensorFrame(0, cameras=(camera("front", 0.0), camera("left", np.pi / 2)))
