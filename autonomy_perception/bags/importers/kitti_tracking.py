"""KITTI tracking: a ``training`` or ``testing`` folder with velodyne/, image_02/, calib/, label_02/, oxts/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags import messages
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import ego as ego_motion
from autonomy_perception.bags.importers import kitti
from autonomy_perception.bags.importers.base import TRUTH_TOPIC, Drive, ImportOptions, Record
from autonomy_perception.bags.importers.tracklets import CLASSES, LidarBox
from autonomy_perception.types import ObjectClass

F64 = NDArray[np.float64]
CAMERAS = {"image_02": ("camera_2", "P2"), "image_03": ("camera_3", "P3")}


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open one sequence. Raises BagError if a needed file is missing or broken."""
    sequence = _sequence(folder, options.sequence)
    scans = kitti.numbered(folder / "velodyne" / sequence, ".bin")
    if not scans:
        raise BagError(f"{folder / 'velodyne' / sequence}: expected NNNNNN.bin scans, found none")
    stamps = kitti.derived_stamps(max(scans) + 1, options, folder / sequence, kitti.DEFAULT_START_NS)
    calibration = _calibration(folder / "calib" / f"{sequence}.txt")
    cameras = []
    for key, (name, _) in CAMERAS.items():
        files = kitti.numbered(folder / key / sequence, ".png", ".jpg")
        if files:
            files = {k: v for k, v in files.items() if k < len(stamps)}
            cameras.append(kitti.Camera(name, files, stamps, calibration.camera(name)[0]))
    ego = _ego(folder, sequence, options, stamps, calibration)
    labels = read_labels(folder / "label_02" / f"{sequence}.txt", calibration.T_rect_lidar)
    notes = {
        "source": "kitti-tracking", "drive": sequence, "ego": kitti.ego_note(options.ego, ego, max(scans) + 1),
        "stamps": f"derived: {options.period_s} s apart",
        "point_times": f"derived from azimuth, {options.period_s} s a turn" if options.derive_times else "none",
        "stamp_at": "mid (the lidar looks ahead)",
    }  # fmt: skip
    frames = sorted(scans)[: options.limit or None]

    def records() -> Iterator[Sequence[Record]]:
        yield [kitti.static_record(calibration, [c.name for c in cameras], int(stamps[frames[0]]))]
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


def _sequence(folder: Path, wanted: str) -> str:
    root = folder / "velodyne"
    found = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    if not found:
        raise BagError(f"{root}: expected a folder per sequence, found none (SRC is KITTI tracking's training folder)")
    if wanted and wanted not in found:
        raise BagError(f"{root}: no sequence {wanted!r}, found {', '.join(found)}")
    if not wanted and len(found) > 1:
        raise BagError(f"{root}: holds {len(found)} sequences; choose one with --sequence: {', '.join(found)}")
    return wanted or found[0]


def _calibration(path: Path) -> kitti.Calibration:
    values = kitti.read_values(path)
    rect = np.eye(4)
    rect[:3, :3] = kitti.value(values, ["R0_rect", "R_rect"], 9, path).reshape(3, 3)
    velo = kitti.rigid(kitti.value(values, ["Tr_velo_to_cam", "Tr_velo_cam"], 12, path))
    P = {name: kitti.value(values, [key], 12, path).reshape(3, 4) for name, key in CAMERAS.values()}
    imu_names = ["Tr_imu_to_velo", "Tr_imu_velo"]
    imu = kitti.rigid(kitti.value(values, imu_names, 12, path)) if any(n in values for n in imu_names) else None
    return kitti.Calibration(rect @ velo, P, imu)


def _ego(folder: Path, sequence: str, options: ImportOptions, stamps: NDArray[np.int64],
         calibration: kitti.Calibration) -> kitti.Ego | None:  # fmt: skip
    if options.ego == "none":
        return None
    if options.ego == "poses":
        return ego_motion.from_lidar_poses(folder / "poses_lidar_odometry" / f"{sequence}.txt", stamps)
    path = folder / "oxts" / f"{sequence}.txt"
    return ego_motion.from_oxts(kitti.read_table(path, ego_motion.OXTS_COLUMNS), stamps, calibration, path)


def read_labels(path: Path, T_rect_lidar: F64) -> dict[int, list[LidarBox]] | None:
    """Labels by frame, in the lidar frame; DontCare regions have no 3D box and are left out.

    A line: frame, track, type, truncated, occluded, alpha, 2D box (4), h w l, x y z of the bottom centre in the
    rectified camera frame, rotation_y.

    Raises:
        BagError: a line is broken.
    """
    if not path.exists():
        return None
    T_lidar_rect = geometry.invert(T_rect_lidar)
    out: dict[int, list[LidarBox]] = {}
    for number, line in enumerate(kitti.read_text(path).splitlines(), start=1):
        words = line.split()
        if not words or words[2:3] == ["DontCare"]:
            continue
        try:
            frame, track = int(words[0]), int(words[1])
            h, w, l, x, y, z, yaw = (float(v) for v in words[10:17])  # noqa: E741 - KITTI's name
        except ValueError:
            raise BagError(f"{path}:{number}: expected 17 words of a tracking label, found {line[:60]!r}") from None
        T = T_lidar_rect @ _box_in_camera((x, y - h / 2.0, z), yaw)
        kind = CLASSES.get(words[2], ObjectClass.UNKNOWN)
        out.setdefault(frame, []).append(LidarBox(f"kitti-tracking/{path.stem}/{track}", kind, T, (l, w, h)))
    return out


def _box_in_camera(centre: tuple[float, float, float], rotation_y: float) -> F64:
    """T_rect_box (4,4): x along the length, z up, for a box turned by ``rotation_y`` about the camera's y (down)."""
    c, s = np.cos(rotation_y), np.sin(rotation_y)
    forward, up = np.array([c, 0.0, -s]), np.array([0.0, -1.0, 0.0])
    return geometry.make_transform(np.column_stack([forward, np.cross(up, forward), up]), centre)
