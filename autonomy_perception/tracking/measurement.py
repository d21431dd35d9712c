"""Detections as the tracker needs them, and their effect on the matched tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.geometry import transform_points, yaw_of
from autonomy_perception.tracking import classes, extent, motion, orientation
from autonomy_perception.tracking.association import Boxes, united
from autonomy_perception.tracking.existence import bearings, shadowed
from autonomy_perception.tracking.models import VX, VY, YAW
from autonomy_perception.tracking.state import TrackState
from autonomy_perception.tracking.sweep import Sweep
from autonomy_perception.types import Detections, ObjectClass

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

FLOOR_XY = 0.08  # [m] no cluster face is known better


@dataclass
class Scan:
    """Finite detections (M,) of one scan as float64.

    Attributes:
        boxes: centre, size, yaw, class probabilities, bottom and top.
        noise: (M,) position variance [m^2]; noise_yaw: (M,) [rad^2].
        velocity: (M,2) [m/s], NaN where not measured.
        existence: (M,); known: (M,) front and back told apart.
        delay: (M,) [s] of the look at the object relative to the stamp (negative: earlier).
        sensor: (2,) [m] where the lidar stands; heading: [rad] of base_link; sweep: when it looks where.
    """

    boxes: Boxes
    noise: F64
    noise_yaw: F64
    velocity: F64
    existence: F64
    known: NDArray[np.bool_]
    delay: F64
    sensor: F64
    heading: float
    sweep: Sweep

    def __len__(self) -> int:
        return len(self.noise)

    def delay_at(self, center: F64) -> F64:
        """Delay (N,) [s] of the look at places (N,2) [m]."""
        offset = center - self.sensor
        return self.sweep.look_up(np.arctan2(offset[:, 1], offset[:, 0]) - self.heading)

    def stretch(self, k: int, members: I64) -> None:
        """Let detection ``k`` cover the detections ``members``, parts of the same object."""
        center, size = united(self.boxes, k, self.boxes, members)
        self.boxes.center[k], self.boxes.size[k] = center, size
        self.boxes.vertical[k, 0] = min(self.boxes.vertical[k, 0], self.boxes.vertical[members, 0].min())
        self.boxes.vertical[k, 1] = max(self.boxes.vertical[k, 1], self.boxes.vertical[members, 1].max())


def read_scan(d: Detections, T_odom_base: F64, sweep: Sweep) -> Scan:
    """Detections as a :class:`Scan`; rows with values that are not finite are left out."""
    sensor, heading = transform_points(T_odom_base, sweep.origin[None])[0, :2], yaw_of(T_odom_base)
    used = np.isfinite(d.center).all(1) & np.isfinite(d.size).all(1) & np.isfinite(d.yaw) & np.isfinite(d.existence)
    used &= np.isfinite(d.class_probs).all(1) & np.isfinite(d.covariance).all((1, 2))
    center, size = d.center[used].astype(np.float64), np.maximum(d.size[used].astype(np.float64), 0.05)
    half = 0.5 * size[:, 2]
    probs = np.maximum(d.class_probs[used].astype(np.float64), 1e-3)
    boxes = Boxes(
        center[:, :2], size[:, :2], d.yaw[used].astype(np.float64), probs / probs.sum(1, keepdims=True),
        np.stack([center[:, 2] - half, center[:, 2] + half], 1),
    )  # fmt: skip
    cov = d.covariance[used].astype(np.float64)
    noise = np.maximum(0.5 * (cov[:, 0, 0] + cov[:, 1, 1]), FLOOR_XY**2)
    yaw_noise = np.maximum(cov[:, 3, 3], 0.03**2)
    existing = np.clip(d.existence[used].astype(np.float64), 0.05, 0.99)
    velocity, still = d.velocity[used].astype(np.float64), np.zeros(len(noise))
    scan = Scan(boxes, noise, yaw_noise, velocity, existing, d.yaw_known[used], still, sensor, heading, sweep)
    scan.delay = scan.delay_at(boxes.center)
    return scan


def apply(state: TrackState, scan: Scan, rows: I64, cols: I64, stamp_ns: int) -> None:
    """Update the tracks ``rows`` with the detections ``cols`` (M,): size, place, heading, classes, history."""
    if len(rows) == 0:
        return
    imm = state.filter
    mean, cov = imm.combined()
    center, size, found = scan.boxes.center[cols], scan.boxes.size[cols], scan.boxes.yaw[cols]
    vehicle = extent.is_vehicle(state.probs[rows])
    yaw, turns = orientation.fold(found, mean[rows, YAW])
    evidence = orientation.axis_evidence(turns, size[:, 0], size[:, 1], vehicle, scan.known[cols])
    state.quadrant[rows] = orientation.normalise(0.98 * state.quadrant[rows] + evidence)
    seen_now = np.where((turns % 2 == 1)[:, None], size[:, ::-1], size)
    axes = extent.axes_of(yaw)
    side, exposure = extent.view(center, axes, seen_now, scan.sensor)
    _resize(state, scan, rows, cols, seen_now, exposure)
    believed = state.size[rows]
    spread = np.sqrt(np.maximum(0.5 * (cov[rows, 0, 0] + cov[rows, 1, 1]), 0.01))[:, None]
    delay = scan.delay[cols]
    expected = mean[rows, :2] + delay[:, None] * mean[rows, VX : VY + 1]
    place, extra = extent.locate(expected, spread, center, axes, seen_now, believed, side)
    z = np.concatenate([place, yaw[:, None]], 1)
    imm.update(rows, z, _noise(scan, cols, axes, extra, state.probs[rows], seen_now, mean[rows, YAW], yaw), delay)
    measured = np.isfinite(scan.velocity[cols]).all(1)
    if measured.any():
        imm.update_velocity(rows[measured], scan.velocity[cols[measured]], np.full(int(measured.sum()), 1.0))
    state.store(imm)
    _rise(state, scan, rows, cols)
    state.class_log[rows] = classes.accumulate(state.class_log[rows], scan.boxes.probs[cols])
    reach = np.asarray(0.5 * np.abs(np.swapaxes(axes, 1, 2) * seen_now[:, None]).sum(2), np.float64)
    local = center - state.origin_xy[rows]
    time_s = (stamp_ns - state.birth_ns[rows]) * 1e-9 + delay
    motion.remember(state.history, rows, time_s, local - reach, local + reach)
    state.hits[rows] += 1
    state.update_ns[rows] = stamp_ns


def _resize(state: TrackState, scan: Scan, rows: I64, cols: I64, seen_now: F64, exposure: F64) -> None:
    boxes = scan.boxes
    radius = 0.5 * np.hypot(boxes.size[:, 0], boxes.size[:, 1])
    look = bearings(boxes.center, radius, scan.sensor)
    _, touched = shadowed(tuple(v[cols] for v in look), look)  # type: ignore[arg-type]  # three arrays in, three out
    free = np.where(touched, 0.0, 1.0)
    state.seen[rows], state.complete[rows] = extent.grow(
        state.seen[rows], state.complete[rows], seen_now, exposure, free
    )
    state.size[rows] = extent.completed(state.seen[rows], state.complete[rows], state.probs[rows])


def _noise(scan: Scan, cols: I64, axes: F64, extra: F64, probs: F64, seen: F64, old_yaw: F64, yaw: F64) -> F64:
    """Measurement covariance (M,3,3) of x, y, yaw: detector's own, plus what the partial view leaves open."""
    r = np.zeros((len(cols), 3, 3))
    r[:, :2, :2] = np.einsum("mik,mi,mil->mkl", axes, extra**2 + scan.noise[cols, None], axes)
    round_one = probs[:, ObjectClass.PEDESTRIAN] + probs[:, ObjectClass.ANIMAL]
    stubby = np.clip(1.6 - seen.max(1) / np.maximum(seen.min(1), 0.1), 0.0, 0.6)
    astray = np.clip(np.abs(yaw - old_yaw) - 0.3, 0.0, 0.5)  # near 45 deg the fold itself is a guess
    r[:, 2, 2] = scan.noise_yaw[cols] + (0.8 * round_one) ** 2 + (0.3 * stubby) ** 2 + (2.0 * astray) ** 2
    return r


def _rise(state: TrackState, scan: Scan, rows: I64, cols: I64) -> None:
    """Bottom and top: a scalar Kalman filter each; what was seen higher or lower counts more than what is cut off."""
    old = state.vertical[rows]
    innovation = scan.boxes.vertical[cols] - old
    outward = np.stack([innovation[:, 0] < 0.0, innovation[:, 1] > 0.0], 1)
    r = np.where(outward, 0.15**2, 0.4**2)
    gain = state.vertical_var[rows] / (state.vertical_var[rows] + r)
    state.vertical[rows] = old + gain * innovation
    state.vertical_var[rows] *= 1.0 - gain
