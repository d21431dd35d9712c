"""Boxes out of heatmaps: peaks of 3 x 3 cells (Zhou et al. 2019), read off the box channels. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from autonomy_perception.networks.layout import Layout
from autonomy_perception.training.targets import coarse_grid

F32 = NDArray[np.float32]
MOST = 200


@dataclass(frozen=True)
class Boxes:
    """Detections of one sample, best first.

    Attributes:
        kind: int64 (N,) row of ``networks.layout.DETECTED``; score: float32 (N,) 0..1.
        center, size: float32 (N,3) [m]; yaw: float32 (N,) [rad]; velocity: float32 (N,2) [m/s]; in ego.
    """

    kind: NDArray[np.int64]
    score: F32
    center: F32
    size: F32
    yaw: F32
    velocity: F32


def decoded(heatmap: F32, box: F32, layout: Layout, least: float = 0.05) -> Boxes:
    """Boxes of ``heatmap`` (K,h,w) logits and ``box`` (10,h,w) with a score of at least ``least``, at most 200."""
    peak = heatmap == ndimage.maximum_filter(heatmap, size=(1, 3, 3), mode="nearest")
    score = 1.0 / (1.0 + np.exp(-np.clip(heatmap, -50.0, 50.0)))
    kind, iy, ix = np.nonzero(peak & (score >= least))
    found = score[kind, iy, ix]
    order = np.argsort(-found, kind="stable")[:MOST]
    kind, iy, ix, found = kind[order], iy[order], ix[order], found[order]
    grid, b = coarse_grid(layout), box[:, iy, ix].astype(np.float64)
    x = grid.x_min + (ix + 0.5 + b[0]) * grid.resolution
    y = grid.y_min + (iy + 0.5 + b[1]) * grid.resolution
    size = np.exp(np.clip(b[3:6], -4.0, 4.0)).T
    arrays = (found, np.stack([x, y, b[2]], 1), size, np.arctan2(b[6], b[7]), b[8:10].T)
    return Boxes(kind.astype(np.int64), *(np.asarray(a, np.float32) for a in arrays))
