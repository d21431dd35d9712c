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
from autonomy_perception.bags.importers import files, kitti, parts
from autonomy_perception.bags.importers.base import TRUTH_TOPIC, Drive, ImportOptions, Record
from autonomy_perception.bags.importers.kitti_object import read_calibration
from autonomy_perception.bags.importers.tracklets import LidarBox

F64 = NDArray[np.float64]
CAMERAS = {"image_02": ("camera_2", "P2"), "image_03": ("camera_3", "P3")}


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open one sequence. Raises BagError if a needed file is missing or broken."""
    sequence = _sequence(folder, options.sequence)
    scans = files.numbered(folder / "velodyne" / sequence, ".bin")
    if not scans:
        raise BagError(f"{folder / 'velodyne' / sequence}: expected NNNNNN.bin scans, found none")
    stamps = parts.derived_stamps(max(scans) + 1, options, folder / sequence, kitti.DEFAULT_START_NS)
    calibration = read_calibration(folder / "calib" / f"{sequence}.txt")
    cameras = []
    for key, (name, _) in CAMERAS.items():
        images = files.numbered(folder / key / sequence, ".png", ".jpg")
        if images:
            images = {k: v for k, v in images.items() if k < len(stamps)}
            cameras.append(kitti.Camera(name, images, stamps, calibration.camera(name)[0]))
    ego = _ego(folder, sequence, options, stamps, calibration)
    labels = read_labels(folder / "label_02" / f"{sequence}.txt", calibration.T_rect_lidar)
    notes = {
        "source": "kitti-tracking", "drive": sequence, "ego": parts.ego_note(options.ego, ego, max(scans) + 1),
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


def _ego(folder: Path, sequence: str, options: ImportOptions, stamps: NDArray[np.int64],
         calibration: kitti.Calibration) -> parts.Ego | None:  # fmt: skip
    if options.ego == "none":
        return None
    if options.ego == "poses":
        return ego_motion.from_lidar_poses(folder / "poses_lidar_odometry" / f"{sequence}.txt", stamps)
    path = folder / "oxts" / f"{sequence}.txt"
    return ego_motion.from_oxts(files.read_table(path, ego_motion.OXTS_COLUMNS), stamps, calibration, path)


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
    for number, line in enumerate(files.read_text(path).splitlines(), start=1):
        words = line.split()
        if not words or words[2:3] == ["DontCare"]:
            continue
        try:
            box = kitti.labelled_box(words[2:], f"kitti-tracking/{path.stem}/{int(words[1])}", T_lidar_rect)
            out.setdefault(int(words[0]), []).append(box)
        except ValueError:
            raise BagError(f"{path}:{number}: expected 17 words of a tracking label, found {line[:60]!r}") from None
    return out
