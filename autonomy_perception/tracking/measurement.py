"""Detections as the tracker needs them, and their effect on the matched tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.geometry import transform_points, wrap_angle, yaw_of
from autonomy_perception.tracking import classes, extent, motion, orientation
from autonomy_perception.tracking.association import Boxes, united
from autonomy_perception.tracking.existence import bearings, shadowed
from autonomy_perception.tracking.models import VX, VY, YAW
from autonomy_perception.tracking.state import TrackState
from autonomy_perception.tracking.sweep import Sweep
from autonomy_perception.types import Detections, ObjectClass

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

SAME_TIME = 0.03  # [s] delays nearer than this are the same
SEAM_MARGIN = 0.035  # [rad] a detection this near to the seam of the sweep may have been seen on either side
FACE_NEAR, FACE_PER_M = 0.06, 0.002  # [m], [m/m] standard deviation of a face in view


@dataclass
class Scan:
    """Finite detections (M,) of one scan as float64.

    Attributes:
        boxes: centre, size, yaw, class probabilities, bottom and top.
        cov: (M,2,2) of x and y as detected [m^2]; face: (M,) [m] standard deviation of a face in view;
            noise_yaw: (M,) [rad^2].
        velocity: (M,2) [m/s], NaN where not measured.
        existence: (M,); known: (M,) front and back told apart.
        learned: (M,) boxes of a network (or fused): whole boxes, not visible parts.
        sensor: (2,) [m] where the lidar stands.
    """

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
    face = FACE_NEAR + FACE_PER_M * np.hypot(center[:, 0] - sensor[0], center[:, 1] - sensor[1])
    cov = d.covariance[used].astype(np.float64)
    yaw_noise = np.maximum(cov[:, 3, 3], 0.03**2)
    existing = np.clip(d.existence[used].astype(np.float64), 0.05, 0.99)
    delay = _delays(center[:, :2], size, sensor, heading, sweep)
    boxes = Boxes(
        center[:, :2], size[:, :2], d.yaw[used].astype(np.float64), probs / probs.sum(1, keepdims=True),
        np.stack([center[:, 2] - half, center[:, 2] + half], 1), np.log(existing) - np.log1p(-existing), np.zeros((len(center), 2)), delay,
    )  # fmt: skip
    velocity = d.velocity[used].astype(np.float64)
    return Scan(
        boxes, cov[:, :2, :2], face, yaw_noise, velocity, existing, d.yaw_known[used], d.source[used] > 0, sensor
    )


def _delays(center: F64, size: F64, sensor: F64, heading: float, sweep: Sweep) -> F64:
    """Delays (M,2) [s] at both edges of the detections as the lidar sees them."""
    _, bearing, half = bearings(center, 0.5 * np.hypot(size[:, 0], size[:, 1]), sensor)
    reach = np.minimum(half, 0.5) + SEAM_MARGIN
    edges = sweep.look_up(np.stack([bearing - reach, bearing + reach], 1) - heading)
    middle = sweep.look_up(bearing - heading)[:, None]
    seam = np.ptp(edges, axis=1) > SAME_TIME
    return np.where(seam[:, None], edges, middle)


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
    before = state.size[rows]
    _resize(state, scan, rows, cols, seen_now, axes, exposure)
    # Network boxes are whole, and what is no vehicle or rider has no near and far end.
    partial = ((state.probs[rows] @ classes.ROAD_USERS > 0.5) & ~scan.learned[cols])[:, None]
    believed = np.where(partial, state.size[rows], seen_now)
    before = np.where(partial, before, seen_now)
    # The end that faces the sensor stays where it is: a growing box must not look like motion.
    moved = np.einsum("mij,mi->mj", axes, -0.5 * side * (believed - before))
    imm.shift(rows, moved)
    mean[rows, :2] += moved
    spread = np.sqrt(np.maximum(0.5 * (cov[rows, 0, 0] + cov[rows, 1, 1]), 0.01))[:, None]
    delay = scan.delay_of(cols, mean[rows, :2], mean[rows, VX : VY + 1])
    expected = mean[rows, :2] + delay[:, None] * mean[rows, VX : VY + 1]
    place, extra = extent.locate(expected, spread, center, axes, seen_now, believed, state.complete[rows], side)
    r = _noise(scan, cols, axes, extra, state, rows, yaw - mean[rows, YAW])
    heading = _follow_travel(state, rows, mean, cov, yaw, r)
    imm.update(rows, np.concatenate([place, heading[:, None]], 1), r, delay)
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
    state.credit[rows] = classes.mean_credit(state.credit[rows], state.hits[rows], scan.boxes.credit[cols])
    state.update_ns[rows] = stamp_ns


def _resize(state: TrackState, scan: Scan, rows: I64, cols: I64, seen_now: F64, axes: F64, exposure: F64) -> None:
    boxes = scan.boxes
    radius = 0.5 * np.hypot(boxes.size[:, 0], boxes.size[:, 1])
    look = bearings(boxes.center, radius, scan.sensor)
    _, touched = shadowed((look[0][cols], look[1][cols], look[2][cols]), look)
    sure = extent.whole(scan.variance_along(cols, axes), scan.face[cols], exposure, np.where(touched, 0.0, 1.0))
    state.seen[rows], state.complete[rows], state.surplus[rows] = extent.grow(
        state.seen[rows], state.complete[rows], state.surplus[rows], seen_now, sure
    )
    learned = rows[scan.learned[cols]]
    state.seen[learned] += 0.2 * (seen_now[scan.learned[cols]] - state.seen[learned])
    state.complete[learned] = 1.0
    state.size[rows] = extent.completed(state.seen[rows], state.complete[rows], state.probs[rows])


def _noise(scan: Scan, cols: I64, axes: F64, extra: F64, state: TrackState, rows: I64, fold_error: F64) -> F64:
    """Measurement covariance (M,3,3) of x, y, yaw: a face in view, plus what the partial view leaves open."""
    r = np.zeros((len(cols), 3, 3))
    along = extra**2 + scan.face[cols, None] ** 2
    faces = np.swapaxes(axes, 1, 2) @ (along[..., None] * axes)
    r[:, :2, :2] = np.where(scan.learned[cols, None, None], scan.cov[cols], faces)
    probs, size = state.probs[rows], scan.boxes.size[cols]
    round_one = probs[:, ObjectClass.PEDESTRIAN] + probs[:, ObjectClass.ANIMAL]
    stubby = np.clip(1.6 - size.max(1) / size.min(1), 0.0, 0.6)
    astray = np.clip(np.abs(fold_error) - 0.3, 0.0, 0.5)  # near 45 deg the fold itself is a guess
    r[:, 2, 2] = scan.noise_yaw[cols] + (0.8 * round_one) ** 2 + (0.3 * stubby) ** 2 + (2.0 * astray) ** 2
    return r


def _follow_travel(state: TrackState, rows: I64, mean: F64, cov: F64, yaw: F64, r: F64) -> F64:
    """Measured yaw (M,) of moving road users pulled to the direction of travel; ``r`` (M,3,3) is narrowed in place.

    An outline turns with what is visible of it; a wheeled vehicle goes where it points.
    """
    velocity = mean[rows, VX : VY + 1]
    speed = np.maximum(np.hypot(velocity[:, 0], velocity[:, 1]), 0.1)
    sigma = np.sqrt(0.5 * (cov[rows, VX, VX] + cov[rows, VY, VY]))
    wheeled = state.moving[rows] & (speed > 2.0) & (state.probs[rows] @ classes.ROAD_USERS > 0.5)
    turn = wrap_angle(np.arctan2(velocity[:, 1], velocity[:, 0]) - yaw)
    wheeled &= np.abs(turn) < 0.7
    outline = np.maximum(r[:, 2, 2], 0.15**2)
    travel = (sigma / speed) ** 2 + 0.03**2
    share = np.where(wheeled, outline / (outline + travel), 0.0)
    r[:, 2, 2] = np.where(wheeled, outline * travel / (outline + travel), r[:, 2, 2])
    return np.asarray(yaw + share * turn)


def _rise(state: TrackState, scan: Scan, rows: I64, cols: I64) -> None:
    """Bottom and top: a scalar Kalman filter each; what was seen higher or lower counts more than what is cut off."""
    old = state.vertical[rows]
    innovation = scan.boxes.vertical[cols] - old
    outward = np.stack([innovation[:, 0] < 0.0, innovation[:, 1] > 0.0], 1)
    r = np.where(outward, 0.15**2, 0.4**2)
    gain = state.vertical_var[rows] / (state.vertical_var[rows] + r)
    state.vertical[rows] = old + gain * innovation
    state.vertical_var[rows] *= 1.0 - gain
