"""Sums of a map under projected points against plain NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.ops.align import map_scores
from autonomy_perception.ops.library import CpuLibrary

LIB = CpuLibrary()


def reference(points, weights, projection, map_):
    """Sum of weight times bilinear value (0..1), and of the weights, of the points on the map."""
    p = points.astype(np.float64) @ projection[:, :3].T + projection[:, 3]
    score = inside = 0.0
    height, width = map_.shape
    for (x, y, z), w in zip(p, weights, strict=True):
        if z <= 0.001 or not (0 <= x / z < width - 1 and 0 <= y / z < height - 1):
            continue
        u, v = x / z, y / z
        i, j = int(v), int(u)
        a, b = u - j, v - i
        corner = map_[i : i + 2, j : j + 2].astype(np.float64)
        score += (
            w
            * ((1 - b) * ((1 - a) * corner[0, 0] + a * corner[0, 1]) + b * ((1 - a) * corner[1, 0] + a * corner[1, 1]))
            / 255
        )
        inside += w
    return score, inside


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(0, 60), m=st.integers(1, 5))
def test_scores_are_those_of_the_reference(seed, n, m):
    rng = np.random.default_rng(seed)
    points = rng.uniform([-3, -2, -1], [3, 2, 8], (n, 3)).astype(np.float32)
    weights = rng.random(n, np.float32)
    map_ = rng.integers(0, 256, (24, 32), dtype=np.uint8)
    K = np.array([[20.0, 0.0, 15.5], [0.0, 20.0, 11.5], [0.0, 0.0, 1.0]])
    projections = np.array([K @ np.column_stack([np.eye(3), rng.normal(0, 0.3, 3)]) for _ in range(m)])
    found = map_scores(LIB, points, weights, projections, map_)
    for k in range(m):
        score, inside = reference(points, weights, projections[k].astype(np.float32).astype(np.float64), map_)
        if abs(found.inside[k] - inside) < 1e-3:  # else a point lies within rounding of the border
            assert found.score[k] == pytest.approx(score, abs=2e-3)
        else:
            assert abs(found.inside[k] - inside) <= 1.0 + 1e-3


def test_order_of_points_does_not_matter():
    rng = np.random.default_rng(1)
    points, weights = rng.uniform(1, 30, (500, 3)).astype(np.float32), rng.random(500, np.float32)
    map_ = rng.integers(0, 256, (40, 40), dtype=np.uint8)
    above = np.array([[[1.0, 0, 0, 2], [0, 1.0, 0, 3], [0, 0, 0, 1]]])
    order = rng.permutation(500)
    a, b = (map_scores(LIB, points[o].copy(), weights[o].copy(), above, map_) for o in (np.arange(500), order))
    assert a.score[0] == b.score[0] and a.inside[0] == b.inside[0]
    assert 0.3 < a.mean[0] < 0.7


def test_what_does_not_fit_is_refused():
    points, weights, map_ = np.zeros((4, 3), np.float32), np.ones(4, np.float32), np.zeros((8, 8), np.uint8)
    with pytest.raises(ValueError, match=r"points is float64 \(4, 3\), expected float32 \(n, 3\)"):
        map_scores(LIB, points.astype(np.float64), weights, np.zeros((1, 3, 4)), map_)
    with pytest.raises(ValueError, match=r"map is float32"):
        map_scores(LIB, points, weights, np.zeros((1, 3, 4)), map_.astype(np.float32))
