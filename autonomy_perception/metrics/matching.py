"""Which track belongs to which true object in one scan (docs/accuracy.md says why so)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from autonomy_perception import geometry
from autonomy_perception.simulation.truth.truth import TruthObjects
from autonomy_perception.types import Tracks

F64 = NDArray[np.float64]
BOOL = NDArray[np.bool_]

GATE_M = 2.0  # a track farther than this from an object is not a track of it [m]
LONG_M = 6.0  # from this length on an object is judged by its side that faces the ego [m]
MIN_POINTS = 20
MAX_RANGE_M = 50.0
UNION_SHARE = 0.75  # a track at least this share as long as truck and trailer together stands for both


@dataclass(frozen=True)
class Boxes:
    """Boxes in the plane: centre (N,2), length and width (N,2) [m], yaw (N,) [rad], velocity (N,2) [m/s]."""

    center: F64
    size: F64
    yaw: F64
    velocity: F64

    def __len__(self) -> int:
        return len(self.center)

    @classmethod
    def of_tracks(cls, tracks: Tracks) -> Boxes:
        """The confirmed tracks."""
        k = tracks.confirmed
        return cls(
            *(
                np.asarray(a[k], np.float64)
                for a in (tracks.center[:, :2], tracks.size[:, :2], tracks.yaw, tracks.velocity)
            )
        )

    @classmethod
    def of_truth(cls, truth: TruthObjects) -> Boxes:
        """True objects."""
        return cls(
            *(np.asarray(a, np.float64) for a in (truth.center[:, :2], truth.size[:, :2], truth.yaw, truth.velocity))
        )

    def inside(self, xy: F64, margin: float) -> BOOL:
        """Mask (M,N): point (M,2) lies in box n widened by ``margin`` [m] on all sides."""
        d = np.asarray(xy)[:, None, :] - self.center[None]
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        x, y = d[..., 0] * c + d[..., 1] * s, -d[..., 0] * s + d[..., 1] * c
        return np.asarray((np.abs(x) <= 0.5 * self.size[:, 0] + margin) & (np.abs(y) <= 0.5 * self.size[:, 1] + margin))


def facing_side(center: F64, size: F64, yaw: float, ego: F64) -> F64:
    """The two corners (2,2) of a box nearest to the ego, in order of their angle seen from it."""
    corners = geometry.box_corners(center[None], size[None], np.array([yaw]))[0]
    near = corners[np.argsort(np.linalg.norm(corners - ego, axis=1), kind="stable")[:2]] - ego
    cross = near[0, 0] * near[1, 1] - near[0, 1] * near[1, 0]
    return np.asarray((near if cross >= 0 else near[::-1]) + ego)


def distances(tracks: Boxes, truth: Boxes, ego: F64) -> F64:
    """Distance (T,N) [m] of every track to every object.

    Between centres; for objects longer than ``LONG_M`` the root mean square distance of the two nearest corners
    (the "plane distance" of tier4/autoware_perception_evaluation), because their far end is often out of sight.
    """
    out = np.asarray(np.linalg.norm(tracks.center[:, None] - truth.center[None], axis=2))
    for n in np.flatnonzero(truth.size[:, 0] > LONG_M):
        side = facing_side(truth.center[n], truth.size[n], float(truth.yaw[n]), ego)
        for t in np.flatnonzero(out[:, n] < truth.size[n, 0] + 2 * GATE_M):
            other = facing_side(tracks.center[t], tracks.size[t], float(tracks.yaw[t]), ego)
            out[t, n] = np.sqrt(((side - other) ** 2).sum(1).mean())
    return out


def assign(distance: F64, gate: float = GATE_M) -> list[tuple[int, int]]:
    """Pairs (track, object) within the gate [m]: as many as possible, then the smallest sum of distances (T,N)."""
    if distance.size == 0:
        return []
    cost = np.where(distance <= gate, distance, 1e3)
    return [(int(t), int(n)) for t, n in zip(*linear_sum_assignment(cost), strict=True) if cost[t, n] < 1e3]


def join_groups(truth: TruthObjects, tracks: Boxes, ego: F64) -> TruthObjects:
    """Truck and trailer as one object where a track stands for both; otherwise the truth as it is."""
    keep = np.ones(len(truth), np.bool_)
    rows: list[TruthObjects] = []
    for group in np.unique(truth.group):
        parts = np.flatnonzero(truth.group == group)
        if len(parts) < 2:
            continue
        union = _union(truth, parts)
        box = Boxes.of_truth(union)
        long = tracks.size[:, 0] >= UNION_SHARE * box.size[0, 0]
        if np.any(long & (distances(tracks, box, ego)[:, 0] <= GATE_M)):
            keep[parts] = False
            rows.append(union)
    if not rows:
        return truth
    return _concatenate([_take(truth, np.flatnonzero(keep)), *rows])


def _union(truth: TruthObjects, parts: NDArray[np.int64]) -> TruthObjects:
    """One box around several, along the first of them; their returns added up."""
    yaw = float(truth.yaw[parts[0]])
    axes = geometry.rotation_z(yaw)[:2, :2]
    corners = geometry.box_corners(
        truth.center[parts, :2], truth.size[parts, :2].astype(np.float64), truth.yaw[parts].astype(np.float64)
    )
    local = corners.reshape(-1, 2) @ axes
    low, high = local.min(0), local.max(0)
    center, size = truth.center[parts].mean(0), truth.size[parts].max(0)
    center[:2], size[:2] = axes @ (0.5 * (low + high)), high - low
    first = _take(truth, parts[:1])
    return TruthObjects(
        first.number, first.group, first.label, center[None], size[None], first.yaw, truth.velocity[parts].mean(0)[None],
        truth.points[parts].sum(keepdims=True).astype(np.int32), first.scan_time, first.visibility,
    )  # fmt: skip


def _take(truth: TruthObjects, rows: NDArray[np.int64]) -> TruthObjects:
    return TruthObjects(*(getattr(truth, name)[rows] for name in truth.__dataclass_fields__))


def _concatenate(parts: list[TruthObjects]) -> TruthObjects:
    return TruthObjects(*(np.concatenate([getattr(p, name) for p in parts]) for name in parts[0].__dataclass_fields__))
