"""What the detections of a scan do to the tracks they were assigned to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import ExtentConfig, TrackingConfig
from autonomy_perception.geometry import wrap_angle
from autonomy_perception.tracking import classes, extent, motion, orientation
from autonomy_perception.tracking.existence import bearings, shadowed
from autonomy_perception.tracking.models import VX, VY, YAW
from autonomy_perception.tracking.scan import Scan
from autonomy_perception.tracking.state import TrackState

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def apply(
    state: TrackState,
    mean: F64,
    cov: F64,
    scan: Scan,
    rows: I64,
    cols: I64,
    stamp_ns: int,
    config: TrackingConfig,
) -> int:
    """Update the tracks ``rows`` with the detections ``cols`` (M,): size, place, heading, classes, history.

    A track whose filter refuses the detection coasts on: it counts as unseen, and is forgotten if that lasts.

    Args:
        mean: (N,6), which changes, and cov: (N,6,6): prediction over the models.

    Returns:
        How many measurements were refused: not finite, or with an innovation covariance that is none.
    """
    if len(rows) == 0:
        return 0
    imm = state.filter
    center, size, found = scan.boxes.center[cols], scan.boxes.size[cols], scan.boxes.yaw[cols]
    vehicle = extent.is_vehicle(state.probs[rows])
    yaw, turns = orientation.fold(found, mean[rows, YAW])
    evidence = orientation.axis_evidence(turns, size[:, 0], size[:, 1], vehicle, scan.known[cols])
    state.quadrant[rows] = orientation.normalise(0.98 * state.quadrant[rows] + evidence, config.orientation)
    seen_now = np.where((turns % 2 == 1)[:, None], size[:, ::-1], size)
    axes = extent.axes_of(yaw)
    side, exposure = extent.view(center, axes, seen_now, scan.sensor)
    before = state.size[rows]
    _resize(state, scan, rows, cols, seen_now, axes, exposure, config.extent)
    # Network boxes are whole, and what is no vehicle or rider has no near and far end.
    partial = ((state.probs[rows] @ classes.DIRECTED > 0.5) & ~scan.learned[cols])[:, None]
    believed = np.where(partial, state.size[rows], seen_now)
    before = np.where(partial, before, seen_now)
    # The end that faces the sensor stays where it is: a growing box must not look like motion.
    moved = ((-0.5 * side * (believed - before))[:, None] @ axes)[:, 0]
    imm.shift(rows, moved)
    mean[rows, :2] += moved
    spread = np.sqrt(np.maximum(0.5 * (cov[rows, 0, 0] + cov[rows, 1, 1]), 0.01))[:, None]
    delay = scan.delay_of(cols, mean[rows, :2], mean[rows, VX : VY + 1])
    expected = mean[rows, :2] + delay[:, None] * mean[rows, VX : VY + 1]
    place, extra = extent.locate(
        expected, spread, center, axes, seen_now, believed, state.complete[rows], side, config.extent
    )
    r = _noise(scan, cols, axes, extra, state, rows, yaw - mean[rows, YAW])
    heading = _follow_travel(state, rows, mean, cov, yaw, r)
    taken = imm.update(rows, np.concatenate([place, heading[:, None]], 1), r, delay)
    measured = np.isfinite(scan.velocity[cols]).all(1)
    if measured.any():
        imm.update_velocity(rows[measured], scan.velocity[cols[measured]], np.full(int(measured.sum()), 1.0))
    state.store(imm)
    _rise(state, scan, rows, cols)
    state.class_log_odds[rows] = classes.accumulate(
        state.class_log_odds[rows], scan.boxes.probs[cols], config.evidence.rate, config.evidence.memory
    )
    reach = np.asarray(0.5 * np.abs(np.swapaxes(axes, 1, 2) * seen_now[:, None]).sum(2), np.float64)
    local = center - state.origin_xy[rows]
    time_s = (stamp_ns - state.birth_ns[rows]) * 1e-9 + delay
    motion.remember(state.history, rows, time_s, local - reach, local + reach)
    state.hits[rows] += taken
    state.road_user_log_odds[rows] = classes.mean_road_user_log_odds(
        state.road_user_log_odds[rows], state.hits[rows], scan.boxes.road_user_log_odds[cols], config.evidence
    )
    state.update_ns[rows[taken]] = stamp_ns
    return imm.refused


def _resize(
    state: TrackState, scan: Scan, rows: I64, cols: I64, seen_now: F64, axes: F64, exposure: F64, config: ExtentConfig
) -> None:
    boxes = scan.boxes
    radius = 0.5 * np.hypot(boxes.size[:, 0], boxes.size[:, 1])
    look = bearings(boxes.center, radius, scan.sensor)
    _, touched = shadowed(state.lib, look[cols], look)
    sure = extent.whole(scan.variance_along(cols, axes), scan.face[cols], exposure, np.where(touched, 0.0, 1.0))
    state.seen[rows], state.complete[rows], state.surplus[rows] = extent.grow(
        state.seen[rows],
        state.complete[rows],
        state.surplus[rows],
        seen_now,
        sure,
        state.hits[rows] <= config.young_hits,
        config,
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
    round_one = probs[:, classes.ROUND].sum(1)
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
    wheeled = state.moving[rows] & (speed > 2.0) & (state.probs[rows] @ classes.DIRECTED > 0.5)
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
