"""What happens to every track once per scan, matched or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import ExistenceConfig, MotionConfig, OrientationConfig, TrackingConfig
from autonomy_perception.road_users import ObjectClass
from autonomy_perception.tracking import association, classes, existence, motion, orientation
from autonomy_perception.tracking.association import Boxes
from autonomy_perception.tracking.models import VX, VY, YAW
from autonomy_perception.tracking.scan import Scan
from autonomy_perception.tracking.state import TrackState

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def boxes_of(state: TrackState, mean: F64) -> Boxes:
    """Believed boxes of all tracks; ``mean`` (N,6) over the models."""
    now = np.zeros(2)
    return Boxes.of(
        mean[:, :2],
        state.size,
        mean[:, YAW],
        state.vertical,
        state.road_user_log_odds,
        mean[:, VX : VY + 1],
        now,
        state.probs,
    )


def existences(state: TrackState, mean: F64, scan: Scan, rows: I64, cols: I64, config: ExistenceConfig) -> None:
    """Existence after the scan; a track that lies within somebody else's detection was merged, not missed."""
    n = len(state)
    matched = np.zeros(n, np.bool_)
    matched[rows] = True
    lone = np.flatnonzero(~matched)
    visible = np.ones(n)
    if len(lone):
        visible[lone] = _visible(boxes_of(state, mean).take(lone), scan, cols, config.far)
        state.existence[lone] = existence.miss(state.existence[lone], state.rate[lone], visible[lone], config)
    state.existence[rows] = existence.hit(state.existence[rows], state.rate[rows], scan.existence[cols], config)
    state.rate = existence.learn_rate(state.rate, matched, visible)


def _visible(tracks: Boxes, scan: Scan, cols: I64, far: float) -> F64:
    """How surely (N,) 0..1 unmatched tracks should have been seen: not behind nearer things, not far, not merged."""
    target = existence.bearings(tracks.center, 0.4 * tracks.size.min(1), scan.sensor)
    radius = 0.5 * np.hypot(scan.boxes.size[:, 0], scan.boxes.size[:, 1])
    hidden, _ = existence.shadowed(
        scan.lib, target, existence.bearings(scan.boxes.center, radius, scan.sensor), margin=2.0
    )
    visible = np.maximum(1.0 - hidden, 0.1) * np.where(target[:, 0] > far, 0.3, 1.0)
    merged = association.inside(scan.lib, scan.boxes.take(cols), tracks, 0.3).any(0)
    return np.where(merged, 0.3 * visible, visible)


def orientations(state: TrackState, mean: F64, cov: F64, config: OrientationConfig) -> None:
    """Move the quadrant belief by the direction of travel and re-name boxes that point elsewhere."""
    imm = state.filter
    sigma = np.sqrt(0.5 * (cov[:, VX, VX] + cov[:, VY, VY]))
    travel = orientation.motion_evidence(mean[:, YAW], mean[:, VX : VY + 1], sigma, state.moving)
    points_ahead = (state.probs @ classes.DIRECTED)[:, None] * 0.5 + 0.5
    state.quadrant = orientation.normalise(state.quadrant + points_ahead * travel, config)
    turns = orientation.best_turn(state.quadrant, config)
    imm.turn(turns.astype(np.float64))
    state.quadrant = np.take_along_axis(state.quadrant, (np.arange(4) + turns[:, None]) % 4, 1)
    odd = np.flatnonzero(turns % 2 == 1)
    for name in ("seen", "complete", "surplus", "size"):
        array = getattr(state, name)
        array[odd] = array[odd][:, ::-1]
    state.store(imm)


