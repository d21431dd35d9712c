"""What the tracker knows of object classes, and how it fuses class evidence over time.

Rows of all tables follow :class:`autonomy_perception.types.ObjectClass`. Dimensions are those of European and
North American road users (length, width, height [m]); the spread is one standard deviation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops import tracks
from autonomy_perception.ops.library import Library
from autonomy_perception.types import N_CLASSES, ObjectClass

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

# fmt: off
SIZE = np.array([          # UNKNOWN has no size of its own
    [0.0, 0.0, 0.0], [4.3, 1.80, 1.6], [7.5, 2.5, 3.2], [11.5, 2.55, 3.2], [12.0, 2.5, 3.5],
    [2.1, 0.8, 1.4], [1.8, 0.65, 1.65], [0.65, 0.65, 1.7], [1.2, 0.5, 1.0]])
SIZE_SPREAD = np.array([
    [9.9, 9.9, 9.9], [0.5, 0.15, 0.30], [2.5, 0.25, 0.6], [1.5, 0.20, 0.3], [3.0, 0.25, 0.5],
    [0.3, 0.25, 0.3], [0.25, 0.25, 0.3], [0.30, 0.25, 0.25], [0.6, 0.3, 0.5]])
#                        unk   car  truck bus  trail moto  bike  ped  animal
ACCELERATION = np.array([2.0,  3.0,  2.0,  1.5,  2.0,  4.0,  2.0, 1.5,  3.0])   # [m/s^2]
TURN = np.array([        0.5,  0.5,  0.25, 0.2,  0.25, 1.0,  1.0, 1.5,  2.0])   # [rad/s^2]
YAW_DRIFT = np.array([   0.15, 0.03, 0.02, 0.02, 0.02, 0.10, 0.2, 0.8,  0.8])   # [rad/sqrt(s)]
NOISE = np.stack([ACCELERATION, TURN, YAW_DRIFT], 1)
TOP_SPEED = np.array([   40.0, 45.0, 30.0, 28.0, 28.0, 45.0, 9.0, 2.8,  6.0])   # [m/s]
# fmt: on

VEHICLES = np.isin(np.arange(N_CLASSES), [1, 2, 3, 4])
ROAD_USERS = np.isin(np.arange(N_CLASSES), [1, 2, 3, 4, 5, 6])  # their box points where they go

_TABLE = np.column_stack([SIZE, SIZE_SPREAD, TOP_SPEED])

# How well a detection of one class fits a track of another (0..1): neighbours in size are often confused.
_GROUPS = ({1, 2, 3, 4}, {5, 6}, {6, 7}, {7, 8})


def compatibility_table() -> F64:
    """Affinity (N_CLASSES, N_CLASSES) in 0..1 of a track class (row) and a detected class (column)."""
    table = np.full((N_CLASSES, N_CLASSES), 0.05)
    for group in _GROUPS:
        for i in group:
            for j in group:
                table[i, j] = 0.5
    table[ObjectClass.UNKNOWN, :] = table[:, ObjectClass.UNKNOWN] = 0.5
    np.fill_diagonal(table, 1.0)
    return table


COMPATIBILITY = compatibility_table()


def accumulate(class_log: F64, detected: F64, rate: float = 0.4, memory: float = 0.97) -> F64:
    """Class evidence (N,C) after a detection with probabilities (N,C).

    Tempered Bayes: consecutive guesses of one cluster repeat the same mistake, so each counts ``rate`` of an
    independent one and old evidence fades by ``memory`` per detection.
    """
    out = memory * class_log + rate * np.log(np.maximum(detected, 0.02))
    return np.asarray(np.maximum(out - out.max(1, keepdims=True), -12.0))


def mean_credit(credit: F64, hits: NDArray[np.int64], detected: F64) -> F64:
    """Mean log-odds (M,) of being a road user after a detection with log-odds ``detected``.

    A mean (over the last ten or so), not a sum: the detector errs about one bush in every scan alike.
    """
    return np.asarray(credit + np.maximum(1.0 / hits, 0.1) * (detected - credit))


def posterior(
    lib: Library, class_log: F64, credit: F64, seen: F64, complete: F64, height: F64, speed: F64, travel: F64
) -> F64:
    """Class probabilities (N,C) from detections, the size seen so far and the motion.

    Args:
        class_log: (N,C) from :func:`accumulate`. credit: (N,) from :func:`mean_credit`.
        seen: (N,2) length and width seen [m]: lower bounds of the true ones.
        complete: (N,2) 0..1, how surely the whole edge has been seen.
        height: (N,) [m].
        speed: (N,) [m/s]; travel: (N,) 0..1, how plainly it moves.
    """
    put = lib.to_device
    given = (class_log, credit, seen, complete, height, speed, travel, _TABLE)
    return lib.to_host(tracks.class_posterior(lib, *(put(a) for a in given)))


def process_noise(probs: F64) -> F64:
    """Process noise (N,3) of tracks with class probabilities (N,C), the expectation over classes: columns of ``NOISE``."""
    return np.asarray(probs @ NOISE)
