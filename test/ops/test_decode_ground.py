"""Layers of the ground from a network's heads against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.ops.decode_ground import GroundTemperatures, decode_ground
from autonomy_perception.ops.library import CpuLibrary

LIB = CpuLibrary()
TEMPERATURE = st.floats(0.25, 4.0)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 8), st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.builds(GroundTemperatures, TEMPERATURE, TEMPERATURE, TEMPERATURE, TEMPERATURE), st.sampled_from([0.1, 0.5, 0.8]),
)  # fmt: skip
def test_layers_are_those_of_numpy(
    seed: int, classes: int, shape: tuple[int, int], t: GroundTemperatures, least: float
) -> None:
    rng = np.random.default_rng(seed)
    terrain, drivable, visibility = (rng.normal(0, 3, s).astype(np.float32) for s in ((classes, *shape), shape, shape))
    elevation = rng.normal(0, 6, (2, *shape)).astype(np.float32)
    heads = [terrain, drivable, elevation, visibility]
    for head in heads:  # here and there what a network that overflowed gives
        head.ravel()[rng.integers(head.size)] = rng.choice([np.nan, np.inf, 1.0])
    out = decode_ground(LIB, terrain, drivable, elevation, visibility, t, least)
    with np.errstate(over="ignore", invalid="ignore"):
        seen = 1 / (1 + np.exp(-visibility.astype(float) / t.visibility)) >= least
        seen &= np.isfinite(terrain).all(0) & np.isfinite(drivable) & np.isfinite(elevation).all(0)
        share = np.exp(terrain.astype(float) / t.terrain)
        share /= share.sum(0)
        want = [1 + share.argmax(0), share.max(0), 1 / (1 + np.exp(-drivable.astype(float) / t.drivable)), elevation[0],
                t.variance * np.exp(np.clip(elevation[1], -8, 6))]  # fmt: skip
    empty = [0, 0.0, np.nan, np.nan, np.nan]
    for ours, theirs, none in zip(vars(out).values(), want, empty, strict=True):
        np.testing.assert_allclose(ours, np.where(seen, theirs, none), rtol=2e-5, atol=1e-6)


def test_a_temperature_changes_confidence_and_not_the_class() -> None:
    rng = np.random.default_rng(0)
    terrain, other = rng.normal(0, 2, (7, 9, 9)).astype(np.float32), np.ones((9, 9), np.float32)
    heads = (terrain, other, np.zeros((2, 9, 9), np.float32), other)
    cold, warm = decode_ground(LIB, *heads), decode_ground(LIB, *heads, GroundTemperatures(terrain=2.0))
    np.testing.assert_array_equal(cold.label, warm.label)
    assert (warm.confidence < cold.confidence).all()


def test_what_cannot_be_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"temperature drivable must be a number above 0, got 0\.0"):
        GroundTemperatures(drivable=0.0)
    one = np.ones((2, 2), np.float32)
    with pytest.raises(ValueError, match=r"min_visible must be above 0 and below 1, got 0\.0"):
        decode_ground(LIB, one[None], one, np.ones((2, 2, 2), np.float32), one, min_visible=0.0)
