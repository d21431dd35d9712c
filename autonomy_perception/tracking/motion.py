"""Static or moving? Decided on displacement that both ends of the object show, with hysteresis.

The filter's speed is no witness: the outline of a bush or a wall flickers, and flicker looks like speed. An
object has moved when the lower *and* the upper bound of its detections went the same way, farther than noise
explains, and step by step rather than in one jump (re-association, merged clusters).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import MotionConfig
from autonomy_perception.ops import tracks
from autonomy_perception.ops.library import Library
from autonomy_perception.road_users import ObjectClass
from autonomy_perception.tracking.classes import SMALL

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Displacement:
    """Over one window, columns of ``table`` (M,8) as :func:`autonomy_perception.ops.tracks.displacement` names them."""

    def __init__(self, table: F64) -> None:
        self.common, self.center = table[:, 0:2], table[:, 2:4]
        self.span, self.frames, self.largest_step, self.detour = table[:, 4], table[:, 5], table[:, 6], table[:, 7]
        self.distance = np.hypot(self.common[:, 0], self.common[:, 1])


def displacement(lib: Library, history: F64, rows: I64, window_s: float) -> Displacement:
    """Displacement of the tracks ``rows`` (M,) within the newest ``window_s`` seconds of ``history`` (N,HISTORY,5)."""
    table = tracks.displacement(lib, lib.to_device(history), lib.to_device(rows), window_s)
    return Displacement(lib.to_host(table))


def threshold(probs: F64, size: F64, distance: F64) -> F64:
    """Displacement (N,) [m] that counts as motion: small for people, larger for what has no class or is far away."""
    unknown = probs[:, ObjectClass.UNKNOWN]
    small = probs[:, SMALL].sum(1)
    longest = size.max(1)
    base = 0.4 * small + 0.7 * (1.0 - small - unknown) + unknown * (0.7 + 0.15 * longest)
    return np.asarray(base + (0.006 + 0.012 * unknown) * distance)


def starts(
    moved: Displacement, limit: F64, probs: F64, size: F64, road_user_log_odds: F64, config: MotionConfig
) -> Bools:
    """Resting tracks (N,) that have begun to move; ``road_user_log_odds`` (N,) [nat] log-odds of being a road user."""
    plain = np.where(moved.frames < config.few_frames, 2.0, 1.0)
    far = moved.distance > plain * limit
    needed = config.min_frames + (road_user_log_odds < 1.0) + 2 * (road_user_log_odds < 0.0)
    steady = (moved.frames >= needed) & (moved.largest_step < 0.7) & (moved.detour < 1.4)
    structure = (probs[:, ObjectClass.UNKNOWN] > 0.5) & (size.max(1) > config.never_longer)
    return np.asarray(far & steady & ~structure)


def plainness(moved: Displacement, limit: F64) -> F64:
    """How plainly (N,) 0..1 a track travels: far beyond the noise, and straight on rather than back and forth."""
    far = moved.distance / limit - 1.0
    straight = (1.5 - moved.detour) / 0.4
    return np.asarray(np.clip(far, 0.0, 1.0) * np.clip(straight, 0.0, 1.0))


def rests(moved: Displacement, limit: F64, config: MotionConfig) -> Bools:
    """Moving tracks (N,) that show no displacement in a window long enough to tell.

    Where the bounds disagree it may be that only more of the object came into view: then its centre has moved far.
    """
    near = (moved.distance < 0.4 * limit) & (np.hypot(moved.center[:, 0], moved.center[:, 1]) < 2.0 * limit)
    return np.asarray(near & (moved.frames >= config.few_frames) & (moved.span > 0.4))


def remember(history: F64, rows: I64, time_s: F64, low: F64, high: F64) -> None:
    """Append detections (M,) to the history of ``rows``: time since birth [s], bounds ``low``, ``high`` (M,2) [m]."""
    history[rows, :-1] = history[rows, 1:]
    history[rows, -1] = np.concatenate([time_s[:, None], low, high], 1)
