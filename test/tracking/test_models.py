"""Process models of the kernel: Jacobians against differences of its own means, noise, and the motions they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tracking.one_model import predicted

from autonomy_perception.tracking.models import BICYCLE, CT, CV, N_MODELS, OMEGA, VX, VY, YAW

F64 = NDArray[np.float64]

NONE = np.zeros((1, 6, 6))
TAN_MAX_STEER = np.tan(0.7)
NOISE = (2.0, 0.4, 0.05)


def _state(speed: float, slide: float, yaw: float, omega: float) -> F64:
    """One state (1,6) at (30, -20): ``speed`` along the heading ``yaw``, ``slide`` across it."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[30.0, -20.0, c * speed - s * slide, s * speed + c * slide, yaw, omega]])


def _differences(model: int, x: F64, dt: float, length: float) -> F64:
    """Jacobian (6,6) of the predicted mean by central differences."""
    step = 1e-5
    around = np.concatenate([x + step * np.eye(6), x - step * np.eye(6)])
    moved, _ = predicted(model, around, np.zeros((12, 6, 6)), dt, length=length)
    return ((moved[:6] - moved[6:]) / (2 * step)).T


@pytest.mark.parametrize("model", range(N_MODELS))
@settings(max_examples=150, deadline=None)
@given(
    speed=st.floats(-5, 40),
    slide=st.floats(-3, 3),
    yaw=st.floats(-4, 4),
    omega=st.floats(-1.5, 1.5),
    dt=st.floats(0.02, 0.5),
    length=st.floats(1.0, 18.0),
    seed=st.integers(0, 1000),
)
@example(speed=1.0, slide=0.5, yaw=0.8, omega=1.2, dt=0.1, length=4.5, seed=1)  # steers as far as it can, to the left,
@example(speed=1.0, slide=0.0, yaw=-2.0, omega=-0.9, dt=0.5, length=4.5, seed=2)  # to the right,
@example(speed=-3.0, slide=0.0, yaw=0.3, omega=1.4, dt=0.2, length=4.5, seed=3)  # and in reverse
@example(speed=40.0, slide=0.0, yaw=0.3, omega=0.4, dt=0.02, length=12.0, seed=4)
def test_covariance_moves_with_the_derivative_of_the_mean(
    model: int, speed: float, slide: float, yaw: float, omega: float, dt: float, length: float, seed: int
) -> None:
    bound = abs(speed) * TAN_MAX_STEER / max(0.6 * length, 1.0)
    if model == BICYCLE:  # at the bend itself there is no derivative
        assume(abs(abs(omega) - bound) > 1e-3 and (abs(speed) > 1e-3))
    root = np.random.default_rng(seed).normal(0.0, 1.0, (1, 6, 6))
    cov = root @ np.swapaxes(root, 1, 2)
    x = _state(speed, slide, yaw, omega)
    jacobian = _differences(model, x, dt, length)
    _, moved = predicted(model, x, cov, dt, length=length)
    expected = jacobian @ cov[0] @ jacobian.T
    np.testing.assert_allclose(moved[0], expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_turn_follows_a_circle() -> None:
    x = np.array([[0.0, 0.0, 10.0, 0.0, 0.0, 0.5]])
    for _ in range(20):
        x, _ = predicted(CT, x, NONE, 0.1)
    angle = 0.5 * 2.0
    np.testing.assert_allclose(x[0, :2], [20.0 * np.sin(angle), 20.0 * (1 - np.cos(angle))], atol=0.02)
    np.testing.assert_allclose(x[0, [VX, VY, YAW]], [10 * np.cos(angle), 10 * np.sin(angle), angle], atol=1e-6)


def test_bicycle_goes_where_it_points_and_cannot_spin_on_the_spot() -> None:
    moved, _ = predicted(BICYCLE, np.array([[0.0, 0.0, 0.0, 5.0, 0.0, 0.0]]), NONE, 0.1)
    np.testing.assert_allclose(moved[0, :4], 0.0, atol=1e-12)
    spinning = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 2.0]])
    assert predicted(BICYCLE, spinning, NONE, 0.1)[0][0, OMEGA] == 0.0


def test_turning_dies_out_at_constant_velocity() -> None:
    x = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    for _ in range(50):
        x, _ = predicted(CV, x, NONE, 0.1)
    np.testing.assert_allclose(x[0, [YAW, OMEGA]], [0.5, 0.0], atol=1e-4)  # 1 rad/s with a memory of 0.5 s


@pytest.mark.parametrize("model", range(N_MODELS))
@settings(max_examples=30, deadline=None)
@given(speed=st.floats(2, 30), yaw=st.floats(-4, 4), omega=st.floats(-0.3, 0.3))
def test_a_second_spreads_a_state_alike_at_every_rate(model: int, speed: float, yaw: float, omega: float) -> None:
    """From the same start, the covariance after one second of steps; 5 % of each standard deviation may differ."""
    spread = []
    for rate in (5, 10, 20):
        x, cov = _state(speed, 0.0, yaw, omega), np.diag([0.01, 0.01, 0.3, 0.3, 0.001, 0.01])[None]
        for _ in range(rate):
            x, cov = predicted(model, x, cov, 1.0 / rate, NOISE)
        spread.append(np.sqrt(np.diagonal(cov[0])))
    np.testing.assert_allclose(spread[0], spread[1], rtol=0.05)
    np.testing.assert_allclose(spread[2], spread[1], rtol=0.05)


@pytest.mark.parametrize("model", range(N_MODELS))
@settings(max_examples=30, deadline=None)
@given(yaw=st.floats(-4, 4), omega=st.floats(-1, 1), speed=st.floats(0, 30), dt=st.floats(0.02, 0.5))
def test_process_noise_is_a_covariance(model: int, yaw: float, omega: float, speed: float, dt: float) -> None:
    _, q = predicted(model, _state(speed, 0.0, yaw, omega), NONE, dt, NOISE)
    assert np.linalg.eigvalsh(q[0]).min() > -1e-9
    assert q[0, VX, VX] + q[0, VY, VY] > 0.9 * (2.0 if model != CT else 1.0) ** 2 * 0.1 * dt  # along the heading
