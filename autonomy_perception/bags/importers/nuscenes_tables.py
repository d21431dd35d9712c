"""The relational tables of nuScenes (v1.0-mini, -trainval, -test) to the keyframes of one scene."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import files, parts
from autonomy_perception.bags.importers.base import ImportOptions
from autonomy_perception.bags.importers.nuscenes import F64, Keyframe, View, quaternion_pose
from autonomy_perception.bags.messages import TruthObject
from autonomy_perception.types import ObjectClass

CLASSES = {
    "vehicle.car": ObjectClass.CAR, "vehicle.truck": ObjectClass.TRUCK, "vehicle.construction": ObjectClass.TRUCK,
    "vehicle.emergency": ObjectClass.TRUCK, "vehicle.bus": ObjectClass.BUS, "vehicle.trailer": ObjectClass.TRAILER,
    "vehicle.motorcycle": ObjectClass.MOTORCYCLE, "vehicle.bicycle": ObjectClass.BICYCLE,
    "human.pedestrian": ObjectClass.PEDESTRIAN, "animal": ObjectClass.ANIMAL,
}  # fmt: skip
"""Our class by the beginning of a category's name; all others are UNKNOWN."""
Row = dict[str, Any]
SPACE = re.compile(r"[\s,]*")


def version_of(folder: Path) -> Path | None:
    """The folder of tables in a nuScenes root, if it is one."""
    found = sorted(p for p in folder.glob("v1.0-*") if p.is_dir()) if folder.is_dir() else []
    return found[0] if found else None


def read_scene(root: Path, tables: Path, options: ImportOptions) -> tuple[str, list[Keyframe]]:
    """Name and keyframes of the scene that ``--sequence`` names. Raises BagError naming file and field."""
    try:
        return _scene(root, tables, options)
    except KeyError as e:
        raise BagError(
            f"{tables}: expected the field, or the row that another table names, {e.args[0]!r}; found none"
        ) from None


def _scene(root: Path, tables: Path, options: ImportOptions) -> tuple[str, list[Keyframe]]:
    scenes = {row["name"]: row for row in _table(tables, "scene").values()}
    name = parts.chosen(sorted(scenes), options.sequence, tables / "scene.json", "scene")
    scene = scenes[name]["token"]
    samples = _table(tables, "sample", lambda row: row["scene_token"] == scene)
    data = _table(tables, "sample_data", lambda row: row["is_key_frame"] and row["sample_token"] in samples)
    wanted = {row["ego_pose_token"] for row in data.values()}
    poses = _table(tables, "ego_pose", lambda row: row["token"] in wanted)
    rigs, sensors = _table(tables, "calibrated_sensor"), _table(tables, "sensor")
    views: dict[str, dict[str, View]] = {token: {} for token in samples}
    for row in data.values():
        rig = rigs[row["calibrated_sensor_token"]]
        channel = sensors[rig["sensor_token"]]["channel"]
        if channel == "LIDAR_TOP" or channel.startswith("CAM_"):
            views[row["sample_token"]][channel.lower()] = _view(root, row, rig, poses[row["ego_pose_token"]])
    objects = _objects(tables, views)
    return name, [Keyframe(v.pop("lidar_top"), v, objects.get(token)) for token, v in views.items() if "lidar_top" in v]


def _view(root: Path, row: Row, rig: Row, pose: Row) -> View:
    T_base_sensor = quaternion_pose(rig["rotation"], rig["translation"], f"calibrated_sensor {rig['token']}")
    T_global_base = quaternion_pose(pose["rotation"], pose["translation"], f"ego_pose {pose['token']}")
    K = np.array(rig["camera_intrinsic"], np.float64).reshape(3, 3) if rig["camera_intrinsic"] else None
    return View(root / row["filename"], int(row["timestamp"]) * 1000, T_base_sensor, T_global_base, K)


def _objects(tables: Path, views: dict[str, dict[str, View]]) -> dict[str, list[TruthObject]]:
    """Labelled boxes by sample, from the map to base_link at the lidar's time."""
    if not (tables / "sample_annotation.json").exists():
        return {}
    rows = _table(tables, "sample_annotation", lambda row: row["sample_token"] in views)
    instances, categories = _table(tables, "instance"), _table(tables, "category")
    out: dict[str, list[TruthObject]] = {token: [] for token in views}
    for row in rows.values():
        lidar = views.get(row["sample_token"], {}).get("lidar_top")
        if lidar is None:
            continue
        T_base_global = geometry.invert(lidar.T_global_base)
        pose = T_base_global @ quaternion_pose(row["rotation"], row["translation"], f"sample_annotation {row['token']}")
        category = categories[instances[row["instance_token"]]["category_token"]]["name"]
        kind = next((c for start, c in CLASSES.items() if category.startswith(start)), ObjectClass.UNKNOWN)
        width, length, height = (float(v) for v in row["size"])
        velocity = _velocity(row, rows, views, T_base_global)
        out[row["sample_token"]].append(
            TruthObject(f"nuscenes/{row['instance_token']}", kind, pose, (length, width, height), velocity)
        )
    return out


def _velocity(
    row: Row, rows: dict[str, Row], views: dict[str, dict[str, View]], T_base_global: F64
) -> tuple[float, float] | None:
    """Velocity [m/s] over ground in base_link's axes: differences of the labels around, as the data set's tools do."""
    around = [rows.get(row[k]) or row for k in ("prev", "next")]
    stamps = [views.get(r["sample_token"], {}).get("lidar_top") for r in around]
    if stamps[0] is None or stamps[1] is None or stamps[0].stamp_ns == stamps[1].stamp_ns:
        return None
    step: Sequence[float] = np.subtract(around[1]["translation"], around[0]["translation"])
    v = T_base_global[:3, :3] @ np.asarray(step, np.float64) / ((stamps[1].stamp_ns - stamps[0].stamp_ns) * 1e-9)
    return float(v[0]), float(v[1])


def _table(folder: Path, name: str, keep: Callable[[Row], bool] = lambda row: True) -> dict[str, Row]:
    """Rows of one table by token; only those to keep are held: whole tables can have millions. Raises BagError."""
    path = folder / f"{name}.json"
    text, decode = files.read_text(path), json.JSONDecoder().raw_decode
    out: dict[str, Row] = {}
    try:
        at = text.index("[") + 1
        while (at := SPACE.match(text, at).end()) < len(text) and text[at] != "]":  # type: ignore[union-attr]
            row, at = decode(text, at)
            if keep(row):
                out[row["token"]] = row
    except (ValueError, KeyError, TypeError) as e:
        raise BagError(f"{path}: expected a list of rows with a token: {type(e).__name__}: {e}") from None
    return out
