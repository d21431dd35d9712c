"""Is the filter as sure as it may be? Normalised estimation error squared (NEES) at several rates.

Bar-Shalom, Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation" (2001), ch. 5.4: over N runs of a
consistent filter with six states, N times the mean NEES is chi-square with 6 N degrees of freedom. The truth moves in
continuous time (steps of 2 ms) as each model says, by noise of a density per second, so it knows nothing of the rate at
which the filter looks.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2
from tracking.one_model import measured, predicted

from autonomy_perception.tracking.models import BICYCLE, CT, CV, N_STATES, OMEGA, VX, VY, YAW, X, Y

F64 = NDArray[np.float64]

RUNS = 200
LOW, HIGH = chi2.ppf([0.001, 0.999], N_STATES * RUNS) / RUNS  # 99.8 % as if all looks of a run were one: 5.3 .. 6.8
SECONDS, SETTLING = 5.0, 1.0
STEP = 0.002
ACCELERATION, TURN, DRIFT = 2.0, 0.3, 0.03
HELD = 0.1  # [s] see kHeld in kernels/imm.cuh
MEMORY = 0.5  # [s] of turning at constant velocity
LENGTH = 4.5
REAR = 0.3 * LENGTH
SLIP = 0.15 * ACCELERATION * HELD  # [m/s] standard deviation, held for HELD / 2
R = np.diag([0.1**2, 0.1**2, 0.05**2])


class Truth:
    """N moving things in continuous time: pose, turn rate, and a free velocity or (bicycle) speed and slip."""

    def __init__(self, model: int, rng: np.random.Generator) -> None:
        self.model, self.rng = model, rng
        self.xy, self.yaw = rng.normal(0.0, 5.0, (RUNS, 2)), rng.uniform(-3.0, 3.0, RUNS)
        self.omega = rng.uniform(-0.2, 0.2, RUNS)
        self.speed, self.slip = rng.uniform(6.0, 12.0, RUNS), rng.normal(0.0, SLIP, RUNS)
        ahead = np.stack([np.cos(self.yaw), np.sin(self.yaw)], 1)
        self.free = self.speed[:, None] * ahead

    def velocity(self) -> F64:
        if self.model != BICYCLE:
            return self.free
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        across = REAR * self.omega + self.slip
        return np.stack([c * self.speed - s * across, s * self.speed + c * across], 1)

    def state(self) -> F64:
        out = np.empty((RUNS, N_STATES))
        out[:, X : Y + 1], out[:, VX : VY + 1], out[:, YAW], out[:, OMEGA] = (
            *(self.xy, self.velocity()),
            *(self.yaw, self.omega),
        )
        return out

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self._step()

    def _step(self) -> None:
        noise = self.rng.normal(0.0, np.sqrt(STEP), (5, RUNS))
        share = {CV: 1.0, CT: 0.5, BICYCLE: 1.0}[self.model]
        pushes = share * ACCELERATION * np.sqrt(HELD) * noise[:2]
        self.xy = self.xy + STEP * self.velocity()
        if self.model == BICYCLE:
            self.speed = self.speed + pushes[0]
            memory = 0.5 * HELD
            self.slip = self.slip * (1.0 - STEP / memory) + SLIP * np.sqrt(2.0 / memory) * noise[4]
        else:
            c, s = np.cos(self.yaw), np.sin(self.yaw)
            turned = self.omega * STEP if self.model == CT else np.zeros(RUNS)
            self.free = self.free + turned[:, None] * np.stack([-self.free[:, 1], self.free[:, 0]], 1)
            self.free = self.free + np.stack([c * pushes[0] - s * pushes[1], s * pushes[0] + c * pushes[1]], 1)
        self.yaw = self.yaw + STEP * self.omega + DRIFT * noise[2]
        turn = TURN * (0.5 if self.model == CV else 1.0) * np.sqrt(HELD)
        fade = STEP / MEMORY if self.model == CV else 0.0
        self.omega = self.omega * (1.0 - fade) + turn * noise[3]


def _nees(model: int, rate: int) -> tuple[float, F64]:
    """Mean NEES over runs and looks, and the mean squared error of each state over its believed variance (6,)."""
    rng = np.random.default_rng(20240521)
    truth, dt = Truth(model, rng), 1.0 / rate
    start = np.diag([0.1, 0.1, 1.0, 1.0, 0.05, 0.1]) ** 2
    mean = truth.state() + rng.multivariate_normal(np.zeros(N_STATES), start, RUNS)
    cov = np.repeat(start[None], RUNS, 0)
    scores, shares = [], []
    for k in range(round(SECONDS * rate)):
        truth.advance(dt)
        mean, cov = predicted(model, mean, cov, dt, (ACCELERATION, TURN, DRIFT), LENGTH)
        z = truth.state()[:, [X, Y, YAW]] + rng.multivariate_normal(np.zeros(3), R, RUNS)
        mean, cov = measured(mean, cov, z, R)
        if (k + 1) * dt > SETTLING:
            off = truth.state() - mean
            scores.append((off * np.linalg.solve(cov, off[..., None])[..., 0]).sum(1).mean())
            shares.append((off**2 / np.diagonal(cov, axis1=1, axis2=2)).mean(0))
    return float(np.mean(scores)), np.mean(shares, 0)


@pytest.mark.parametrize("rate", [5, 10, 20])
@pytest.mark.parametrize("model", [CV, CT, BICYCLE], ids=["cv", "ct", "bicycle"])
def test_the_filter_is_as_sure_as_it_may_be(model: int, rate: int) -> None:
    nees, shares = _nees(model, rate)
    assert LOW < nees < HIGH, f"mean NEES {nees:.2f}, expected {LOW:.2f}..{HIGH:.2f}; by state {np.round(shares, 2)}"
