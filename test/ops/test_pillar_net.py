"""The fused pillar net against its layers on the pillars that ``pillarise`` makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.pillar_net import fold_norm, pillar_net
from autonomy_perception.ops.pillarise import Pillars, pillarise

LIB = CpuLibrary()
GRID = BevGrid(-12.0, 20.0, -6.0, 10.5, 0.5)
COORDINATE = st.one_of(st.floats(-14.0, 22.0, width=32), st.integers(-24, 40).map(lambda v: v * 0.5))
CLOUD = st.lists(st.tuples(COORDINATE, COORDINATE, st.floats(-2, 3, width=32)), max_size=90).map(
    lambda v: np.array(v, np.float32).reshape(-1, 3)
)


def layers(
    xyz: NDArray[np.float32],
    intensity: NDArray[np.float32],
    w: NDArray[np.float32],
    b: NDArray[np.float32],
    points: int,
) -> NDArray[np.float64]:
    """(C, ny, nx): linear, ReLU, maximum over the points stored, scatter, one after the other."""
    p = pillarise(LIB, xyz, intensity, GRID, Pillars(LIB, GRID.nx * GRID.ny, points))
    out = np.zeros((w.shape[1], *GRID.shape))
    each = np.maximum(p.features.astype(np.float64) @ w + b, 0.0)
    each[np.arange(points)[None] >= p.counts[:, None]] = -np.inf
    used = p.totals[0]
    out[:, p.coords[:used, 0], p.coords[:used, 1]] = each[:used].max(1).T
    return out


@settings(max_examples=60, deadline=None)
@given(CLOUD, st.sampled_from([1, 7, 16, 32, 64, 128]), st.sampled_from([1, 3, 20]), st.booleans(), st.integers(0, 9))
def test_the_fused_net_equals_its_layers(
    xyz: NDArray[np.float32], channels: int, points: int, planes: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    w, b = rng.normal(size=(9, channels)).astype(np.float32), rng.normal(size=channels).astype(np.float32)
    intensity = rng.random(len(xyz), np.float32)
    dirty = np.full((channels, *GRID.shape) if planes else (*GRID.shape, channels), np.nan, np.float32)
    out = pillar_net(LIB, xyz, intensity, GRID, w, b, points, planes, out=dirty)
    np.testing.assert_allclose(
        out if planes else out.transpose(2, 0, 1), layers(xyz, intensity, w, b, points), atol=2e-4
    )


def test_each_input_reaches_the_output_by_its_own_weight() -> None:
    xyz, intensity = np.array([[1.1, 2.2, 0.5], [1.3, 2.4, 1.5]], np.float32), np.array([0.25, 0.75], np.float32)
    out = pillar_net(LIB, xyz, intensity, GRID, np.eye(9, dtype=np.float32), np.zeros(9, np.float32))
    iy, ix = int((2.2 + 6.0) / 0.5), int((1.1 + 12.0) / 0.5)
    # the largest of x y z intensity, of the offsets to the mean, of those to the cell's centre (1.25, 2.25)
    np.testing.assert_allclose(out[:, iy, ix], [1.3, 2.4, 1.5, 0.75, 0.1, 0.1, 0.5, 0.05, 0.15], atol=1e-6)
    assert np.count_nonzero(out.any(0)) == 1


def test_a_folded_norm_is_the_norm_after_the_layer() -> None:
    rng = np.random.default_rng(3)
    w, f = rng.normal(size=(9, 5)), rng.normal(size=(20, 9))
    gamma, beta, mean, variance = rng.random(5) + 0.5, rng.normal(size=5), rng.normal(size=5), rng.random(5) + 0.1
    folded, bias = fold_norm(w, gamma, beta, mean, variance, eps=1e-3)
    want = (f @ w - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(f @ folded + bias, want, atol=1e-5)


def test_weights_of_another_number_of_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"weights is float32 \(8, 4\), expected float32 \(9, channels\)"):
        pillar_net(LIB, np.zeros((1, 3), np.float32), np.zeros(1, np.float32), GRID, np.zeros((8, 4), np.float32),
                   np.zeros(4, np.float32))  # fmt: skip