def motions(state: TrackState, mean: F64, sensor: F64, rows: I64, now_ns: int, dt: float, config: MotionConfig) -> int:
    """Decide rest and motion of the matched tracks, and posterior classes of all; gives the measurements refused."""
    imm = state.filter
    distance = np.hypot(*(mean[:, :2] - sensor).T)
    limit = motion.threshold(state.probs, state.seen, distance)
    moving = state.moving[rows]
    windows = (config.start_window_s, config.stop_window_s)
    moved, lately = (motion.displacement(state.lib, state.history, rows, w) for w in windows)
    probs, size, road_user_log_odds = state.probs[rows], state.seen[rows], state.road_user_log_odds[rows]
    started = motion.starts(moved, limit[rows], probs, size, road_user_log_odds, config)
    started |= (road_user_log_odds > 1.0) & motion.starts(lately, limit[rows], probs, size, road_user_log_odds, config)
    started &= ~moving
    state.travel[rows] += 0.4 * (motion.plainness(moved, limit[rows]) - state.travel[rows])
    calm = moving & motion.rests(lately, limit[rows], config)
    state.quiet_s[rows] = np.where(calm, state.quiet_s[rows] + dt, 0.0)
    _kick(state, mean, rows[started], lately.center[started] / np.maximum(lately.span[started], 0.05)[:, None])
    state.moving[rows[started]] = True
    state.moving[rows[state.quiet_s[rows] > 0.3]] = False
    held = ~state.moving[rows] & state.settled(now_ns, config)[rows]
    drift = np.hypot(moved.center[held, 0], moved.center[held, 1]) / limit[rows[held]]
    spread = config.rest_spread * (1.0 + 2.0 * drift**2)  # what drifts away is held less firmly
    imm.update_velocity(rows[held], np.zeros((len(drift), 2)), spread**2)
    speed = np.hypot(mean[:, VX], mean[:, VY])
    height = state.vertical[:, 1] - state.vertical[:, 0]
    travel: F64 = np.where(state.moving, state.travel, 0.0)
    state.probs = classes.posterior(
        state.lib, state.class_log_odds, state.road_user_log_odds, state.seen, state.complete, height, speed, travel
    )
    state.store(imm)
    return imm.refused


def _kick(state: TrackState, mean: F64, rows: I64, velocity: F64) -> None:
    """A track held at rest that turns out to move starts with the velocity of its displacement."""
    if len(rows) == 0:
        return
    off = np.hypot(*(mean[rows, VX : VY + 1] - velocity).T) > 0.5 + 0.3 * np.hypot(*velocity.T)
    state.filter.restart_velocity(rows[off], velocity[off], np.full(int(off.sum()), 1.5**2))


def accelerations(state: TrackState, mean: F64, before: F64, dt: float) -> None:
    """Smoothed change of the velocity over the scan; ``before`` (N,2) is the velocity of the last scan."""
    if dt <= 0.0:
        return
    gain = min(dt / 0.5, 1.0)
    change = np.clip((mean[:, VX : VY + 1] - before) / dt, -10.0, 10.0)
    state.acceleration += gain * (np.where(state.moving[:, None], change, 0.0) - state.acceleration)


def confirm(state: TrackState, now_ns: int, config: TrackingConfig) -> None:
    """Publish what is credible: existing, seen often enough, a road user by shape or by motion. With hysteresis."""
    unknown = state.probs[:, ObjectClass.UNKNOWN]
    credible = unknown < np.where(state.confirmed, 0.6, 0.45)
    lost = (now_ns - state.update_ns) * 1e-9 > 0.5 * config.max_coast_s
    credible &= ~lost | ((unknown < 0.3) & (state.hits > 3 * config.min_hits))
    level = np.where(state.confirmed, 0.5 * config.birth_existence, config.birth_existence)
    worth = credible | config.publish_unknown
    state.confirmed = worth & (state.existence >= level) & (state.hits >= config.min_hits)


def prune(state: TrackState, mean: F64, stamp_ns: int, config: TrackingConfig) -> TrackState:
    """Forget tracks unseen for too long, no longer credible, or inside an older track that was matched instead."""
    unseen = (stamp_ns - state.update_ns) * 1e-9
    keep = (unseen <= config.max_coast_s) & (state.existence > config.existence.lost)
    matched = unseen <= 0.0
    junior = np.flatnonzero((unseen > 0.15) | (state.hits < 3))
    if len(junior):
        boxes = boxes_of(state, mean)
        within = association.inside(state.lib, boxes, boxes.take(junior), 0.2)
        within[junior, np.arange(len(junior))] = False
        senior = (state.hits[:, None] >= state.hits[None, junior]) & matched[:, None]
        keep[junior[(within & senior).any(0)]] = False
    return state if keep.all() else state.take(keep)
