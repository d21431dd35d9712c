"""Which detection belongs to which track: gates, costs, optimal assignment, split and merged clusters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from autonomy_perception.tracking.classes import COMPATIBILITY
from autonomy_perception.tracking.extent import axes_of
from autonomy_perception.tracking.orientation import fold

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

GATE = 13.8  # chi-square, 2 degrees of freedom, 99.9 %
MAX_DELAY = 0.1  # [s] the duration of a sweep
FORBIDDEN = 30.0  # cost of leaving a pair unassigned: dearer pairs are not made


class Boxes(NamedTuple):
    """Boxes seen from above (N rows).

    Attributes:
        center, size: (N,2) [m]; yaw: (N,) [rad]; probs: (N,C) class probabilities; vertical: (N,2) bottom and top [m].
        credit: (N,) [nat] log-odds of being a road user.
        velocity: (N,2) [m/s] of a track, zero for detections.
        delay: (N,2) [s] two candidates for the time of the look at a detection, zero for tracks. They differ at the
            seam of the sweep, where its beginning meets its end.
    """

    center: F64
    size: F64
    yaw: F64
    probs: F64
    vertical: F64
    credit: F64
    velocity: F64
    delay: F64

    def take(self, index: I64) -> Boxes:
        """The boxes of an index."""
        return Boxes(*(a[index] for a in self))


class Pairs(NamedTuple):
    """P pairs that are near enough to be compared: track and detection index (P,), the detection's centre along the
    track's axes (P,2) [m], its size along them (P,2) [m] after quarter turns."""

    row: I64
    col: I64
    along: F64
    size: F64


def near_pairs(first: Boxes, second: Boxes, reach: F64) -> Pairs:
    """Pairs whose centres are nearer than ``reach`` (N,) [m] plus half of both diagonals.

    All that follows works on these few hundred pairs instead of N x M cells. Moving tracks are compared where they
    were when the lidar looked at the detection.
    """
    dx = second.center[None, :, 0] - first.center[:, None, 0]
    dy = second.center[None, :, 1] - first.center[:, None, 1]
    limit = (reach + _reach_of(first))[:, None] + _reach_of(second)[None]
    row, col = np.nonzero(dx * dx + dy * dy < limit * limit)
    px, py = dx[row, col], dy[row, col]
    delay, speed = first.delay[row] - second.delay[col], first.velocity[row] + second.velocity[col]
    ox, oy = px[:, None] + delay * speed[:, :1], py[:, None] + delay * speed[:, 1:]
    away = ox * ox + oy * oy
    other = away[:, 1] < away[:, 0]
    px, py = np.where(other, ox[:, 1], ox[:, 0]), np.where(other, oy[:, 1], oy[:, 0])
    yaw = first.yaw[row]
    c, s = np.cos(yaw), np.sin(yaw)
    _, turns = fold(second.yaw[col], yaw)
    size = second.size[col]
    size = np.where((turns % 2 == 1)[:, None], size[:, ::-1], size)
    return Pairs(row, col, np.stack([c * px + s * py, c * py - s * px], 1), size)


def _reach_of(boxes: Boxes) -> F64:
    """Half diagonal of boxes (N,) plus the way they go during a sweep [m]."""
    half = 0.5 * np.hypot(boxes.size[:, 0], boxes.size[:, 1])
    return np.asarray(half + MAX_DELAY * np.hypot(boxes.velocity[:, 0], boxes.velocity[:, 1]))


