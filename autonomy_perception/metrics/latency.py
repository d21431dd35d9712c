"""Percentiles of times, said the same way in every report, table and status message."""

from __future__ import annotations

from collections.abc import Sequence
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
    """p50, p95, p99 and max [ms] of ``count`` samples; all NaN when there is none."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> Percentiles:
        """Percentiles of samples [ms]."""
        if not len(samples_ms):
            return cls(0, *[float("nan")] * 4)
        p50, p95, p99 = np.percentile(np.asarray(samples_ms, np.float64), [50, 95, 99])
        return cls(len(samples_ms), float(p50), float(p95), float(p99), float(np.max(samples_ms)))
