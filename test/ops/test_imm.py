"""The batched filters against textbook formulas with dense matrices, and what they do with covariances that are none.

The motion of each model has its own tests (test/tracking/test_models.py, test_nees.py); here it is taken as given.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tracking.one_model import predicted

from autonomy_perception.ops import imm
from autonomy_perception.ops.library import CpuLibrary, KernelError

LIB = CpuLibrary()
F64 = NDArray[np.float64]
NOISE = (2.0, 0.3, 0.05)
LENGTH = 4.5


def filters(n: int, rng: np.random.Generator) -> tuple[F64, F64, F64]:
    """Mean, covariance and probabilities of ``n`` tracks."""
    root = rng.normal(0.0, 0.5, (n, 3, 6, 6))
    mean = rng.normal(0.0, [200.0, 200.0, 8.0, 8.0, 2.0, 0.5], (n, 1, 6)) + rng.normal(0.0, 0.3, (n, 3, 6))
    return mean, root @ np.swapaxes(root, -1, -2) + 0.01 * np.eye(6), rng.dirichlet(np.ones(3), n)


def predict(mean: F64, cov: F64, mu: F64, vehicle: bool, dt: float) -> tuple[F64, F64, F64]:
    n = len(mean)
    given_ = np.tile(NOISE, (n, 1)), np.full(n, LENGTH), np.full(n, vehicle, np.uint8)
    return imm.predict(LIB, mean.copy(), cov.copy(), mu.copy(), *given_, dt)


def transition(vehicle: bool, dt: float) -> F64:
    """Probabilities (3,3) of going from one model (row) to another: what becomes of a track surely in one."""
    mean, cov = np.zeros((3, 3, 6)), np.tile(np.eye(6), (3, 3, 1, 1))
    return predict(mean, cov, np.eye(3), vehicle, dt)[2]


@pytest.mark.parametrize("vehicle", [False, True])
def test_transitions_are_probabilities_and_rarer_in_shorter_steps(vehicle: bool) -> None:
    short, usual = transition(vehicle, 0.05), transition(vehicle, 0.1)
    np.testing.assert_allclose(usual.sum(1), 1.0)
    assert (usual > 0.0).all()
    assert (np.diagonal(short) > np.diagonal(usual)).all()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 10**6), dt=st.sampled_from([0.05, 0.1, 0.25]), vehicle=st.booleans())
def test_mixing_before_the_motion(n: int, seed: int, dt: float, vehicle: bool) -> None:
    """Blom and Bar-Shalom (1988), eq. 7-9: weights by Bayes, means mixed, covariances with the spread of the means."""
    mean, cov, mu = filters(n, np.random.default_rng(seed))
    joint = mu[:, :, None] * transition(vehicle, dt)
    weights = joint / joint.sum(1, keepdims=True)  # (N, from, to)
    mixed = np.einsum("nij,nik->njk", weights, mean)
    d = mean[:, :, None] - mixed[:, None]
    spread = np.einsum("nij,nirs->njrs", weights, cov) + np.einsum("nij,nijr,nijs->njrs", weights, d, d)
    got = predict(mean, cov, mu, vehicle, dt)
    np.testing.assert_allclose(got[2], joint.sum(1), atol=1e-12)
    for model in range(3):
        m, p = predicted(model, mixed[:, model].copy(), spread[:, model].copy(), dt, NOISE, LENGTH)
        np.testing.assert_allclose(got[0][:, model], m, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got[1][:, model], p, rtol=1e-9, atol=1e-9 * np.abs(p).max())
    np.testing.assert_array_equal(got[1], np.swapaxes(got[1], -1, -2))


def updated(mean: F64, cov: F64, mu: F64, z: F64, r: F64, delay: F64) -> tuple[F64, F64, F64]:
    """Kalman update of all tracks with the observation matrix written out, and LAPACK."""
    h = np.tile(np.eye(6)[[0, 1, 4]], (len(z), 1, 1))
    h[:, 0, 2] = h[:, 1, 3] = delay
    h = h[:, None]
    ht = np.swapaxes(h, -1, -2)
    s = h @ cov @ ht + r[:, None]
    gain = cov @ ht @ np.linalg.inv(s)
    off = z[:, None, :, None] - h @ mean[..., None]
    distance = (np.swapaxes(off, -1, -2) @ np.linalg.solve(s, off))[..., 0, 0]
    log_lik = -0.5 * (distance + np.linalg.slogdet(s)[1])
    weighed = np.maximum(mu * np.exp(0.5 * (log_lik - log_lik.max(1, keepdims=True))), 1e-3)
    return mean + (gain @ off)[..., 0], cov - gain @ h @ cov, weighed / weighed.sum(1, keepdims=True)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_update_of_some_rows(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    given_, rows = filters(n, rng), rng.permutation(n)[: rng.integers(0, n + 1)]
    m = len(rows)
    z, delay = given_[0][rows, 0][:, [0, 1, 4]] + rng.normal(0.0, 0.3, (m, 3)), rng.uniform(-0.1, 0.0, m)
    root = rng.normal(0.0, 0.2, (m, 3, 3))
    r = root @ np.swapaxes(root, 1, 2) + 0.01 * np.eye(3)
    expected = updated(*(a[rows] for a in given_), z, r, delay)
    *got, taken = imm.update(LIB, *(a.copy() for a in given_), rows, z, r, delay)
    np.testing.assert_array_equal(taken, 3)
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
    m, p, taken = imm.update_velocity(LIB, mean.copy(), cov.copy(), np.arange(n), velocity, variance)
    np.testing.assert_array_equal(taken, 3)
    off = velocity[:, None] - mean[..., 2:4]
    np.testing.assert_allclose(m, mean + (gain @ off[..., None])[..., 0], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(p, cov - gain @ h @ cov, rtol=1e-8, atol=1e-8)


BAD_NOISE = {
    "negative": np.diag([-50.0, 0.01, 0.01]),
    "indefinite": np.array([[0.01, 50.0, 0.0], [50.0, 0.01, 0.0], [0.0, 0.0, 0.01]]),
    "negative yaw": np.diag([0.01, 0.01, -50.0]),
    "NaN": np.full((3, 3), np.nan),
    "infinite": np.diag([np.inf, 0.01, 0.01]),
}


@pytest.mark.parametrize("kind", [*BAD_NOISE, "NaN measurement", "infinite measurement"])
def test_a_measurement_whose_innovation_covariance_is_none_changes_nothing(kind: str) -> None:
    mean, cov, mu = filters(2, np.random.default_rng(3))
    z, r = np.ascontiguousarray(mean[:, 0][:, [0, 1, 4]] + 0.1), np.tile(0.01 * np.eye(3), (2, 1, 1))
    if kind in BAD_NOISE:
        r[0] = BAD_NOISE[kind]
    else:
        z[0, 1] = np.nan if kind.startswith("NaN") else np.inf
    *got, taken = imm.update(LIB, mean.copy(), cov.copy(), mu.copy(), np.arange(2), z, r, np.zeros(2))
    np.testing.assert_array_equal(taken, [0, 3])
    for one, before in zip(got, (mean, cov, mu), strict=True):
        np.testing.assert_array_equal(one[0], before[0])
        assert np.isfinite(one[1]).all() and (one[1] != before[1]).any()


def test_a_model_with_a_broken_covariance_loses_its_weight_to_the_others() -> None:
    mean, cov, _ = filters(1, np.random.default_rng(4))
    cov[0, 1] = -np.eye(6)
    mu, z = np.array([[0.1, 0.8, 0.1]]), np.ascontiguousarray(mean[:, 0][:, [0, 1, 4]])
    m, p, w, taken = imm.update(LIB, mean.copy(), cov.copy(), mu, np.arange(1), z, 0.01 * np.eye(3)[None], np.zeros(1))
    assert taken.tolist() == [2]
    np.testing.assert_array_equal([m[0, 1]], [mean[0, 1]])
    np.testing.assert_array_equal(p[0, 1], cov[0, 1])
    assert w[0, 1] < 0.02 and w.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("variance", [-100.0, np.nan, np.inf])
def test_a_velocity_without_a_variance_is_refused(variance: float) -> None:
    mean, cov, _ = filters(1, np.random.default_rng(5))
    m, p, taken = imm.update_velocity(
        LIB, mean.copy(), cov.copy(), np.arange(1), np.zeros((1, 2)), np.array([variance])
    )
    assert np.isfinite(m).all() and np.isfinite(p).all()
    if not np.isinf(variance):  # infinitely uncertain is a fine measurement that says nothing
        assert taken.tolist() == [0]
    np.testing.assert_array_equal(m, mean)
    np.testing.assert_array_equal(p, cov)


def test_rows_that_do_not_exist_are_refused() -> None:
    mean, cov, mu = filters(2, np.random.default_rng(0))
    with pytest.raises(KernelError, match="ap_imm_update_velocity refused"):
        imm.update_velocity(LIB, mean, cov, np.array([2]), np.zeros((1, 2)), np.ones(1))
    with pytest.raises(KernelError, match="ap_imm_update refused"):
        imm.update(LIB, mean, cov, mu, np.array([-1]), np.zeros((1, 3)), np.ones((1, 3, 3)), np.zeros(1))
