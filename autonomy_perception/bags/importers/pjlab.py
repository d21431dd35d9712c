"""PJLab SensorsCalibration moments: one folder with calib.pcd, calib.jpg and calib.txt (K, D, T of lidar to camera)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import files, mounting, parts
from autonomy_perception.bags.importers.base import Drive, ImportOptions, Record
from autonomy_perception.bags.importers.pcd import read_pcd

LIDAR, CAMERA = "lidar_top", "camera_front"


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open one moment. Raises BagError if a needed file is missing or broken."""
    scan, image, calibration = (_one(folder, kinds) for kinds in ((".pcd",), files.IMAGES, (".txt",)))
    lens, T_lidar_camera = read_calibration(calibration)
    cloud = read_pcd(scan)
    xyz = _columns(cloud, ("x", "y", "z"), scan)
    stamp = _stamp(cloud, scan)
    T_base_lidar = mounting.mounting(xyz, options, scan)
    notes = parts.notes_of(
        "pjlab", folder.name, ego="none", stamps="recorded (points); the image carries the scan's",
        point_times="recorded", stamp_at="end", mounting=mounting.note(T_base_lidar),
    )  # fmt: skip

    def records() -> Iterator[Sequence[Record]]:
        edges = [(parts.BASE_FRAME, LIDAR, T_base_lidar), (LIDAR, f"{CAMERA}_optical", T_lidar_camera)]
        yield [parts.static_record(stamp, edges), *parts.image_records(CAMERA, image, stamp, lens),
               parts.cloud_record(LIDAR, stamp, cloud)]  # fmt: skip

    return Drive(1, notes, records)


def read_calibration(path: Path) -> tuple[parts.Lens, parts.F64]:
    """Lens and ``T_lidar_camera`` (4,4) of lines ``K: 9``, ``D: 4 or 5``, ``T: 12`` numbers. Raises BagError."""
    values = files.read_values(path)
    K = files.value(values, ["K"], 9, path).reshape(3, 3)
    if "D" not in values or values["D"].size not in (4, 5):
        found = f"{values['D'].size} numbers" if "D" in values else "no such entry"
        raise BagError(f"{path}: D: expected 4 or 5 numbers (k1 k2 p1 p2 k3), found {found}")
    D = np.zeros(5)
    D[: values["D"].size] = values["D"]
    T_camera_lidar = files.rigid(files.value(values, ["T"], 12, path))
    return parts.Lens(K, D), geometry.invert(T_camera_lidar)


def _one(folder: Path, suffixes: tuple[str, ...]) -> Path:
    found = sorted(p for p in folder.iterdir() if p.suffix in suffixes) if folder.is_dir() else []
    if len(found) != 1:
        raise BagError(
            f"{folder}: expected one *{suffixes[0]} (a moment with calib.pcd, calib.jpg, calib.txt), found {len(found)}"
        )
    return found[0]


def _columns(cloud: NDArray[Any], names: tuple[str, ...], path: Path) -> parts.F32:
    have = cloud.dtype.names or ()
    for name in names:
        if name not in have:
            raise BagError(f"{path}: FIELDS: expected {name}, found {' '.join(have)}")
    return np.stack([np.asarray(cloud[name], np.float32) for name in names], axis=1)


def _stamp(cloud: NDArray[Any], path: Path) -> int:
    """End of the sweep [ns]: the newest point."""
    if "timestamp" not in (cloud.dtype.names or ()):
        raise BagError(f"{path}: FIELDS: expected timestamp, found {' '.join(cloud.dtype.names or ())}")
    newest = float(cloud["timestamp"].max(initial=-np.inf))
    if not np.isfinite(newest):
        raise BagError(f"{path}: timestamp: expected a finite time for every point, found {newest}")
    return round(newest * 1e9)
