"""MonoForce / ROUGH (CTU): clouds/*.npz, images/*_CAMERA.png, calibration/, poses/lidar_poses.csv of a tracked robot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import ego, files, parts
from autonomy_perception.bags.importers.base import Drive, ImportOptions, Record

LIDAR, ROBOT = "os_sensor", "robot"
NAME = re.compile(r"(\d+)_(\d{9})")
NEAR_NS = 2_000_000_000
"""Poses are about a second apart; those farther from every scan are left out."""


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open one sequence. Raises BagError if a needed file is missing or broken."""
    folder = parts.sequence_folder(folder, "clouds", options)
    scans = {_stamp(p): p for p in sorted((folder / "clouds").glob("*.npz")) if NAME.fullmatch(p.stem)}
    if not scans:
        raise BagError(
            f"{folder / 'clouds'}: expected SECONDS_NANOSECONDS.npz, found none (SRC is one sequence's folder)"
        )
    stamps = sorted(scans)[: options.limit or None]
    edges = read_transforms(folder / "calibration" / "transformations.yaml")
    lenses = {p.stem: read_lens(p) for p in sorted((folder / "calibration" / "cameras").glob("*.yaml"))}
    lenses = {name: lens for name, lens in lenses.items() if f"T_base_link__{name}" in edges}
    T_base_robot = geometry.invert(edges["T_base_link__base_footprint"])
    T_base_lidar = T_base_robot @ edges["T_base_link__os_sensor"]
    motion = _motion(folder / "poses" / "lidar_poses.csv", T_base_lidar, stamps) if options.ego == "poses" else None
    notes = parts.notes_of(
        "monoforce", folder.name, ego=_ego_note(options, motion), stamps="recorded", point_times="recorded",
        stamp_at="start", base_link="the data set's base_footprint, on the ground; its base_link is called robot here",
    )  # fmt: skip

    def records() -> Iterator[Sequence[Record]]:
        rig = [(parts.BASE_FRAME, ROBOT, T_base_robot), (ROBOT, LIDAR, edges["T_base_link__os_sensor"])]
        rig += [(ROBOT, f"{name}_optical", edges[f"T_base_link__{name}"]) for name in lenses]
        yield [parts.static_record(stamps[0], rig)]
        done = stamps[0] - NEAR_NS
        for stamp in stamps:
            out = list(motion.between(done, stamp + NEAR_NS)) if motion else []
            done = stamp + NEAR_NS
            for name, lens in lenses.items():
                image = folder / "images" / f"{scans[stamp].stem}_{name}.png"
                out += parts.image_records(name, image, stamp, lens) if image.exists() else []
            cloud = read_cloud(scans[stamp])
            out.append(parts.cloud_record(LIDAR, stamp, cloud, stamp + 100_000_000))
            yield out

    return Drive(len(stamps), notes, records)


def read_cloud(path: Path) -> NDArray[Any]:
    """Points (N,) with their fields, and the beam as ``ring``: row of the organised cloud. Raises BagError."""
    cloud = files.read_npz(path, "cloud").ravel()
    names = cloud.dtype.names or ()
    if not {"x", "y", "z", "t"} <= set(names):
        raise BagError(f"{path}: cloud: expected fields x y z t, found {' '.join(names) or cloud.dtype}")
    xyz = np.stack([cloud[name] for name in "xyz"], axis=1)
    others = {name: cloud[name] for name in names if name not in "xyz"}
    columns = 0 if "ring" in names else _columns(cloud["t"])
    if columns:
        others["ring"] = np.repeat(np.arange(len(cloud) // columns, dtype=np.uint16), columns)
    return parts.points(xyz, **others)


def _columns(times: NDArray[Any]) -> int:
    """Shots in a turn: in an organised cloud each row, one for each beam, begins with the same time. 0: not organised."""
    begins = np.flatnonzero(times == times[0]) if len(times) else np.empty(0, np.int64)
    columns = int(begins[1]) if len(begins) > 1 else 0
    whole = columns > 1 and len(times) % columns == 0
    return columns if whole and np.array_equal(times.reshape(-1, columns)[-1], times[:columns]) else 0


def read_transforms(path: Path) -> dict[str, parts.F64]:
    """``T_base_link__CHILD`` (4,4) by name; lidar and footprint have to be there. Raises BagError."""
    out = {}
    for name, item in _mapping(path).items():
        if isinstance(item, dict) and "data" in item:
            out[name] = _matrix(item["data"], 4, f"{path}: {name}.data")
            rotation = out[name][:3, :3]
            if np.abs(rotation @ rotation.T - np.eye(3)).max() > 0.02:
                raise BagError(f"{path}: {name}.data: expected a rotation, found {rotation.round(3).tolist()}")
            u, _, vt = np.linalg.svd(rotation)  # the files keep three digits
            out[name][:3, :3] = u @ vt
    for name in ("T_base_link__os_sensor", "T_base_link__base_footprint"):
        if name not in out:
            raise BagError(f"{path}: expected an entry {name}, found {', '.join(out) or 'none'}")
    return out


def read_lens(path: Path) -> parts.Lens:
    """Lens of a ROS camera calibration file. Raises BagError."""
    data = _mapping(path)
    try:
        K, D = data["camera_matrix"]["data"], data["distortion_coefficients"]["data"]
        model = str(data["distortion_model"])
    except (KeyError, TypeError) as e:
        raise BagError(
            f"{path}: expected camera_matrix, distortion_model and distortion_coefficients: {e} is missing"
        ) from None
    return parts.Lens(_matrix(K, 3, f"{path}: camera_matrix.data"), np.array(D, np.float64), model)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(files.read_text(path))
    except yaml.YAMLError as e:
        raise BagError(f"{path}: not valid YAML: {str(e).splitlines()[0]}") from e
    if not isinstance(data, dict):
        raise BagError(f"{path}: expected a mapping, found {type(data).__name__}")
    return data


def _matrix(values: Any, size: int, what: str) -> parts.F64:
    try:
        return np.array([float(v) for v in values], np.float64).reshape(size, size)
    except (TypeError, ValueError):
        raise BagError(f"{what}: expected {size * size} numbers, found {str(values)[:60]}") from None


def _motion(path: Path, T_base_lidar: parts.F64, stamps: Sequence[int]) -> parts.Ego | None:
    """Poses near the scans, if there are; odom is base_link of the first."""
    if not path.exists():
        return None
    table = files.read_table(path, 13, separator=",", header=True)
    at = np.round(table[:, 0] * 1e9).astype(np.int64)
    near = (at >= stamps[0] - NEAR_NS) & (at <= stamps[-1] + NEAR_NS)
    if near.sum() < 2:
        return None
    T_map_lidar = np.tile(np.eye(4), (int(near.sum()), 1, 1))
    T_map_lidar[:, :3] = table[near, 1:].reshape(-1, 3, 4)
    T = T_map_lidar @ geometry.invert(T_base_lidar)
    T[:, :3, 3] -= T[0, :3, 3].copy()
    T[:, :3, :3] = geometry.rotation_of(geometry.quaternions_of(T))
    return parts.Ego(at[near], T, ego.twists(T, at[near]), np.zeros(len(T)))


def _ego_note(options: ImportOptions, motion: parts.Ego | None) -> str:
    if options.ego == "none":
        return "none"
    return (
        f"lidar_poses.csv, {len(motion.stamps)} poses" if motion else "none: lidar_poses.csv does not cover the scans"
    )


def _stamp(path: Path) -> int:
    seconds, nanoseconds = path.stem.split("_")
    return int(seconds) * 1_000_000_000 + int(nanoseconds)
