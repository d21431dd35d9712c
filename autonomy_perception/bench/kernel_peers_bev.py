"""The kernels of :mod:`.kernel_cases_bev` with NumPy, OpenCV and Numba, as an engineer would write them without ours."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bench.kernel_cases_bev import (
    MAX_POINTS,
    PILLARS,
    HeadScene,
    LiftScene,
    ground_heads,
    pillar_weights,
)
from autonomy_perception.bench.kernel_loops import pillar_features, pool_intervals
from autonomy_perception.bench.kernel_scene import KernelScene
from autonomy_perception.ops.cells import cell_ids, cell_index
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.types import PointLabel

Run = Callable[[], dict[str, NDArray[Any]]]


def _frustum(s: KernelScene) -> Run:
    """NumPy: unproject all bins at once, stable argsort, searchsorted."""
    scene = LiftScene.of(s)
    f, grid = scene.features, scene.grid

    def run() -> dict[str, NDArray[Any]]:
        u, v = np.meshgrid(np.arange(f.width) * f.stride + 7.5, np.arange(f.height) * f.stride + 7.5)
        rays = np.stack([u, v, np.ones_like(u)], -1).astype(np.float32)
        T = scene.views.reshape(-1, 3, 4)
        points = (
            np.einsum("nrc,hwc->nhwr", T[..., :3], rays)[:, None] * scene.depths[None, :, None, None, None]
            + T[:, None, None, None, :, 3]
        )
        cells = np.floor((points[..., :2] - [grid.x_min, grid.y_min]) / grid.resolution)
        inside = (
            ((cells >= 0) & (cells < [grid.nx, grid.ny])).all(-1) & (points[..., 2] >= -5.0) & (points[..., 2] <= 10.0)
        )
        ids = np.where(inside, cells[..., 1] * grid.nx + cells[..., 0], -1).astype(np.int32)
        order = np.argsort(ids.ravel(), kind="stable")
        order = order[np.searchsorted(ids.ravel()[order], 0) :]
        starts = np.searchsorted(ids.ravel()[order], np.arange(grid.nx * grid.ny + 1)).astype(np.int32)
        return {"ids": ids, "starts": starts}

    return run


def _bev_pool(s: KernelScene) -> Run:
    """Numba: intervals made beforehand, cells side by side in all threads."""
    scene = LiftScene.of(s)
    index, channels = scene.index(CpuLibrary()), scene.context.shape[-1]
    loop = numba.njit(pool_intervals, parallel=True, fastmath=True)
    depth, context = scene.depth.ravel(), scene.context.reshape(-1, channels)

    def run() -> dict[str, NDArray[Any]]:
        flat = loop(depth, context, index.order, index.pixels, index.starts)
        return {"bev": np.ascontiguousarray(flat.T).reshape(channels, *scene.grid.shape)}

    return run


def _pillar_net(s: KernelScene) -> Run:
    """Numba: nine features of a point, then a row of the layer, the largest so far; points grouped by our sort."""
    w, b = pillar_weights()
    loop = numba.njit(pillar_features, parallel=True, fastmath=True)
    lib = CpuLibrary()

    def run() -> dict[str, NDArray[Any]]:
        index = cell_index(lib, cell_ids(lib, s.xyz, PILLARS), PILLARS.nx * PILLARS.ny)
        flat = loop(s.xyz, s.intensity, index.order, index.starts, w, b, PILLARS.x_min, PILLARS.y_min, PILLARS.resolution, PILLARS.nx,
                    MAX_POINTS)  # fmt: skip
        return {"bev": np.ascontiguousarray(flat.T).reshape(-1, *PILLARS.shape)}

    return run


def _canvas(s: KernelScene) -> Run:
    """NumPy: returns sorted by cell, reduceat for sums and extremes."""

    def run() -> dict[str, NDArray[Any]]:
        cells = PILLARS.cells(s.xyz)
        kept = np.flatnonzero(PILLARS.inside(cells) & (s.label != PointLabel.IGNORED) & np.isfinite(s.height))
        flat = cells[kept, 1] * PILLARS.nx + cells[kept, 0]
        order = np.argsort(flat, kind="stable")
        flat, kept = flat[order], kept[order]
        cell, starts, count = np.unique(flat, return_index=True, return_counts=True)
        label, height, z = s.label[kept], s.height[kept], np.clip(s.xyz[kept, 2] / 4.0, -3.0, 3.0).astype(np.float64)
        offset = (
            (s.xyz[kept, :2] - [PILLARS.x_min, PILLARS.y_min]) / PILLARS.resolution
            - np.stack([flat % PILLARS.nx, flat // PILLARS.nx], 1)
            - 0.5
        )
        ground, over = label == PointLabel.GROUND, label == PointLabel.OVERHANG
        stands = ~ground & ~over

        def total(values: NDArray[Any]) -> NDArray[Any]:
            return np.asarray(np.add.reduceat(values.astype(np.float64), starts))

        mean, grounds, intensity = total(z) / count, total(ground), s.intensity[kept]
        edges = np.array([0.1, 0.4, 0.9, 1.6, 2.5, np.inf], np.float32)
        slices = [np.log1p(total(stands & (height >= a) & (height < b))) / np.log(33) for a, b in pairwise(edges)]
        planes = [
            np.log1p(count) / np.log(33), mean, np.minimum.reduceat(z, starts), np.maximum.reduceat(z, starts),
            np.sqrt(np.maximum(total(z * z) / count - mean**2, 0.0)), total(intensity) / count, np.maximum.reduceat(intensity, starts),
            total(offset[:, 0]) / count, total(offset[:, 1]) / count, grounds / count,
            total(np.where(ground, z, 0.0)) / np.maximum(grounds, 1), np.maximum.reduceat(np.where(stands, np.clip(height, 0, 12), 0), starts) / 4,
            *slices, np.log1p(total(over)) / np.log(33),
        ]  # fmt: skip
        out = np.zeros((len(planes), PILLARS.ny * PILLARS.nx), np.float32)
        out[:, cell] = planes
        return {"bev": out.reshape(-1, *PILLARS.shape)}

    return run


def _decode(s: KernelScene) -> Run:
    """OpenCV dilates for the local maxima and suppresses rotated boxes per group; NumPy does the rest."""
    h = HeadScene.of(s)
    room, least = 256, float(np.log(0.1 / 0.9))

    def run() -> dict[str, NDArray[Any]]:
        top = np.array([cv2.dilate(p, np.ones((3, 3), np.uint8)) for p in h.heat])
        label, iy, ix = np.nonzero((h.heat == top) & (h.heat >= least))
        order = np.argsort(-h.heat[label, iy, ix], kind="stable")[:room]
        label, iy, ix = label[order], iy[order], ix[order]
        head = h.box[:, iy, ix]
        x = h.grid.x_min + (ix + 0.5 + head[0]) * h.grid.resolution
        y = h.grid.y_min + (iy + 0.5 + head[1]) * h.grid.resolution
        size, yaw = np.exp(np.clip(head[3:6], -5, 5)), np.arctan2(head[6], head[7])
        score = 1 / (1 + np.exp(-h.heat[label, iy, ix]))
        kept: list[int] = []
        for group in np.unique(h.group[label]):
            own = np.flatnonzero(h.group[label] == group)
            boxes = [
                ((float(x[i]), float(y[i])), (float(size[0, i]), float(size[1, i])), float(np.degrees(yaw[i])))
                for i in own
            ]
            kept += own[np.asarray(cv2.dnn.NMSBoxesRotated(boxes, score[own].tolist(), 0.1, 0.2)).ravel()].tolist()
        stay = np.sort(kept)
        rows, labels = np.zeros((room, 18), np.float32), np.full(room, -1, np.int32)
        table = np.stack(
            [x, y, head[2], *size, yaw, head[8], head[9], *np.exp(np.clip(h.log_variance[:, iy, ix], -8, 6))], 1
        )
        rows[: len(stay)], labels[: len(stay)] = table[stay], label[stay]
        scores = np.zeros((room, len(h.heat)), np.float32)
        scores[: len(stay)] = 1 / (1 + np.exp(-h.heat[:, iy[stay], ix[stay]].T))
        return {"rows": rows, "labels": labels, "scores": scores}

    return run


def _decode_ground(s: KernelScene) -> Run:
    """NumPy on whole layers."""
    h = ground_heads(HeadScene.of(s).grid)

    def run() -> dict[str, NDArray[Any]]:
        seen = h["visibility"] >= 0.0
        share = np.exp(h["terrain"] - h["terrain"].max(0))
        share /= share.sum(0)
        nan = np.float32(np.nan)
        return {
            "label": np.where(seen, 1 + share.argmax(0), 0), "confidence": np.where(seen, share.max(0), 0),
            "drivable": np.where(seen, 1 / (1 + np.exp(-h["drivable"])), nan), "elevation": np.where(seen, h["elevation"][0], nan),
            "variance": np.where(seen, np.exp(np.clip(h["elevation"][1], -8, 6)), nan),
        }  # fmt: skip

    return run


BEV_PEERS: dict[str, Callable[[KernelScene], Run]] = {
    "frustum": _frustum,
    "bev_pool": _bev_pool,
    "pillar_net": _pillar_net,
    "bev_canvas": _canvas,
    "decode": _decode,
    "decode_ground": _decode_ground,
}
