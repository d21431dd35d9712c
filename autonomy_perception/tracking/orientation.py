"""Which way does the box point? An explicit belief over the four quarter turns of a rectangle.

A geometric box has a direction but no front, and a box seen from behind has its long side across. The belief
is a log-weight (N,4) for "the front points along yaw + k*90 deg"; the state is re-named by quarter turns
whenever another quadrant becomes clearly more likely than k = 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import OrientationConfig

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

UNAVAILABLE, SIGN_UNKNOWN, AVAILABLE = range(3)  # TrackedObjectKinematics.msg


def fold(measured: F64, yaw: F64) -> tuple[F64, I64]:
    """Measured headings brought within 45 deg of ``yaw`` by quarter turns.

    Args:
        measured, yaw: same shape [rad].

    Returns:
        Measured heading nearest to ``yaw`` [rad] (not wrapped), and the quarter turns k (0..3) by which the
        measured axis leads the returned one.
    """
    turns = np.rint((measured - yaw) / (0.5 * np.pi))
    return measured - 0.5 * np.pi * turns, np.asarray(turns, np.int64) % 4


def normalise(belief: F64, config: OrientationConfig) -> F64:
    """Belief (N,4) with its maximum at 0 and bounded below."""
    return np.asarray(np.maximum(belief - belief.max(1, keepdims=True), -config.ceiling))


def probabilities(belief: F64) -> F64:
    """Probabilities (N,4) of the four quadrants."""
    p = np.exp(belief - belief.max(1, keepdims=True))
    return np.asarray(p / p.sum(1, keepdims=True))


def axis_evidence(turns: I64, length: F64, width: F64, vehicle: F64, known: Bools) -> F64:
    """Evidence (M,4) of one detection for the quadrants of its track.

    A side longer than any vehicle is wide must be the length. A shorter one says little: seen from behind, a
    car shows its width. A detector that tells front from back (``known``) is believed.

    Args:
        turns: (M,) quarter turns by which the detected axis leads the track's yaw.
        length, width: (M,) detected [m], length >= width in general.
        vehicle: (M,) probability that the track is a car or larger.
    """
    long = np.clip((length - 2.7) / 0.5, 0.0, 1.0) * np.clip((length / np.maximum(width, 0.1) - 1.2) / 0.6, 0.0, 1.0)
    slender = np.clip((length / np.maximum(width, 0.1) - 1.5), 0.0, 1.0) * (1.0 - vehicle) * 0.5
    weight = np.maximum(long, slender)
    m = len(turns)
    out = np.zeros((m, 4))
    rows = np.arange(m)
    for step in (0, 2):
        out[rows, (turns + step) % 4] += 0.5 * weight
    out[rows, turns % 4] += np.where(known, 1.0, 0.0)
    return out


def motion_evidence(yaw: F64, velocity: F64, speed_sigma: F64, moving: Bools) -> F64:
    """Evidence (N,4) of the direction of travel: von Mises with the concentration that the velocity deserves.

    Args:
        velocity: (N,2) [m/s]; speed_sigma: (N,) standard deviation of it [m/s].
    """
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    kappa = np.minimum((speed / np.maximum(speed_sigma, 0.2)) ** 2, 16.0) / 16.0
    kappa = np.where(moving & (speed > 0.7), kappa, 0.0)
    angle = np.arctan2(velocity[:, 1], velocity[:, 0]) - yaw
    return np.asarray(kappa[:, None] * np.cos(angle[:, None] - 0.5 * np.pi * np.arange(4)))


def best_turn(belief: F64, config: OrientationConfig) -> I64:
    """Quarter turns (N,) that re-naming asks for: 0 unless another quadrant leads by ``switch``."""
    best = belief.argmax(1)
    lead = belief[np.arange(len(belief)), best] - belief[:, 0]
    return np.where(lead > config.switch, best, 0)


def availability(belief: F64, shaped: Bools) -> NDArray[np.uint8]:
    """Autoware's orientation_availability (N,): 2 front known, 1 axis known, 0 neither.

    Args:
        shaped: (N,) False for objects without a meaningful axis (pedestrians, round clusters).
    """
    p = probabilities(belief)
    axis = p[:, 0] + p[:, 2]
    out = np.where(p[:, 0] > 0.85, AVAILABLE, np.where(axis > 0.7, SIGN_UNKNOWN, UNAVAILABLE))
    return np.where(shaped | (p[:, 0] > 0.85), out, UNAVAILABLE).astype(np.uint8)
