"""Loops for Numba to compile: peers of the kernels that NumPy cannot express (plain Python without Numba)."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


def fill_pillars(
    xyz: Any, intensity: Any, x0: float, y0: float, inv: float, nx: int, ny: int, room: int, depth: int
) -> Any:
    """Features (room, depth, 9), coords, counts of pillars in order of their first point."""
    slots = np.full(nx * ny, -1, np.int32)
    features, counts = np.zeros((room, depth, 9), np.float32), np.zeros(room, np.int32)
    coords = np.full((room, 2), -1, np.int32)
    used = 0
    for i in range(len(xyz)):
        ix, iy = int(np.floor((xyz[i, 0] - x0) * inv)), int(np.floor((xyz[i, 1] - y0) * inv))
        if ix < 0 or iy < 0 or ix >= nx or iy >= ny:
            continue
        slot = slots[iy * nx + ix]
        if slot < 0:
            if used >= room:
                continue
            slot = slots[iy * nx + ix] = used
            coords[slot, 0], coords[slot, 1] = iy, ix
            used += 1
        if counts[slot] < depth:
            features[slot, counts[slot], :3] = xyz[i]
            features[slot, counts[slot], 3] = intensity[i]
            counts[slot] += 1
    for p in range(used):
        n = counts[p]
        for d in range(3):
            features[p, :n, 4 + d] = features[p, :n, d] - features[p, :n, d].sum() / n
        features[p, :n, 7] = features[p, :n, 0] - (x0 + (coords[p, 1] + 0.5) / inv)
        features[p, :n, 8] = features[p, :n, 1] - (y0 + (coords[p, 0] + 0.5) / inv)
    return features, coords, counts


def iou_table(boxes: Any, corners: Any) -> Any:
    """IoU float32 (N,N) of boxes float64 (N,5) x y l w yaw with their corners (N,4,2), counter-clockwise."""
    n = len(boxes)
    out = np.zeros((n, n), np.float32)
    p, q = np.empty((16, 2)), np.empty((16, 2))
    for i in range(n):
        for j in range(n):
            reach = 0.5 * (np.hypot(boxes[i, 2], boxes[i, 3]) + np.hypot(boxes[j, 2], boxes[j, 3]))
            if np.hypot(boxes[i, 0] - boxes[j, 0], boxes[i, 1] - boxes[j, 1]) >= reach:
                continue
            p[:4], m = corners[j], 4
            for e in range(4):
                a, b, used = corners[i, e], corners[i, (e + 1) % 4], 0
                for k in range(m):
                    u, v = p[k], p[(k + 1) % m]
                    du = (b[0] - a[0]) * (u[1] - a[1]) - (b[1] - a[1]) * (u[0] - a[0])
                    dv = (b[0] - a[0]) * (v[1] - a[1]) - (b[1] - a[1]) * (v[0] - a[0])
                    if du >= 0:
                        q[used] = u
                        used += 1
                    if du * dv < 0:
                        q[used] = u + (du / (du - dv)) * (v - u)
                        used += 1
                p[:used], m = q[:used], used
            twice = 0.0
            for k in range(m):
                twice += p[k, 0] * p[(k + 1) % m, 1] - p[(k + 1) % m, 0] * p[k, 1]
            common = 0.5 * abs(twice)
            out[i, j] = common / (boxes[i, 2] * boxes[i, 3] + boxes[j, 2] * boxes[j, 3] - common)
    return out


def pool_intervals(depth: Any, context: Any, order: Any, pixels: Any, starts: Any) -> Any:
    """Sums (cells, C) of depth * context over the bins of each cell."""
    cells, channels = len(starts) - 1, context.shape[1]
    out = np.zeros((cells, channels), np.float32)
    for cell in numba.prange(cells):
        for k in range(starts[cell], starts[cell + 1]):
            weight, pixel = depth[order[k]], pixels[k]
            for c in range(channels):
                out[cell, c] += weight * context[pixel, c]
    return out


def pillar_features(
    xyz: Any,
    intensity: Any,
    order: Any,
    starts: Any,
    w: Any,
    b: Any,
    x0: float,
    y0: float,
    res: float,
    nx: int,
    depth: int,
) -> Any:
    """Features (cells, C): linear and ReLU of nine numbers per point, the largest per cell."""
    cells, channels = len(starts) - 1, w.shape[1]
    out = np.zeros((cells, channels), np.float32)
    for cell in numba.prange(cells):
        first, last = starts[cell], min(starts[cell + 1], starts[cell] + depth)
        if first == last:
            continue
        cx, cy = x0 + (cell % nx + 0.5) * res, y0 + (cell // nx + 0.5) * res
        mx = my = mz = 0.0
        for k in range(first, last):
            i = order[k]
            mx, my, mz = mx + xyz[i, 0], my + xyz[i, 1], mz + xyz[i, 2]
        n = last - first
        mx, my, mz = mx / n, my / n, mz / n
        for k in range(first, last):
            i = order[k]
            x, y, z = xyz[i, 0], xyz[i, 1], xyz[i, 2]
            for c in range(channels):
                v = b[c] + x * w[0, c] + y * w[1, c] + z * w[2, c] + intensity[i] * w[3, c]
                v += (
                    (x - mx) * w[4, c]
                    + (y - my) * w[5, c]
                    + (z - mz) * w[6, c]
                    + (x - cx) * w[7, c]
                    + (y - cy) * w[8, c]
                )
                out[cell, c] = max(out[cell, c], v)
    return out
