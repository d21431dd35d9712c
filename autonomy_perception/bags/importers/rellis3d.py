"""RELLIS-3D (Jiang et al., 2021): a sequence folder, or one flat example, of a Warthog with Ouster, Velodyne and camera."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import ego, files, mounting, parts
from autonomy_perception.bags.importers.base import Drive, ImportOptions, Record
from autonomy_perception.bags.importers.semantic_kitti import read_labels

OUSTER, VELODYNE, CAMERA = "os1", "velodyne", "pylon_camera"
BEAMS = 64
"""The Ouster's clouds are organised shot by shot: 64 points, from the uppermost beam down."""
DISTORTION = np.array([-0.134313, -0.025905, 0.002181, 0.00084, 0.0])
"""k1 k2 p1 p2 k3 of the Basler camera as the data set's projection tool has it (camera_info.txt has fx fy cx cy only)."""
BACKWARD = (-1.0, 0.0, 0.0)
"""The Ouster's x axis looks to the rear of the vehicle."""
NAME = re.compile(r"frame(\d+)-(\d+)_(\d+)")


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open one sequence. Raises BagError if a needed file is missing or broken."""
    folder = parts.sequence_folder(folder, "os1_cloud_node_kitti_bin", options)
    clouds = files.numbered(_sub(folder, "os1_cloud_node_kitti_bin"), ".bin")
    images = {
        int(m[1]): p for p in sorted(_sub(folder, "pylon_camera_node").glob("frame*.jpg")) if (m := NAME.match(p.stem))
    }
    frames = [k for k in sorted(clouds) if k in images][: options.limit or None]
    if not frames:
        raise BagError(f"{folder}: expected NNNNNN.bin scans with frameNNNNNN-SECONDS_MILLISECONDS.jpg images, found "
                       f"{len(clouds)} scans and {len(images)} images that do not meet")  # fmt: skip
    stamps = {k: _stamp(images[k]) for k in frames}
    lens = read_lens(folder / "camera_info.txt")
    T_os_camera = _pose(folder / "transforms.yaml", "os1_cloud_node-pylon_camera_node")
    others = _velodyne(folder)
    first = files.read_points(clouds[frames[0]], 4)
    T_base_os = mounting.mounting(first[_returned(first), :3], options, clouds[frames[0]], BACKWARD)
    motion = _poses(folder / "poses.txt", T_base_os, stamps) if options.ego == "poses" else None
    notes = parts.notes_of(
        "rellis3d", folder.name, ego="poses.txt" if motion else "none", stamps="recorded (image names)", point_times="none",
        stamp_at="mid (assumed)", mounting=mounting.note(T_base_os, BACKWARD), labels="RELLIS-3D ids",
    )  # fmt: skip

    def records() -> Iterator[Sequence[Record]]:
        edges = [(parts.BASE_FRAME, OUSTER, T_base_os), (OUSTER, f"{CAMERA}_optical", T_os_camera)]
        if others:
            edges.append((OUSTER, VELODYNE, _pose(folder / "vel2os1.yaml", "vel2os1")))
        yield [parts.static_record(stamps[frames[0]], edges)]
        for k in frames:
            at = stamps[k]
            out = list(motion.between(at, at + 1)) if motion else []
            out += parts.image_records(CAMERA, images[k], at, lens)
            if k in others:
                points = files.read_points(others[k], 4)
                cloud = parts.points(points[:, :3], intensity=points[:, 3])
                out.append(parts.cloud_record(VELODYNE, at, cloud, at + 50_000_000))
            # the reference comes last and closes the frame
            out += _ouster(
                clouds[k], at, _sub(folder, "os1_cloud_node_semantickitti_label_id") / f"{clouds[k].stem}.label"
            )
            truth = _sub(folder, "pylon_camera_node_label_id") / f"{images[k].stem}.png"
            out += [parts.image_truth(CAMERA, files.read_image(truth), at)] if truth.exists() else []
            yield out

    return Drive(len(frames), notes, records)


def read_lens(path: Path) -> parts.Lens:
    """Lens of ``fx fy cx cy``. Raises BagError."""
    table = files.read_table(path, 4)
    if len(table) != 1:
        raise BagError(f"{path}: expected one line fx fy cx cy, found {len(table)}")
    fx, fy, cx, cy = table[0]
    return parts.Lens(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]), DISTORTION)


def _sub(folder: Path, name: str) -> Path:
    """The folder of one kind of file, or the example's only folder."""
    return folder / name if (folder / name).is_dir() else folder


def _returned(points: parts.F32) -> Any:
    return np.any(points[:, :3] != 0.0, axis=1)


def _ouster(path: Path, at: int, labels: Path) -> list[Record]:
    """Cloud with rings, and its labels; shots without a return (0 0 0) are left out."""
    points = files.read_points(path, 4)
    there = _returned(points)
    ring = (
        {} if len(points) % BEAMS else {"ring": np.tile(np.arange(BEAMS, dtype=np.uint16), len(points) // BEAMS)[there]}
    )
    cloud = parts.points(points[there, :3], intensity=points[there, 3], **ring)
    out = [parts.cloud_record(OUSTER, at, cloud, at + 50_000_000)]
    if labels.exists():
        out.append(parts.label_record(OUSTER, at, points[there, :3], read_labels(labels, len(points))[there]))
    return out


def _velodyne(folder: Path) -> dict[int, Path]:
    """Scans of the Velodyne by frame, where its pose is known too."""
    if not (folder / "vel2os1.yaml").exists():
        return {}
    full = files.numbered(folder / "vel_cloud_node_kitti_bin", ".bin")
    return full or {int(p.stem[3:]): p for p in sorted(folder.glob("vel*.bin")) if p.stem[3:].isdigit()}


def _stamp(path: Path) -> int:
    match = NAME.match(path.stem)
    assert match is not None
    return int(match[2]) * 1_000_000_000 + int(match[3]) * 1_000_000


def _pose(path: Path, key: str) -> parts.F64:
    """(4,4) of ``KEY: {q: {w x y z}, t: {x y z}}``. Raises BagError."""
    try:
        item = yaml.safe_load(files.read_text(path))[key]
        q = [float(item["q"][k]) for k in "xyzw"]
        return files.pose_of(q, [float(item["t"][k]) for k in "xyz"], f"{path}: {key}.q")
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise BagError(f"{path}: expected {key} with q (w x y z) and t (x y z), found others") from None


def _poses(path: Path, T_base_os: parts.F64, stamps: dict[int, int]) -> parts.Ego | None:
    """``T_firstos_os`` by scan number to base_link of the first; None without the file."""
    if not path.exists():
        return None
    table = files.read_table(path, 12)
    kept = [k for k in stamps if k < len(table)]
    at = np.array([stamps[k] for k in kept], np.int64)
    T_first_os = np.tile(np.eye(4), (len(kept), 1, 1))
    T_first_os[:, :3] = table[kept].reshape(-1, 3, 4)
    T = T_base_os @ T_first_os @ geometry.invert(T_base_os)
    return parts.Ego(at, T, ego.twists(T, at), np.zeros(len(T)))
