"""Samples of the simulator as scenes: the one place that knows how they lie in files.

Shards are read by position: a tar is an index of its members, and only the arrays that are asked for are unpacked.
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from autonomy_perception.config import ConfigError
from autonomy_perception.grid import BevGrid
from autonomy_perception.networks.layout import DETECTED, TERRAIN
from autonomy_perception.road_users import ObjectClass
from autonomy_perception.simulation.io.sample import moved_boxes
from autonomy_perception.simulation.world.materials import Kind, Semantic
from autonomy_perception.training.scene import IGNORED, Layers, Objects, Points, Scene

_OF_SEMANTIC = {
    "asphalt": (Semantic.ROAD, Semantic.YARD, Semantic.SIDEWALK),
    "gravel": (Semantic.GRAVEL_ROAD, Semantic.SHOULDER),
    "dirt": (Semantic.TRACK, Semantic.SOIL, Semantic.MUD),
    "vegetation": (Semantic.GRASS, Semantic.DITCH, Semantic.CROP),
    "water": (Semantic.WATER,),
    "snow": (Semantic.SNOW,),
    "obstacle": (Semantic.STRUCTURE, Semantic.OBJECT),
}
SMALL_BARRIERS = (Kind.CONE, Kind.BARRIER)
REACH = 2
"""Cells beside a return that count as judged, where a data set does not say it itself: beams lie apart."""


@dataclass(frozen=True)
class _Entry:
    shard: Path
    npz: tuple[int, int]
    about: tuple[int, int]


class SampleStore(Sequence[Scene]):
    """Samples of folders that ``simulate --dataset`` wrote, in the order of folders, shards and samples.

    Raises:
        ConfigError: a folder holds no samples, or shards that cannot be read.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._entries: list[_Entry] = []
        self._setup: dict[Path, dict[str, Any]] = {}
        for folder in folders:
            try:
                self._setup[folder] = json.loads((folder / "dataset.json").read_text())["setup"]
                shards = sorted(folder.glob("shard-*.tar"))
                for shard in shards:
                    self._entries += _entries(shard)
            except (OSError, KeyError, ValueError, tarfile.TarError) as e:
                raise ConfigError(f"{folder}: expected a folder of simulate --dataset, found: {e}") from e
            if not shards:
                raise ConfigError(f"{folder}: expected shards, found none (simulate --dataset makes them)")

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Scene:  # type: ignore[override]
        """Sample ``index``. Raises ConfigError naming the shard where it is broken."""
        entry = self._entries[index]
        try:
            with entry.shard.open("rb") as file:
                info = json.loads(_part(file, entry.about))
                with np.load(io.BytesIO(_part(file, entry.npz))) as arrays:
                    return _scene(
                        arrays, info, self._setup[entry.shard.parent], f"{entry.shard.parent.name}/{info['seed']}"
                    )
        except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as e:
            raise ConfigError(f"{entry.shard}: sample {index} is broken: {e}") from e


def _entries(shard: Path) -> list[_Entry]:
    found: dict[str, dict[str, tuple[int, int]]] = {}
    with tarfile.open(shard, "r:") as tar:
        for member in tar:
            key, _, rest = member.name.partition(".")
            found.setdefault(key, {})[rest] = (member.offset_data, member.size)
    return [_Entry(shard, files["npz"], files["json"]) for files in found.values()]


def _part(file: Any, where: tuple[int, int]) -> bytes:
    file.seek(where[0])
    return bytes(file.read(where[1]))


def _scene(a: Any, info: dict[str, Any], setup: dict[str, Any], name: str) -> Scene:
    if "T_ego_lidar" in a.files:  # every sample may have a rig of its own
        origins = a["T_ego_lidar"][:, :3, 3].astype(np.float32)
    else:
        mounts = setup["rig"]["vehicle"]["lidars"]
        origins = np.array([mounts[lidar]["extrinsics"]["xyz"] for lidar in info["lidars"]], np.float32)
    own = a["semantic"] == Semantic.EGO  # what the front end's mask missed
    if "sweep" in a.files:
        own |= a["sweep"] > 0  # networks take no past sweeps yet
    xyz, intensity = a["xyz"], a["intensity"].astype(np.float32) / np.float32(255.0)
    points = Points(xyz, intensity, a["ring"].astype(np.uint16), a["lidar"], origins).take(~own)
    return Scene(points, _objects(a), _layers(a, setup, points), name, str(info.get("scenario", "")))


def _objects(a: Any) -> Objects:
    row = {int(c): k for k, c in enumerate(DETECTED) if c != ObjectClass.UNKNOWN}
    kind = np.array([row.get(int(c), -1) for c in a["object_label"]], np.int64)
    structure = np.isin(a["structure_kind"], [int(k) for k in SMALL_BARRIERS])
    n = np.count_nonzero(structure)
    center, yaw = _where_scanned(a)
    joined = Objects(
        np.concatenate([kind, np.full(n, len(DETECTED) - 1, np.int64)]),
        np.concatenate([center, a["structure_center"][structure]]).astype(np.float32),
        np.concatenate([a["object_size"], a["structure_size"][structure]]).astype(np.float32),
        np.concatenate([yaw, a["structure_yaw"][structure]]).astype(np.float32),
        np.concatenate([a["object_velocity"], np.zeros((n, 2))]).astype(np.float32),
        np.concatenate([a["object_points"], a["structure_points"][structure]]).astype(np.int32),
    )
    return joined.take(joined.kind >= 0)


def _where_scanned(a: Any) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Centres (N,3) and yaws (N,) of the objects when most of their returns were measured: there these lie."""
    if "object_scan_time" not in a.files or not len(a["object_label"]):
        return a["object_center"], a["object_yaw"]
    n = len(a["object_label"])
    most = a["object_scan_points"].reshape(n, -1).argmax(1)
    dt = np.nan_to_num(a["object_scan_time"].reshape(n, -1)[np.arange(n), most].astype(np.float64))
    return moved_boxes(a["object_center"], a["object_yaw"], a["object_velocity"], a["object_yaw_rate"], dt)


def _layers(a: Any, setup: dict[str, Any], points: Points) -> Layers:
    half, ahead = 0.5 * float(setup["grid_side"]), float(setup.get("grid_ahead", 0.0))
    grid = BevGrid(ahead - half, ahead + half, -half, half, float(setup["grid_resolution"]))
    if a["bev_class"].shape != grid.shape:
        raise ValueError(f"bev_class: expected shape {grid.shape}, found {a['bev_class'].shape}")
    table = np.full(256, IGNORED, np.uint8)
    for row, terrain in enumerate(TERRAIN):
        table[[int(s) for s in _OF_SEMANTIC[terrain]]] = row
    terrain = table[a["bev_class"]]
    terrain[a["bev_state"] == 100] = TERRAIN.index("obstacle")
    observed = a["bev_observed"].astype(np.bool_) if "bev_observed" in a.files else _met(grid, points, a["bev_visible"])
    known = np.isfinite(a["bev_elevation"])
    return Layers(grid, terrain, a["bev_drivable"], a["bev_elevation"].astype(np.float32), observed, known)


def _met(grid: BevGrid, points: Points, visible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells near a return that the lidars also see: neither alone says that a cell can be judged."""
    cells = grid.cells(points.xyz)
    cells = cells[grid.inside(cells)]
    hit = np.zeros(grid.shape, np.bool_)
    hit[cells[:, 1], cells[:, 0]] = True
    near: NDArray[np.bool_] = ndimage.binary_dilation(hit, iterations=REACH)
    return hit | (near & visible)
