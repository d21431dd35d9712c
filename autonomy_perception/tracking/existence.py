"""Does the object exist? A Bernoulli per track, moved by detections, misses and expected visibility.

After the existence update of JIPDA / Bernoulli filters (Musicki and Evans, IEEE TAES 40(3), 2004), with a
learned detection rate per track, because a bush of flickering clusters and a car are not detected alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import ExistenceConfig
from autonomy_perception.ops import pairs
from autonomy_perception.ops.library import Library

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


def survive(existence: F64, dt: float, config: ExistenceConfig) -> F64:
    """Existence (N,) after ``dt`` [s] without any look."""
    return np.asarray(existence * np.exp(-dt / config.life_s))


def born(detected: F64) -> F64:
    """Existence (M,) at birth from the detector's own probability (M,)."""
    return np.asarray(0.1 + 0.3 * detected)


def hit(existence: F64, rate: F64, detected: F64, config: ExistenceConfig) -> F64:
    """Existence (M,) after a detection with the detector's probability ``detected`` (M,)."""
    ratio = np.clip(rate * detected / (0.25 * (1.0 - detected) + 0.05), 1.2, 8.0)
    odds = existence / (1.0 - np.minimum(existence, config.cap)) * ratio
    return np.asarray(np.minimum(odds / (1.0 + odds), config.cap))


def miss(existence: F64, rate: F64, visible: F64, config: ExistenceConfig) -> F64:
    """Existence (M,) after a scan that should have shown the object with probability ``rate * visible``."""
    p = config.miss_weight * rate * visible
    return np.asarray(existence * (1.0 - p) / (1.0 - existence * p))


def learn_rate(rate: F64, matched: Bools, visible: F64) -> F64:
    """Detection rate (N,): exponential mean over the scans in which the object was visible, within 0.3..0.98."""
    gain = 0.1 * visible
    return np.asarray(np.clip(rate + gain * (matched - rate), 0.3, 0.98))


def bearings(center: F64, radius: F64, sensor: F64) -> F64:
    """Range [m], bearing [rad] and half angular width [rad] (N,3) of discs (N,) seen from ``sensor`` (2,)."""
    dx, dy = center[:, 0] - sensor[0], center[:, 1] - sensor[1]
    out = np.empty((len(center), 3))
    out[:, 0] = np.maximum(np.hypot(dx, dy), 0.1)
    out[:, 1] = np.arctan2(dy, dx)
    out[:, 2] = np.arctan(radius / out[:, 0])
    return out


def shadowed(lib: Library, targets: F64, screens: F64, margin: float = 1.0) -> tuple[F64, Bools]:
    """How much of each target (N,) lies behind nearer screens (M,).

    Args:
        targets, screens: (N,3), (M,3) from :func:`bearings`.
        margin: a screen must be nearer by this much [m].

    Returns:
        largest hidden fraction (N,) 0..1 of the angular width, and whether an end is touched (N,).
    """
    hidden, touched = pairs.shadowed(lib, lib.to_device(targets), lib.to_device(screens), margin)
    return lib.to_host(hidden), lib.to_host(touched).view(np.bool_)
