"""A sensor's clock: when it exposes, what its stamps say, and when its messages are received."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

EPOCH_NS = 1_700_000_000_000_000_000
"""Stamp [ns] of time 0 of every synthetic drive."""


def stamp(t: float) -> int:
    """Stamp [ns] of drive time t [s]."""
    return EPOCH_NS + round(t * 1e9)


@dataclass(frozen=True)
class Ticks:
    """Exposures of one sensor: true drive time of each (end of a sweep, middle of an image) [s], its stamp, and when
    its message is received [ns]; all (K,)."""

    t: NDArray[np.float64]
    stamp_ns: NDArray[np.int64]
    receive_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.t)


class Clock(BaseModel):
    """Errors of a sensor's clock. Without any, stamps are true and messages arrive at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phase_ms: float = Field(0.0, ge=-1000, le=1000, description="first exposure after the start of the drive [ms]")
    offset_ms: float = Field(0.0, ge=-1000, le=1000, description="stamps are late by this without anybody knowing [ms]")
    drift_ppm: float = Field(0.0, ge=-1000, le=1000, description="the clock runs fast by this [1e-6]")
    jitter_ms: float = Field(0.0, ge=0, le=100, description="standard deviation of the stamps [ms]")
    latency_ms: float = Field(0.0, ge=0, le=1000, description="shortest time from the exposure to reception [ms]")
    latency_jitter_ms: float = Field(0.0, ge=0, le=1000, description="mean of what comes on top (exponential) [ms]")

    def ticks(self, start: float, end: float, period_s: float, seed: int, known_offset_s: float = 0.0) -> Ticks:
        """Exposures with start < t <= end [s].

        Args:
            seed: of this sensor in this drive; a tick depends on nothing else.
            known_offset_s: what the vehicle file adds to the stamps to correct them [s].
        """
        phase = self.phase_ms * 1e-3
        first = int(np.floor((start - phase) / period_s + 1e-6)) + 1
        last = int(np.floor((end - phase) / period_s + 1e-6))
        index = np.arange(first, last + 1)
        t = np.asarray(phase + index * period_s, np.float64)
        draws = [np.random.default_rng([seed, int(k) + 1_000_000]).standard_normal(3) for k in index]
        noise = np.array(draws).reshape(-1, 3)
        error = (self.offset_ms + self.jitter_ms * np.clip(noise[:, 0], -4, 4)) * 1e-3 + self.drift_ppm * 1e-6 * t
        late = (self.latency_ms + self.latency_jitter_ms * 0.5 * (noise[:, 1] ** 2 + noise[:, 2] ** 2)) * 1e-3
        ns = [[EPOCH_NS + round(x * 1e9) for x in v] for v in (t + error - known_offset_s, t + late)]
        return Ticks(t, np.array(ns[0], np.int64), np.array(ns[1], np.int64))
