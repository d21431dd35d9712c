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
FORBIDDEN = 30.0  # cost of leaving a pair unassigned: dearer pairs are not made


class Boxes(NamedTuple):
    """Boxes seen from above: centre (N,2), size (N,2) [m], yaw (N,) [rad], class probabilities (N,C), bottom and top (N,2)."""

    center: F64
    size: F64
    yaw: F64
    probs: F64
    vertical: F64


def offsets(tracks: Boxes, detections: Boxes) -> tuple[F64, F64]:
    """Centre offsets (N,M,2) and sizes (N,M,2) of detections along the axes of each track [m]; sizes after quarter turns."""
    delta = detections.center[None] - tracks.center[:, None]
    along = np.einsum("nij,nmj->nmi", axes_of(tracks.yaw), delta)
    _, turns = fold(detections.yaw[None], tracks.yaw[:, None])
    sizes = np.where((turns % 2 == 1)[..., None], detections.size[None, :, ::-1], detections.size[None])
    return along, sizes


def costs(tracks: Boxes, cov: F64, detections: Boxes, noise: F64, reach: F64) -> F64:
    """Assignment cost (N,M), ``FORBIDDEN`` outside the gates.

    The distance is what remains of the centre offset after the part that a partial view explains: with sizes
    S and m along an axis the centres may lie |S-m|/2 apart.

    Args:
        cov: (N,2,2) predicted position covariance [m^2]; noise: (M,) position variance of detections [m^2].
        reach: (N,) largest offset that a track can have travelled beyond its prediction [m].
    """
    along, sizes = offsets(tracks, detections)
    slack = 0.5 * np.abs(sizes - tracks.size[:, None])
    rest = np.maximum(np.abs(along) - slack, 0.0)
    rest = np.copysign(rest, along)
    axes = axes_of(tracks.yaw)
    turned = axes @ cov @ np.swapaxes(axes, 1, 2)
    sxx = turned[:, 0, 0, None] + noise[None]
    syy = turned[:, 1, 1, None] + noise[None]
    sxy = turned[:, 0, 1, None]
    det = sxx * syy - sxy**2
    distance = (syy * rest[..., 0] ** 2 - 2 * sxy * rest[..., 0] * rest[..., 1] + sxx * rest[..., 1] ** 2) / det
    plain = (along**2).sum(-1) / (sxx + syy + 0.5)
    ratio = np.log((sizes + 0.3) / (tracks.size[:, None] + 0.3))
    size_cost = (np.clip(ratio, -1.5, 1.5) ** 2).sum(-1)
    low = np.maximum(tracks.vertical[:, None, 0], detections.vertical[None, :, 0])
    high = np.minimum(tracks.vertical[:, None, 1], detections.vertical[None, :, 1])
    affinity = (tracks.probs @ COMPATIBILITY) @ detections.probs.T
    cost = distance + np.minimum(plain, 9.0) * 0.5 + size_cost + np.log(np.maximum(det, 1e-6)) - 2.0 * np.log(affinity)
    open_gate = (distance < GATE) & (np.hypot(rest[..., 0], rest[..., 1]) < reach[:, None])
    open_gate &= (high - low > -0.7) & (affinity > 0.08)
    return np.where(open_gate, np.minimum(cost, FORBIDDEN), FORBIDDEN)


def assign(cost: F64) -> tuple[I64, I64]:
    """Optimal one-to-one pairs (rows, columns) of allowed cells; leaving a pair out costs ``FORBIDDEN``."""
    if cost.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows, cols = linear_sum_assignment(cost)
    keep = cost[rows, cols] < FORBIDDEN
    return rows[keep].astype(np.int64), cols[keep].astype(np.int64)


def inside(outer: Boxes, inner: Boxes, margin: float) -> Bools:
    """(N,M): at least about 70 % of ``inner`` lies in ``outer`` grown by ``margin`` [m], along the axes of ``outer``."""
    along, sizes = offsets(outer, inner)
    half = 0.5 * outer.size[:, None] + margin
    low = np.maximum(along - 0.5 * sizes, -half)
    high = np.minimum(along + 0.5 * sizes, half)
    share = np.clip(high - low, 0.0, None) / np.maximum(sizes, 0.1)
    return np.asarray(share.prod(-1) > 0.7)


def united(box: Boxes, k: int, parts: Boxes, members: I64) -> tuple[F64, F64]:
    """Centre (2,) and size (2,) of box ``k`` stretched along its own axes to cover ``parts[members]``."""
    one = Boxes(*(a[k : k + 1] for a in box))
    along, sizes = offsets(one, Boxes(*(a[members] for a in parts)))
    half = 0.5 * box.size[k]
    low = np.minimum((along[0] - 0.5 * sizes[0]).min(0), -half)
    high = np.maximum((along[0] + 0.5 * sizes[0]).max(0), half)
    return box.center[k] + axes_of(box.yaw[k : k + 1])[0].T @ (0.5 * (low + high)), high - low
