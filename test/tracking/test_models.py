"""Process models: Jacobians against differences, and the motions they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking.imm_reference import (
    OMEGA,
    VX,
    VY,
    YAW,
    Noise,
    bicycle,
    constant_turn,
    constant_velocity,
    process_noise,
)

NOISE = Noise(np.full(1, 2.0), np.full(1, 0.3), np.full(1, 0.05))
STATES = st.tuples(
    st.floats(-50, 50),
    st.floats(-50, 50),
    st.floats(2, 20),
    st.floats(-4, 4),
    st.floats(-0.4, 0.4),
    st.floats(-0.3, 0.3),
)


def _step(model: str, x: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    if model == "bicycle":
        return bicycle(x, np.full(1, 4.5), dt)
    return {"cv": constant_velocity, "ct": constant_turn}[model](x, dt)


@pytest.mark.parametrize("model", ["cv", "ct", "bicycle"])
@settings(max_examples=30, deadline=None)
@given(state=STATES, dt=st.floats(0.02, 0.3))
def test_jacobian_is_the_derivative(model: str, state: tuple[float, ...], dt: float) -> None:
    x = np.array([state])
    _, jacobian = _step(model, x, dt)
    for k in range(6):
        step = np.zeros((1, 6))
        step[0, k] = 1e-5
        difference = (_step(model, x + step, dt)[0] - _step(model, x - step, dt)[0])[0] / 2e-5
        np.testing.assert_allclose(jacobian[0, :, k], difference, atol=2e-4)


def test_turn_follows_a_circle() -> None:
    x = np.array([[0.0, 0.0, 10.0, 0.0, 0.0, 0.5]])
    for _ in range(20):
        x, _ = constant_turn(x, 0.1)
    angle = 0.5 * 2.0
    np.testing.assert_allclose(x[0, :2], [20.0 * np.sin(angle), 20.0 * (1 - np.cos(angle))], atol=0.02)
    np.testing.assert_allclose(x[0, [VX, VY, YAW]], [10 * np.cos(angle), 10 * np.sin(angle), angle], atol=1e-9)


def test_bicycle_goes_where_it_points_and_cannot_spin_on_the_spot() -> None:
    sideways = np.array([[0.0, 0.0, 0.0, 5.0, 0.0, 0.0]])
    moved, _ = bicycle(sideways, np.full(1, 4.5), 0.1)
    np.testing.assert_allclose(moved[0, :4], 0.0, atol=1e-12)
    spinning = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 2.0]])
    assert bicycle(spinning, np.full(1, 4.5), 0.1)[0][0, OMEGA] == 0.0


@settings(max_examples=30, deadline=None)
@given(yaw=st.floats(-4, 4), dt=st.floats(0.0, 1.0))
def test_process_noise_is_a_covariance_along_the_heading(yaw: float, dt: float) -> None:
    q = process_noise(np.full((1, 3), yaw), NOISE, dt)[0]
    assert np.linalg.eigvalsh(q).min() > -1e-9
    e, n = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    speed = q[2, VX : VY + 1, VX : VY + 1]  # the bicycle
    np.testing.assert_allclose([e @ speed @ e, n @ speed @ n], [(2.0 * dt) ** 2, (0.3 * dt) ** 2], atol=1e-12)
