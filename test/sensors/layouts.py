"""Points as the drivers of common lidars lay them out, byte for byte, and messages made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autonomy_perception.messages.events import CloudMsg, PointField

CODES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8, "i8": 9, "u8": 10}
STAMP = 1_700_000_000_123_456_789


def struct(step: int, *fields: tuple[str, str, int]) -> np.dtype:
    """dtype of (name, kind, offset) in points of ``step`` bytes."""
    names, kinds, offsets = zip(*fields, strict=True)
    return np.dtype({"names": names, "formats": ["<" + k for k in kinds], "offsets": offsets, "itemsize": step})


def message(points: np.ndarray, *, height: int = 1, pad: int = 0, **changes: object) -> CloudMsg:
    """A message of a structured array (N,); rows of an organised cloud end with ``pad`` unused bytes."""
    fields = [PointField(n, int(k[1]), CODES[k[0].str[1:]]) for n, k in points.dtype.fields.items()]
    width, step = len(points) // height, points.dtype.itemsize
    rows = np.frombuffer(points.tobytes(), np.uint8).reshape(height, width * step)
    data = np.pad(rows, ((0, 0), (0, pad))).tobytes()
    big = points.dtype["x"].str[0] == ">"
    values = {"frame_id": "lidar", "stamp_ns": STAMP, "height": height, "width": width, "fields": fields,
              "is_bigendian": big, "point_step": step, "row_step": width * step + pad, "data": data}  # fmt: skip
    return CloudMsg("/points", 0, 0, **{**values, **changes})


@dataclass(frozen=True)
class Driver:
    """How one driver fills a cloud.

    Attributes:
        step and fields: of a point; height: rows of the cloud (organised if above 1).
        stamp_at: what its header stamp means; names of its intensity, time and ring fields ("" : none).
        full: raw intensity that means 1; raw_time: raw value of a time [s, from the header stamp] and a stamp [ns].
    """

    dtype: np.dtype
    height: int = 1
    stamp_at: str = "start"
    intensity: str = "intensity"
    time: str = ""
    ring: str = ""
    full: float = 255.0
    raw_time: Callable[[np.ndarray, int], np.ndarray] = lambda t, stamp: t

    def sweep(self, n: int = 2048, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """A sweep of 0.1 s as the driver sends it, and what it means: xyz, intensity 0..1, time [s], ring."""
        rng = np.random.default_rng(seed)
        points = np.zeros(n, self.dtype)
        for name in self.dtype.names or ():  # whatever else is in a point must not matter
            kind = self.dtype[name]
            points[name] = rng.uniform(0, 100, n) if kind.kind == "f" else rng.integers(0, 100, n)
        xyz = rng.uniform(-50, 50, (n, 3)).astype(np.float32)
        for i, name in enumerate("xyz"):
            points[name] = xyz[:, i]
        raw = rng.integers(0, int(self.full) + 1, n) if self.full > 1 else rng.random(n)
        column = np.arange(n) % (n // self.height)
        time = 0.1 * column / (n // self.height) - (0.1 if self.stamp_at == "end" else 0.0)
        ring = np.arange(n) // (n // self.height) if self.height > 1 else np.arange(n) % 32
        if self.intensity:
            points[self.intensity] = raw
        if self.time:
            points[self.time] = self.raw_time(time, STAMP)
        if self.ring:
            points[self.ring] = ring
        want = {"xyz": xyz, "intensity": raw / self.full if self.intensity else 0 * time,
                "time": time if self.time else 0 * time, "ring": ring if self.ring else 0 * ring}  # fmt: skip
        return points, want


def _ns(t: np.ndarray, stamp: int) -> np.ndarray:
    return np.round(t * 1e9).astype(np.int64)


def _absolute_ns(t: np.ndarray, stamp: int) -> np.ndarray:
    return stamp + _ns(t, stamp)


def _absolute_s(t: np.ndarray, stamp: int) -> np.ndarray:
    return stamp * 1e-9 + t


XYZ = (("x", "f4", 0), ("y", "f4", 4), ("z", "f4", 8))
DRIVERS = {
    # ouster-ros, os_point.h: EIGEN_ALIGN16, organised, t in ns from the first column
    "ouster": Driver(struct(48, *XYZ, ("intensity", "f4", 16), ("t", "u4", 20), ("reflectivity", "u2", 24),
                            ("ring", "u2", 26), ("ambient", "u2", 28), ("range", "u4", 32)),
                     height=64, time="t", ring="ring", full=4095.0, raw_time=_ns),
    # the same before 2023: ring of one byte
    "ouster before 2023": Driver(struct(48, *XYZ, ("intensity", "f4", 16), ("t", "u4", 20), ("reflectivity", "u2", 24),
                                        ("ring", "u1", 26), ("ambient", "u2", 28), ("range", "u4", 32)),
                                 height=32, time="t", ring="ring", full=4095.0, raw_time=_ns),
    # ouster_ros 1.x, point_os1.h: t is a float of nanoseconds
    "ouster os1": Driver(struct(32, *XYZ, ("t", "f4", 16), ("reflectivity", "u2", 20), ("intensity", "u2", 22),
                                ("ring", "u1", 24)),
                         height=64, time="t", ring="ring", full=65535.0, raw_time=_ns),
    # velodyne_pointcloud, PointcloudXYZIRT: packed, time in s, negative: the stamp is that of the last packet
    "velodyne": Driver(struct(22, *XYZ, ("intensity", "f4", 12), ("ring", "u2", 16), ("time", "f4", 18)),
                       stamp_at="end", time="time", ring="ring"),
    # velodyne_pointcloud, OrganizedCloudXYZIRT, with timestamp_first_packet
    "velodyne organised": Driver(struct(22, *XYZ, ("intensity", "f4", 12), ("ring", "u2", 16), ("time", "f4", 18)),
                                 height=16, time="time", ring="ring"),
    # HesaiLidar_ROS_2.0: packed, timestamp in s since 1970
    "hesai": Driver(struct(26, *XYZ, ("intensity", "f4", 12), ("ring", "u2", 16), ("timestamp", "f8", 18)),
                    time="timestamp", ring="ring", raw_time=_absolute_s),
    # HesaiLidar_General_ROS: PCL-aligned
    "hesai general": Driver(struct(48, *XYZ, ("intensity", "f4", 16), ("timestamp", "f8", 24), ("ring", "u2", 32)),
                            height=32, stamp_at="end", time="timestamp", ring="ring", raw_time=_absolute_s),
    # livox_ros_driver2, xfer_format 0: packed, timestamp in ns since 1970
    "livox": Driver(struct(26, *XYZ, ("intensity", "f4", 12), ("tag", "u1", 16), ("line", "u1", 17),
                           ("timestamp", "f8", 18)),
                    time="timestamp", ring="line", raw_time=_absolute_ns),
    # Livox CustomMsg converted to PointCloud2: offset_time in ns from the time base, reflectivity of one byte
    "livox custom": Driver(struct(32, *XYZ, ("reflectivity", "u1", 16), ("tag", "u1", 17), ("line", "u1", 18),
                                  ("offset_time", "u4", 20)),
                           intensity="reflectivity", time="offset_time", ring="line", raw_time=_ns),
    # rslidar_sdk, XYZIRT: packed, timestamp in s since 1970, of the last point in the header
    "robosense": Driver(struct(26, *XYZ, ("intensity", "f4", 12), ("ring", "u2", 16), ("timestamp", "f8", 18)),
                        height=32, stamp_at="end", time="timestamp", ring="ring", raw_time=_absolute_s),
    # autoware_point_types
    "autoware xyzirc": Driver(struct(16, *XYZ, ("intensity", "u1", 12), ("return_type", "u1", 13), ("channel", "u2", 14)),
                              ring="channel"),
    "autoware xyzircaedt": Driver(struct(32, *XYZ, ("intensity", "u1", 12), ("return_type", "u1", 13), ("channel", "u2", 14),
                                         ("azimuth", "f4", 16), ("elevation", "f4", 20), ("distance", "f4", 24),
                                         ("time_stamp", "u4", 28)),
                                  time="time_stamp", ring="channel", raw_time=_ns),
    # pcl::PointXYZI and pcl::PointXYZ: neither time nor ring
    "pcl xyzi": Driver(struct(32, *XYZ, ("intensity", "f4", 16))),
    "pcl xyz": Driver(struct(16, *XYZ), intensity=""),
}  # fmt: skip
