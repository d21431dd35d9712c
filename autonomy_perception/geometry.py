"""Rigid transforms, quaternions and angles (floor 0).

Transforms are 4x4 float64 matrices named ``T_target_source``: they map a point given in
``source`` to ``target``. Axes follow REP-103 (x forward, y left, z up; metres, radians).
Quaternions are ``(x, y, z, w)`` as in geometry_msgs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]


def wrap_angle(angle: ArrayLike) -> F64:
    """Wrap angles [rad] to [-pi, pi)."""
    return np.asarray((np.asarray(angle, np.float64) + np.pi) % (2.0 * np.pi) - np.pi)


def rotation_z(yaw: float) -> F64:
    """Rotation matrix (3,3) of ``yaw`` [rad] about +z."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def rotation_rpy(roll: float, pitch: float, yaw: float) -> F64:
    """Rotation matrix (3,3) from fixed-axis roll, pitch, yaw [rad] (REP-103): Rz @ Ry @ Rx."""
    cr, sr, cp, sp = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch)
    rx = np.array([[1.0, 0.0, 0.0], [0.0, cr, -sr], [0.0, sr, cr]])
    ry = np.array([[cp, 0.0, sp], [0.0, 1.0, 0.0], [-sp, 0.0, cp]])
    return np.asarray(rotation_z(yaw) @ ry @ rx)


def rotations_rpy(angles: ArrayLike) -> F64:
    """Rotation matrices (N,3,3) from rows of roll, pitch, yaw [rad]; see :func:`rotation_rpy`."""
    a = np.asarray(angles, np.float64)
    (cr, cp, cy), (sr, sp, sy) = np.cos(a).T, np.sin(a).T
    rows = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def rpy_of(rotation: F64) -> tuple[float, float, float]:
    """Fixed-axis roll, pitch, yaw [rad] of a rotation matrix (3,3) or the upper left of (4,4)."""
    r = np.asarray(rotation)
    pitch = float(np.arcsin(np.clip(-r[2, 0], -1.0, 1.0)))
    return float(np.arctan2(r[2, 1], r[2, 2])), pitch, float(np.arctan2(r[1, 0], r[0, 0]))


def yaw_of(transform: F64) -> float:
    """Heading [rad] of a transform's x axis in the target's xy plane."""
    return float(np.arctan2(transform[1, 0], transform[0, 0]))


def make_transform(rotation: ArrayLike | None = None, translation: ArrayLike = (0.0, 0.0, 0.0)) -> F64:
    """4x4 transform from a rotation (3,3) (identity by default) and a translation (3,) [m]."""
    out = np.eye(4)
    if rotation is not None:
        out[:3, :3] = rotation
    out[:3, 3] = translation
    return out


def invert(transform: F64) -> F64:
    """Inverse of a rigid transform (4,4) or a stack of them (N,4,4)."""
    t = np.asarray(transform, np.float64)
    rot_t = np.swapaxes(t[..., :3, :3], -1, -2)
    out = np.zeros_like(t)
    out[..., :3, :3] = rot_t
    out[..., :3, 3] = -(rot_t @ t[..., :3, 3:4])[..., 0]
    out[..., 3, 3] = 1.0
    return out


def transform_points(transform: F64, points: ArrayLike) -> F64:
    """Apply a (4,4) transform to points (N,3) [m]."""
    return np.asarray(points) @ transform[:3, :3].T + transform[:3, 3]


