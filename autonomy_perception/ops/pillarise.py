"""Points to pillars as PointPillars reads them (Lang et al. 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.cells import CellGrid, CellIndex, cell_ids, cell_index
from autonomy_perception.ops.library import Library

FEATURES = ("x", "y", "z", "intensity", "x-mean", "y-mean", "z-mean", "x-centre", "y-centre")


class Pillars:
    """Buffers of :func:`pillarise`, allocated once and reused; only what a call changes is written.

    Attributes:
        features: float32 (max_pillars, max_points, 9) as in ``FEATURES`` [m], zero where there is no point.
        coords: int32 (max_pillars, 2) cell iy, ix; -1 in unused rows.
        counts: int32 (max_pillars,) points stored per pillar.
        totals: int32 (2,) pillars stored, and pillars that held a point (more than stored: the limit was hit).
    """

    def __init__(self, lib: Library, max_pillars: int, max_points: int) -> None:
        if max_pillars < 1 or max_points < 1:
            raise ValueError(f"pillars need room: max_pillars {max_pillars}, max_points {max_points}")
        self.max_pillars, self.max_points = max_pillars, max_points
        self.features: Any = lib.to_device(np.zeros((max_pillars, max_points, len(FEATURES)), np.float32))
        self.coords: Any = lib.to_device(np.full((max_pillars, 2), -1, np.int32))
        self.counts: Any = lib.to_device(np.zeros(max_pillars, np.int32))
        self.totals: Any = lib.to_device(np.zeros(2, np.int32))


def pillarise(
    lib: Library, xyz: Any, intensity: Any, grid: BevGrid, out: Pillars, index: CellIndex | None = None
) -> Pillars:
    """Fill ``out`` with the pillars of points float32 (N,3) [m] and intensity float32 (N,).

    Pillars come in rising cell order (iy, then ix), a pillar's points in their own order, cut to ``max_points``;
    the mean is that of the stored points. More pillars than ``max_pillars``: an even share of them is kept.
    ``index`` saves the sort when the points are already grouped on ``grid``.
    """
    if index is None:
        index = cell_index(lib, cell_ids(lib, xyz, grid), grid.nx * grid.ny)
    lib.call("ap_pillarise", xyz=xyz, intensity=intensity, order=index.order, starts=index.starts, features=out.features,
             coords=out.coords, counts=out.counts, totals=out.totals, grid=CellGrid.of(grid))  # fmt: skip
    return out
