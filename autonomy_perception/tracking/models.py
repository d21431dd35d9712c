"""Process models of the tracker: constant velocity, constant turn rate, kinematic bicycle.

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


def _noise(along: F64, across: F64, yaw: F64, noise: Noise, turn_scale: float, dt: float) -> F64:
    """Q (N,6,6) of white acceleration with standard deviations ``along`` and ``across`` the heading ``yaw``."""
    c, s = _rotation(yaw)
    axx = (c * along) ** 2 + (s * across) ** 2
    ayy = (s * along) ** 2 + (c * across) ** 2
    axy = c * s * (along**2 - across**2)
    q = np.zeros((len(yaw), N_STATES, N_STATES))
    gains = {(X, X): 0.25 * dt**4, (X, VX): 0.5 * dt**3, (VX, VX): dt**2}
    for (i, j), g in gains.items():
        q[:, i, j] = q[:, j, i] = g * axx
        q[:, i + 1, j + 1] = q[:, j + 1, i + 1] = g * ayy
        q[:, i, j + 1] = q[:, j + 1, i] = g * axy
        q[:, i + 1, j] = q[:, j, i + 1] = g * axy
    turn = turn_scale * noise.turn
    q[:, YAW, YAW] = noise.yaw**2 * dt + 0.25 * dt**4 * turn**2
    q[:, YAW, OMEGA] = q[:, OMEGA, YAW] = 0.5 * dt**3 * turn**2
    q[:, OMEGA, OMEGA] = dt**2 * turn**2
    return q


def constant_velocity(mean: F64, noise: Noise, dt: float) -> tuple[F64, F64, F64]:
    """Predicted mean (N,6), Jacobian (N,6,6) and process noise (N,6,6); turning dies out within 0.5 s."""
    fade = float(np.exp(-dt / 0.5))
    f = _identity(len(mean))
    f[:, X, VX] = f[:, Y, VY] = dt
    f[:, YAW, OMEGA] = 0.5 * (1.0 + fade) * dt
    f[:, OMEGA, OMEGA] = fade
    out = (f @ mean[..., None])[..., 0]
    return out, f, _noise(noise.acceleration, noise.acceleration, mean[:, YAW], noise, 0.5, dt)


def constant_turn(mean: F64, noise: Noise, dt: float) -> tuple[F64, F64, F64]:
    """Predicted mean (N,6), Jacobian (N,6,6) and process noise (N,6,6): the velocity vector turns with omega."""
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
    return out, f, _noise(0.5 * noise.acceleration, 0.5 * noise.acceleration, mean[:, YAW], noise, 1.0, dt)


def bicycle(mean: F64, noise: Noise, length: F64, dt: float) -> tuple[F64, F64, F64]:
    """Predicted mean (N,6), Jacobian (N,6,6) and process noise (N,6,6) of a front-steered vehicle.

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
    return out, f, _noise(noise.acceleration, 0.15 * noise.acceleration, mean[:, YAW], noise, 1.0, dt)
