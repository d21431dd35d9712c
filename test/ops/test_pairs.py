"""Comparisons of boxes against NumPy over all pairs at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.ops import pairs
from autonomy_perception.ops.library import CpuLibrary

LIB = CpuLibrary()
F64 = NDArray[np.float64]


def boxes(n: int, rng: np.random.Generator, moving: bool) -> F64:
    """A table of ``n`` boxes in 12 m x 12 m; tracks move, detections have delays."""
    table = np.zeros((n, pairs.BOX_WIDTH))
    table[:, :2], table[:, 2:4], table[:, 4] = (
        rng.uniform(0, 12, (n, 2)),
        rng.uniform(0.3, 6, (n, 2)),
        rng.uniform(-4, 4, n),
    )
    table[:, 5], table[:, 6], table[:, 7] = rng.normal(0, 0.3, n), rng.uniform(0.5, 3, n), rng.normal(0, 2, n)
    table[:, 8:10] = rng.normal(0, 10, (n, 2)) * moving
    table[:, 10:12] = rng.uniform(-0.1, 0.0, (n, 2)) * (not moving)
    table[:, 12:] = rng.dirichlet(np.ones(9), n)
    return table


def along(a: F64, b: F64) -> F64:
    """Second boxes along the axes of the first (N,M,4)."""
    off = b[None, :, None, :2] - a[:, None, None, :2] - b[None, :, 10:12, None] * a[:, None, None, 8:10]
    best = (off**2).sum(-1).argmin(-1)
    off = np.take_along_axis(off, best[..., None, None], 2)[:, :, 0]
    axes = np.moveaxis(np.array([[np.cos(a[:, 4]), np.sin(a[:, 4])], [-np.sin(a[:, 4]), np.cos(a[:, 4])]]), 2, 0)
    odd = np.rint((b[None, :, 4] - a[:, None, 4]) / (0.5 * np.pi)) % 2 == 1
    size = np.where(odd[..., None], b[None, :, 3:1:-1], b[None, :, 2:4])
    return np.concatenate([np.einsum("nij,nmj->nmi", axes, off), size], -1)


def near(a: F64, b: F64, reach: F64) -> NDArray[np.bool_]:
    """Pairs (N,M) that can touch."""
    radius = [0.5 * np.hypot(*t[:, 2:4].T) + 0.1 * np.hypot(*t[:, 8:10].T) for t in (a, b)]
    distance = np.hypot(*np.moveaxis(b[None, :, :2] - a[:, None, :2], -1, 0))
    return np.asarray(distance < (reach + radius[0])[:, None] + radius[1])


def cost_reference(a: F64, cov: F64, reach: F64, b: F64, noise: F64, affinity: F64) -> F64:
    """The formulas of the kernel over all pairs, with matrices."""
    seen, size = along(a, b), a[:, None, 2:4]
    rest = np.copysign(np.maximum(np.abs(seen[..., :2]) - 0.5 * np.abs(seen[..., 2:] - size), 0), seen[..., :2])
    c, s = np.cos(a[:, 4]), np.sin(a[:, 4])
    axes = np.moveaxis(np.array([[c, s], [-s, c]]), 2, 0)
    spread = (axes @ cov @ np.swapaxes(axes, 1, 2))[:, None] + noise[None, :, None, None] * np.eye(2)
    distance = np.einsum("nmi,nmij,nmj->nm", rest, np.linalg.inv(spread), rest)
    plain = (seen[..., :2] ** 2).sum(-1) / (np.trace(spread, axis1=2, axis2=3) + 0.5)
    unlike = np.minimum(np.log((seen[..., 2:] + 0.3) / (size + 0.3)) ** 2, 2.25).sum(-1)
    road_user_log_odds = np.minimum(0.25 * (a[:, None, 7] - b[None, :, 7]) ** 2, 3.0)
    fits = a[:, 12:] @ affinity @ b[:, 12:].T
    cost = distance + 0.5 * np.minimum(plain, 9.0) + 2.0 * unlike + road_user_log_odds
    cost += np.log(np.linalg.det(spread)) - 2.0 * np.log(fits)
    allowed = near(a, b, reach) & (distance < 13.8) & ((rest**2).sum(-1) < reach[:, None] ** 2) & (fits > 0.08)
    allowed &= (b[None, :, 5] - a[:, None, 6] < 0.7) & (a[:, None, 5] - b[None, :, 6] < 0.7)
    return np.where(allowed, np.minimum(cost, 30.0), 30.0)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(0, 6), m=st.integers(0, 6), seed=st.integers(0, 10**6))
def test_costs_and_axes(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = boxes(n, rng, True), boxes(m, rng, False)
    root = rng.normal(0, 0.5, (n, 2, 2))
    cov, affinity = root @ np.swapaxes(root, 1, 2) + 0.02 * np.eye(2), rng.uniform(0.05, 1.0, (9, 9))
    noise, reach = rng.uniform(0.01, 0.1, m), rng.uniform(1.0, 6.0, n)
    np.testing.assert_allclose(pairs.along(LIB, a, b), along(a, b), atol=1e-9)
    got = pairs.costs(LIB, a, cov, reach, b, noise, affinity)
    np.testing.assert_allclose(got, cost_reference(a, cov, reach, b, noise, affinity), atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(0, 6), m=st.integers(0, 6), seed=st.integers(0, 10**6))
def test_inside(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = boxes(n, rng, True), boxes(m, rng, False)
    b[:, 2:4] *= 0.3
    seen, half = along(a, b), 0.5 * a[:, None, 2:4] + 0.25
    low, high = seen[..., :2] - 0.5 * seen[..., 2:], seen[..., :2] + 0.5 * seen[..., 2:]
    share = np.maximum(np.minimum(high, half) - np.maximum(low, -half), 0) / np.maximum(seen[..., 2:], 0.1)
    expected = near(a, b, np.full(n, 0.25)) & (share.prod(-1) > 0.7)
    np.testing.assert_array_equal(pairs.inside(LIB, a, b, 0.25), expected)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(0, 6), m=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_shadowed(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.uniform([1.0, -np.pi, 0.001], [50.0, np.pi, 1.0], (k, 3)) for k in (n, m))
    gap = np.abs((a[:, None, 1] - b[None, :, 1] + np.pi) % (2 * np.pi) - np.pi)
    nearer = b[None, :, 0] < a[:, None, 0] - 2.0
    reach = a[:, None, 2] + b[None, :, 2]
    hidden, touched = pairs.shadowed(LIB, a, b, 2.0)
    share = np.where(nearer, np.clip((reach - gap) / (2 * a[:, None, 2]), 0, 1), 0)
    np.testing.assert_allclose(hidden, share.max(1), atol=1e-9)
    np.testing.assert_array_equal(touched, (nearer & (gap < reach + 0.01)).any(1))


@pytest.mark.parametrize("bad", [[[-1.0, 0.0], [0.0, -1.0]], [[0.1, 5.0], [5.0, 0.1]], [[np.nan, 0.0], [0.0, 0.1]]])
def test_what_has_no_position_covariance_is_given_no_detection(bad: list[list[float]]) -> None:
    rng = np.random.default_rng(0)
    a, b = np.repeat(boxes(1, rng, False), 2, 0), boxes(1, rng, False)
    b[:] = a[0]
    cov, some = np.array([bad, [[0.1, 0.0], [0.0, 0.1]]]), np.full(2, 3.0)
    cost = pairs.costs(LIB, a, cov, some, b, np.full(1, 0.01), np.ones((9, 9)))
    assert cost[0, 0] == 30.0 and cost[1, 0] < 0.0


def test_tables_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"second is float64 \(1, 20\), expected float64 \(m, 21\) = \(1, 21\)"):
        pairs.along(LIB, np.zeros((1, 21)), np.zeros((1, 20)))
