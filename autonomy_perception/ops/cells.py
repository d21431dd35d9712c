"""Points to grid cells, points grouped by cell in a fixed order, and height statistics per cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.library import Library


@dataclass(frozen=True)
class CellIndex:
    """Points grouped by cell: those of cell c are ``order[starts[c]:starts[c + 1]]``, in their own order.

    Attributes:
        order: int32 (N,) point indices; -1 in the tail that holds no point.
        starts: int32 (n_cells + 1,); the last entry counts the points inside the grid.
    """

    order: Any
    starts: Any


@dataclass(frozen=True)
class CellStats:
    """Statistics per cell (n_cells,): count int32; min, max, mean and population variance float32, NaN where empty."""

    count: Any
    min: Any
    max: Any
    mean: Any
    variance: Any


class CellGrid(NamedTuple):
    """The record ``CellGrid`` of the kernels' table."""

    x0: float
    y0: float
    inv_res: float
    nx: int
    ny: int

    @classmethod
    def of(cls, grid: BevGrid) -> CellGrid:
        """The cells of ``grid``."""
        return cls(grid.x_min, grid.y_min, 1.0 / grid.resolution, grid.nx, grid.ny)


def cell_ids(lib: Library, xyz: Any, grid: BevGrid) -> Any:
    """Cell ``iy * nx + ix`` int32 (N,) of points float32 (N,3) [m]; -1 outside the grid or if x or y is not finite."""
    ids = lib.empty(len(xyz), np.int32)
    lib.call("ap_cell_ids", xyz=xyz, ids=ids, grid=CellGrid.of(grid))
    return ids


def cell_index(lib: Library, ids: Any, n_cells: int) -> CellIndex:
    """Group points by their cell id int32 (N,) with a stable sort; ids outside 0..n_cells-1 take no part."""
    order, starts = lib.empty(len(ids), np.int32), lib.empty(n_cells + 1, np.int32)
    lib.call("ap_cell_index", ids=ids, order=order, starts=starts, n_cells=n_cells)
    return CellIndex(order, starts)


def cell_stats(lib: Library, values: Any, ids: Any, n_cells: int) -> CellStats:
    """Count, min, max, mean and variance of values per cell.

    Args:
        values: float32 (N,), or (N,C) of which the last column counts (``xyz``: the heights) [m]; values that are
            not finite take no part.
        ids: int32 (N,) cells; ids outside 0..n_cells-1 take no part.

    Sums run in point order and are shifted by the cell's first value, so the variance keeps float32 precision
    relative to the spread, not to the height (Chan, Golub, LeVeque 1983, "shifted data").
    """
    columns = values if len(values.shape) == 2 else values.reshape(len(values), 1)
    out = CellStats(lib.empty(n_cells, np.int32), *(lib.empty(n_cells, np.float32) for _ in range(4)))
    lib.call("ap_cell_stats", values=columns, ids=ids, count=out.count, low=out.min, high=out.max, mean=out.mean,
             variance=out.variance)  # fmt: skip
    return out
