"""Where things stand, as dense samples of their surface: what the truth grid is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.scene import Mesh

F64 = NDArray[np.float64]


def surface_samples(mesh: Mesh, spacing: float) -> F64:
    """Points (K,3) [m] on every triangle, at most ``spacing`` apart along its edges."""
    corners = mesh.corners()
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    count = np.maximum(np.ceil(edges / spacing).astype(int), 1)
    out = []
    for n in np.unique(count):
        i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        inside = (i + j) <= n
        u, v = i[inside] / n, j[inside] / n
        c = corners[count == n]
        out.append(
            (c[:, None, 0] * (1 - u - v)[:, None] + c[:, None, 1] * u[:, None] + c[:, None, 2] * v[:, None]).reshape(
                -1, 3
            )
        )
    return np.concatenate(out)


def thin(points: F64, cell: float) -> F64:
    """One point (the first) per square or cube of edge ``cell`` [m]; points (K,2) or (K,3)."""
    index = np.floor(points / cell).astype(np.int64)
    index -= index.min(0)
    key = np.ravel_multi_index(tuple(index.T), tuple(index.max(0) + 1))
    _, first = np.unique(key, return_index=True)
    return points[np.sort(first)]
