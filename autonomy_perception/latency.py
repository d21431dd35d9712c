"""Budgets and percentiles of times, said the same way in every report, table and status message."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

BUDGET_MS = {
    "sensors": 6.0,
    "ground": 5.0,
    "terrain": 3.0,
    "detection": 6.0,
    "tracking": 4.0,
    "occupancy": 5.0,
    "publish": 3.0,
}
"""p50 budget of each stage [ms]; the whole way has p50 < 40 and p99 < 80 ms."""
TOTAL_P50_MS, TOTAL_P99_MS = 40.0, 80.0


@dataclass(frozen=True)
class Percentiles:
    """p50, p95, p99 and max [ms] of ``count`` samples; all NaN when there is none.

    By nearest rank: each is one of the samples, the smallest that at least this share does not exceed. So the p99 of fewer
    than 100 samples is their maximum, never something faster.
    """

    count: int
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, samples_ms: Collection[float]) -> Percentiles:
        """Percentiles of samples [ms]."""
        if not len(samples_ms):
            return cls(0, *[float("nan")] * 4)
        values = np.sort(np.fromiter(samples_ms, np.float64, len(samples_ms)))
        at = np.ceil(np.array([0.50, 0.95, 0.99, 1.0]) * len(values)).astype(np.int64) - 1
        return cls(len(values), *values[at].tolist())
