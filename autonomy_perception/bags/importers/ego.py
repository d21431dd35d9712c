"""Ego motion of KITTI drives: lidar-odometry poses or oxts (GPS/IMU) to ``T_odom_base`` and twist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers.files import read_table
from autonomy_perception.bags.importers.kitti import T_BASE_LIDAR, Calibration
from autonomy_perception.bags.importers.parts import Ego

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
EARTH_RADIUS = 6378137.0  # [m], as in the development kit
OXTS_COLUMNS = 25


def from_lidar_poses(path: Path, stamps: I64) -> Ego:
    """3x4 ``T_firstlidar_lidar`` per frame; odom is base_link of the first frame.

    Raises:
        BagError: the file is missing or broken.
    """
    if not path.exists():
        raise BagError(f"{path}: no lidar poses; choose --ego oxts or --ego none")
    table = read_table(path, 12)
    n = min(len(table), len(stamps))
    T_first_lidar = np.tile(np.eye(4), (n, 1, 1))
    T_first_lidar[:, :3] = table[:n].reshape(n, 3, 4)
    T = T_BASE_LIDAR @ T_first_lidar @ geometry.invert(T_BASE_LIDAR)
    return Ego(stamps[:n], T, twists(T, stamps[:n]), np.zeros(n))


def twists(T: F64, stamps: I64) -> F64:
    """Twist (N,6) in base_link by central differences of poses (N,4,4); one-sided at the ends."""
    n = len(T)
    if n < 2:
        return np.zeros((n, 6))
    lo, hi = np.maximum(np.arange(n) - 1, 0), np.minimum(np.arange(n) + 1, n - 1)
    dt = ((stamps[hi] - stamps[lo]) * 1e-9)[:, None]
    delta = geometry.invert(T[lo]) @ T[hi]
    angular = np.array([_rotation_vector(d) for d in delta]) / dt
    R_base_odom = np.swapaxes(T[:, :3, :3], 1, 2)
    linear = (R_base_odom @ (T[hi, :3, 3] - T[lo, :3, 3])[:, :, None])[:, :, 0] / dt
    return np.hstack([linear, angular])


def _rotation_vector(T: F64) -> F64:
    q = geometry.quaternion_of(T)
    norm = float(np.linalg.norm(q[:3]))
    return np.asarray(q[:3] * (2.0 * np.arctan2(norm, q[3]) / norm) if norm > 1e-12 else np.zeros(3))


def from_oxts(rows: F64, stamps: I64, calibration: Calibration, source: Path) -> Ego:
    """oxts rows (N, >=25) to ego motion: Mercator projection about the first row's latitude.

    x east, y north, z up, origin at base_link of the first row; axes stay gravity-aligned. Velocity comes from
    the receiver's own (vf vl vu, wx wy wz), because differences of its positions are too noisy.

    Raises:
        BagError: the calibration has no IMU.
    """
    if calibration.T_lidar_imu is None:
        raise BagError(f"{source}: oxts needs the IMU's calibration (calib_imu_to_velo.txt or Tr_imu_velo)")
    n = min(len(rows), len(stamps))
    rows = rows[:n]
    lat, lon = rows[:, 0], rows[:, 1]
    scale = np.cos(np.deg2rad(lat[0]))
    T_world_imu = np.tile(np.eye(4), (n, 1, 1))
    T_world_imu[:, 0, 3] = scale * EARTH_RADIUS * np.deg2rad(lon)
    T_world_imu[:, 1, 3] = scale * EARTH_RADIUS * np.log(np.tan(np.deg2rad(90.0 + lat) / 2.0))
    T_world_imu[:, 2, 3] = rows[:, 2]
    for i, (roll, pitch, yaw) in enumerate(rows[:, 3:6]):
        T_world_imu[i, :3, :3] = geometry.rotation_rpy(roll, pitch, yaw)
    T_base_imu = T_BASE_LIDAR @ calibration.T_lidar_imu
    T = T_world_imu @ geometry.invert(T_base_imu)
    T[:, :3, 3] -= T[0, :3, 3].copy()
    return Ego(stamps[:n], T, _oxts_twist(rows, T_base_imu), rows[:, 23] ** 2)


def _oxts_twist(rows: F64, T_base_imu: F64) -> F64:
    R = T_base_imu[:3, :3]
    out = np.zeros((len(rows), 6))
    for i, row in enumerate(rows):
        roll, pitch = row[3:5]
        # vf, vl, vu are parallel to the earth's surface: turn them back into the tilted body
        body = geometry.rotation_rpy(roll, pitch, 0.0).T @ row[8:11]
        angular = R @ row[17:20]
        out[i, 3:] = angular
        out[i, :3] = R @ body - np.cross(angular, T_base_imu[:3, 3])
    return out
