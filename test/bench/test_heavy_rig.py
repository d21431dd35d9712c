"""The heavy rig: two lidars that see the same world, two large cameras, and a drive that holds together."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.events import events
from autonomy_perception.bags.importers.base import Drive, Record, write_drive
from autonomy_perception.bench.heavy_rig import NOISE, POINTS, SIZE, heavy_drive, heavy_vehicle
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.sensors.image import pixels

STAMP = 1_700_000_000_000_000_000
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])
VEHICLE = VehicleConfig.model_validate({
    "name": "light", "lidars": {"top": {"topic": "/points", "frame": "lidar", "intensity_max": 1.0}},
    "cameras": {"front": {"topic": "/image", "info_topic": "/info", "frame": "camera"}}, "odometry": {"topic": ""},
    "dimensions": {"front": 3.5, "rear": 1.0, "width": 1.9, "height": 1.7, "wheelbase": 2.7},
})  # fmt: skip


def records() -> list[Record]:
    rng = np.random.default_rng(0)
    points = np.zeros(40_000, POINT)
    for name in "xyz":
        points[name] = rng.uniform(5, 60, len(points))
    edges = [("base_link", "lidar", geometry.make_transform(geometry.rotation_rpy(0.1, 0, 0.3), (1, 0, 1.8))),
             ("base_link", "camera", geometry.make_transform(translation=(1.5, 0, 1.4)))]  # fmt: skip
    jpeg = cv2.imencode(".jpg", rng.integers(0, 255, (120, 160, 3), np.uint8))[1].tobytes()
    K = np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]])
    return [
        Record("/tf_static", m.TF, STAMP, m.transforms(STAMP, edges)),
        Record("/info", m.CAMERA_INFO, STAMP + 1, m.camera_info("camera", STAMP, (160, 120), K)),
        Record("/image", m.COMPRESSED_IMAGE, STAMP + 2, m.compressed_image("camera", STAMP, jpeg, "jpeg")),
        Record("/points", m.CLOUD, STAMP + 3, m.cloud("lidar", STAMP, points)),
    ]


def test_two_lidars_see_the_same_world_and_two_cameras_are_large(tmp_path: Path) -> None:
    write_drive(heavy_drive(Drive(1, {}, lambda: iter([records()])), VEHICLE), tmp_path / "heavy")
    vehicle = heavy_vehicle(VEHICLE)
    front = SensorFrontEnd(PerceptionConfig(), vehicle, CpuLibrary())
    frames = [f for event in events(tmp_path / "heavy", vehicle) for f in front.feed(event)]
    frames += front.poll(STAMP + 10**9)
    assert len(vehicle.lidars) == len(vehicle.cameras) == 2
    scans = {s.sensor: s.cloud.xyz for f in frames for s in f.scans}
    cameras = [c for f in frames for c in f.cameras]
    assert len(cameras) == 2 and all(pixels(c).shape == (SIZE[1], SIZE[0], 3) for c in cameras)
    assert all(abs(c.model.K[0, 0] - 800.0) < 1e-6 and abs(c.model.K[1, 2] - 360.0) < 1e-6 for c in cameras)
    assert len(scans["top"]) == POINTS
    raw = {e.topic: e for e in events(tmp_path / "heavy", vehicle)}
    first, second = (np.frombuffer(raw[t].data, POINT) for t in ("/points", "/points_second"))
    assert len(first) == len(second) == POINTS
    world = [
        geometry.transform_points(front.tf.lookup("base_link", frame, STAMP), np.stack([p[n] for n in "xyz"], 1))
        for frame, p in (("lidar", first), ("lidar_second", second))
    ]
    off = world[0] - world[1]
    assert abs(float(off.std()) - NOISE) < 0.2 * NOISE and np.abs(off.mean(axis=0)).max() < 1e-3
