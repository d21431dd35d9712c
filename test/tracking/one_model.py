"""One process model of the kernel at a time: where all weight lies on one, mixing changes nothing in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops import imm
from autonomy_perception.ops.library import CpuLibrary

F64 = NDArray[np.float64]

LIB = CpuLibrary()
N_MODELS = 3


def predicted(
    model: int, mean: F64, cov: F64, dt: float, noise: tuple[float, float, float] = (0.0, 0.0, 0.0), length: float = 4.5
) -> tuple[F64, F64]:
    """Mean (N,6) and covariance (N,6,6) moved by ``dt`` [s] with one model; ``noise`` as in :func:`imm.predict`."""
    n = len(mean)
    means, covs = np.repeat(mean[:, None], N_MODELS, 1), np.repeat(cov[:, None], N_MODELS, 1)
    mu = np.tile(np.eye(N_MODELS)[model], (n, 1))
    given = np.tile(noise, (n, 1)), np.full(n, length), np.ones(n, np.uint8)
    means, covs, _ = imm.predict(LIB, means, covs, mu, *given, dt)
    return means[:, model].copy(), covs[:, model].copy()


def measured(mean: F64, cov: F64, z: F64, r: F64) -> tuple[F64, F64]:
    """Mean (N,6) and covariance (N,6,6) after x, y, yaw ``z`` (N,3) with covariance ``r`` (3,3)."""
    n = len(mean)
    means, covs = np.repeat(mean[:, None], N_MODELS, 1), np.repeat(cov[:, None], N_MODELS, 1)
    given = np.arange(n), z, np.repeat(r[None], n, 0), np.zeros(n)
    means, covs, *_ = imm.update(LIB, means, covs, np.full((n, N_MODELS), 1.0 / N_MODELS), *given)
    return means[:, 0].copy(), covs[:, 0].copy()
