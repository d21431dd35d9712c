"""A figure, and the limit that it is held to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One figure of a drive.

    Attributes:
        value: in ``unit``; NaN where there was nothing to measure.
        limit: what is demanded; None for a figure that is only told.
        at_least: the limit is a lower one; without a limit: more of it is better.
        counted: it only says how much was judged, and is neither good nor bad.
    """

    name: str
    value: float
    unit: str = ""
    limit: float | None = None
    at_least: bool = False
    counted: bool = False

    @property
    def ok(self) -> bool:
        """Whether the limit holds (NaN never does); True without a limit."""
        if self.limit is None:
            return True
        return bool(self.value >= self.limit if self.at_least else self.value <= self.limit)

    @property
    def said(self) -> str:
        """Value with unit, for people."""
        return "not measured" if np.isnan(self.value) else f"{round(self.value, 3):g} {self.unit}".strip()

    @property
    def demanded(self) -> str:
        """The limit with unit, for people; empty without one."""
        return "" if self.limit is None else f"{'>=' if self.at_least else '<='} {self.limit:g} {self.unit}".strip()


def rms(values: list[float]) -> float:
    """Root mean square; NaN of nothing."""
    return float(np.sqrt(np.mean(np.square(values)))) if values else float("nan")
