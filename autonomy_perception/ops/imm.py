"""Interacting multiple models of N tracks at once: constant velocity, constant turn rate, kinematic bicycle.

All work in float64 on mean (N,3,6), covariance (N,3,6,6) and model probabilities (N,3) with rows that sum to 1; the
state is ``x y vx vy yaw omega`` of the box centre [m, m/s, rad, rad/s]. Sources of the formulas: ``kernels/imm.cuh``.
The arrays given are replaced in place where they lie on the device of ``lib``; use those returned. A measurement that is
no number, or whose innovation covariance is not positive definite, is refused: that model stays as it is.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from autonomy_perception.ops.library import Library
from autonomy_perception.road_users import Motion


class State(IntEnum):
    """Columns of a state; the order of the models is that of :class:`autonomy_perception.road_users.Motion`."""

    X = 0
    Y = 1
    VX = 2
    VY = 3
    YAW = 4
    OMEGA = 5


N_MODELS, N_STATES = len(Motion), len(State)


def predict(
    lib: Library, mean: Any, cov: Any, mu: Any, noise: Any, length: Any, vehicle: Any, dt: float
) -> tuple[Any, Any, Any]:
    """Mean, covariance and probabilities mixed and moved by ``dt`` [s].

    Args:
        noise: (N,3) acceleration [m/s^2] and turn acceleration [rad/s^2], standard deviations of their means over 0.1 s,
            yaw drift [rad/sqrt(s)].
        length: (N,) [m]. vehicle: uint8 (N,), other than 0 where the track steers.
    """
    lib.call("ap_imm_predict", mean=mean, cov=cov, mu=mu, noise=noise, length=length, vehicle=vehicle, dt=dt)
    return mean, cov, mu


def update(
    lib: Library, mean: Any, cov: Any, mu: Any, rows: Any, z: Any, r: Any, delay: Any
) -> tuple[Any, Any, Any, Any]:
    """Measure x, y, yaw of the tracks ``rows`` int64 (M,), none of them twice.

    Args:
        z: (M,3); yaw must be within pi of the state. r: (M,3,3).
        delay: (M,) [s] of the measurement relative to the state's time: it saw position + delay * velocity.

    Returns:
        mean, cov, mu, and uint8 (M,): how many of the models took the measurement.
    """
    taken = lib.empty(len(rows), np.uint8)
    lib.call("ap_imm_update", mean=mean, cov=cov, mu=mu, rows=rows, z=z, r=r, delay=delay, taken=taken)
    return mean, cov, mu, taken


def update_velocity(lib: Library, mean: Any, cov: Any, rows: Any, velocity: Any, variance: Any) -> tuple[Any, Any, Any]:
    """Measure vx, vy of the tracks ``rows`` int64 (M,), none of them twice: (M,2) [m/s], isotropic variance (M,).

    Returns:
        mean, cov, and uint8 (M,): how many of the models took both.
    """
    taken = lib.empty(len(rows), np.uint8)
    lib.call("ap_imm_update_velocity", mean=mean, cov=cov, rows=rows, velocity=velocity, variance=variance, taken=taken)
    return mean, cov, taken


def combine(lib: Library, mean: Any, cov: Any, mu: Any) -> tuple[Any, Any]:
    """Moment-matched mean (N,6) and covariance (N,6,6) over the models; without covariance where ``cov`` is None."""
    n = len(mean)
    out = lib.empty((n, N_STATES), np.float64)
    spread = None if cov is None else lib.empty((n, N_STATES, N_STATES), np.float64)
    lib.call("ap_imm_combine", mean=mean, cov=cov, mu=mu, out_mean=out, out_cov=spread)
    return out, spread