def costs(tracks: Boxes, cov: F64, detections: Boxes, noise: F64, reach: F64) -> F64:
    """Assignment cost (N,M), ``FORBIDDEN`` outside the gates.

    The distance is what remains of the centre offset after the part that a partial view explains: with sizes
    S and m along an axis the centres may lie |S-m|/2 apart.

    Args:
        cov: (N,2,2) predicted position covariance [m^2]; noise: (M,) position variance of detections [m^2].
        reach: (N,) largest offset that a track can have travelled beyond its prediction [m].
    """
    pairs = near_pairs(tracks, detections, reach)
    row, col, along = pairs.row, pairs.col, pairs.along
    slack = 0.5 * np.abs(pairs.size - tracks.size[row])
    rest = np.copysign(np.maximum(np.abs(along) - slack, 0.0), along)
    axes = axes_of(tracks.yaw)
    turned = axes @ cov @ np.swapaxes(axes, 1, 2)
    sxx = turned[row, 0, 0] + noise[col]
    syy = turned[row, 1, 1] + noise[col]
    sxy = turned[row, 0, 1]
    det = np.maximum(sxx * syy - sxy**2, 1e-9)
    u, v = rest[:, 0], rest[:, 1]
    distance = (syy * u * u - 2.0 * sxy * u * v + sxx * v * v) / det
    plain = (along[:, 0] ** 2 + along[:, 1] ** 2) / (sxx + syy + 0.5)
    ratio = np.log((pairs.size + 0.3) / (tracks.size[row] + 0.3))
    unlike = np.minimum(ratio * ratio, 2.25)
    above = detections.vertical[col, 0] - tracks.vertical[row, 1]
    below = tracks.vertical[row, 0] - detections.vertical[col, 1]
    affinity = ((tracks.probs @ COMPATIBILITY) @ detections.probs.T)[row, col]
    alike = 2.0 * (unlike[:, 0] + unlike[:, 1]) + np.minimum(
        0.25 * (tracks.credit[row] - detections.credit[col]) ** 2, 3.0
    )
    cost = distance + 0.5 * np.minimum(plain, 9.0) + alike + np.log(det) - 2.0 * np.log(affinity)
    allowed = (distance < GATE) & (u * u + v * v < reach[row] ** 2) & (affinity > 0.08)
    allowed &= (above < 0.7) & (below < 0.7)
    out = np.full((len(tracks.center), len(detections.center)), FORBIDDEN)
    out[row[allowed], col[allowed]] = np.minimum(cost[allowed], FORBIDDEN)
    return out


def assign(cost: F64) -> tuple[I64, I64]:
    """Optimal one-to-one pairs (rows, columns) of allowed cells; leaving a pair out costs ``FORBIDDEN``."""
    if cost.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows, cols = linear_sum_assignment(cost)
    keep = cost[rows, cols] < FORBIDDEN
    return rows[keep].astype(np.int64), cols[keep].astype(np.int64)


def inside(outer: Boxes, inner: Boxes, margin: float) -> Bools:
    """(N,M): at least about 70 % of ``inner`` lies in ``outer`` grown by ``margin`` [m], along the axes of ``outer``."""
    pairs = near_pairs(outer, inner, np.full(len(outer.center), margin))
    half = 0.5 * outer.size[pairs.row] + margin
    low = np.maximum(pairs.along - 0.5 * pairs.size, -half)
    high = np.minimum(pairs.along + 0.5 * pairs.size, half)
    share = np.maximum(high - low, 0.0) / np.maximum(pairs.size, 0.1)
    out = np.zeros((len(outer.center), len(inner.center)), np.bool_)
    out[pairs.row, pairs.col] = share[:, 0] * share[:, 1] > 0.7
    return out


def united(box: Boxes, k: int, parts: Boxes, members: I64) -> tuple[F64, F64]:
    """Centre (2,) and size (2,) of box ``k`` stretched along its own axes to cover ``parts[members]``."""
    pairs = near_pairs(box.take(np.array([k])), parts.take(members), np.full(1, 1e3))
    half = 0.5 * box.size[k]
    low = np.minimum((pairs.along - 0.5 * pairs.size).min(0), -half)
    high = np.maximum((pairs.along + 0.5 * pairs.size).max(0), half)
    return box.center[k] + axes_of(box.yaw[k : k + 1])[0].T @ (0.5 * (low + high)), high - low
