"""A short drive for the live tests: flat ground, one car ahead, 16 beams; made in a fraction of a second."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.writer import BagWriter

START_NS = 1_700_000_000_000_000_000
SPEED = 5.0
LIDAR_HEIGHT = 1.8
CLOUD, IMAGE, INFO, ODOM = "/lidar/points", "/camera/image/compressed", "/camera/camera_info", "/odometry"
DTYPE = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("time", "<f4"), ("ring", "<u2")])

VEHICLE = """
name: test
base_frame: base_link
odom_frame: odom
extrinsics_from: tf
lidars:
  top: {topic: /lidar/points, frame: lidar, stamp_at: end, intensity_max: 1.0}
cameras:
  front: {topic: /camera/image/compressed, info_topic: /camera/camera_info, frame: camera, compressed: true}
odometry: {topic: /odometry}
dimensions: {front: 3.5, rear: 1.0, width: 1.9, height: 1.7, wheelbase: 2.7}
"""


def sweep(vehicle_x: float, car_x: float) -> np.ndarray:
    """Points (N,) of one sweep in the lidar frame: ground by beam, the back and one side of a car."""
    elevation = np.deg2rad(np.linspace(-24.0, -1.5, 16))[:, None]
    azimuth = np.linspace(-np.pi, np.pi, 720, endpoint=False)[None, :]
    reach = LIDAR_HEIGHT / np.tan(-elevation) * np.ones_like(azimuth)
    ring = np.repeat(np.arange(16), 720)
    ground = np.stack(
        [reach * np.cos(azimuth), reach * np.sin(azimuth), np.full_like(reach, -LIDAR_HEIGHT)], -1
    ).reshape(-1, 3)
    y, z = np.meshgrid(np.linspace(-0.9, 0.9, 24), np.linspace(-1.5, -0.4, 10))
    back = np.stack([np.full(y.size, car_x - vehicle_x), y.ravel(), z.ravel()], -1)
    x, z = np.meshgrid(np.linspace(0, 4.2, 40), np.linspace(-1.5, -0.4, 10))
    side = np.stack([car_x - vehicle_x + x.ravel(), np.full(x.size, -0.9), z.ravel()], -1)
    hidden = (ground[:, 0] > car_x - vehicle_x) & (np.abs(ground[:, 1]) < 0.9 * ground[:, 0] / (car_x - vehicle_x))
    xyz = np.concatenate([ground[~hidden], back, side])
    out = np.zeros(len(xyz), DTYPE)
    out["x"], out["y"], out["z"] = xyz.T
    out["intensity"] = 0.5
    out["time"] = (np.arctan2(xyz[:, 1], xyz[:, 0]) / (2 * np.pi) - 0.5) * 0.1
    out["ring"] = np.concatenate([ring[~hidden], np.zeros(len(back) + len(side), int)])
    return out


def faulty(kind: str, stamp_ns: int, good: object) -> object:
    """A message of CLOUD or IMAGE with one fault."""
    points = sweep(0.0, 14.0)
    if kind == "empty":
        return m.cloud("lidar", stamp_ns, points[:0])
    if kind == "nan":
        for name in "xyz":
            points[name] = np.nan
        return m.cloud("lidar", stamp_ns, points)
    if kind == "truncated":
        whole = m.cloud("lidar", stamp_ns, points)
        return dataclasses.replace(whole, data=whole.data[: len(whole.data) // 3])
    if kind == "corrupt":
        return m.compressed_image("camera", stamp_ns, b"\x00no jpeg at all", "jpeg")
    return good


def write_vehicle(path: Path) -> Path:
    """The vehicle file of the drive."""
    path.write_text(VEHICLE)
    return path


def write_drive(
    path: Path, frames: int = 25, *, transforms: tuple[str, ...] = ("lidar", "camera"),
    faults: dict[int, str] | None = None, motion_after: int = 10,
) -> Path:  # fmt: skip
    """A bag of ``frames`` sweeps at 10 Hz, odometry at 50 Hz and a small camera; a car drives ahead at the same speed.

    Args:
        transforms: sensors whose place /tf_static knows.
        faults: what is wrong with the sweep (empty, nan, truncated) or the image (corrupt) of a frame.
        motion_after: odometry messages after the last sweep.
    """
    faults = faults or {}
    picture = np.full((120, 160, 3), 90, np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    K = np.array([[100.0, 0, 80], [0, 100.0, 60], [0, 0, 1]])
    optical = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    edges = [("base_link", "lidar", geometry.make_transform(translation=(1.0, 0, LIDAR_HEIGHT))),
             ("base_link", "camera", geometry.make_transform(optical, (1.5, 0, 1.4)))]  # fmt: skip
    edges = [e for e in edges if e[1] in transforms]
    twist = np.array([SPEED, 0, 0, 0, 0, 0])
    with BagWriter(path) as bag:
        if edges:
            bag.write("/tf_static", m.TF, START_NS - 200_000_000, m.transforms(START_NS, edges))
        rows = []
        for k in range(-10, frames * 5 + motion_after):
            t = k * 20_000_000
            pose = geometry.make_transform(translation=(SPEED * t * 1e-9, 0, 0))
            rows.append(
                (
                    t + 1_000_000,
                    ODOM,
                    m.ODOMETRY,
                    m.odometry("odom", "base_link", START_NS + t, pose, twist, np.zeros(6), np.zeros(6)),
                )
            )
        for k in range(frames):
            t, what = k * 100_000_000, faults.get(k, "")
            stamp = START_NS + t
            scan = m.cloud("lidar", stamp, sweep(SPEED * t * 1e-9, 14.0 + SPEED * t * 1e-9))
            picture = m.compressed_image("camera", stamp, jpeg, "jpeg")
            rows.append((t + 2_000_000, INFO, m.CAMERA_INFO, m.camera_info("camera", stamp, (160, 120), K)))
            rows.append(
                (
                    t + 3_000_000,
                    IMAGE,
                    m.COMPRESSED_IMAGE,
                    faulty(what, stamp, picture) if what == "corrupt" else picture,
                )
            )
            rows.append((t + 5_000_000, CLOUD, m.CLOUD, scan if what == "corrupt" else faulty(what, stamp, scan)))
        for t, topic, kind, message in sorted(rows, key=lambda r: (r[0], r[1])):
            bag.write(topic, kind, START_NS + t, message)
    return path
