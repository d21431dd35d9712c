"""What KITTI raw and KITTI tracking share: calibration, scans, images, ego motion.

Formats: Geiger et al., "Vision meets Robotics: The KITTI Dataset", IJRR 2013, and its development kit.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags import messages
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers.base import ImportOptions, Record, odometry_records

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

LIDAR_FRAME, BASE_FRAME, ODOM_FRAME = "velodyne", "base_link", "odom"
CLOUD_TOPIC = "/lidar/points"
T_BASE_LIDAR = geometry.make_transform(None, (0.76, 0.0, 1.73))
"""Lidar over the rear axle's centre on the ground: 1.73 m up, 0.76 m ahead (sensor set-up figure of the paper)."""
DEFAULT_START_NS = 1_317_000_000_000_000_000  # 2011-09-26, for drives whose folder names no date
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])
TIMED_POINT = np.dtype([*POINT.descr, ("time", "<f4")])


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


def read_values(path: Path) -> dict[str, F64]:
    """``name: numbers`` lines of a KITTI calibration file (the colon may be missing). Raises BagError."""
    out: dict[str, F64] = {}
    for line in read_text(path).splitlines():
        name, _, rest = line.strip().partition(" ")
        try:
            out[name.rstrip(":")] = np.array(rest.split(), np.float64)
        except ValueError:
            continue  # e.g. calib_time
    return out


def value(values: Mapping[str, F64], names: Sequence[str], size: int, path: Path) -> F64:
    """One entry by any of its names. Raises BagError if it is missing or of another length."""
    for name in names:
        if name in values:
            if values[name].size != size:
                raise BagError(f"{path}: {name}: expected {size} numbers, found {values[name].size}")
            return values[name]
    raise BagError(f"{path}: expected an entry {' or '.join(names)}, found {', '.join(values) or 'none'}")


def rigid(values: F64) -> F64:
    """3x4 row-major (12,) to 4x4."""
    out = np.eye(4)
    out[:3] = values.reshape(3, 4)
    return out


