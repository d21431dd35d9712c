"""SemanticKITTI (Behley et al., 2019): ``sequences/NN`` of KITTI odometry with labels, or scans as range images (npz)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import ego, files, kitti, parts
from autonomy_perception.bags.importers.base import Drive, ImportOptions, Record
from autonomy_perception.bags.importers.kitti import LIDAR_FRAME, T_BASE_LIDAR

CAMERAS = {"image_2": ("camera_2", "P2"), "image_3": ("camera_3", "P3")}
Scan = tuple[parts.F32, NDArray[np.uint16] | None]
"""Points (N,4) x y z reflectance, and the class number of each."""


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open one sequence, or a folder of range images. Raises BagError if a needed file is missing or broken."""
    if folder.is_dir() and any(folder.glob("*.npz")):
        return _range_images(folder, options)
    return _sequence(folder, options)


def _drive(frames: Sequence[int], stamps: parts.I64, scan: Callable[[int], Scan], notes: dict[str, str],
           options: ImportOptions, calibration: kitti.Calibration | None = None, cameras: Sequence[kitti.Camera] = (),
           motion: parts.Ego | None = None) -> Drive:  # fmt: skip
    times = f"derived from azimuth, {options.period_s} s a turn" if options.derive_times else "none"
    facts = {"point_times": times, "stamp_at": "mid (the lidar looks ahead)", **notes}

    def records() -> Iterator[Sequence[Record]]:
        names = [c.name for c in cameras]
        rig = calibration or kitti.Calibration(np.eye(4), {}, None)
        yield [kitti.static_record(rig, names, int(stamps[frames[0]]))]
        for frame in frames:
            at = int(stamps[frame])
            out = list(motion.records(frame)) if motion else []
            out += [r for c in cameras for r in c.records(frame)]
            points, labels = scan(frame)
            out.append(kitti.scan_record(points, at, options))
            if labels is not None:
                out.append(parts.label_record(LIDAR_FRAME, at, points[:, :3], labels))
            yield out

    return Drive(len(frames), parts.notes_of("semantic-kitti", **facts), records)


def _range_images(folder: Path, options: ImportOptions) -> Drive:
    scans = files.numbered(folder, ".npz")
    if sorted(scans) != list(range(len(scans))):
        raise BagError(
            f"{folder}: expected 00.npz and on without a gap, found {', '.join(p.name for p in scans.values())}"
        )
    stamps = parts.derived_stamps(len(scans), options, folder, kitti.DEFAULT_START_NS)
    notes = {"drive": folder.name, "ego": "none", "stamps": f"derived: {options.period_s} s apart",
             "labels": "SemanticKITTI learning ids"}  # fmt: skip

    def scan(frame: int) -> Scan:
        path = scans[frame]
        there = files.read_npz(path, "range") > 0
        try:
            xyz, bright, labels = (files.read_npz(path, key)[there] for key in ("xyz", "intensity", "label"))
            points = np.column_stack([xyz, bright]).astype(np.float32)
        except (IndexError, ValueError) as e:
            raise BagError(f"{path}: expected xyz, intensity, range and label of one image: {e}") from None
        return points, labels.astype(np.uint16)

    return _drive(sorted(scans)[: options.limit or None], stamps, scan, notes, options)


def _sequence(folder: Path, options: ImportOptions) -> Drive:
    root = parts.sequence_folder(
        folder / "sequences" if (folder / "sequences").is_dir() else folder, "velodyne", options
    )
    scans = files.numbered(root / "velodyne", ".bin")
    if not scans:
        raise BagError(
            f"{root}: expected velodyne/NNNNNN.bin, sequences/NN/velodyne/ or NN.npz range images, found none"
        )
    frames = sorted(scans)[: options.limit or None]
    stamps, recorded = _times(root / "times.txt", max(scans) + 1, options)
    calibration = read_calibration(root / "calib.txt")
    cameras = [kitti.Camera(name, images, stamps, calibration.camera(name)[0])
               for key, (name, _) in CAMERAS.items() if (images := files.numbered(root / key, *files.IMAGES))]  # fmt: skip
    motion = _poses(root / "poses.txt", calibration, stamps) if options.ego == "poses" else None
    notes = {
        "drive": root.name, "ego": parts.ego_note("poses.txt", motion, max(scans) + 1) if motion else "none",
        "stamps": "recorded (times.txt, from the sequence's beginning)" if recorded else f"derived: {options.period_s} s apart",
        "labels": "SemanticKITTI ids, without the instance",
    }  # fmt: skip

    def scan(frame: int) -> Scan:
        points, path = kitti.read_scan(scans[frame]), root / "labels" / f"{scans[frame].stem}.label"
        return points, read_labels(path, len(points)) if path.exists() else None

    return _drive(frames, stamps, scan, notes, options, calibration, cameras, motion)


def read_labels(path: Path, points: int) -> NDArray[np.uint16]:
    """Class number (N,) of each point: the lower half of each label, the upper is the instance. Raises BagError."""
    raw = files.read_bytes(path)
    if len(raw) != 4 * points:
        raise BagError(f"{path}: expected {points} labels of 4 bytes, found {len(raw)} bytes")
    return (np.frombuffer(raw, np.uint32) & 0xFFFF).astype(np.uint16)


def read_calibration(path: Path) -> kitti.Calibration:
    """calib.txt of KITTI odometry: images are rectified, ``Tr`` is lidar to rectified camera 0. Raises BagError."""
    values = files.read_values(path)
    P = {name: files.value(values, [key], 12, path).reshape(3, 4) for name, key in CAMERAS.values() if key in values}
    return kitti.Calibration(files.rigid(files.value(values, ["Tr"], 12, path)), P, None)


def _times(path: Path, frames: int, options: ImportOptions) -> tuple[parts.I64, bool]:
    if not path.exists():
        return parts.derived_stamps(frames, options, path, kitti.DEFAULT_START_NS), False
    table = files.read_table(path, 1)[:, 0]
    if len(table) < frames:
        raise BagError(f"{path}: expected at least {frames} lines (one per scan), found {len(table)}")
    return kitti.DEFAULT_START_NS + np.round(table * 1e9).astype(np.int64), True


def _poses(path: Path, calibration: kitti.Calibration, stamps: parts.I64) -> parts.Ego | None:
    """``T_cam0first_cam0`` by scan to base_link; odom is base_link of the first."""
    if not path.exists():
        return None
    table = files.read_table(path, 12)[: len(stamps)]
    T_first_cam = np.tile(np.eye(4), (len(table), 1, 1))
    T_first_cam[:, :3] = table.reshape(-1, 3, 4)
    T_base_cam = T_BASE_LIDAR @ geometry.invert(calibration.T_rect_lidar)
    T = T_base_cam @ T_first_cam @ geometry.invert(T_base_cam)
    return parts.Ego(stamps[: len(T)], T, ego.twists(T, stamps[: len(T)]), np.zeros(len(T)))
