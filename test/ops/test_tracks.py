"""Class posterior and displacement against NumPy over all tracks at once."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.ops import tracks
from autonomy_perception.ops.library import CpuLibrary, KernelError

LIB = CpuLibrary()
F64 = NDArray[np.float64]
FRAMES = 24


def posterior(
    evidence: F64, road_user_log_odds: F64, seen: F64, complete: F64, height: F64, speed: F64, travel: F64, table: F64
) -> F64:
    """The formulas of the kernel, table columns as in ``class_posterior``."""
    z = (seen[:, None] - table[:, :2]) / table[:, 3:5]
    weight = np.where(z > 0.0, 1.0, np.minimum(complete, 1.0)[:, None] ** 2)
    tall = (height[:, None] - table[:, 2]) / (1.5 * table[:, 5])
    fit = -np.minimum(0.5 * weight * z**2, 6.0).sum(-1)
    fit -= np.minimum(0.5 * np.where(tall > 0, tall, 0.5 * tall) ** 2, 4.0)
    fast = np.maximum(speed[:, None] - table[:, 6], 0.0) / (0.15 * table[:, 6])
    log = evidence + fit - (travel > 0.0)[:, None] * np.minimum(0.5 * fast**2, 10.0)
    log[:, 0] = -np.inf
    users = np.exp(log - log.max(1, keepdims=True))
    users /= users.sum(1, keepdims=True)
    odds = 2.0 * (road_user_log_odds - 0.6) + 0.35 * (users * fit).sum(1) + 4.5 * travel
    user = 1.0 / (1.0 + np.exp(-np.clip(odds, -8.0, 8.0)))
    users *= user[:, None]
    users[:, 0] = 1.0 - user
    return np.asarray(users)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(0, 6), seed=st.integers(0, 10**6))
def test_class_posterior(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.uniform(0.3, 12.0, (9, 7))
    given_ = (
        -rng.exponential(3.0, (n, 9)), rng.normal(0, 2, n), rng.uniform(0.1, 12, (n, 2)), rng.uniform(0, 1.2, (n, 2)),
        rng.uniform(0.1, 4, n), rng.uniform(0, 20, n), np.where(rng.random(n) < 0.5, 0.0, rng.random(n)),
    )  # fmt: skip
    got = tracks.class_posterior(LIB, *given_, table)
    np.testing.assert_allclose(got, posterior(*given_, table), atol=1e-12)
    np.testing.assert_allclose(got.sum(1), 1.0)


def displacement(past: F64, window: float) -> F64:
    """One track: thirds of the frames in the window."""
    past = past[past[:, 0] >= past[-1, 0] - window - 1e-6]
    n, third = len(past), max(len(past) // 3, 1)
    if n == 0:
        return np.array([0, 0, 0, 0, 0, 0, 0, 1.0])
    first, last = past[:third].mean(0), past[-third:].mean(0)
    low, high = (last - first)[1:3], (last - first)[3:5]
    common = np.where(low * high > 0, np.sign(low) * np.minimum(np.abs(low), np.abs(high)), 0.0)
    center = 0.5 * (low + high)
    length = max(float(np.hypot(*center)), 1e-3)
    steps = np.diff(0.5 * (past[:, 1:3] + past[:, 3:5]), axis=0) @ (center / length)
    largest = max([*steps, *([0.0] if n < FRAMES else [])]) / length
    detour = 1.0
    if n >= 3:
        way = [past[i:j, 1:].mean(0) for i, j in ((0, third), (third, n - third), (n - third, n))]
        legs = [0.5 * (b - a)[:2] + 0.5 * (b - a)[2:] for a, b in itertools.pairwise(way)]
        detour = sum(float(np.hypot(*leg)) for leg in legs) / length
    return np.array([*common, *center, last[0] - first[0], n, largest, detour])


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 5), seed=st.integers(0, 10**6), window=st.sampled_from([0.25, 0.75, 2.5, 5.0]))
def test_displacement(n: int, seed: int, window: float) -> None:
    rng = np.random.default_rng(seed)
    history = np.full((n, FRAMES, 5), np.nan)
    for k in range(n):
        filled = rng.integers(0, FRAMES + 1)
        times = np.sort(rng.uniform(0, 3, filled))
        corner = np.cumsum(rng.normal(0.1, 0.2, (filled, 2)), 0)
        size = rng.uniform(1, 4, (filled, 2))
        history[k, FRAMES - filled :] = np.column_stack([times, corner, corner + size])
    rows = rng.integers(0, n, 4)
    got = tracks.displacement(LIB, history, rows, window)
    expected = np.array([displacement(history[r], window) for r in rows])
    np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-9)


def test_rows_that_do_not_exist_are_refused() -> None:
    with pytest.raises(KernelError, match="ap_displacement refused"):
        tracks.displacement(LIB, np.zeros((2, FRAMES, 5)), np.array([2]), 1.0)
