"""Existence: how likely a cluster is a road user rather than vegetation, a wall or a pole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.detection.classify import Guess
from autonomy_perception.ops.cluster import Feature

F64 = NDArray[np.float64]


def existence_of(table: F64, counts: NDArray[np.int64], level: NDArray[np.uint8], guess: Guess) -> F64:
    """Existence probability (C,) from the feature table (C, N_FEATURES), return counts, split level and class."""
    score = -2.0 + 3.0 * guess.fit
    score += 0.6 * np.minimum(np.log(counts / 8.0), 2.0)
    score += 1.5 * (table[:, Feature.EDGE_SHARE] - 0.7)
    score -= 1.2 * level
    return np.asarray(1.0 / (1.0 + np.exp(-score)))
