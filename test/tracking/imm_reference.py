"""NumPy reference of the filters of ``kernels/imm.cuh``: constant velocity, constant turn rate, kinematic bicycle.

All three share one state, so that an IMM can mix them: ``x y vx vy yaw omega`` of the box centre
([m, m/s, rad, rad/s], axes of odom). The velocity is a free vector in the first two models (a pedestrian
need not walk where its box points) and follows the heading in the third. Everything is batched over
N tracks; ``dt`` is a scalar [s].

Sources: CV and CT after Bar-Shalom, Li, Kirubarajan, "Estimation with Applications to Tracking and
Navigation" (2001), ch. 6 and 11 (CT with the chord at half the turn instead of the sinc form, which agrees
to third order in omega*dt); bicycle after Polack et al., "The kinematic bicycle model" (IV 2017), with the
reference moved from the rear axle to the box centre.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

N_MODELS = 3
CV, CT, BICYCLE = range(N_MODELS)
X, Y, VX, VY, YAW, OMEGA = range(6)
N_STATES = 6

MAX_STEER = 0.7  # [rad] steering angle no road vehicle exceeds


class Noise(NamedTuple):
    """Process noise per track (N,): acceleration [m/s^2], turn acceleration [rad/s^2], yaw drift [rad/sqrt(s)]."""

    acceleration: F64
    turn: F64
    yaw: F64


def _rotation(angle: F64) -> tuple[F64, F64]:
    return np.cos(angle), np.sin(angle)


def _identity(n: int) -> F64:
    return np.broadcast_to(np.eye(N_STATES), (n, N_STATES, N_STATES)).copy()


# How much of the noise each model is given: acceleration along and across the heading, turning. A car in the bicycle
# model hardly slides; what turns in CT need not be explained by acceleration.
ALONG = np.array([1.0, 0.5, 1.0])
ACROSS = np.array([1.0, 0.5, 0.15])
TURNING = np.array([0.5, 1.0, 1.0])


def process_noise(yaw: F64, noise: Noise, dt: float) -> F64:
    """Q (N,3,6,6) of all models: white acceleration along and across the headings ``yaw`` (N,3)."""
    c, s = _rotation(yaw)
    along, across = (noise.acceleration[:, None] * ALONG) ** 2, (noise.acceleration[:, None] * ACROSS) ** 2
    block = np.empty((*yaw.shape, 2, 2))
    block[..., 0, 0] = c * c * along + s * s * across
    block[..., 1, 1] = s * s * along + c * c * across
    block[..., 0, 1] = block[..., 1, 0] = c * s * (along - across)
    q = np.zeros((*yaw.shape, N_STATES, N_STATES))
    q[..., X : Y + 1, X : Y + 1] = 0.25 * dt**4 * block
    q[..., X : Y + 1, VX : VY + 1] = q[..., VX : VY + 1, X : Y + 1] = 0.5 * dt**3 * block
    q[..., VX : VY + 1, VX : VY + 1] = dt**2 * block
    turn = (noise.turn[:, None] * TURNING) ** 2
    q[..., YAW, YAW] = (noise.yaw**2 * dt)[:, None] + 0.25 * dt**4 * turn
    q[..., YAW, OMEGA] = q[..., OMEGA, YAW] = 0.5 * dt**3 * turn
    q[..., OMEGA, OMEGA] = dt**2 * turn
    return q


def constant_velocity(mean: F64, dt: float) -> tuple[F64, F64]:
    """Predicted mean (N,6) and Jacobian (N,6,6); turning dies out within 0.5 s."""
    fade = float(np.exp(-dt / 0.5))
    f = _identity(len(mean))
    f[:, X, VX] = f[:, Y, VY] = dt
    f[:, YAW, OMEGA] = 0.5 * (1.0 + fade) * dt
    f[:, OMEGA, OMEGA] = fade
    out = (f @ mean[..., None])[..., 0]
    return out, f


def constant_turn(mean: F64, dt: float) -> tuple[F64, F64]:
    """Predicted mean (N,6) and Jacobian (N,6,6): the velocity vector turns with omega."""
    vx, vy, omega = mean[:, VX], mean[:, VY], mean[:, OMEGA]
    c, s = _rotation(omega * dt)
    ch, sh = _rotation(0.5 * omega * dt)
    out = mean.copy()
    out[:, X] += (ch * vx - sh * vy) * dt
    out[:, Y] += (sh * vx + ch * vy) * dt
    out[:, VX] = c * vx - s * vy
    out[:, VY] = s * vx + c * vy
    out[:, YAW] += omega * dt
    f = _identity(len(mean))
    f[:, X, VX] = f[:, Y, VY] = ch * dt
    f[:, X, VY], f[:, Y, VX] = -sh * dt, sh * dt
    f[:, X, OMEGA] = (-sh * vx - ch * vy) * 0.5 * dt**2
    f[:, Y, OMEGA] = (ch * vx - sh * vy) * 0.5 * dt**2
    f[:, VX, VX] = f[:, VY, VY] = c
    f[:, VX, VY], f[:, VY, VX] = -s, s
    f[:, VX, OMEGA] = (-s * vx - c * vy) * dt
    f[:, VY, OMEGA] = (c * vx - s * vy) * dt
    f[:, YAW, OMEGA] = dt
    return out, f


def bicycle(mean: F64, length: F64, dt: float) -> tuple[F64, F64]:
    """Predicted mean (N,6) and Jacobian (N,6,6) of a front-steered vehicle.

    The centre sits ``0.3 length`` ahead of the rear axle and moves with
    ``s e(yaw) + 0.3 length omega n(yaw)``; omega is bounded by ``|s| tan(MAX_STEER) / (0.6 length)``.

    Args:
        length: (N,) vehicle length [m].
    """
    rear = 0.3 * length
    c0, s0 = _rotation(mean[:, YAW])
    speed = c0 * mean[:, VX] + s0 * mean[:, VY]
    slide = -s0 * mean[:, VX] + c0 * mean[:, VY]  # d speed / d yaw
    bound = np.abs(speed) * np.tan(MAX_STEER) / np.maximum(2.0 * rear, 1.0)
    omega = np.clip(mean[:, OMEGA], -bound, bound)
    inside = (np.abs(mean[:, OMEGA]) <= bound).astype(np.float64)
    out = mean.copy()
    out[:, OMEGA] = omega
    out[:, YAW] += omega * dt
    f = _identity(len(mean))
    f[:, OMEGA, OMEGA] = np.maximum(inside, 0.1)
    f[:, YAW, OMEGA] = dt
    for row, share, gain in ((X, 0.5, dt), (VX, 1.0, 1.0)):
        c, s = _rotation(mean[:, YAW] + share * omega * dt)
        e, n = np.stack([c, s], 1), np.stack([-s, c], 1)
        velocity = speed[:, None] * e + (rear * omega)[:, None] * n
        swing = speed[:, None] * n - (rear * omega)[:, None] * e  # d velocity / d angle
        block = slice(row, row + 2)
        out[:, block] = velocity * gain + (mean[:, X : Y + 1] if row == X else 0.0)
        f[:, block, VX], f[:, block, VY] = gain * e * c0[:, None], gain * e * s0[:, None]
        f[:, block, YAW] = gain * (e * slide[:, None] + swing)
        f[:, block, OMEGA] = gain * (swing * share * dt + rear[:, None] * n)
    return out, f


STAY_VEHICLE = np.array([[0.90, 0.04, 0.06], [0.06, 0.90, 0.04], [0.05, 0.03, 0.92]])
STAY_OTHER = np.array([[0.97, 0.028, 0.002], [0.20, 0.798, 0.002], [0.50, 0.20, 0.30]])
H = np.eye(N_STATES)[[X, Y, YAW]]


def predict(mean: F64, cov: F64, mu: F64, noise: Noise, length: F64, vehicle: F64, dt: float) -> tuple[F64, F64, F64]:
    """Mixed and moved models, with dense matrices and one loop per model."""
    stay = np.where(vehicle[:, None, None] > 0, STAY_VEHICLE, STAY_OTHER)
    transition = np.clip(np.eye(N_MODELS) + min(dt / 0.1, 3.0) * (stay - np.eye(N_MODELS)), 0.001, 1.0)
    joint = mu[:, :, None] * transition / transition.sum(-1, keepdims=True)
    weights = joint / joint.sum(1, keepdims=True)  # from i to j
    mixed = np.einsum("nij,nik->njk", weights, mean)
    d = mean[:, :, None] - mixed[:, None]
    spread = np.einsum("nij,nirs->njrs", weights, cov) + np.einsum("nij,nijr,nijs->njrs", weights, d, d)
    q = process_noise(mixed[..., YAW], noise, dt)
    steps = (
        constant_velocity(mixed[:, CV], dt),
        constant_turn(mixed[:, CT], dt),
        bicycle(mixed[:, BICYCLE], length, dt),
    )
    f = np.stack([s[1] for s in steps], 1)
    return np.stack([s[0] for s in steps], 1), f @ spread @ np.swapaxes(f, -1, -2) + q, joint.sum(1)


def update(mean: F64, cov: F64, mu: F64, z: F64, r: F64, delay: F64) -> tuple[F64, F64, F64]:
    """All tracks measured, with the observation matrix written out and LAPACK."""
    h = np.tile(H, (len(z), 1, 1))
    h[:, 0, VX] = h[:, 1, VY] = delay
    h = h[:, None]
    ht = np.swapaxes(h, -1, -2)
    s = h @ cov @ ht + r[:, None]
    gain = cov @ ht @ np.linalg.inv(s)
    off = z[:, None, :, None] - h @ mean[..., None]
    distance = (np.swapaxes(off, -1, -2) @ np.linalg.solve(s, off))[..., 0, 0]
    log_lik = -0.5 * (distance + np.linalg.slogdet(s)[1])
    weighed = np.maximum(mu * np.exp(0.5 * (log_lik - log_lik.max(1, keepdims=True))), 1e-3)
    return mean + (gain @ off)[..., 0], cov - gain @ h @ cov, weighed / weighed.sum(1, keepdims=True)
