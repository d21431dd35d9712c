"""Every kernel once, on any library: what ``bench kernels`` times and ``gpu-check`` compares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autonomy_perception.bench.kernel_case import KernelCase
from autonomy_perception.bench.kernel_cases_bev import BEV_CASES
from autonomy_perception.bench.kernel_cases_tracking import TRACKING_CASES
from autonomy_perception.bench.kernel_scene import CAMERA, SENSOR_HEIGHT, T_CAMERA_LIDAR, KernelScene
from autonomy_perception.grid import BevGrid, WorldGrid
from autonomy_perception.ops import (
    align,
    cells,
    cluster,
    footprint,
    freespace,
    ground,
    image,
    iou,
    pillarise,
    project,
    terrain,
    transform,
    unpack,
)
from autonomy_perception.ops.library import Library

GRID = BevGrid.square(102.4, 0.4)
WORLD = WorldGrid.around(0.0, 0.0, 150.0, 0.5)
TERRAIN = WorldGrid.around(0.0, 0.0, 100.0, 0.4)
ORIGIN = np.array([0.0, 0.0, SENSOR_HEIGHT], np.float32)
ANCHOR = np.zeros(3)


def _unpack(lib: Library, s: KernelScene) -> KernelCase:
    raw = lib.to_device(np.frombuffer(s.message.tobytes(), np.uint8))

    def run() -> dict[str, Any]:
        out = unpack.unpack(lib, raw, s.layout, s.poses, s.span, s.poses[-1], s.crop, s.masks)
        return {"xyz": out.xyz, "intensity": out.intensity, "time": out.time, "ring": out.ring}

    return KernelCase(run, s.message.nbytes + 22 * len(s.message), 1e-5)


def _transform(lib: Library, s: KernelScene) -> KernelCase:
    xyz, T = lib.to_device(s.xyz), np.eye(4)
    T[:3, 3] = 1.0, 2.0, 3.0
    return KernelCase(lambda: {"xyz": transform.transform(lib, xyz, T)}, 2 * s.xyz.nbytes, 1e-5)


def _cell_index(lib: Library, s: KernelScene) -> KernelCase:
    xyz, n_cells = lib.to_device(s.xyz), GRID.nx * GRID.ny

    def run() -> dict[str, Any]:
        ids = cells.cell_ids(lib, xyz, GRID)
        index = cells.cell_index(lib, ids, n_cells)
        return {"ids": ids, "order": index.order, "starts": index.starts}

    return KernelCase(run, s.xyz.nbytes + 3 * 4 * len(s.xyz) + 4 * n_cells)


def _cell_stats(lib: Library, s: KernelScene) -> KernelCase:
    xyz, n_cells = lib.to_device(s.xyz), GRID.nx * GRID.ny
    ids = cells.cell_ids(lib, xyz, GRID)
    return KernelCase(lambda: vars(cells.cell_stats(lib, xyz, ids, n_cells)), 8 * len(s.xyz) + 20 * n_cells)


def _pillarise(lib: Library, s: KernelScene) -> KernelCase:
    xyz, intensity, out = lib.to_device(s.xyz), lib.to_device(s.intensity), pillarise.Pillars(lib, 40000, 20)

    def run() -> dict[str, Any]:
        pillarise.pillarise(lib, xyz, intensity, GRID, out)
        return {"features": out.features, "coords": out.coords, "counts": out.counts, "totals": out.totals}

    return KernelCase(run, 16 * len(s.xyz) + 36 * len(s.xyz), 1e-5)


def _preprocess(lib: Library, s: KernelScene, mapped: bool) -> KernelCase:
    p, picture = image.plan(CAMERA, 704, 256), lib.to_device(s.image)
    if mapped:
        p = image.with_map(lib, p)
    out = lib.empty((3, 256, 704), np.float32)
    n_bytes = s.image.nbytes + 12 * 704 * 256 + (8 * 704 * 256 if mapped else 0)
    return KernelCase(lambda: {"tensor": image.preprocess(lib, picture, p, out=out)}, n_bytes, 1e-3)


def _project(lib: Library, s: KernelScene) -> KernelCase:
    xyz, picture = lib.to_device(s.xyz), lib.to_device(s.image)
    return KernelCase(
        lambda: vars(project.project(lib, xyz, CAMERA, T_CAMERA_LIDAR, image=picture)),
        len(s.xyz) * (12 + 8 + 4 + 1 + 3), 1e-3,
    )  # fmt: skip


def _map_scores(lib: Library, s: KernelScene) -> KernelCase:
    points, map_ = (
        lib.to_device(np.ascontiguousarray(s.xyz[::20])),
        lib.to_device(np.ascontiguousarray(s.image[..., 0])),
    )
    weights = lib.to_device(np.ones(len(s.xyz[::20]), np.float32))
    base = CAMERA.K @ np.asarray(T_CAMERA_LIDAR)[:3]
    tried = np.array([base + 0.001 * k for k in range(32)])
    return KernelCase(
        lambda: vars(align.map_scores(lib, points, weights, tried, map_)), 16 * len(points) + s.image.nbytes // 3, 1e-3
    )


def _iou(lib: Library, s: KernelScene, full: bool) -> KernelCase:
    boxes = lib.to_device(s.boxes if full else np.ascontiguousarray(s.boxes[:, [0, 1, 3, 4, 6]]))
    function = iou.iou_3d if full else iou.iou_bev
    return KernelCase(lambda: {"iou": function(lib, boxes, boxes)}, 4 * len(s.boxes) ** 2 + 2 * s.boxes.nbytes, 1e-4)


def _ground(lib: Library, s: KernelScene) -> KernelCase:
    n = len(s.xyz)
    xyz, work = lib.to_device(s.xyz), lib.empty(ground.work_size(lib, n), np.int32)
    label, height = lib.empty(n, np.uint8), lib.empty(n, np.float32)

    def run() -> dict[str, Any]:
        ground.ground(lib, xyz, work, label, height, ORIGIN, 0.0, 0.25, 4.0, 0.2, 0.46)
        return {"label": label, "height": height}

    return KernelCase(run, 17 * n, 1e-4, 1e-4)


def _terrain(lib: Library, s: KernelScene) -> KernelCase:
    xyz, label = lib.to_device(s.xyz), lib.to_device(s.label)
    nan, zero = np.full(TERRAIN.shape, np.nan, np.float32), np.zeros(TERRAIN.shape, np.float32)
    elevation, slope, step, roughness, traversability = (lib.to_device(nan.copy()) for _ in range(5))
    variance, spread, age, lethal = (lib.to_device(zero.copy()) for _ in range(4))
    sums, negative = lib.to_device(np.zeros((*TERRAIN.shape, 3), np.int64)), lib.to_device(zero.astype(np.uint8))
    pits = lib.to_device(zero.astype(np.uint16))

    def run() -> dict[str, Any]:
        terrain.fuse(lib, xyz, label, sums, slope, elevation, variance, spread, age, ORIGIN, ANCHOR, TERRAIN, 60.0, 0.1)
        terrain.derive(lib, elevation, variance, spread, pits, negative, slope, step, roughness, traversability, lethal, (50.0, 50.0),
                       TERRAIN.resolution, 0.35, 0.25, 0.25, 3.0)  # fmt: skip
        return {
            "elevation": elevation,
            "slope": slope,
            "step": step,
            "traversability": traversability,
            "lethal": lethal,
        }

    return KernelCase(run, 13 * len(s.xyz) + 60 * nan.size, 1e-4, 1e-4)


def _free_space(lib: Library, s: KernelScene) -> KernelCase:
    xyz, label = lib.to_device(s.xyz), lib.to_device(s.label)
    seen = freespace.Evidence.none(lib, WORLD.shape)

    def run() -> dict[str, Any]:
        freespace.free_space(lib, xyz, label, ORIGIN, ANCHOR, WORLD, seen, 75.0)
        return {"hits": seen.hits, "free": seen.free, "shadow": seen.shadow}

    return KernelCase(run, 13 * len(s.xyz) + 6 * WORLD.nx * WORLD.ny, 0.0, 1e-4)


def _log_odds(lib: Library, s: KernelScene) -> KernelCase:
    rng = np.random.default_rng(1)
    odds = lib.to_device(rng.uniform(-3, 3, WORLD.shape).astype(np.float32))
    hits, free = (lib.to_device(rng.integers(0, 3, WORLD.shape).astype(t)) for t in (np.int32, np.uint8))
    lethal, wire = lib.to_device(rng.random(WORLD.shape, np.float32)), lib.empty(WORLD.shape, np.int8)

    def run() -> dict[str, Any]:
        fusion = freespace.Fusion(0.97, 0.9, 0.9, 0.6, 3.5, 2.0)
        freespace.update_log_odds(lib, odds, hits, free, lethal, wire, fusion)
        return {"log_odds": odds, "wire": wire}

    return KernelCase(run, 18 * WORLD.nx * WORLD.ny, 1e-5, 1e-4)


def _footprint(lib: Library, s: KernelScene) -> KernelCase:
    b = s.boxes
    return KernelCase(
        lambda: {"mask": footprint.footprint(lib, b[:, :2], b[:, 3:5], b[:, 6], WORLD, 0.2)},
        WORLD.nx * WORLD.ny,
        0.0,
        1e-4,
    )


def _cluster(lib: Library, s: KernelScene) -> KernelCase:
    xyz, label, height = lib.to_device(s.xyz), lib.to_device(s.label), lib.to_device(s.height)
    work = cluster.Workspace(lib)

    def run() -> dict[str, Any]:
        found = cluster.cluster_points(work, xyz, label, height, ORIGIN, 75.0, 5)
        return {"id": found.id, "order": found.order, "table": cluster.fit_boxes(work, found, ORIGIN, 30.0)}

    return KernelCase(run, 17 * len(s.xyz) + 8 * len(s.xyz), 1e-3, 1e-3)


CASES: dict[str, Callable[[Library, KernelScene], KernelCase]] = {
    "unpack": _unpack,
    "transform": _transform,
    "cell_index": _cell_index,
    "cell_stats": _cell_stats,
    "pillarise": _pillarise,
    "ground": _ground,
    "terrain": _terrain,
    "cluster": _cluster,
    "footprint": _footprint,
    "free_space": _free_space,
    "log_odds": _log_odds,
    "preprocess": lambda lib, s: _preprocess(lib, s, mapped=True),
    "preprocess_direct": lambda lib, s: _preprocess(lib, s, mapped=False),
    "project": _project,
    "map_scores": _map_scores,
    "iou_bev": lambda lib, s: _iou(lib, s, full=False),
    "iou_3d": lambda lib, s: _iou(lib, s, full=True),
    **TRACKING_CASES,
    **BEV_CASES,
}
