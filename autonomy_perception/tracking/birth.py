"""Tracks begin here: from detections that belong to nothing known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import BirthConfig, TrackingConfig
from autonomy_perception.tracking import classes, existence, extent, motion
from autonomy_perception.tracking.models import OMEGA, VX, VY, YAW, X, Y
from autonomy_perception.tracking.scan import Scan
from autonomy_perception.tracking.state import TrackState, make_uuid

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def newborn(scan: Scan, cols: I64, stamp_ns: int, seed: int, config: TrackingConfig) -> TrackState:
    """Tracks of the detections ``cols`` (M,), seen once.

    A short wide face turned to the sensor is the front or rear of a vehicle: its length axis is set along the
    line of sight, and the box is completed away from the sensor.
    """
    n = len(cols)
    state = TrackState.zeros(scan.lib, n)
    if n == 0:
        return state
    boxes = scan.boxes
    center, size, yaw = boxes.center[cols].copy(), boxes.size[cols].copy(), boxes.yaw[cols].copy()
    state.vertical, state.vertical_var = boxes.vertical[cols].copy(), np.full((n, 2), 0.3**2)
    state.class_log_odds = classes.accumulate(
        np.zeros((n, boxes.probs.shape[1])), boxes.probs[cols], 1.0, config.evidence.memory
    )
    state.road_user_log_odds = classes.mean_road_user_log_odds(
        np.zeros(n), np.ones(n, np.int64), boxes.road_user_log_odds[cols], config.evidence
    )
    still, height = np.zeros(n), state.vertical[:, 1] - state.vertical[:, 0]
    state.probs = classes.posterior(
        scan.lib, state.class_log_odds, state.road_user_log_odds, size, np.zeros((n, 2)), height, still, still
    )
    _, exposure = extent.view(center, extent.axes_of(yaw), size, scan.sensor)
    across = ~scan.learned[cols] & extent.stands_across(
        size[:, 0], size[:, 1], exposure, height, extent.is_vehicle(state.probs)
    )
    yaw = np.where(across, yaw + 0.5 * np.pi, yaw)
    size = np.where(across[:, None], size[:, ::-1], size)
    axes = extent.axes_of(yaw)
    side, exposure = extent.view(center, axes, size, scan.sensor)
    sure = extent.whole(scan.variance_along(cols, axes), scan.face[cols], exposure, np.ones(n))
    state.seen, state.complete = size, np.where(scan.learned[cols, None], 1.0, 0.4 * sure)
    state.size = extent.completed(state.seen, state.complete, state.probs)
    place, extra = extent.locate(
        center, np.full((n, 1), 9.0), center, axes, size, state.size, np.zeros((n, 2)), np.sign(side), config.extent
    )
    _fill_filter(state, scan, cols, place, extra.max(1), yaw, config.birth)
    state.quadrant = np.tile([0.0, -1.0, 0.0, -1.0], (n, 1))
    state.existence, state.rate = existence.born(scan.existence[cols]), np.full(n, 0.75)
    state.hits[:], state.birth_ns[:], state.update_ns[:] = 1, stamp_ns, stamp_ns
    state.origin_xy = center
    reach = 0.5 * np.abs(np.swapaxes(axes, 1, 2) * size[:, None]).sum(2)
    motion.remember(state.history, np.arange(n), boxes.delay[cols].mean(1), -reach, reach)
    for k in range(n):
        state.uuid[k] = make_uuid(seed, stamp_ns, k)
    return state


def _fill_filter(
    state: TrackState, scan: Scan, cols: I64, place: F64, extra: F64, yaw: F64, config: BirthConfig
) -> None:
    vehicle = extent.is_vehicle(state.probs)[:, None]
    state.mu = vehicle * np.array([0.4, 0.2, 0.4]) + (1.0 - vehicle) * np.array([0.9, 0.08, 0.02])
    state.mean[:, :, X : Y + 1] = place[:, None]
    state.mean[:, :, YAW] = yaw[:, None]
    measured = np.asarray(np.isfinite(scan.velocity[cols]).all(1))
    state.mean[measured, :, VX : VY + 1] = scan.velocity[cols[measured], None]
    state.cov[:, :, X, X] = state.cov[:, :, Y, Y] = (scan.face[cols] ** 2 + 0.01 + extra**2)[:, None]
    state.cov[:, :, VX : VY + 1, VX : VY + 1] = _speed_cov(state, yaw, measured, config)[:, None]
    state.cov[:, :, YAW, YAW] = (scan.noise_yaw[cols] + 0.1**2)[:, None]
    state.cov[:, :, OMEGA, OMEGA] = 0.3**2


def _speed_cov(state: TrackState, yaw: F64, measured: NDArray[np.bool_], config: BirthConfig) -> F64:
    """Covariance (M,2,2) of the velocity at birth: a long vehicle hardly moves sideways, but fast along its axis."""
    long = (extent.is_vehicle(state.probs) > 0.4) & (state.size[:, 0] > 1.6 * state.size[:, 1])
    along = np.where(measured, 1.5, np.where(long, config.spread_along, config.spread)) ** 2
    across = np.where(measured, 1.5, np.where(long, config.spread_across, config.spread)) ** 2
    axes = extent.axes_of(yaw)
    return np.asarray(np.swapaxes(axes, 1, 2) @ (np.stack([along, across], 1)[..., None] * axes))
