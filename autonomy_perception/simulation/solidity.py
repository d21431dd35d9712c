"""Where things stand, as dense samples of their surface: what the truth grid is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.scene import Mesh

F64 = NDArray[np.float64]


def surface_samples(mesh: Mesh, spacing: float) -> F64:
    """Points (K,3) [m] on every triangle, in rows parallel to its shortest edge, at most ``spacing`` apart in both ways."""
    corners = mesh.corners()
    edges = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)  # of corner k to k + 1
    first = (edges.argmin(1)[:, None] + np.arange(3)) % 3
    a, b, c = np.moveaxis(np.take_along_axis(corners, first[..., None], axis=1), 1, 0)
    across = np.maximum(np.ceil(edges.min(1) / spacing).astype(int), 1)
    along = np.maximum(np.ceil(edges.max(1) / spacing).astype(int), 1)
    out = []
    for n, m in np.unique(np.column_stack([across, along]), axis=0):
        mine = (across == n) & (along == m)
        v = np.repeat(np.arange(m + 1) / m, n + 1)
        u = np.tile(np.arange(n + 1) / n, m + 1) * (1.0 - v)
        weights = np.stack([1.0 - u - v, u, v], -1)
        out.append((weights @ np.stack([a[mine], b[mine], c[mine]], 1)).reshape(-1, 3))
    return np.concatenate(out)


def thin(points: F64, cell: float) -> F64:
    """One point (the first) per square or cube of edge ``cell`` [m]; points (K,2) or (K,3)."""
    index = np.floor(points / cell).astype(np.int64)
    index -= index.min(0)
    key = np.ravel_multi_index(tuple(index.T), tuple(index.max(0) + 1))
    _, first = np.unique(key, return_index=True)
    return points[np.sort(first)]
