"""KITTI raw, synchronised and rectified: ``DATE/DATE_drive_NNNN_sync`` beside the day's calibration files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags import messages
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import ego as ego_motion
from autonomy_perception.bags.importers import files, kitti, parts, tracklets
from autonomy_perception.bags.importers.base import TRUTH_TOPIC, Drive, ImportOptions, Record

I64 = NDArray[np.int64]
CAMERAS = {"image_02": "camera_2", "image_03": "camera_3", "image_00": "camera_0", "image_01": "camera_1"}


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open one drive folder. Raises BagError if a needed file is missing or broken."""
    scans = files.numbered(folder / "velodyne_points" / "data", ".bin")
    if not scans:
        raise BagError(f"{folder}: expected velodyne_points/data/*.bin (a folder DATE_drive_NNNN_sync), found none")
    last = max(scans) + 1
    stamps, derived = _stamps(folder, options, last)
    calibration = _calibration(folder.parent)
    cameras = _cameras(folder, calibration, stamps)
    ego = _ego(folder, options, stamps, calibration)
    labels = tracklets.read(folder / "tracklet_labels.xml")
    notes = {
        "source": "kitti-raw", "drive": folder.name, "ego": parts.ego_note(options.ego, ego, last),
        "stamps": f"derived: {options.period_s} s apart" if derived else "recorded",
        "point_times": f"derived from azimuth, {options.period_s} s a turn" if options.derive_times else "none",
        "stamp_at": "mid (the lidar looks ahead)",
    }  # fmt: skip
    frames = sorted(scans)[: options.limit or None]

    def records() -> Iterator[Sequence[Record]]:
        first = int(stamps[frames[0]])
        yield [kitti.static_record(calibration, [c.name for c in cameras], first)]
        for frame in frames:
            at = int(stamps[frame])
            out = list(ego.records(frame)) if ego else []
            out += [r for c in cameras for r in c.records(frame)]
            out.append(kitti.cloud_record(scans[frame], at, options))
            if labels is not None:
                truth = [o.in_frame(kitti.T_BASE_LIDAR) for o in labels.get(frame, [])]
                out.append(Record(TRUTH_TOPIC, messages.TRACKED_OBJECTS, at, messages.truth("base_link", at, truth)))
            yield out

    return Drive(len(frames), notes, records)


def _stamps(folder: Path, options: ImportOptions, frames: int) -> tuple[I64, bool]:
    path = folder / "velodyne_points" / "timestamps.txt"
    stamps = kitti.read_stamps(path)
    if stamps is None:
        return parts.derived_stamps(frames, options, path, kitti.start_of_day(folder.name)), True
    if len(stamps) < frames:
        raise BagError(f"{path}: expected at least {frames} lines (one per scan), found {len(stamps)}")
    return stamps, False


def _calibration(day: Path) -> kitti.Calibration:
    cam_path, velo_path, imu_path = (
        day / "calib_cam_to_cam.txt",
        day / "calib_velo_to_cam.txt",
        day / "calib_imu_to_velo.txt",
    )
    cam = files.read_values(cam_path)
    rect = np.eye(4)
    rect[:3, :3] = files.value(cam, ["R_rect_00"], 9, cam_path).reshape(3, 3)
    P = {name: files.value(cam, [f"P_rect_{key[-2:]}"], 12, cam_path).reshape(3, 4)
         for key, name in CAMERAS.items() if f"P_rect_{key[-2:]}" in cam}  # fmt: skip
    T_imu = _rigid(imu_path) if imu_path.exists() else None
    return kitti.Calibration(rect @ _rigid(velo_path), P, T_imu)


def _rigid(path: Path) -> NDArray[np.float64]:
    values = files.read_values(path)
    rotation = files.value(values, ["R"], 9, path).reshape(3, 3)
    return geometry.make_transform(rotation, files.value(values, ["T"], 3, path))


def _cameras(folder: Path, calibration: kitti.Calibration, lidar_stamps: I64) -> list[kitti.Camera]:
    out = []
    for key, name in CAMERAS.items():
        images = files.numbered(folder / key / "data", ".png", ".jpg")
        if not images or name not in calibration.P:
            continue
        stamps = kitti.read_stamps(folder / key / "timestamps.txt")
        usable = lidar_stamps if stamps is None else stamps  # the lidar triggers the cameras when it looks ahead
        images = {k: v for k, v in images.items() if k < len(usable)}
        out.append(kitti.Camera(name, images, usable, calibration.camera(name)[0]))
    return out


def _ego(folder: Path, options: ImportOptions, stamps: I64, calibration: kitti.Calibration) -> parts.Ego | None:
    if options.ego == "none":
        return None
    if options.ego == "poses":
        return ego_motion.from_lidar_poses(folder / "poses_lidar_odometry.txt", stamps)
    rows = files.numbered(folder / "oxts" / "data", ".txt")
    if not rows or sorted(rows) != list(range(len(rows))):
        raise BagError(
            f"{folder / 'oxts' / 'data'}: expected 0000000000.txt and on without a gap, found {len(rows)} files"
        )
    table = np.vstack([files.read_table(rows[i], ego_motion.OXTS_COLUMNS)[:1] for i in range(len(rows))])
    at = kitti.read_stamps(folder / "oxts" / "timestamps.txt")
    return ego_motion.from_oxts(table, stamps if at is None else at, calibration, folder)
