"""How well points lie on a map under many projections at once (kernels/align.cuh)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.ops.library import Library

_ONE = 65536.0


@dataclass(frozen=True)
class MapScores:
    """Per projection: ``score`` float64 (M,) sum of weight times map value (0..1), ``inside`` float64 (M,) sum of the
    weights of the points that fell on the map."""

    score: NDArray[np.float64]
    inside: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean map value (M,) of the points on the map; 0 where there is none."""
        return np.asarray(self.score / np.maximum(self.inside, 1e-9))


def map_scores(lib: Library, points: Any, weights: Any, projections: ArrayLike, map_: Any) -> MapScores:
    """Sum a map over projected points.

    Args:
        points: float32 (N,3) [m]; weights: float32 (N,) 0..1.
        projections: (M,3,4) row-major, points to homogeneous pixels of the map (K [R|t] for a pinhole; a last row
            0 0 0 1 makes it a view from above).
        map_: uint8 (H,W) contiguous, at least 2x2; bilinear between pixel centres at integers.

    Raises:
        KernelArgumentError: shapes or types do not fit.
    """
    M = np.ascontiguousarray(projections, np.float32).reshape(-1, 12)
    score, inside = lib.empty(len(M), np.int64), lib.empty(len(M), np.int64)
    lib.call(
        "ap_map_scores",
        points=points,
        weights=weights,
        projections=lib.to_device(M),
        map=map_,
        score=score,
        inside=inside,
    )
    return MapScores(lib.to_host(score) / (_ONE * 255.0 / 256.0), lib.to_host(inside) / _ONE)
