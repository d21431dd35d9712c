"""Interacting multiple models over N tracks at once (Blom and Bar-Shalom, IEEE TAC 33(8), 1988).

``Filter`` holds mean (N,3,6), covariance (N,3,6,6) and model probabilities (N,3) of the models in
:mod:`autonomy_perception.tracking.models`, in that order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.tracking.models import (
    BICYCLE,
    CT,
    CV,
    N_MODELS,
    OMEGA,
    VX,
    VY,
    YAW,
    Noise,
    X,
    Y,
    bicycle,
    constant_turn,
    constant_velocity,
    process_noise,
)

F64 = NDArray[np.float64]
MEASURED = np.array([X, Y, YAW])

# Probability per 0.1 s of going from one model (row) to another (column). A vehicle steers; what is no
# vehicle (pedestrian, unknown) has no heading to follow and stays with constant velocity almost always.
STAY_VEHICLE = np.array([[0.90, 0.04, 0.06], [0.06, 0.90, 0.04], [0.05, 0.03, 0.92]])
STAY_OTHER = np.array([[0.97, 0.028, 0.002], [0.20, 0.798, 0.002], [0.50, 0.20, 0.30]])


@dataclass
class Filter:
    """Gaussian per track and model: mean (N,3,6), cov (N,3,6,6), mu (N,3) with rows that sum to 1."""

    mean: F64
    cov: F64
    mu: F64

    def combined(self) -> tuple[F64, F64]:
        """Moment-matched mean (N,6) and covariance (N,6,6) over the models."""
        mean, n = self.average(), len(self.mu)
        d = self.mean - mean[:, None]
        spread = np.swapaxes(d * self.mu[..., None], 1, 2) @ d
        return mean, (self.mu[:, None] @ self.cov.reshape(n, N_MODELS, 36)).reshape(n, 6, 6) + spread

    def average(self) -> F64:
        """Moment-matched mean (N,6) alone."""
        return np.asarray((self.mu[:, None] @ self.mean)[:, 0])

    def predict(self, noise: Noise, length: F64, vehicle: NDArray[np.bool_], dt: float) -> None:
        """Mix and move all tracks by ``dt`` [s]; ``length`` (N,) [m]; ``vehicle`` (N,) follows the bicycle."""
        self._mix(vehicle, dt)
        q = process_noise(self.mean[..., YAW], noise, dt)
        steps = (
            constant_velocity(self.mean[:, CV], dt),
            constant_turn(self.mean[:, CT], dt),
            bicycle(self.mean[:, BICYCLE], length, dt),
        )
        f = np.stack([s[1] for s in steps], 1)
        self.mean = np.stack([s[0] for s in steps], 1)
        cov = f @ self.cov @ np.swapaxes(f, -1, -2) + q
        self.cov = 0.5 * (cov + np.swapaxes(cov, -1, -2))

    def _mix(self, vehicle: NDArray[np.bool_], dt: float) -> None:
        share = min(dt / 0.1, 3.0)
        stay = np.where(vehicle[:, None, None], STAY_VEHICLE, STAY_OTHER)
        transition = np.eye(N_MODELS) + share * (stay - np.eye(N_MODELS))
        transition = np.clip(transition, 0.001, 1.0)
        transition /= transition.sum(-1, keepdims=True)
        joint = self.mu[:, :, None] * transition  # from i to j
        mu = joint.sum(1)
        weights = np.swapaxes(joint / mu[:, None], 1, 2)  # (N, j, i)
        mean = weights @ self.mean
        d = self.mean[:, None] - mean[:, :, None]  # (N, j, i, 6)
        n = len(mean)
        spread = np.swapaxes(d * weights[..., None], -1, -2) @ d
        self.cov = (weights @ self.cov.reshape(n, N_MODELS, 36)).reshape(n, N_MODELS, 6, 6) + spread
        self.mean, self.mu = mean, mu

    def update(self, rows: NDArray[np.int64], z: F64, r: F64, delay: F64) -> None:
        """Measure x, y, yaw of the tracks ``rows`` (M,).

        Args:
            z: (M,3); yaw must be within pi of the state. r: (M,3,3).
            delay: (M,) [s] of the measurement relative to the state's time: it saw position + delay * velocity.
        """
        mean, cov = self.mean[rows], self.cov[rows]
        late = delay[:, None, None]
        innovation = z[:, None] - mean[:, :, MEASURED]
        innovation[..., :2] -= late * mean[..., VX : VY + 1]
        ph = cov[:, :, :, MEASURED]
        ph[..., :2] += late[..., None] * cov[..., VX : VY + 1]
        s = ph[:, :, MEASURED] + r[:, None]
        s[:, :, :2] += late[..., None] * ph[:, :, VX : VY + 1]
        s_inv, det = inverse3(s)
        gain = ph @ s_inv
        self.mean[rows] = mean + (gain @ innovation[..., None])[..., 0]
        new = cov - gain @ np.swapaxes(ph, -1, -2)
        self.cov[rows] = 0.5 * (new + np.swapaxes(new, -1, -2))
        distance = ((s_inv @ innovation[..., None])[..., 0] * innovation).sum(-1)
        log_lik = -0.5 * (distance + np.log(np.maximum(det, 1e-12)))
        # Likelihoods are tempered: shape flicker of clusters is no white noise and would make one model certain.
        weight = np.exp(0.5 * (log_lik - log_lik.max(1, keepdims=True)))
        mu = np.clip(self.mu[rows] * weight, 1e-3, None)
        self.mu[rows] = mu / mu.sum(1, keepdims=True)

    def update_velocity(self, rows: NDArray[np.int64], velocity: F64, variance: F64) -> None:
        """Measure vx, vy of the tracks ``rows`` (M,): ``velocity`` (M,2) [m/s], isotropic ``variance`` (M,)."""
        mean, cov = self.mean[rows], self.cov[rows]
        for k, axis in enumerate((VX, VY)):
            gain = cov[..., axis] / (cov[..., axis, axis] + variance[:, None])[..., None]
            mean = mean + gain * (velocity[:, k, None] - mean[..., axis])[..., None]
            cov = cov - gain[..., :, None] * cov[..., None, axis, :]
        self.mean[rows], self.cov[rows] = mean, cov

    def shift(self, rows: NDArray[np.int64], offset: F64) -> None:
        """Move the centres of the tracks ``rows`` (M,) by ``offset`` (M,2) [m], e.g. because a size estimate grew."""
        self.mean[rows, :, X : Y + 1] += offset[:, None]

    def turn(self, quarter: F64) -> None:
        """Add quarter turns (N,) to all headings (the box is renamed; nothing moves) and wrap them to [-pi, pi)."""
        yaw = self.mean[:, :, YAW] + 0.5 * np.pi * quarter[:, None]
        base = yaw[:, :1]
        self.mean[:, :, YAW] = yaw - 2.0 * np.pi * np.floor((base + np.pi) / (2.0 * np.pi))

    def restart_velocity(self, rows: NDArray[np.int64], velocity: F64, variance: F64) -> None:
        """Forget what was believed of the velocity of ``rows`` (M,) and start at ``velocity`` (M,2), ``variance`` (M,)."""
        self.mean[rows, :, VX : VY + 1] = velocity[:, None]
        for axis in (VX, VY, OMEGA):
            self.cov[rows, :, axis, :] = 0.0
            self.cov[rows, :, :, axis] = 0.0
        self.cov[rows, :, VX, VX] = self.cov[rows, :, VY, VY] = variance[:, None]
        self.cov[rows, :, OMEGA, OMEGA] = 0.2**2


def inverse3(m: F64) -> tuple[F64, F64]:
    """Inverse and determinant of symmetric positive matrices (..., 3, 3) by cofactors (much faster than LAPACK in batches)."""
    a, b, c = m[..., 0, 0], m[..., 0, 1], m[..., 0, 2]
    d, e, f = m[..., 1, 1], m[..., 1, 2], m[..., 2, 2]
    out = np.empty_like(m)
    out[..., 0, 0] = d * f - e * e
    out[..., 0, 1] = out[..., 1, 0] = c * e - b * f
    out[..., 0, 2] = out[..., 2, 0] = b * e - c * d
    out[..., 1, 1] = a * f - c * c
    out[..., 1, 2] = out[..., 2, 1] = b * c - a * e
    out[..., 2, 2] = a * d - b * b
    det = a * out[..., 0, 0] + b * out[..., 0, 1] + c * out[..., 0, 2]
    return out / det[..., None, None], det
