"""The angle of an articulated trailer from the points that its own vehicle's lidars see of it.

The trailer's box turns about the hitch, so its front and sides have one degree of freedom. The angle is the one at
which most of the neighbourhood's points lie on that outline and fewest inside it; points are averaged by cell first, so
that a near face does not outweigh a long one. It is believed if nearly nothing was seen inside the outline or through
it. A box, tank or container shows such faces; a bare flatbed does not and needs a sensor at its hitch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import Hitch

F64 = NDArray[np.float64]
CELL = 0.2
"""Points are averaged in square cells of this edge [m]."""
NEAR = 0.15
"""A point this near to the outline lies on it [m]; further in it speaks against the angle."""
COARSE, FINE = math.radians(1.0), math.radians(0.2)
"""Steps of the search [rad]: all angles, then around the best ones."""
AROUND = math.radians(6.0)
"""A trailer that was followed is looked for within this of where it should be [rad]."""
CANDIDATES = 4
"""Angles that are looked at closely when it is searched everywhere."""
MIN_CELLS = 8
"""Fewest cells on the outline that are believed."""
MIN_SHARE = 0.8
"""Least share of the cells on the outline among those on it, inside it or seen through it."""
MIN_COVER = 0.5
"""Least part of the faces seen by the lidars that must have been met."""
FLAT = 0.15
"""Where a line of sight meets a face at a flatter angle than this [rad], returns are too sparse to ask for."""


@dataclass(frozen=True)
class Fit:
    """Angle [rad] at which the trailer's outline meets the points; cells on the outline; their share among all that
    speak for or against it."""

    angle: float
    cells: int
    share: float


def band(hitch: Hitch) -> tuple[float, float]:
    """Heights [m] between which a trailer's faces are plain: above wheels and cars, below its roof."""
    return 0.35 * hitch.trailer_height, 0.92 * hitch.trailer_height


def reach(hitch: Hitch) -> float:
    """Distance from the hitch within which all of the trailer lies [m]."""
    return math.hypot(max(hitch.trailer_length, hitch.trailer_front), hitch.trailer_width / 2.0) + 2 * NEAR


@dataclass(frozen=True)
class Cells:
    """Points averaged by cell, relative to the hitch: xy (M,2), how many each stands for: count (M,), and from where
    they were seen: origin (M,3) [m]."""

    xy: F64
    count: F64
    origin: F64

    @classmethod
    def of(cls, views: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]], hitch: Hitch) -> Cells:
        """Cells of several lidars' views: origin (3,) and points (N,3), both in base_link [m]."""
        parts = [_averaged(np.asarray(origin, np.float64), xyz, hitch) for origin, xyz in views]
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _averaged(origin: F64, xyz: NDArray[np.floating], hitch: Hitch) -> tuple[F64, F64, F64]:
    low, high = band(hitch)
    x, y = xyz[:, 0] - hitch.x, xyz[:, 1]
    keep = (xyz[:, 2] > low) & (xyz[:, 2] < high) & (x * x + y * y < reach(hitch) ** 2)
    xy = np.stack([x[keep], y[keep]], 1).astype(np.float64)
    cells = np.floor(xy / CELL).astype(np.int64)
    _, which, count = np.unique(cells[:, 0] * 100_000 + cells[:, 1], return_inverse=True, return_counts=True)
    mean = np.stack([np.bincount(which, xy[:, k], len(count)) / count for k in range(2)], 1)
    return mean, count.astype(np.float64), np.tile(origin - [hitch.x, 0.0, 0.0], (len(count), 1))


def fit(cells: Cells, hitch: Hitch, expected: float | None = None) -> Fit | None:
    """The trailer's angle, or None if the cells show none.

    Args:
        expected: angle [rad] near which to look; None: anywhere.
    """
    if len(cells.xy) < MIN_CELLS:
        return None
    limit = math.radians(hitch.max_angle_deg)
    if expected is not None:
        return _judged(cells, hitch, expected + np.arange(-AROUND, AROUND + FINE, FINE))
    angles = np.arange(-limit, limit + COARSE, COARSE)
    score, fits = _score(cells.xy, hitch, angles, 2.0 * NEAR), []
    for _ in range(CANDIDATES):  # what looks best may turn out to be a wall that the lidars see through the trailer
        best = float(angles[int(np.argmax(score))])
        fits.append(_judged(cells, hitch, best + np.arange(-2 * COARSE, 2 * COARSE + FINE, FINE)))
        score[np.abs(angles - best) < AROUND] = -np.inf
    return max((f for f in fits if f is not None), key=lambda f: f.cells, default=None)


