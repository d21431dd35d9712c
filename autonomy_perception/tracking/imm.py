"""The filters of N tracks: a Gaussian per track and process model, mixed as interacting multiple models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops import imm
from autonomy_perception.ops.library import Library
from autonomy_perception.tracking.models import OMEGA, VX, VY, YAW, X, Y

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass
class Filter:
    """Gaussian per track and model: mean (N,3,6), cov (N,3,6,6), mu (N,3) with rows that sum to 1.

    Models in the order of :mod:`autonomy_perception.tracking.models`. The arrays change in place.
    ``refused`` counts the measurements that no model took.
    """

    lib: Library
    mean: F64
    cov: F64
    mu: F64
    refused: int = 0

    def combined(self) -> tuple[F64, F64]:
        """Moment-matched mean (N,6) and covariance (N,6,6) over the models."""
        lib = self.lib
        mean, cov = imm.combine(lib, lib.to_device(self.mean), lib.to_device(self.cov), lib.to_device(self.mu))
        return lib.to_host(mean), lib.to_host(cov)

    def average(self) -> F64:
        """Moment-matched mean (N,6) alone."""
        lib = self.lib
        return lib.to_host(imm.combine(lib, lib.to_device(self.mean), None, lib.to_device(self.mu))[0])

    def predict(self, noise: F64, length: F64, vehicle: Bools, dt: float) -> None:
        """Mix and move all tracks by ``dt`` [s].

        Args:
            noise: (N,3) acceleration [m/s^2] and turn acceleration [rad/s^2], standard deviations of their means over
                0.1 s, yaw drift [rad/sqrt(s)].
            length: (N,) [m]. vehicle: (N,) True for what steers: it follows the bicycle.
        """
        mean, cov, mu, *given = self._device(self.mean, self.cov, self.mu, noise, length, vehicle.view(np.uint8))
        self._keep(imm.predict(self.lib, mean, cov, mu, given[0], given[1], given[2], dt))

    def update(self, rows: I64, z: F64, r: F64, delay: F64) -> Bools:
        """Measure x, y, yaw of the tracks ``rows`` (M,).

        Args:
            z: (M,3); yaw must be within pi of the state. r: (M,3,3).
            delay: (M,) [s] of the measurement relative to the state's time: it saw position + delay * velocity.

        Returns:
            Tracks (M,) that took the measurement in at least one model. Others stay as they were: their measurement is no
            number, or its innovation covariance is not positive definite.
        """
        own, given = (self.mean, self.cov, self.mu), (rows, z, r, delay)
        mean, cov, mu, taken = imm.update(self.lib, *self._device(*own), *self._device(*given))
        self._keep((mean, cov, mu))
        return self._took(taken)

    def update_velocity(self, rows: I64, velocity: F64, variance: F64) -> Bools:
        """Measure vx, vy of the tracks ``rows`` (M,): ``velocity`` (M,2) [m/s], isotropic ``variance`` (M,).

        Returns:
            Tracks (M,) that took it, as in :meth:`update`.
        """
        own, given = (self.mean, self.cov), (rows, velocity, variance)
        mean, cov, taken = imm.update_velocity(self.lib, *self._device(*own), *self._device(*given))
        self._keep((mean, cov, self.mu))
        return self._took(taken)

    def shift(self, rows: I64, offset: F64) -> None:
        """Move the centres of the tracks ``rows`` (M,) by ``offset`` (M,2) [m], e.g. because a size estimate grew."""
        self.mean[rows, :, X : Y + 1] += offset[:, None]

    def turn(self, quarter: F64) -> None:
        """Add quarter turns (N,) to all headings (the box is renamed; nothing moves) and wrap them to [-pi, pi)."""
        yaw = self.mean[:, :, YAW] + 0.5 * np.pi * quarter[:, None]
        base = yaw[:, :1]
        self.mean[:, :, YAW] = yaw - 2.0 * np.pi * np.floor((base + np.pi) / (2.0 * np.pi))

    def restart_velocity(self, rows: I64, velocity: F64, variance: F64) -> None:
        """Forget what was believed of the velocity of ``rows`` (M,) and start at ``velocity`` (M,2), ``variance`` (M,)."""
        if len(rows) == 0:
            return
        self.mean[rows, :, VX : VY + 1] = velocity[:, None]
        for axis in (VX, VY, OMEGA):
            self.cov[rows, :, axis, :] = 0.0
            self.cov[rows, :, :, axis] = 0.0
        self.cov[rows, :, VX, VX] = self.cov[rows, :, VY, VY] = variance[:, None]
        self.cov[rows, :, OMEGA, OMEGA] = 0.2**2

    def _device(self, *arrays: NDArray[np.generic]) -> list[F64]:
        return [self.lib.to_device(a) for a in arrays]

    def _took(self, models: F64) -> Bools:
        took = np.asarray(self.lib.to_host(models) > 0)
        self.refused += int(np.count_nonzero(~took))
        return took

    def _keep(self, own: tuple[F64, F64, F64]) -> None:
        self.mean, self.cov, self.mu = (self.lib.to_host(a) for a in own)