def read_text(path: Path) -> str:
    """Text of a file. Raises BagError."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "not text"
        raise BagError(f"{path}: cannot be read: {reason}") from e


def read_bytes(path: Path) -> bytes:
    """Bytes of a file. Raises BagError."""
    try:
        return path.read_bytes()
    except OSError as e:
        raise BagError(f"{path}: cannot be read: {e.strerror}") from e


def read_table(path: Path, columns: int) -> F64:
    """Rows of at least ``columns`` numbers, cut to that many. Raises BagError."""
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = [float(x) for x in line.split()]
        except ValueError:
            raise BagError(f"{path}:{number}: expected numbers, found {line[:40]!r}") from None
        if len(row) < columns:
            raise BagError(f"{path}:{number}: expected {columns} numbers, found {len(row)}")
        rows.append(row[:columns])
    return np.array(rows, np.float64).reshape(-1, columns)


def numbered(folder: Path, *suffixes: str) -> dict[int, Path]:
    """Files whose stem is a number, by that number."""
    if not folder.is_dir():
        return {}
    return {int(p.stem): p for p in sorted(folder.iterdir()) if p.suffix in suffixes and p.stem.isdigit()}


def read_scan(path: Path) -> F32:
    """Points (N,4): x y z [m] in the lidar frame, reflectance 0..1. Raises BagError."""
    raw = read_bytes(path)
    if len(raw) % 16:
        raise BagError(f"{path}: expected 16-byte points, found {len(raw)} bytes")
    return np.frombuffer(raw, np.float32).reshape(-1, 4)


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


def derived_stamps(frames: int, options: ImportOptions, missing: Path, start_ns: int) -> I64:
    """Stamps (frames,) at a fixed period. Raises BagError unless the user asked for it."""
    if not options.derive_stamps:
        raise BagError(f"{missing}: no timestamps; pass --derive-stamps (and --period) to number the frames at a "
                       "fixed period; the bag will say so")  # fmt: skip
    return start_ns + np.round(np.arange(frames) * options.period_s * 1e9).astype(np.int64)


def start_of_day(name: str) -> int:
    """Midnight UTC [ns] of a name that begins with YYYY_MM_DD, else a fixed day."""
    try:
        day = datetime.datetime.strptime(name[:10], "%Y_%m_%d").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return DEFAULT_START_NS
    return int(day.timestamp()) * 1_000_000_000


def image_size(encoded: bytes, path: Path) -> tuple[int, int]:
    """(width, height) of a PNG or JPEG. Raises BagError."""
    from autonomy_perception.sensors.image import ImageError, encoded_size

    try:
        return encoded_size(encoded)
    except ImageError as e:
        raise BagError(f"{path}: {e}") from e


@dataclass(frozen=True)
class Camera:
    """One camera of a drive: image files by frame number and its stamps."""

    name: str
    files: Mapping[int, Path]
    stamps: I64
    K: F64

    @property
    def frame_id(self) -> str:
        """Optical frame."""
        return f"{self.name}_optical"

    def records(self, frame: int) -> list[Record]:
        """Image (its bytes as they are) and CameraInfo of one frame; nothing where the file is missing."""
        if frame not in self.files:
            return []
        path, at = self.files[frame], int(self.stamps[frame])
        encoded = read_bytes(path)
        kind = "png" if path.suffix == ".png" else "jpeg"
        image = messages.compressed_image(self.frame_id, at, encoded, f"bgr8; {kind} compressed bgr8")
        info = messages.camera_info(self.frame_id, at, image_size(encoded, path), self.K)
        return [Record(f"/{self.name}/image/compressed", messages.COMPRESSED_IMAGE, at, image),
                Record(f"/{self.name}/camera_info", messages.CAMERA_INFO, at, info)]  # fmt: skip


def cloud_record(path: Path, stamp_ns: int, options: ImportOptions) -> Record:
    """The scan of one frame; received half a turn after its stamp (stamp: the lidar looks ahead)."""
    points = read_scan(path)
    cloud = np.empty(len(points), TIMED_POINT if options.derive_times else POINT)
    for column, name in enumerate(("x", "y", "z", "intensity")):
        cloud[name] = points[:, column]
    if options.derive_times:
        cloud["time"] = sweep_time(points, options.period_s)
    received = stamp_ns + round(options.period_s * 0.5e9)
    return Record(CLOUD_TOPIC, messages.CLOUD, received, messages.cloud(LIDAR_FRAME, stamp_ns, cloud))


def static_record(calibration: Calibration, cameras: Sequence[str], stamp_ns: int) -> Record:
    """/tf_static: base_link -> velodyne -> each camera's optical frame (and the IMU, where calibrated)."""
    edges = [(BASE_FRAME, LIDAR_FRAME, T_BASE_LIDAR)]
    edges += [(LIDAR_FRAME, f"{name}_optical", calibration.camera(name)[1]) for name in cameras]
    if calibration.T_lidar_imu is not None:
        edges.append((LIDAR_FRAME, "imu", calibration.T_lidar_imu))
    return Record("/tf_static", messages.TF, stamp_ns, messages.transforms(stamp_ns, edges))


@dataclass(frozen=True)
class Ego:
    """Ego motion by frame: stamps (N,), T_odom_base (N,4,4), twist (N,6), position variance (N,) [m^2], 0 unknown."""

    stamps: I64
    T_odom_base: F64
    twist: F64
    variance: F64

    def records(self, frame: int) -> Iterator[Record]:
        """Odometry and /tf of one frame; nothing beyond the last pose."""
        if frame < len(self.stamps):
            cov = np.array([self.variance[frame]] * 3 + [0.0] * 3)
            yield from odometry_records(ODOM_FRAME, BASE_FRAME, int(self.stamps[frame]), self.T_odom_base[frame],
                                        self.twist[frame], cov)  # fmt: skip


def ego_note(source: str, ego: Ego | None, frames: int) -> str:
    """What the bag says of its ego motion."""
    return source if ego is None or len(ego.stamps) >= frames else f"{source}, for {len(ego.stamps)} of {frames} frames"
