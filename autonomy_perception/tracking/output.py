"""The tracker's memory as the public ``Tracks``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import MotionConfig
from autonomy_perception.geometry import wrap_angle
from autonomy_perception.road_users import ObjectClass
from autonomy_perception.tracking.classes import ROUND
from autonomy_perception.tracking.models import OMEGA, VX, VY, YAW
from autonomy_perception.tracking.orientation import availability
from autonomy_perception.tracking.state import TrackState
from autonomy_perception.types import Tracks

F64 = NDArray[np.float64]

# From x y z yaw vx vy to the filter's x y vx vy yaw omega; z is filtered beside.
SOURCE = np.array([0, 1, 0, YAW, VX, VY])
CELLS = (6 * SOURCE[:, None] + SOURCE).ravel()


def to_tracks(state: TrackState, mean: F64, cov6: F64, frame_id: str, now_ns: int, config: MotionConfig) -> Tracks:
    """All tracks at ``now_ns``; resting ones report velocity, acceleration and yaw rate zero.

    ``mean`` (N,6), ``cov6`` (N,6,6): over the models.
    """
    n = len(state)
    if n == 0:
        return Tracks.empty(frame_id)
    cov = cov6.reshape(n, 36).take(CELLS, 1).reshape(n, 6, 6)
    cov[:, 2, :] = cov[:, :, 2] = 0.0
    cov[:, 2, 2] = 0.25 * state.vertical_var.sum(1)
    rest = ~(state.moving | _hasty(state, mean, cov6, now_ns, config))
    cov[rest, 4:, :] = 0.0
    cov[rest, :, 4:] = 0.0
    cov[rest, 4, 4] = cov[rest, 5, 5] = config.rest_reported**2
    age = (now_ns - state.birth_ns) * 1e-9
    young = rest & ~state.settled(now_ns, config)  # not yet known to rest
    cov[young, 4, 4] = cov6[young, VX, VX]
    cov[young, 5, 5] = cov6[young, VY, VY]
    moves = ~rest[:, None]
    low, high = state.vertical[:, 0], state.vertical[:, 1]
    center = np.column_stack([mean[:, :2], 0.5 * (low + high)])
    size = np.column_stack([state.size, np.maximum(high - low, 0.1)])
    round_one = state.probs[:, [ObjectClass.UNKNOWN, *ROUND]].sum(1) > 0.5
    shaped = ~round_one | (state.size.max(1) > 1.5 * state.size.min(1))
    f32 = np.float32
    return Tracks(
        state.uuid.copy(), center.astype(f32), size.astype(f32), wrap_angle(mean[:, YAW]).astype(f32),
        np.where(moves, mean[:, VX : VY + 1], 0.0).astype(f32), np.where(moves, state.acceleration, 0.0).astype(f32),
        np.where(rest, 0.0, mean[:, OMEGA]).astype(f32), cov.astype(f32), state.probs.astype(f32),
        state.existence.astype(f32), availability(state.quadrant, shaped), rest.copy(), age.astype(f32),
        ((now_ns - state.update_ns) * 1e-9).astype(f32), state.confirmed.copy(), frame_id,
    )  # fmt: skip


def _hasty(state: TrackState, mean: F64, cov: F64, now_ns: int, config: MotionConfig) -> NDArray[np.bool_]:
    """New road users (N,) too fast to wait for the decision on rest or motion."""
    speed = np.hypot(mean[:, VX], mean[:, VY])
    sigma = np.sqrt(0.5 * (cov[:, VX, VX] + cov[:, VY, VY]))
    return np.asarray(
        ~state.settled(now_ns, config) & (state.road_user_log_odds > 1.0) & (speed > np.maximum(3.0, 2.5 * sigma))
    )
