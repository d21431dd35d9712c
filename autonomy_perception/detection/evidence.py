"""Existence: how likely a cluster is a road user rather than vegetation, a wall or a pole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import EvidenceWeights
from autonomy_perception.detection.classify import Guess
from autonomy_perception.ops.cluster import Feature

F64 = NDArray[np.float64]


def shape_features(table: F64, level: NDArray[np.uint8], guess: Guess) -> F64:
    """What existence is judged by (C,7).

    1; size evidence; share of the near side on an L; cut out of something larger; filled outline; a long face without
    depth [m, above 4] that is no side of a truck; stretch between ground and lowest return [m].
    """
    length, width = table[:, Feature.LENGTH], table[:, Feature.WIDTH]
    wall = (width < 0.8) & ~_side_of_truck(table, level)
    return np.column_stack(
        [
            np.ones(len(table)),
            guess.evidence,
            table[:, Feature.EDGE_SHARE] - 0.7,
            level > 0,
            table[:, Feature.FACE_FILL] - 0.5,
            np.where(wall, np.clip(length - 4.0, 0.0, 4.0), 0.0),
            np.clip(np.nan_to_num(table[:, Feature.HEIGHT_MIN]) - 0.3, 0.0, 1.0),
        ]
    )


def _side_of_truck(table: F64, level: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Flat clusters (C,) that may be all one sees of a truck or trailer abeam, or of one behind its tractor.

    Free standing, plane and closed, as long and as high as such a side. Whether it is a piece of wall is for the
    tracker to find out: walls do not move.
    """
    length, height = table[:, Feature.LENGTH], table[:, Feature.HEIGHT_MAX]
    sized = (length > 5.0) & (length < 14.0) & (height > 2.2) & (height < 4.2)
    plane = (level == 0) & (table[:, Feature.FACE_FILL] > 0.75) & (table[:, Feature.EDGE_SHARE] > 0.9)
    return np.asarray(sized & plane)


def existence_of(features: F64, weights: EvidenceWeights) -> F64:
    """Existence probability (C,) of clusters with :func:`shape_features` (C,7).

    The weights come from a logistic regression on clusters of labelled scans, road users weighted fourfold, so that 0.5
    means "as likely as not" where a fifth of the clusters are road users; rounded.
    """
    w = np.array(list(weights.model_dump().values()))
    return np.asarray(1.0 / (1.0 + np.exp(-features @ w)))
