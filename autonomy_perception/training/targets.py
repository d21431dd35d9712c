"""What a network should say of a scene: layers with their masks, heatmaps and boxes (CenterPoint, Yin et al. 2021)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.networks.layout import BOX, DETECTED, Layout
from autonomy_perception.training.scene import IGNORED, Layers, Objects

Arrays = dict[str, NDArray[np.generic]]
NARROWEST, WIDEST, SHARE = 0.7, 3.0, 0.25
"""Standard deviation of a peak: this share of sqrt(length * width), within these bounds [cells of the heatmap]."""


def coarse_grid(layout: Layout) -> BevGrid:
    """The grid of heatmap and boxes."""
    g = layout.config.grid
    return BevGrid(g.x_min, g.x_max, g.y_min, g.y_max, (g.x_max - g.x_min) / layout.coarse[1])


def encoded_objects(objects: Objects, layout: Layout) -> Arrays:
    """Targets of detection; those whose centre lies outside the grid are left out.

    Returns:
        heatmap: float32 (K,h,w), 1 in the cell of a centre. unseen: bool (h,w), near objects without a return: nothing
        is demanded there. cell: int64 (M,2) iy, ix of seen objects; box: float32 (M,10) as ``layout.BOX``.
    """
    grid = coarse_grid(layout)
    cells = grid.cells(objects.center)
    inside = grid.inside(cells)
    objects, cells = objects.take(inside), cells[inside]
    heatmap, unseen = np.zeros((len(DETECTED), *grid.shape), np.float32), np.zeros(grid.shape, np.bool_)
    sigma = np.clip(SHARE * np.sqrt(objects.size[:, 0] * objects.size[:, 1]) / grid.resolution, NARROWEST, WIDEST)
    seen = objects.points > 0
    for k, (ix, iy) in enumerate(cells.tolist()):
        r = math.ceil(3.0 * sigma[k])
        ys, xs = slice(max(0, iy - r), iy + r + 1), slice(max(0, ix - r), ix + r + 1)
        y, x = np.ogrid[ys.start : min(ys.stop, grid.ny), xs.start : min(xs.stop, grid.nx)]
        peak = np.exp(-((x - ix) ** 2 + (y - iy) ** 2) / (2.0 * sigma[k] ** 2)).astype(np.float32)
        if seen[k]:
            np.maximum(heatmap[objects.kind[k], ys, xs], peak, out=heatmap[objects.kind[k], ys, xs])
        else:
            unseen[ys, xs] |= peak > 0.1
    o, cells = objects.take(seen), cells[seen]
    low = np.array([grid.x_min, grid.y_min])
    offset = (o.center[:, :2] - low) / grid.resolution - cells - 0.5
    box = np.column_stack(
        [offset, o.center[:, 2], np.log(np.maximum(o.size, 0.05)), np.sin(o.yaw), np.cos(o.yaw), o.velocity]
    )
    return {
        "heatmap": heatmap, "unseen": unseen, "cell": cells[:, ::-1].astype(np.int64), "box": box.astype(np.float32).reshape(-1, len(BOX)),
    }  # fmt: skip


def encoded_layers(layers: Layers) -> Arrays:
    """Targets of the ground: terrain int64 and drivable float32 (ny,nx) with masks of the cells in which they are demanded.

    Only what could be judged is demanded: ``visibility`` says where that was.
    """
    seen = layers.observed & layers.known
    return {
        "terrain": np.where(seen & (layers.terrain != IGNORED), layers.terrain, IGNORED).astype(np.int64),
        "drivable": (layers.drivable == 1).astype(np.float32),
        "drivable_known": seen & (layers.drivable != IGNORED),
        "elevation": np.nan_to_num(layers.elevation).astype(np.float32),
        "elevation_known": seen & np.isfinite(layers.elevation),
        "visibility": seen.astype(np.float32),
        "visibility_known": layers.known,
    }  # fmt: skip
