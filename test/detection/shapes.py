"""What a lidar at the origin returns from boxes on flat ground, by ray casting in closed form."""

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
LIDAR_HEIGHT = 1.73


def rays(n_beams: int = 64, azimuth_deg: float = 0.2, low: float = -24.0, high: float = 3.0) -> F64:
    """Unit directions (N,3) of a spinning lidar."""
    elevation, azimuth = np.radians(np.linspace(low, high, n_beams)), np.radians(np.arange(0.0, 360.0, azimuth_deg))
    e, a = np.meshgrid(elevation, azimuth, indexing="ij")
    return np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], -1).reshape(-1, 3)


def scan(
    boxes: list[tuple[float, ...]], noise: float = 0.02, seed: int = 0, beams: F64 | None = None
) -> tuple[F64, NDArray[np.int64]]:
    """Returns (N,3) in a frame at the lidar and the box that each hit, -1 ground.

    A box is x, y, yaw, length, width, height and optionally the height of its bottom; all stand on z = -1.73.
    """
    d = rays() if beams is None else beams
    best = np.where(d[:, 2] < -1e-3, -LIDAR_HEIGHT / np.minimum(d[:, 2], -1e-3), np.inf)
    who = np.full(len(d), -1)
    for k, (x, y, yaw, length, width, height, *bottom) in enumerate(boxes):
        c, s, low = np.cos(yaw), np.sin(yaw), (bottom[0] if bottom else 0.0) - LIDAR_HEIGHT
        o = np.array([-c * x - s * y, s * x - c * y, -low])
        local = np.stack([c * d[:, 0] + s * d[:, 1], c * d[:, 1] - s * d[:, 0], d[:, 2]], 1)
        local = np.where(np.abs(local) < 1e-9, 1e-9, local)
        half = np.array([length / 2, width / 2, 0.0])
        a, b = (-half - o) / local, (half + np.array([0, 0, height]) - o) / local
        enter, leave = np.minimum(a, b).max(1), np.maximum(a, b).min(1)
        hit = (enter < leave) & (enter > 0) & (enter < best)
        best[hit], who[hit] = enter[hit], k
    keep = best < 90.0
    reach = best[keep] + np.random.default_rng(seed).normal(0, noise, int(keep.sum()))
    return d[keep] * reach[:, None], who[keep]
