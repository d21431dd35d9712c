"""What KITTI raw and KITTI tracking share: calibration, scans, images, ego motion.

Formats: Geiger et al., "Vision meets Robotics: The KITTI Dataset", IJRR 2013, and its development kit.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags import messages
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import parts
from autonomy_perception.bags.importers.base import ImportOptions, Record
from autonomy_perception.bags.importers.files import read_points, read_text
from autonomy_perception.bags.importers.parts import BASE_FRAME, Lens, image_records
from autonomy_perception.bags.importers.tracklets import CLASSES, LidarBox
from autonomy_perception.types import ObjectClass

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

LIDAR_FRAME = "velodyne"
CLOUD_TOPIC = "/lidar/points"
T_BASE_LIDAR = geometry.make_transform(None, (0.76, 0.0, 1.73))
"""Lidar over the rear axle's centre on the ground: 1.73 m up, 0.76 m ahead (sensor set-up figure of the paper)."""
DEFAULT_START_NS = 1_317_000_000_000_000_000  # 2011-09-26, for drives whose folder names no date


@dataclass(frozen=True)
class Calibration:
    """``T_rect_lidar`` (4,4): lidar to rectified camera 0; ``P`` (3,4) by camera name; ``T_lidar_imu`` or None."""

    T_rect_lidar: F64
    P: Mapping[str, F64]
    T_lidar_imu: F64 | None

    def camera(self, name: str) -> tuple[F64, F64]:
        """K (3,3) [px] and ``T_lidar_camera`` (4,4) of a rectified camera: P = K [I | t] with t its offset."""
        P = self.P[name]
        K = P[:, :3].copy()
        T_camera_rect = geometry.make_transform(None, np.linalg.solve(K, P[:, 3]))
        return K, geometry.invert(T_camera_rect @ self.T_rect_lidar)


def read_scan(path: Path) -> F32:
    """Points (N,4): x y z [m] in the lidar frame, reflectance 0..1. Raises BagError."""
    return read_points(path, 4)


def labelled_box(words: Sequence[str], identity: str, T_lidar_rect: F64) -> LidarBox:
    """The label that ``words`` (type, truncated, occluded, alpha, 2D box (4), h w l, x y z of the bottom centre in
    the rectified camera frame, rotation_y) describe, in the lidar frame. Raises ValueError if words are missing.
    """
    h, w, l, x, y, z, yaw = (float(v) for v in words[8:15])  # noqa: E741 - KITTI's name
    c, s = np.cos(yaw), np.sin(yaw)
    ahead, up = np.array([c, 0.0, -s]), np.array([0.0, -1.0, 0.0])  # the camera's y looks down
    T_rect_box = geometry.make_transform(np.column_stack([ahead, np.cross(up, ahead), up]), (x, y - h / 2.0, z))
    return LidarBox(identity, CLASSES.get(words[0], ObjectClass.UNKNOWN), T_lidar_rect @ T_rect_box, (l, w, h))


def sweep_time(points: F32, period_s: float) -> F32:
    """Time [s] of each point from its azimuth, 0 ahead: the lidar turns clockwise and is read from the rear."""
    return np.asarray(-np.arctan2(points[:, 1], points[:, 0]) * (period_s / (2.0 * np.pi)), np.float32)


def read_stamps(path: Path) -> I64 | None:
    """``YYYY-MM-DD HH:MM:SS.fffffffff`` lines to int64 ns (N,); None if there is no such file. Raises BagError."""
    if not path.exists():
        return None
    try:
        return np.array([x.strip() for x in read_text(path).splitlines() if x.strip()], "datetime64[ns]").astype(
            np.int64
        )
    except ValueError as e:
        raise BagError(f"{path}: expected lines YYYY-MM-DD HH:MM:SS.fffffffff: {e}") from e


def start_of_day(name: str) -> int:
    """Midnight UTC [ns] of a name that begins with YYYY_MM_DD, else a fixed day."""
    try:
        day = datetime.datetime.strptime(name[:10], "%Y_%m_%d").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return DEFAULT_START_NS
    return int(day.timestamp()) * 1_000_000_000


@dataclass(frozen=True)
class Camera:
    """One camera of a drive: image files by frame number and its stamps."""

    name: str
    files: Mapping[int, Path]
    stamps: I64
    K: F64

    def records(self, frame: int) -> list[Record]:
        """Image (its bytes as they are) and CameraInfo of one frame; nothing where the file is missing."""
        if frame not in self.files:
            return []
        return image_records(self.name, self.files[frame], int(self.stamps[frame]), Lens(self.K))


def cloud_record(path: Path, stamp_ns: int, options: ImportOptions) -> Record:
    """The scan of one frame from its file. Raises BagError."""
    return scan_record(read_scan(path), stamp_ns, options)


def scan_record(points: F32, stamp_ns: int, options: ImportOptions) -> Record:
    """A scan (N,4); received half a turn after its stamp (stamp: the lidar looks ahead)."""
    columns = {"intensity": points[:, 3]}
    if options.derive_times:
        columns["time"] = sweep_time(points, options.period_s)
    received = stamp_ns + round(options.period_s * 0.5e9)
    message = messages.cloud(LIDAR_FRAME, stamp_ns, parts.points(points[:, :3], **columns))
    return Record(CLOUD_TOPIC, messages.CLOUD, received, message)


def static_record(calibration: Calibration, cameras: Sequence[str], stamp_ns: int) -> Record:
    """/tf_static: base_link -> velodyne -> each camera's optical frame (and the IMU, where calibrated)."""
    edges = [(BASE_FRAME, LIDAR_FRAME, T_BASE_LIDAR)]
    edges += [(LIDAR_FRAME, f"{name}_optical", calibration.camera(name)[1]) for name in cameras]
    if calibration.T_lidar_imu is not None:
        edges.append((LIDAR_FRAME, "imu", calibration.T_lidar_imu))
    return parts.static_record(stamp_ns, edges)
