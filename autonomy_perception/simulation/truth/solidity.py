"""Where things stand, as dense samples of their surface and of what it encloses: what the truth grid is made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.rays.scene import Mesh

F64 = NDArray[np.float64]
BOOL = NDArray[np.bool_]


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


def inside_samples(mesh: Mesh, floor: Callable[[F64], F64], spacing: float) -> F64:
    """Places (K,2) [m] of a square lattice that lie inside a closed mesh at the height ``floor`` gives them.

    From such a place upwards more surfaces are left than entered, however the closed parts of the mesh overlap.

    Args:
        floor: height (N,) [m] at places (N,2) in the mesh's frame.
        spacing: of the lattice [m].
    """
    corners = mesh.corners()
    a, b, c = np.moveaxis(corners, 1, 0)
    normal = np.cross(b - a, c - a)
    low = np.ceil(corners[..., :2].min(1) / spacing).astype(np.int64)
    high = np.floor(corners[..., :2].max(1) / spacing).astype(np.int64) + 1
    over = np.flatnonzero((low < high).all(1) & (np.abs(normal[:, 2]) > 1e-9))  # faces that some place lies below
    if len(over) == 0:
        return np.zeros((0, 2))
    first = low[over].min(0)
    x, y = ((np.arange(first[k], high[over, k].max()) * spacing) for k in (0, 1))
    places = np.stack(np.meshgrid(x, y), -1)
    height = floor(places.reshape(-1, 2)).reshape(places.shape[:2])
    left = np.zeros(height.shape, np.int32)
    for f in over:
        columns, rows = (slice(low[f, k] - first[k], high[f, k] - first[k]) for k in (0, 1))
        px, py = x[columns], y[rows, None]
        ceiling = a[f, 2] - (normal[f, 0] * (px - a[f, 0]) + normal[f, 1] * (py - a[f, 1])) / normal[f, 2]
        above = _within(corners[f, :, :2], px, py[:, 0]) & (ceiling > height[rows, columns])
        left[rows, columns] += np.where(above, int(np.sign(normal[f, 2])), 0)
    return np.asarray(places[left > 0])


def _within(triangle: F64, x: F64, y: F64) -> BOOL:
    """Mask (len(y), len(x)) of the lattice in a triangle (3,2); of two that share an edge only one holds a place on it."""
    inside = np.zeros((len(y), len(x)), np.bool_)
    for k in range(3):
        p, q = sorted((triangle[k].tolist(), triangle[k - 1].tolist()), key=lambda corner: corner[1])
        if p[1] < q[1]:
            rows = (p[1] <= y) & (y < q[1])
            inside ^= rows[:, None] & (x < (p[0] + (y - p[1]) * ((q[0] - p[0]) / (q[1] - p[1])))[:, None])
    return inside


def thin(points: F64, cell: float) -> F64:
    """One point (the first) per square or cube of edge ``cell`` [m]; points (K,2) or (K,3)."""
    index = np.floor(points / cell).astype(np.int64)
    index -= index.min(0)
    key = np.ravel_multi_index(tuple(index.T), tuple(index.max(0) + 1))
    _, first = np.unique(key, return_index=True)
    return points[np.sort(first)]
