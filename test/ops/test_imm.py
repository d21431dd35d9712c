"""The batched filters against a NumPy reference with dense matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tracking import imm_reference as reference

from autonomy_perception.ops import imm
from autonomy_perception.ops.library import CpuLibrary, KernelError

LIB = CpuLibrary()
F64 = NDArray[np.float64]


def filters(n: int, rng: np.random.Generator) -> tuple[F64, F64, F64]:
    """Mean, covariance and probabilities of ``n`` tracks."""
    root = rng.normal(0.0, 0.5, (n, 3, 6, 6))
    mean = rng.normal(0.0, [200.0, 200.0, 8.0, 8.0, 2.0, 0.5], (n, 1, 6)) + rng.normal(0.0, 0.3, (n, 3, 6))
    return mean, root @ np.swapaxes(root, -1, -2) + 0.01 * np.eye(6), rng.dirichlet(np.ones(3), n)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(0, 6), seed=st.integers(0, 10**6), dt=st.sampled_from([0.0, 0.0625, 0.125, 0.25, 0.5, 1.0]))
def test_predict(n: int, seed: int, dt: float) -> None:
    rng = np.random.default_rng(seed)
    given_, noise, length = filters(n, rng), rng.uniform(0.02, 3.0, (n, 3)), rng.uniform(0.3, 12.0, n)
    vehicle = rng.integers(0, 2, n).astype(np.uint8)
    expected = reference.predict(*given_, reference.Noise(*noise.T), length, vehicle, dt)
    got = imm.predict(LIB, *(a.copy() for a in given_), noise, length, vehicle, dt)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(got[1], np.swapaxes(got[1], -1, -2))


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_update_of_some_rows(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    given_, rows = filters(n, rng), rng.permutation(n)[: rng.integers(0, n + 1)]
    m = len(rows)
    z, delay = given_[0][rows, 0][:, [0, 1, 4]] + rng.normal(0.0, 0.3, (m, 3)), rng.uniform(-0.1, 0.0, m)
    root = rng.normal(0.0, 0.2, (m, 3, 3))
    r = root @ np.swapaxes(root, 1, 2) + 0.01 * np.eye(3)
    expected = reference.update(*(a[rows] for a in given_), z, r, delay)
    got = imm.update(LIB, *(a.copy() for a in given_), rows, z, r, delay)
    others = np.setdiff1d(np.arange(n), rows)
    for one, other, before in zip(got, expected, given_, strict=True):
        np.testing.assert_allclose(one[rows], other, rtol=1e-7, atol=1e-7)
        np.testing.assert_array_equal(one[others], before[others])


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_combine_and_velocity(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean, cov, mu = filters(n, rng)
    average, spread = imm.combine(LIB, mean, cov, mu)
    expected = (mu[..., None] * mean).sum(1)
    d = mean - expected[:, None]
    np.testing.assert_allclose(average, expected, atol=1e-9)
    np.testing.assert_allclose(spread, (mu[..., None, None] * (cov + d[..., None] * d[..., None, :])).sum(1), atol=1e-9)
    assert imm.combine(LIB, mean, None, mu)[1] is None
    velocity, variance, h = rng.normal(0.0, 5.0, (n, 2)), rng.uniform(0.01, 1.0, n), np.eye(6)[2:4]
    s = h @ cov @ h.T + variance[:, None, None, None] * np.eye(2)
    gain = cov @ h.T @ np.linalg.inv(s)
    m, p = imm.update_velocity(LIB, mean.copy(), cov.copy(), np.arange(n), velocity, variance)
    off = velocity[:, None] - mean[..., 2:4]
    np.testing.assert_allclose(m, mean + (gain @ off[..., None])[..., 0], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(p, cov - gain @ h @ cov, rtol=1e-8, atol=1e-8)


def test_rows_that_do_not_exist_are_refused() -> None:
    mean, cov, mu = filters(2, np.random.default_rng(0))
    with pytest.raises(KernelError, match="ap_imm_update_velocity refused"):
        imm.update_velocity(LIB, mean, cov, np.array([2]), np.zeros((1, 2)), np.ones(1))
    with pytest.raises(KernelError, match="ap_imm_update refused"):
        imm.update(LIB, mean, cov, mu, np.array([-1]), np.zeros((1, 3)), np.ones((1, 3, 3)), np.zeros(1))
