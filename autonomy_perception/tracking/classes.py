"""What the tracker makes of :mod:`autonomy_perception.road_users`, and how it fuses class evidence over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import AssociationConfig, EvidenceConfig
from autonomy_perception.ops import tracks
from autonomy_perception.ops.library import Library
from autonomy_perception.road_users import N_CLASSES, ROAD_USERS, column, those

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

SIZE = column(lambda u: u.size)
VEHICLES, DIRECTED = those(lambda u: u.steers), those(lambda u: u.directed)
SMALL, ROUND = np.flatnonzero(those(lambda u: u.small)), np.flatnonzero(those(lambda u: u.round))
NOISE = np.stack([column(lambda u: u.acceleration), column(lambda u: u.turn), column(lambda u: u.yaw_drift)], 1)

_TABLE = np.column_stack([SIZE, column(lambda u: u.spread), column(lambda u: u.top_speed)])


def compatibility_table(config: AssociationConfig) -> F64:
    """Affinity (N_CLASSES, N_CLASSES) in 0..1 of a track class (row) and a detected class (column)."""
    table = np.full((N_CLASSES, N_CLASSES), config.stranger)
    for kind, user in ROAD_USERS.items():
        for other in user.confused_with:
            table[kind, other] = table[other, kind] = config.relative
    np.fill_diagonal(table, 1.0)
    return table


def accumulate(class_log_odds: F64, detected: F64, rate: float, memory: float) -> F64:
    """Class evidence (N,C) after a detection with probabilities (N,C).

    Tempered Bayes: consecutive guesses of one cluster repeat the same mistake, so each counts ``rate`` of an
    independent one and old evidence fades by ``memory`` per detection.
    """
    out = memory * class_log_odds + rate * np.log(np.maximum(detected, 0.02))
    return np.asarray(np.maximum(out - out.max(1, keepdims=True), -12.0))


def mean_road_user_log_odds(
    road_user_log_odds: F64, hits: NDArray[np.int64], detected: F64, config: EvidenceConfig
) -> F64:
    """Mean log-odds (M,) of being a road user after a detection with log-odds ``detected``.

    A mean (over the last ``mean_over`` or so), not a sum: the detector errs about one bush in every scan alike.
    """
    return np.asarray(
        road_user_log_odds + np.maximum(1.0 / hits, 1.0 / config.mean_over) * (detected - road_user_log_odds)
    )


def posterior(
    lib: Library,
    class_log_odds: F64,
    road_user_log_odds: F64,
    seen: F64,
    complete: F64,
    height: F64,
    speed: F64,
    travel: F64,
) -> F64:
    """Class probabilities (N,C) from detections, the size seen so far and the motion.

    Args:
        class_log_odds: (N,C) from :func:`accumulate`. road_user_log_odds: (N,) from :func:`mean_road_user_log_odds`.
        seen: (N,2) length and width seen [m]: lower bounds of the true ones.
        complete: (N,2) 0..1, how surely the whole edge has been seen.
        height: (N,) [m].
        speed: (N,) [m/s]; travel: (N,) 0..1, how plainly it moves.
    """
    put = lib.to_device
    given = (class_log_odds, road_user_log_odds, seen, complete, height, speed, travel, _TABLE)
    return lib.to_host(tracks.class_posterior(lib, *(put(a) for a in given)))


def process_noise(probs: F64) -> F64:
    """Process noise (N,3) of tracks with class probabilities (N,C), the expectation over classes: columns of ``NOISE``."""
    return np.asarray(probs @ NOISE)
