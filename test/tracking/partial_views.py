"""Detections as a lidar's clusters give them: visible faces only, occlusion, splits, flicker. A flat world of boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.geometry import box_corners
from autonomy_perception.types import N_CLASSES, Detections, ObjectClass

F64 = NDArray[np.float64]

RAYS = 1440
START_NS = 10**9
PERIOD_NS = 10**8


@dataclass(frozen=True)
class Thing:
    """A box that drives: start (2,) [m], heading [rad], speed [m/s], turn rate [rad/s], size l w h [m]."""

    start: tuple[float, float]
    heading: float
    speed: float
    size: tuple[float, float, float]
    label: ObjectClass
    turn: float = 0.0

    def pose(self, t: float) -> tuple[F64, float]:
        """Centre (2,) [m] and heading [rad] at time t [s]."""
        yaw = self.heading + self.turn * t
        if abs(self.turn) < 1e-9:
            moved = self.speed * t * np.array([np.cos(yaw), np.sin(yaw)])
        else:
            r, a = self.speed / self.turn, self.heading
            moved = r * np.array([np.sin(yaw) - np.sin(a), np.cos(a) - np.cos(yaw)])
        return np.asarray(self.start) + moved, yaw

    def velocity(self, t: float) -> F64:
        """Velocity (2,) [m/s] at time t [s]."""
        yaw = self.heading + self.turn * t
        return self.speed * np.array([np.cos(yaw), np.sin(yaw)])


def detections(
    center: F64, size: F64, yaw: F64, label: list[ObjectClass], existence: float | F64 = 0.85, hidden: F64 | None = None,
    frame_id: str = "odom",
) -> Detections:  # fmt: skip
    """Cluster detections from boxes: centre (N,2) or (N,3), size (N,3), yaw (N,); ``hidden`` (N,2) [m] std of unseen extents."""
    n = len(label)
    center = np.asarray(center, np.float64).reshape(n, -1)
    size, yaw = np.asarray(size, np.float64).reshape(n, 3), np.asarray(yaw, np.float64)
    if center.shape[1] == 2:
        center = np.column_stack([center, 0.5 * size[:, 2]])
    local = 0.06**2 + (0.5 * (np.zeros((n, 2)) if hidden is None else hidden)) ** 2
    c, s = np.cos(yaw), np.sin(yaw)
    cov = np.zeros((n, 4, 4))
    cov[:, 0, 0] = c * c * local[:, 0] + s * s * local[:, 1]
    cov[:, 1, 1] = s * s * local[:, 0] + c * c * local[:, 1]
    cov[:, 0, 1] = cov[:, 1, 0] = c * s * (local[:, 0] - local[:, 1])
    cov[:, 2, 2], cov[:, 3, 3] = 0.05**2, 0.05**2
    probs = np.full((n, N_CLASSES), 0.3 / (N_CLASSES - 1))
    probs[np.arange(n), [int(k) for k in label]] = 0.7
    f32 = np.float32
    return Detections(
        center.astype(f32), size.astype(f32), yaw.astype(f32), np.full((n, 2), np.nan, f32), cov.astype(f32),
        probs.astype(f32), np.broadcast_to(np.asarray(existence, f32), (n,)).copy(), np.full(n, 50, np.int32),
        np.zeros(n, np.bool_), np.zeros(n, np.uint8), frame_id,
    )  # fmt: skip


def visible_points(things: list[Thing], t: float, sensor: F64) -> tuple[F64, NDArray[np.int64]]:
    """First hits (P,2) [m] of a fan of rays from ``sensor`` (2,) and the thing each belongs to (P,)."""
    poses = [thing.pose(t) for thing in things]
    corners = box_corners(
        np.array([p for p, _ in poses]), np.array([thing.size[:2] for thing in things]), np.array([y for _, y in poses])
    )
    a = corners.reshape(-1, 2) - sensor
    b = np.roll(corners, -1, axis=1).reshape(-1, 2) - sensor
    angle = np.linspace(-np.pi, np.pi, RAYS, endpoint=False)
    d = np.stack([np.cos(angle), np.sin(angle)], 1)
    edge = b - a
    det = d[:, None, 0] * -edge[None, :, 1] + d[:, None, 1] * edge[None, :, 0]
    det = np.where(np.abs(det) < 1e-9, np.nan, det)
    r = (a[None, :, 0] * -edge[None, :, 1] + a[None, :, 1] * edge[None, :, 0]) / det
    u = (d[:, None, 0] * a[None, :, 1] - d[:, None, 1] * a[None, :, 0]) / det
    r = np.where((u >= 0) & (u <= 1) & (r > 0.5), r, np.inf)
    first = r.argmin(1)
    hit = np.isfinite(r[np.arange(RAYS), first])
    return sensor + d[hit] * r[hit, first[hit], None], first[hit] // 4


def observe(things: list[Thing], t: float, sensor: F64, rng: np.random.Generator) -> Detections:
    """Clusters of the visible faces at time t: each thing's returns in its own axes, with range noise.

    A class is guessed from the visible size: what could be a car's end or side is a car, and its unseen extent is
    completed as the cluster detector does.
    """
    points, owner = visible_points(things, t, sensor)
    center, size, yaw, label, hidden = [], [], [], [], []
    for k in np.unique(owner):
        mine = points[owner == k]
        if len(mine) < 3:
            continue
        heading = things[k].pose(t)[1] + rng.normal(0.0, 0.02)
        rot = np.array([[np.cos(heading), np.sin(heading)], [-np.sin(heading), np.cos(heading)]])
        local = (mine + rng.normal(0.0, 0.02, mine.shape)) @ rot.T
        low, high = local.min(0), local.max(0)
        extent, middle = np.maximum(high - low, 0.1), 0.5 * (low + high)
        to_sensor = rot @ sensor - middle
        exposed = (np.abs(to_sensor) - 0.5 * extent)[::-1] / np.hypot(*to_sensor) > 0.2
        usual = np.array(things[k].size[:2]) * (1.0 if k % 2 else 0.9)  # class means fit nobody exactly
        full = np.where(exposed, extent, np.maximum(extent, usual))
        middle = middle - 0.5 * np.sign(to_sensor) * (full - extent)
        turn = rng.integers(0, 4) if things[k].label == ObjectClass.PEDESTRIAN else 2 * rng.integers(0, 2)
        center.append(rot.T @ middle)
        size.append([*(full if turn % 2 == 0 else full[::-1]), things[k].size[2] + rng.normal(0.0, 0.05)])
        spread = np.where(exposed, 0.1, 0.5)
        hidden.append(spread if turn % 2 == 0 else spread[::-1])
        yaw.append(heading + 0.5 * np.pi * turn)
        label.append(things[k].label)
    return detections(np.array(center), np.array(size), np.array(yaw), label, hidden=np.array(hidden))


def bush(place: tuple[float, float], rng: np.random.Generator) -> Detections:
    """One flickering cluster of no class: size, centre and axis change from scan to scan."""
    size = rng.uniform([1.0, 0.5, 0.8], [4.5, 2.0, 1.6])
    center = np.asarray(place) + rng.normal(0.0, 0.35, 2)
    return detections(center[None], size[None], rng.uniform(-np.pi, np.pi, 1), [ObjectClass.UNKNOWN], 0.3)


def together(*parts: Detections) -> Detections:
    """All detections in one."""
    names = (
        "center",
        "size",
        "yaw",
        "velocity",
        "covariance",
        "class_probs",
        "existence",
        "points",
        "yaw_known",
        "source",
    )
    return Detections(*(np.concatenate([getattr(p, n) for p in parts]) for n in names), parts[0].frame_id)
