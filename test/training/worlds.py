"""A scene drawn by hand and a folder of samples like those of the simulator, both small and made in no time."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np

from autonomy_perception.grid import BevGrid
from autonomy_perception.networks.config import GridConfig, NetworkConfig
from autonomy_perception.road_users import ObjectClass
from autonomy_perception.simulation.io.sample import packed
from autonomy_perception.simulation.world.materials import Kind, Semantic
from autonomy_perception.training.scene import Layers, Objects, Points, Scene

SIDE, CELL = 25.6, 0.8
LIDAR = (0.0, 0.0, 2.0)
GRID = GridConfig(x_min=-SIDE / 2, x_max=SIDE / 2, y_min=-SIDE / 2, y_max=SIDE / 2, resolution=CELL)
TINY = NetworkConfig(grid=GRID, widths=(8, 12, 16), blocks=(1, 1, 1), neck=12, head=12, camera_channels=6)


def arrays(seed: int) -> dict[str, np.ndarray]:
    """A sample's arrays: a dark road along x on a plain, a car ahead and a cone, some returns on the own vehicle."""
    rng = np.random.default_rng(seed)
    ground = np.column_stack([rng.uniform(-12, 12, (4000, 2)), rng.normal(0, 0.01, 4000)])
    car = np.array([5.0, 1.0 + rng.uniform(-1, 1), 0.8])
    on_car = car + rng.uniform(-0.5, 0.5, (200, 3)) * (4.2, 1.8, 1.5)
    own = rng.uniform((-0.5, -0.5, 1.0), (0.5, 0.5, 2.0), (50, 3))
    xyz = np.concatenate([ground, on_car, own]).astype(np.float32)
    grid = BevGrid.square(SIDE, CELL)
    x, y = np.meshgrid(*grid.centers())
    road = np.abs(y) < 4.0
    blocked = (np.abs(x - car[0]) < 2.1) & (np.abs(y - car[1]) < 0.9)
    kinds = np.where(road, Semantic.ROAD, Semantic.GRASS)
    semantic = np.concatenate([np.full(4000, Semantic.GRASS), np.full(200, Semantic.OBJECT), np.full(50, Semantic.EGO)])
    return {
        "xyz": xyz, "intensity": np.where(np.abs(xyz[:, 1]) < 4.0, 40, 150).astype(np.uint8), "ring": rng.integers(0, 32, len(xyz)).astype(np.uint16),
        "lidar": np.zeros(len(xyz), np.uint8), "semantic": semantic.astype(np.uint8),
        "object_label": np.array([ObjectClass.CAR, ObjectClass.PEDESTRIAN], np.uint8),
        "object_center": np.array([car, (-6.0, -3.0, 0.9)], np.float32), "object_size": np.array([(4.2, 1.8, 1.5), (0.6, 0.6, 1.8)], np.float32),
        "object_yaw": np.array([0.3, 1.0], np.float32), "object_velocity": np.array([(3.0, 1.0), (0.0, 0.0)], np.float32),
        "object_points": np.array([200, 0], np.int32),
        "structure_kind": np.array([Kind.CONE, Kind.TREE], np.uint8), "structure_center": np.array([(8.0, -5.0, 0.4), (1, 9, 3)], np.float32),
        "structure_size": np.array([(0.4, 0.4, 0.8), (1, 1, 6)], np.float32), "structure_yaw": np.zeros(2, np.float32),
        "structure_points": np.array([6, 90], np.int32),
        "bev_class": kinds.astype(np.uint8), "bev_state": np.where(blocked, 100, 0).astype(np.int8),
        "bev_visible": np.abs(x) < 11.0, "bev_elevation": (0.05 * x).astype(np.float16),
        "bev_drivable": (road & ~blocked).astype(np.uint8),
    }  # fmt: skip


def write_samples(folder: Path, seeds: range) -> Path:
    """A folder as ``simulate --dataset`` leaves it, two samples to a shard."""
    folder.mkdir(parents=True)
    lidars = {"top": {"extrinsics": {"xyz": list(LIDAR)}}}
    setup = {"grid_side": SIDE, "grid_resolution": CELL, "rig": {"vehicle": {"lidars": lidars}}}
    (folder / "dataset.json").write_text(json.dumps({"setup": setup}))
    for shard in range(0, len(seeds), 2):
        with tarfile.open(folder / f"shard-{shard // 2:06d}.tar", "w") as tar:
            for seed in seeds[shard : shard + 2]:
                info = {"seed": seed, "lidars": ["top"], "scenario": "plain"}
                files = {f"{seed:012d}.npz": packed(arrays(seed)), f"{seed:012d}.json": json.dumps(info).encode()}
                for name, data in files.items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(data)
                    tar.addfile(entry, io.BytesIO(data))
    return folder


def scene() -> Scene:
    """A scene of two lidars with one object, for what changes scenes."""
    rng = np.random.default_rng(0)
    xyz = rng.uniform(-12, 12, (500, 3)).astype(np.float32)
    points = Points(
        xyz, rng.random(500, np.float32), rng.integers(0, 16, 500).astype(np.uint16), rng.integers(0, 2, 500).astype(np.uint8),
        np.array([(0, 0, 2), (1, 0.5, 1)], np.float32),
    )  # fmt: skip
    objects = Objects(
        np.array([0]), np.array([(6, 3, 0.8)], np.float32), np.array([(4, 2, 1.5)], np.float32), np.array([0.5], np.float32),
        np.array([(2, 1)], np.float32), np.array([9], np.int32),
    )  # fmt: skip
    grid = GRID.bev
    x, y = np.meshgrid(*grid.centers())
    layers = Layers(
        grid, (y > 0).astype(np.uint8), (x > 2).astype(np.uint8), (0.1 * x + 0.2 * y).astype(np.float32),
        np.ones(grid.shape, np.bool_), np.ones(grid.shape, np.bool_),
    )  # fmt: skip
    return Scene(points, objects, layers, "by hand", "plain")
