"""Class and existence of a cluster from its size and shape.

The observed box is compared with the sizes of road users (means and spreads as in the class statistics of the KITTI
and nuScenes papers: Geiger et al. 2012, Caesar et al. 2020). An extent that the lidar could not see in full is a
lower bound: it speaks against a class only when it is already larger than the class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.types import N_CLASSES, ObjectClass

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

# class: prior, (length, width, height) [m], their spreads [m]
_SIZES = {
    ObjectClass.CAR: (1.0, (4.3, 1.8, 1.65), (0.5, 0.16, 0.25)),
    ObjectClass.TRUCK: (0.25, (7.5, 2.5, 3.2), (1.8, 0.25, 0.5)),
    ObjectClass.BUS: (0.1, (11.5, 2.6, 3.2), (1.2, 0.2, 0.3)),
    ObjectClass.TRAILER: (0.1, (12.5, 2.5, 3.8), (3.0, 0.2, 0.4)),
    ObjectClass.MOTORCYCLE: (0.2, (2.1, 0.8, 1.45), (0.25, 0.2, 0.25)),
    ObjectClass.BICYCLE: (0.4, (1.75, 0.6, 1.65), (0.2, 0.15, 0.2)),
    ObjectClass.PEDESTRIAN: (0.7, (0.75, 0.6, 1.72), (0.25, 0.2, 0.18)),
    ObjectClass.ANIMAL: (0.02, (1.0, 0.4, 0.8), (0.4, 0.2, 0.3)),
}
_IDS = np.array(list(_SIZES), np.int64)
_PRIOR = np.array([s[0] for s in _SIZES.values()])
MEAN_SIZE = np.full((N_CLASSES, 3), np.nan)
SIZE_SPREAD = np.full((N_CLASSES, 3), np.nan)
MEAN_SIZE[_IDS] = [s[1] for s in _SIZES.values()]
SIZE_SPREAD[_IDS] = [s[2] for s in _SIZES.values()]


@dataclass(frozen=True)
class Guess:
    """Class reading of C clusters.

    Attributes:
        probs: float64 (C, N_CLASSES), rows sum to 1.
        best: int64 (C,) most probable class other than UNKNOWN.
        turned: bool (C,) the longer visible edge is read as the width of the best class.
        fit: float64 (C,) 0..1, how well the best class explains the size (1 = at its mean).
    """

    probs: F64
    best: NDArray[np.int64]
    turned: NDArray[np.bool_]
    fit: F64


def _penalty(seen: F64, whole: F64, mean: F64, spread: F64, noise: F64) -> F64:
    """Squared normalised deviation (C,K) of extents (C,) from class sizes (K,); one-sided where not ``whole``."""
    delta = seen[:, None] - mean[None]
    sigma2 = spread[None] ** 2 + noise[:, None] ** 2
    # Below the mean an extent may be cut by occlusion even on a face that is in view: half the weight.
    below = np.where(whole[:, None] > 0.5, 0.5 * delta**2 / sigma2, 0.05 * delta**2 / spread[None] ** 2 * 0.1)
    return np.asarray(np.where(delta > 0.0, delta**2 / sigma2, below))


def guess_classes(long: F64, short: F64, height: F64, long_seen: F64, short_seen: F64, distance: F64) -> Guess:
    """Class probabilities of C clusters by size.

    Args:
        long, short, height: extents (C,) [m] of the fitted box, height above local ground.
        long_seen, short_seen: (C,) 1 where that extent was seen in full, 0 where it is a lower bound.
        distance: (C,) [m] to the lidar; the spacing of returns blurs the extents.
    """
    mean, spread = MEAN_SIZE[_IDS], SIZE_SPREAD[_IDS]
    blur, tall_blur = 0.05 + 0.004 * distance, 0.05 + 0.008 * distance
    tall = _penalty(height, np.ones_like(height), mean[:, 2], spread[:, 2], tall_blur)
    straight = _penalty(long, long_seen, mean[:, 0], spread[:, 0], blur) + _penalty(
        short, short_seen, mean[:, 1], spread[:, 1], blur
    )
    # The longer visible edge is the width when only the front or the rear of a vehicle is in view.
    across = _penalty(short, short_seen, mean[:, 0], spread[:, 0], blur) + _penalty(
        long, long_seen, mean[:, 1], spread[:, 1], blur
    )
    turned = across < straight
    cost = tall + np.where(turned, across, straight)
    score = _PRIOR[None] * np.exp(-0.5 * np.minimum(cost, 100.0))
    unknown = 0.03 + 0.1 * np.exp(-short)  # small things are anything
    total = score.sum(1) + unknown
    probs = np.zeros((len(long), N_CLASSES))
    probs[:, _IDS] = score / total[:, None]
    probs[:, ObjectClass.UNKNOWN] = unknown / total
    pick = np.argmax(score, 1)
    rows = np.arange(len(long))
    return Guess(probs, _IDS[pick], turned[rows, pick], np.exp(-0.5 * np.minimum(cost[rows, pick], 100.0)))
