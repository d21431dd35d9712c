"""The pillar feature net of PointPillars (Lang et al. 2019) fused with its scatter: points in, a dense map of features out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.cells import CellGrid, CellIndex, cell_ids, cell_index
from autonomy_perception.ops.library import Library


def fold_norm(weights: NDArray[np.floating], gamma: NDArray[np.floating], beta: NDArray[np.floating], mean: NDArray[np.floating],
              variance: NDArray[np.floating], eps: float = 1e-3) -> tuple[NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
    """Weights (9,C) and bias (C,) of a linear layer (9,C) without bias followed by a batch normalisation (C,)."""
    scale = gamma / np.sqrt(np.asarray(variance, np.float64) + eps)
    return np.asarray(weights * scale, np.float32), np.asarray(beta - mean * scale, np.float32)


def pillar_net(lib: Library, xyz: Any, intensity: Any, grid: BevGrid, weights: Any, bias: Any, max_points: int = 32,
               planes: bool = True, index: CellIndex | None = None, out: Any = None) -> Any:  # fmt: skip
    """Features float32 (C, ny, nx), or (ny, nx, C) without ``planes``: the largest of ReLU(W^T f + b) over a cell's points.

    Args:
        xyz: float32 (N,3) [m]; intensity: float32 (N,).
        weights: float32 (9,C), rows as ``pillarise.FEATURES``; bias: float32 (C,) (:func:`fold_norm`).
        max_points: the first so many points of a cell take part, as in :func:`.pillarise.pillarise`.
        index: saves the sort when the points are already grouped on ``grid``.
        out: buffer of the result's shape to fill, or None.

    Equals the layers on the output of ``pillarise`` when padding takes no part in the maximum. Cells without points are zero.
    """
    channels = weights.shape[-1]
    if index is None:
        index = cell_index(lib, cell_ids(lib, xyz, grid), grid.nx * grid.ny)
    if out is None:
        out = lib.empty((channels, *grid.shape) if planes else (*grid.shape, channels), np.float32)
    lib.call("ap_pillar_net", xyz=xyz, intensity=intensity, order=index.order, starts=index.starts, weights=weights, bias=bias,
             out=out.reshape(-1), grid=CellGrid.of(grid), max_points=max_points, planes=planes)  # fmt: skip
    return out
