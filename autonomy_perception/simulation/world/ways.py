"""Centre lines of roads and of drives: road coordinates ``s`` [m] along the line and ``d`` [m] to the left of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

F64 = NDArray[np.float64]
STEP = 0.25  # spacing of the tabulated points [m]


class Way:
    """A smooth line in the plane.

    Args:
        points: (K,2) [m], dense enough to be followed straight from one to the next; re-tabulated every 0.25 m.

    Attributes:
        length: of the line [m]; s: (M,) [m]; points: (M,2) [m].
    """

    def __init__(self, points: ArrayLike) -> None:
        p = np.asarray(points, np.float64)
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
        self.length = float(along[-1])
        self.s = np.linspace(0.0, self.length, int(np.ceil(self.length / STEP)) + 1)
        self.points = np.column_stack([np.interp(self.s, along, p[:, k]) for k in range(2)])
        step = np.gradient(self.points, axis=0)
        self._heading = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
        self._tree = cKDTree(self.points)

    @classmethod
    def bending(cls, heading: F64, start: ArrayLike = (0.0, 0.0)) -> Way:
        """The line whose direction [rad] every 0.25 m is given, from a start (2,) [m]."""
        step = STEP * np.column_stack([np.cos(heading), np.sin(heading)])
        return cls(np.concatenate([[start], np.asarray(start) + np.cumsum(step, axis=0)]))

    @classmethod
    def cornering(cls, corners: ArrayLike, radius: float) -> Way:
        """Straight lines between corners (K,2) [m] with turns of about ``radius`` [m], eased in and out."""
        c = np.asarray(corners, np.float64)
        parts = [c[:1]]
        for before, at, after in zip(c, c[1:], c[2:], strict=False):
            into, out = (at - before) / np.linalg.norm(at - before), (after - at) / np.linalg.norm(after - at)
            turn = float(np.arctan2(into[0] * out[1] - into[1] * out[0], into @ out))
            if abs(turn) < 1e-3:
                continue
            inset = radius * np.tan(abs(turn) / 2)
            center = at - inset * into + radius * np.sign(turn) * np.array([-into[1], into[0]])
            angle = np.linspace(0.0, turn, max(int(abs(turn) * radius / STEP), 4)) + np.arctan2(into[1], into[0])
            parts.append(center + radius * np.sign(turn) * np.column_stack([np.sin(angle), -np.cos(angle)]))
        rough = cls(np.concatenate([*parts, c[-1:]]))
        p, pad = rough.points, min(int(0.5 * radius / STEP), len(rough.points) - 1)
        straight_on = np.concatenate([2 * p[0] - p[pad:0:-1], p, 2 * p[-1] - p[-2 : -pad - 2 : -1]])
        return cls(gaussian_filter1d(straight_on, 0.12 * radius / STEP, axis=0)[pad : pad + len(p)])

    def heading(self, s: ArrayLike) -> F64:
        """Direction [rad], without jumps."""
        return np.asarray(np.interp(np.asarray(s, np.float64), self.s, self._heading))

    def curvature(self, s: ArrayLike) -> F64:
        """Curvature [1/m], positive to the left."""
        k = np.gradient(gaussian_filter1d(self._heading, 4, mode="nearest"), self.s)
        return np.asarray(np.interp(np.asarray(s, np.float64), self.s, k))

    def xy(self, s: ArrayLike, d: ArrayLike = 0.0) -> F64:
        """World position (..., 2) [m]; straight on beyond the ends."""
        s, d = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(d, np.float64))
        h, beyond = self.heading(s), s - np.clip(s, 0.0, self.length)
        x, y = (np.interp(s, self.s, self.points[:, k]) for k in range(2))
        return np.stack([x - np.sin(h) * d + np.cos(h) * beyond, y + np.cos(h) * d + np.sin(h) * beyond], -1)

    def project(self, xy: F64) -> tuple[F64, F64]:
        """Road coordinates s, d (N,) of world points (N,2): of the nearest point of the line, s beyond the ends too."""
        _, nearest = self._tree.query(xy)
        to, h = xy - self.points[nearest], self._heading[nearest]
        along = np.cos(h) * to[:, 0] + np.sin(h) * to[:, 1]
        aside = np.cos(h) * to[:, 1] - np.sin(h) * to[:, 0]
        return self.s[nearest] + along, aside
