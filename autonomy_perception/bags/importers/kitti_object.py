"""KITTI object detection: a ``training`` folder with velodyne/, image_2/, calib/, label_2/; frames of unrelated places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import files, kitti, parts
from autonomy_perception.bags.importers.base import Drive, ImportOptions, Record
from autonomy_perception.bags.importers.tracklets import LidarBox

CAMERAS = {"image_2": ("camera_2", "P2"), "image_3": ("camera_3", "P3")}
SCENE_GAP_S = 10.0
"""Frames are this far apart: each is another place, and nothing of one may reach into the next."""


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open all frames, or the one that ``--sequence`` names. Raises BagError if a needed file is missing or broken."""
    scans = files.numbered(folder / "velodyne", ".bin")
    if not scans:
        raise BagError(
            f"{folder / 'velodyne'}: expected NNNNNN.bin scans (SRC is KITTI object's training folder), found none"
        )
    if options.sequence:
        names = {p.stem: k for k, p in scans.items()}
        scans = {k: scans[k] for k in [names[parts.chosen(sorted(names), options.sequence, folder, "frame")]]}
    frames = sorted(scans)[: options.limit or None]
    spaced = replace(options, period_s=SCENE_GAP_S)
    stamps = parts.derived_stamps(len(frames), spaced, folder, kitti.DEFAULT_START_NS)
    images = {key: files.numbered(folder / key, *files.IMAGES) for key in CAMERAS}
    notes = parts.notes_of(
        "kitti-object", folder.name, ego="none", stamps=f"derived: {SCENE_GAP_S:.0f} s apart, frames are unrelated",
        point_times=f"derived from azimuth, {options.period_s} s a turn" if options.derive_times else "none",
        stamp_at="mid (the lidar looks ahead)", calibration="one for each frame",
    )  # fmt: skip

    def records() -> Iterator[Sequence[Record]]:
        for frame, stamp in zip(frames, stamps, strict=True):
            at, name = int(stamp), scans[frame].stem
            calibration = read_calibration(folder / "calib" / f"{name}.txt")
            seen = [key for key in CAMERAS if frame in images[key]]
            out = [kitti.static_record(calibration, [CAMERAS[key][0] for key in seen], at)]
            for key in seen:
                camera = CAMERAS[key][0]
                out += parts.image_records(camera, images[key][frame], at, parts.Lens(calibration.camera(camera)[0]))
            out.append(kitti.cloud_record(scans[frame], at, options))
            labels = folder / "label_2" / f"{name}.txt"
            if labels.exists():
                boxes = read_labels(labels, geometry.invert(calibration.T_rect_lidar))
                out.append(parts.truth_record(at, [box.in_frame(kitti.T_BASE_LIDAR) for box in boxes]))
            yield out

    return Drive(len(frames), notes, records)


def read_calibration(path: Path) -> kitti.Calibration:
    """Calibration of one frame (or one tracking sequence: the names differ). Raises BagError."""
    values = files.read_values(path)
    rect = np.eye(4)
    rect[:3, :3] = files.value(values, ["R0_rect", "R_rect"], 9, path).reshape(3, 3)
    velo = files.rigid(files.value(values, ["Tr_velo_to_cam", "Tr_velo_cam"], 12, path))
    P = {name: files.value(values, [key], 12, path).reshape(3, 4) for name, key in CAMERAS.values()}
    imu_names = ["Tr_imu_to_velo", "Tr_imu_velo"]
    imu = files.rigid(files.value(values, imu_names, 12, path)) if any(n in values for n in imu_names) else None
    return kitti.Calibration(rect @ velo, P, imu)


def read_labels(path: Path, T_lidar_rect: kitti.F64) -> list[LidarBox]:
    """Labels of one frame in the lidar frame; DontCare regions have no 3D box. Raises BagError."""
    out = []
    for number, line in enumerate(files.read_text(path).splitlines(), start=1):
        words = line.split()
        if not words or words[0] == "DontCare":
            continue
        try:
            out.append(kitti.labelled_box(words, f"kitti-object/{path.stem}/{number}", T_lidar_rect))
        except ValueError:
            raise BagError(f"{path}:{number}: expected 15 words of an object label, found {line[:60]!r}") from None
    return out
