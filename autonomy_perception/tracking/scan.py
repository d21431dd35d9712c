"""Detections as the tracker needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import FaceConfig
from autonomy_perception.geometry import box_corners, transform_points, wrap_angle, yaw_of
from autonomy_perception.ops.library import Library
from autonomy_perception.tracking.association import Boxes, united
from autonomy_perception.tracking.sweep import Sweep
from autonomy_perception.types import Detections

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

STRIPS = 8  # in which the view of a detection is timed


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
        config: how faces are measured.
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
    config: FaceConfig

    def __len__(self) -> int:
        return len(self.face)

    def variance_along(self, cols: I64, axes: F64) -> F64:
        """Variance (M,2) [m^2] of the detected centres of ``cols`` along ``axes`` (M,2,2)."""
        return np.asarray(((axes @ self.cov[cols]) * axes).sum(2))

    def delay_of(self, cols: I64, expected: F64, velocity: F64) -> F64:
        """Delay (M,) [s] of ``cols``: of both candidates the one at which its near end was seen.

        What lies across the seam of the sweep and comes nearer shows its near end last, what goes away first. Where
        that says nothing, the candidate counts that agrees with the prediction.

        Args:
            expected: (M,2) predicted centres at the stamp [m]; velocity: (M,2) [m/s].
        """
        delay, rows = self.boxes.delay[cols], np.arange(len(cols))
        off = (self.boxes.center[cols] - expected)[:, None] - delay[:, :, None] * velocity[:, None]
        away = expected - self.sensor
        receding = (away * velocity).sum(1) / np.maximum(np.hypot(away[:, 0], away[:, 1]), 0.1)
        last = delay.argmax(1)
        agreeing = (off**2).sum(2).argmin(1)
        pick = np.where(
            receding < -self.config.radial, last, np.where(receding > self.config.radial, 1 - last, agreeing)
        )
        return np.asarray(delay[rows, pick])

    def stretch(self, k: int, members: I64) -> None:
        """Let detection ``k`` cover the detections ``members``, parts of the same object seen at the same time."""
        early, late = self.boxes.delay[members].min(1), self.boxes.delay[members].max(1)
        members = members[late - early < self.config.same_time_s]
        if len(members) == 0:
            return
        center, size = united(self.lib, self.boxes, k, members)
        self.boxes.center[k], self.boxes.size[k] = center, size
        self.boxes.vertical[k, 0] = min(self.boxes.vertical[k, 0], self.boxes.vertical[members, 0].min())
        self.boxes.vertical[k, 1] = max(self.boxes.vertical[k, 1], self.boxes.vertical[members, 1].max())


def read_scan(lib: Library, d: Detections, T_odom_base: F64, sweep: Sweep, config: FaceConfig) -> Scan:
    """Detections as a :class:`Scan`; rows with values that are not finite are left out."""
    sensor, heading = transform_points(T_odom_base, sweep.origin[None])[0, :2], yaw_of(T_odom_base)
    used = np.isfinite(d.center).all(1) & np.isfinite(d.size).all(1) & np.isfinite(d.yaw) & np.isfinite(d.existence)
    used &= np.isfinite(d.class_probs).all(1) & np.isfinite(d.covariance.reshape(len(d), 16)).all(1)
    center, size = d.center[used].astype(np.float64), np.maximum(d.size[used].astype(np.float64), 0.05)
    half = 0.5 * size[:, 2]
    probs = np.maximum(d.class_probs[used].astype(np.float64), 1e-3)
    face = config.near + config.per_m * np.hypot(center[:, 0] - sensor[0], center[:, 1] - sensor[1])
    cov = d.covariance[used].astype(np.float64)
    yaw_noise = np.maximum(cov[:, 3, 3], 0.03**2)
    existing = np.clip(d.existence[used].astype(np.float64), 0.05, 0.99)
    delay = _delays(center[:, :2], size[:, :2], d.yaw[used].astype(np.float64), sensor, heading, sweep, config)
    vertical = np.stack([center[:, 2] - half, center[:, 2] + half], 1)
    road_user_log_odds, share = np.log(existing) - np.log1p(-existing), probs / probs.sum(1, keepdims=True)
    still = np.zeros(2)
    boxes = Boxes.of(
        center[:, :2], size[:, :2], d.yaw[used].astype(np.float64), vertical, road_user_log_odds, still, delay, share
    )
    velocity = d.velocity[used].astype(np.float64)
    return Scan(
        lib,
        boxes,
        cov[:, :2, :2],
        face,
        yaw_noise,
        velocity,
        existing,
        d.yaw_known[used],
        d.source[used] > 0,
        sensor,
        config,
    )


def _delays(center: F64, size: F64, yaw: F64, sensor: F64, heading: float, sweep: Sweep, config: FaceConfig) -> F64:
    """Delays (M,2) [s] of the detections: two candidates only where a good part lies on each side of the seam."""
    bearing = np.arctan2(center[:, 1] - sensor[1], center[:, 0] - sensor[0])
    corners = box_corners(center, size, yaw) - sensor
    off = np.clip(wrap_angle(np.arctan2(corners[..., 1], corners[..., 0]) - bearing[:, None]), -0.5, 0.5)
    low, high = off.min(1), off.max(1)
    strips = (bearing + low)[:, None] + (high - low)[:, None] * (np.arange(STRIPS) + 0.5) / STRIPS
    time = sweep.look_up(strips - heading)
    early = time <= 0.5 * (time.min(1) + time.max(1))[:, None]
    share = early.mean(1)
    first = (time * early).sum(1) / early.sum(1)
    last = (time * ~early).sum(1) / np.maximum((~early).sum(1), 1)
    seam, middle = np.ptp(time, axis=1) > config.same_time_s, time.mean(1)
    first, last = np.where(seam, first, middle), np.where(seam, last, middle)
    return np.stack(
        [np.where(share < config.minority, last, first), np.where(share > 1.0 - config.minority, first, last)], 1
    )
