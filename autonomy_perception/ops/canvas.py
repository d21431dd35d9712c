"""The lidar canvas: dense channels of what the returns in each cell look like and what ground segmentation says of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.cells import CellGrid, CellIndex, cell_ids, cell_index
from autonomy_perception.ops.library import Library

CANVAS = (
    "density", "z_mean", "z_min", "z_max", "z_spread", "intensity_mean", "intensity_max", "x_offset", "y_offset",
    "ground_share", "ground_z", "height_max", "stands_010", "stands_040", "stands_090", "stands_160", "stands_250", "overhang",
)  # fmt: skip
"""Channels of :func:`bev_canvas`; all 0 in cells without a labelled return.

Heights z and above local ground are divided by 4 m and cut at 3 (12 m); counts n become log(1 + n) / log(33), 1 at 32 returns.
density: of all returns. z_mean, z_min, z_max, z_spread (population standard deviation): of z. intensity_mean, intensity_max: 0..1.
x_offset, y_offset: mean offset from the cell's centre [cells]. ground_share: of GROUND among all; ground_z: their mean z, 0 without.
height_max: largest height above local ground of what stands (OBSTACLE, LOW), 0 without. stands_LOW: count of what stands between LOW cm
(0.1, 0.4, 0.9, 1.6, 2.5 m) and the next. overhang: count of OVERHANG.
"""


def bev_canvas(
    lib: Library,
    xyz: Any,
    intensity: Any,
    label: Any,
    height: Any,
    grid: BevGrid,
    index: CellIndex | None = None,
    out: Any = None,
) -> Any:
    """Channels float32 (18, ny, nx), see :data:`CANVAS`.

    Args:
        xyz: float32 (N,3) [m] in the grid's frame. intensity: float32 (N,) 0..1.
        label: uint8 (N,) of PointLabel. height: float32 (N,) [m] above local ground. Returns that are IGNORED or of which the height
            is not finite take no part.
        index: saves the sort when the points are already grouped on ``grid``.
        out: buffer to fill, or None.
    """
    if index is None:
        index = cell_index(lib, cell_ids(lib, xyz, grid), grid.nx * grid.ny)
    if out is None:
        out = lib.empty((len(CANVAS), *grid.shape), np.float32)
    lib.call("ap_bev_canvas", xyz=xyz, intensity=intensity, label=label, height=height, order=index.order, starts=index.starts,
             out=out, grid=CellGrid.of(grid))  # fmt: skip
    return out
