"""Existence: how likely a cluster is a road user rather than vegetation, a wall or a pole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.detection.classify import Guess
from autonomy_perception.ops.cluster import Feature

F64 = NDArray[np.float64]


_WEIGHTS = np.array([-1.0, 0.5, 0.5, 1.0, -1.0, -1.0, 0.5])


def shape_features(
    table: F64, counts: NDArray[np.int64], level: NDArray[np.uint8], cut: NDArray[np.uint8], guess: Guess
) -> F64:
    """What existence is judged by (C,7): 1, size evidence, log of returns, edge share, split level, cut share, face fill."""
    return np.column_stack(
        [
            np.ones(len(table)),
            guess.evidence,
            np.log(np.maximum(counts, 1) / 20.0),
            table[:, Feature.EDGE_SHARE] - 0.7,
            level > 0,
            cut / 255.0,
            table[:, Feature.FACE_FILL] - 0.5,
        ]
    )


def existence_of(features: F64) -> F64:
    """Existence probability (C,) of clusters with :func:`shape_features` (C,7): logistic regression."""
    return np.asarray(1.0 / (1.0 + np.exp(-features @ _WEIGHTS)))