def quaternions_of(rotations: F64) -> F64:
    """Unit quaternions (N,4) x y z w with w >= 0 of rotations (N,3,3) or transforms (N,4,4) (Shepperd, 1978)."""
    r = np.asarray(rotations, np.float64)[:, :3, :3]
    d0, d1, d2 = r[:, 0, 0], r[:, 1, 1], r[:, 2, 2]
    trace = d0 + d1 + d2
    sx, sy, sz = r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]
    pxy, pyz, pxz = r[:, 1, 0] + r[:, 0, 1], r[:, 2, 1] + r[:, 1, 2], r[:, 0, 2] + r[:, 2, 0]
    candidates = np.stack([
        np.stack([1.0 - trace + 2.0 * d0, pxy, pxz, sx], -1),
        np.stack([pxy, 1.0 - trace + 2.0 * d1, pyz, sy], -1),
        np.stack([pxz, pyz, 1.0 - trace + 2.0 * d2, sz], -1),
        np.stack([sx, sy, sz, 1.0 + trace], -1),
    ])  # fmt: skip
    best = np.argmax(np.stack([d0, d1, d2, trace]), axis=0)  # the largest component loses no precision
    q = candidates[best, np.arange(len(r))]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.asarray(np.where(q[:, 3:] < 0.0, -q, q))


def quaternion_of(rotation: F64) -> F64:
    """Unit quaternion (4,) of one rotation (3,3) or transform (4,4); see :func:`quaternions_of`."""
    return np.asarray(quaternions_of(np.asarray(rotation)[None])[0])


def rotation_of(quaternion: ArrayLike) -> F64:
    """Rotation matrices (..., 3, 3) of quaternions (..., 4) x y z w.

    Raises:
        ValueError: a quaternion is not finite or has norm zero.
    """
    q = np.asarray(quaternion, np.float64)
    norm = np.linalg.norm(q, axis=-1, keepdims=True)
    if not np.all(np.isfinite(norm)) or np.any(norm < 1e-9):
        raise ValueError(f"quaternion must be finite with a norm above zero, got {q.tolist()}")
    x, y, z, w = np.moveaxis(q / norm, -1, 0)
    out = np.empty((*q.shape[:-1], 3, 3))
    out[..., 0, 0], out[..., 0, 1], out[..., 0, 2] = 1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)
    out[..., 1, 0], out[..., 1, 1], out[..., 1, 2] = 2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)
    out[..., 2, 0], out[..., 2, 1], out[..., 2, 2] = 2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)
    return out


def slerp(q0: F64, q1: F64, ratio: F64) -> F64:
    """Spherical interpolation (N,4) between quaternions (N,4) at ``ratio`` (N,) (Shoemake, 1985)."""
    dot = np.sum(q0 * q1, axis=-1)
    q1 = np.where((dot < 0.0)[:, None], -q1, q1)
    theta = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    sin_theta = np.sin(theta)
    near = sin_theta < 1e-6
    safe = np.where(near, 1.0, sin_theta)
    a = np.where(near, 1.0 - ratio, np.sin((1.0 - ratio) * theta) / safe)
    b = np.where(near, ratio, np.sin(ratio * theta) / safe)
    out = a[:, None] * q0 + b[:, None] * q1
    return np.asarray(out / np.linalg.norm(out, axis=-1, keepdims=True))


def box_corners(xy: F64, size_lw: F64, yaw: F64) -> F64:
    """BEV corners (N,4,2) [m] of boxes: centres (N,2), length and width (N,2), yaw (N,), counter-clockwise."""
    unit = 0.5 * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float64)
    local = unit[None] * np.asarray(size_lw, np.float64)[:, None, :]
    c, s = np.cos(yaw), np.sin(yaw)
    rot = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    return np.asarray(np.einsum("nij,nkj->nki", rot, local) + np.asarray(xy)[:, None, :])


def is_convex(polygon: ArrayLike) -> bool:
    """True if the corners (V,2), in either order around, bound a convex area (collinear corners are allowed)."""
    corners = np.asarray(polygon, np.float64)
    edge = np.roll(corners, -1, axis=0) - corners
    nxt = np.roll(edge, -1, axis=0)
    turn = np.arctan2(edge[:, 0] * nxt[:, 1] - edge[:, 1] * nxt[:, 0], (edge * nxt).sum(axis=1))
    once_around = abs(abs(float(turn.sum())) - 2.0 * np.pi) < 1e-6
    return once_around and (bool(np.all(turn > -1e-9)) or bool(np.all(turn < 1e-9)))
