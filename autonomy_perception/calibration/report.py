"""What the checks found: one result per check, in words an operator understands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.calibration.alignment import AXES

F64 = NDArray[np.float64]


class Verdict(IntEnum):
    """UNKNOWN: the data says nothing yet."""

    UNKNOWN = 0
    OK = 1
    WRONG = 2


@dataclass(frozen=True)
class CheckResult:
    """State of one check.

    Attributes:
        sensor: the lidar whose place is judged; against: the sensor or frame it is compared with.
        verdict: what holds.
        correction: float64 (6,) roll, pitch, yaw [rad], x, y, z [m] that would make it fit, NaN where this check cannot
            see; None while UNKNOWN.
        stamp_ns: newest data behind it.
        text: why, in one sentence.
    """

    sensor: str
    against: str
    verdict: Verdict
    correction: F64 | None
    stamp_ns: int
    text: str

    @property
    def name(self) -> str:
        """Both sensors, e.g. ``top / camera front``."""
        return f"{self.sensor} / {self.against}"


@dataclass(frozen=True)
class CalibrationReport:
    """All checks for the calibration with this version."""

    version: str
    checks: tuple[CheckResult, ...] = ()

    @property
    def wrong(self) -> tuple[CheckResult, ...]:
        """Checks that failed."""
        return tuple(c for c in self.checks if c.verdict == Verdict.WRONG)


def in_words(correction: F64, sign: str = "+") -> str:
    """``roll +0.1 deg, ..., z +0.02 m``; axes that were not measured (NaN) are left out."""
    parts = []
    for name, value in zip(AXES, correction, strict=True):
        if np.isfinite(value):
            parts.append(
                f"{name} {np.degrees(value):{sign}.1f} deg" if name in AXES[:3] else f"{name} {value:{sign}.2f} m"
            )
    return ", ".join(parts)


def beyond(correction: F64, limits: F64) -> tuple[str, ...]:
    """Axes on which a correction exceeds its limit; NaN never does."""
    with np.errstate(invalid="ignore"):
        over = np.abs(correction) > limits
    return tuple(name for name, bad in zip(AXES, over, strict=True) if bad)


def worst_first(correction: F64, limits: F64) -> list[int]:
    """Indices of the axes beyond their limits, the worst first."""
    ratio = np.nan_to_num(np.abs(correction) / limits)
    return [int(k) for k in np.argsort(-ratio, kind="stable") if ratio[k] > 1.0]