def _judged(cells: Cells, hitch: Hitch, angles: F64) -> Fit | None:
    """The best of some angles, made exact, if it stands up."""
    angle = _polished(cells, hitch, float(angles[int(np.argmax(_score(cells.xy, hitch, angles, NEAR)))]))
    local = _turned(cells.xy, np.array([angle]))[:, 0]
    depth = _depth(local, hitch)
    on = np.abs(depth) < NEAR
    against = (depth < -NEAR) | (~on & _through(local, cells.origin, angle, hitch))
    share = float(on.sum() / max(1, on.sum() + against.sum()))
    possible = abs(angle) <= math.radians(hitch.max_angle_deg)
    good = possible and on.sum() >= MIN_CELLS and share >= MIN_SHARE
    good = good and _cover(local[on], np.unique(cells.origin, axis=0), angle, hitch) >= MIN_COVER
    return Fit(angle, int(on.sum()), share) if good else None


def _through(local: F64, origin: F64, angle: float, hitch: Hitch) -> NDArray[np.bool_]:
    """Which points (M,2, in the trailer's axes) were seen along a line that crosses the trailer.

    Only lidars between the trailer's underside and its roof are asked: others may look under or over it.
    """
    start = _turned(origin[:, :2], np.array([angle]))[:, 0]
    step = local - start
    low = np.array([-hitch.trailer_length, -hitch.trailer_width / 2.0]) + NEAR
    high = np.array([hitch.trailer_front, hitch.trailer_width / 2.0]) - NEAR
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (low - start) / step, (high - start) / step
    enter, leave = np.nanmax(np.minimum(a, b), axis=1), np.nanmin(np.maximum(a, b), axis=1)
    level = (origin[:, 2] > band(hitch)[0]) & (origin[:, 2] < hitch.trailer_height)
    return np.asarray(level & (np.maximum(enter, 0.0) < np.minimum(leave, 1.0)))


def _turned(points: F64, angles: F64) -> F64:
    """Points (M,A,2) in the trailer's axes at each angle."""
    c, s = np.cos(angles), np.sin(angles)
    x, y = points[:, :1], points[:, 1:]
    return np.stack([c * x + s * y, c * y - s * x], -1)


def _depth(local: F64, hitch: Hitch) -> F64:
    """Signed distance [m] to the outline, the rear left out (nobody sees it): below 0 inside."""
    beside = np.abs(local[..., 1]) - hitch.trailer_width / 2.0
    ahead, behind = local[..., 0] - hitch.trailer_front, -hitch.trailer_length - local[..., 0]
    return np.where(behind > 0.0, np.maximum(behind, 1.0), np.maximum(beside, ahead))


def _score(points: F64, hitch: Hitch, angles: F64, near: float) -> F64:
    """How well each angle (A,) explains the points."""
    depth = _depth(_turned(points, angles), hitch)
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(depth) / near).sum(axis=0) - 0.5 * (depth < -near).sum(axis=0))


def _polished(cells: Cells, hitch: Hitch, angle: float) -> float:
    """Gauss-Newton on the signed distance of the points near the outline."""
    for _ in range(3):
        local = _turned(cells.xy, np.array([angle]))[:, 0]
        beside = np.abs(local[:, 1]) - hitch.trailer_width / 2.0
        ahead = local[:, 0] - hitch.trailer_front
        side = beside > ahead
        residual = np.where(side, beside, ahead)
        # turning by d moves a point by d * (v, -u) in the trailer's axes
        slope = np.where(side, -np.sign(local[:, 1]) * local[:, 0], local[:, 1])
        weight = cells.count * ((np.abs(residual) < NEAR) & (local[:, 0] > -hitch.trailer_length))
        if (curvature := float(weight @ slope**2)) < 1e-6:
            break
        angle -= float(weight @ (slope * residual)) / curvature
    return angle


def _cover(on: F64, origins: F64, angle: float, hitch: Hitch) -> float:
    """Part of the outline that lidars at ``origins`` (K,3) see and that the points (M,2, in the trailer's axes) meet."""
    front, half = hitch.trailer_front, hitch.trailer_width / 2.0
    across, along = np.arange(CELL - half, half - 0.5 * CELL, CELL), np.arange(-hitch.trailer_length, front, CELL)
    place = np.concatenate([
        np.stack([np.full(len(across), front), across], 1),
        *(np.stack([along, np.full(len(along), y)], 1) for y in (half, -half)),
    ])  # fmt: skip
    normal = np.repeat([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [len(across), len(along), len(along)], axis=0)
    sight = _turned(origins[:, :2], np.array([angle])) - place[None]
    asked = ((sight * normal).sum(axis=2) > FLAT * np.linalg.norm(sight, axis=2)).any(axis=0)
    if not asked.any() or not len(on):
        return 0.0
    return float((np.abs(place[asked][:, None] - on[None]).max(axis=2).min(axis=1) < 1.2 * CELL).mean())
