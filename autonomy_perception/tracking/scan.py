"""Detections as the tracker needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.geometry import transform_points, yaw_of
from autonomy_perception.ops.library import Library
from autonomy_perception.tracking.association import Boxes, united
from autonomy_perception.tracking.existence import bearings
from autonomy_perception.tracking.sweep import Sweep
from autonomy_perception.types import Detections

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

SAME_TIME = 0.03  # [s] delays nearer than this are the same
SEAM_MARGIN = 0.035  # [rad] a detection this near to the seam of the sweep may have been seen on either side
FACE_NEAR, FACE_PER_M = 0.06, 0.002  # [m], [m/m] standard deviation of a face in view


@dataclass
class Scan:
    """Finite detections (M,) of one scan as float64.

    Attributes:
        lib: runs the kernels.
        boxes: centre, size, yaw, class probabilities, bottom and top.
        cov: (M,2,2) of x and y as detected [m^2]; face: (M,) [m] standard deviation of a face in view;
            noise_yaw: (M,) [rad^2].
        velocity: (M,2) [m/s], NaN where not measured.
        existence: (M,); known: (M,) front and back told apart.
        learned: (M,) boxes of a network (or fused): whole boxes, not visible parts.
        sensor: (2,) [m] where the lidar stands.
    """

    lib: Library
    boxes: Boxes
    cov: F64
    face: F64
    noise_yaw: F64
    velocity: F64
    existence: F64
    known: NDArray[np.bool_]
    learned: NDArray[np.bool_]
    sensor: F64

    def __len__(self) -> int:
        return len(self.face)

    def variance_along(self, cols: I64, axes: F64) -> F64:
        """Variance (M,2) [m^2] of the detected centres of ``cols`` along ``axes`` (M,2,2)."""
        return np.asarray(((axes @ self.cov[cols]) * axes).sum(2))

    def delay_of(self, cols: I64, expected: F64, velocity: F64) -> F64:
        """Delay (M,) [s] of ``cols``: of both candidates the one that agrees with the prediction.

        Args:
            expected: (M,2) predicted centres at the stamp [m]; velocity: (M,2) [m/s].
        """
        delay = self.boxes.delay[cols]
        off = (self.boxes.center[cols] - expected)[:, None] - delay[:, :, None] * velocity[:, None]
        return np.asarray(delay[np.arange(len(cols)), (off**2).sum(2).argmin(1)])

    def stretch(self, k: int, members: I64) -> None:
        """Let detection ``k`` cover the detections ``members``, parts of the same object seen at the same time."""
        early, late = self.boxes.delay[members].min(1), self.boxes.delay[members].max(1)
        members = members[late - early < SAME_TIME]
        if len(members) == 0:
            return
        center, size = united(self.lib, self.boxes, k, members)
        self.boxes.center[k], self.boxes.size[k] = center, size
        self.boxes.vertical[k, 0] = min(self.boxes.vertical[k, 0], self.boxes.vertical[members, 0].min())
        self.boxes.vertical[k, 1] = max(self.boxes.vertical[k, 1], self.boxes.vertical[members, 1].max())


def read_scan(lib: Library, d: Detections, T_odom_base: F64, sweep: Sweep) -> Scan:
    """Detections as a :class:`Scan`; rows with values that are not finite are left out."""
    sensor, heading = transform_points(T_odom_base, sweep.origin[None])[0, :2], yaw_of(T_odom_base)
    used = np.isfinite(d.center).all(1) & np.isfinite(d.size).all(1) & np.isfinite(d.yaw) & np.isfinite(d.existence)
    used &= np.isfinite(d.class_probs).all(1) & np.isfinite(d.covariance.reshape(len(d), 16)).all(1)
    center, size = d.center[used].astype(np.float64), np.maximum(d.size[used].astype(np.float64), 0.05)
    half = 0.5 * size[:, 2]
    probs = np.maximum(d.class_probs[used].astype(np.float64), 1e-3)
    face = FACE_NEAR + FACE_PER_M * np.hypot(center[:, 0] - sensor[0], center[:, 1] - sensor[1])
    cov = d.covariance[used].astype(np.float64)
    yaw_noise = np.maximum(cov[:, 3, 3], 0.03**2)
    existing = np.clip(d.existence[used].astype(np.float64), 0.05, 0.99)
    delay = _delays(center[:, :2], size, sensor, heading, sweep)
    vertical = np.stack([center[:, 2] - half, center[:, 2] + half], 1)
    credit, share = np.log(existing) - np.log1p(-existing), probs / probs.sum(1, keepdims=True)
    still = np.zeros(2)
    boxes = Boxes.of(center[:, :2], size[:, :2], d.yaw[used].astype(np.float64), vertical, credit, still, delay, share)
    velocity = d.velocity[used].astype(np.float64)
    return Scan(
        lib, boxes, cov[:, :2, :2], face, yaw_noise, velocity, existing, d.yaw_known[used], d.source[used] > 0, sensor
    )


def _delays(center: F64, size: F64, sensor: F64, heading: float, sweep: Sweep) -> F64:
    """Delays (M,2) [s] at both edges of the detections as the lidar sees them."""
    _, bearing, half = bearings(center, 0.5 * np.hypot(size[:, 0], size[:, 1]), sensor).T
    reach = np.minimum(half, 0.5) + SEAM_MARGIN
    early, late, middle = sweep.look_up(np.stack([bearing - reach, bearing + reach, bearing]) - heading)
    seam = np.abs(late - early) > SAME_TIME
    return np.stack([np.where(seam, early, middle), np.where(seam, late, middle)], 1)
