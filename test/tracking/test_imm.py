"""The mixed filter: algebra, convergence, late measurements."""

from __future__ import annotations

import numpy as np

from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.tracking.imm import Filter
from autonomy_perception.tracking.models import BICYCLE, CT, VX, VY, YAW

NOISE = np.array([[2.0, 0.5, 0.03]])
R = np.diag([0.1**2, 0.1**2, 0.05**2])[None]
ROW = np.array([0])


def _fresh(vx: float = 0.0) -> Filter:
    mean = np.zeros((1, 3, 6))
    mean[..., VX] = vx
    cov = np.tile(np.diag([0.1, 0.1, 36.0, 36.0, 0.05, 0.1]), (1, 3, 1, 1))
    return Filter(CpuLibrary(), mean, cov, np.array([[0.4, 0.2, 0.4]]))


def _run(steps: int, omega: float, vehicle: bool, delay: float = 0.0) -> tuple[Filter, np.ndarray]:
    imm, speed, dt, rng = _fresh(), 8.0, 0.1, np.random.default_rng(1)
    truth = np.zeros(3)
    for k in range(steps):
        t = (k + 1) * dt
        yaw = omega * t
        radius = speed / omega if omega else 0.0
        truth = (
            np.array([radius * np.sin(yaw), radius * (1 - np.cos(yaw)), yaw]) if omega else np.array([speed * t, 0, 0])
        )
        late = t + delay
        z = (
            np.array([radius * np.sin(omega * late), radius * (1 - np.cos(omega * late)), omega * late])
            if omega
            else np.array([speed * late, 0, 0])
        )
        imm.predict(NOISE, np.full(1, 4.5), np.array([vehicle]), dt)
        imm.update(ROW, (z + rng.normal(0, [0.1, 0.1, 0.05]))[None], R, np.array([delay]))
    return imm, truth


def test_straight_drive_converges() -> None:
    imm, truth = _run(30, 0.0, True)
    mean, cov = imm.combined()
    np.testing.assert_allclose(mean[0, :2], truth[:2], atol=0.25)
    np.testing.assert_allclose(mean[0, [VX, VY]], [8.0, 0.0], atol=0.6)
    assert np.linalg.eigvalsh(cov[0]).min() > 0.0
    np.testing.assert_allclose(imm.mu.sum(1), 1.0)
    np.testing.assert_allclose(imm.average(), mean)


def test_turning_models_win_in_a_curve() -> None:
    imm, truth = _run(40, 0.5, True)
    mean, _ = imm.combined()
    assert imm.mu[0, CT] + imm.mu[0, BICYCLE] > 0.6
    np.testing.assert_allclose(mean[0, :2], truth[:2], atol=0.4)
    assert abs(mean[0, 5] - 0.5) < 0.2


def test_a_measurement_from_earlier_does_not_hold_the_object_back() -> None:
    late, truth = _run(40, 0.0, True, delay=-0.08)
    assert abs(late.average()[0, 0] - truth[0]) < 0.25  # 8 m/s * 0.08 s = 0.64 m if it were ignored


def test_turn_renames_without_moving() -> None:
    imm = _fresh(5.0)
    imm.mean[..., YAW] = 3.0
    imm.turn(np.array([1.0]))
    np.testing.assert_allclose(imm.mean[..., YAW], 3.0 + 0.5 * np.pi - 2 * np.pi)
    np.testing.assert_allclose(imm.mean[..., VX], 5.0)


def test_velocity_measurement_and_restart() -> None:
    imm = _fresh()
    imm.update_velocity(ROW, np.array([[3.0, -1.0]]), np.array([0.01]))
    np.testing.assert_allclose(imm.average()[0, [VX, VY]], [3.0, -1.0], atol=0.01)
    imm.restart_velocity(ROW, np.array([[7.0, 0.0]]), np.array([1.0]))
    mean, cov = imm.combined()
    np.testing.assert_allclose(mean[0, [VX, VY]], [7.0, 0.0])
    assert cov[0, VX, 0] == 0.0 and cov[0, VX, VX] == 1.0
