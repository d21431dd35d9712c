"""One kernel to time and to compare between devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Run = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class KernelCase:
    """One kernel with its inputs in place.

    Attributes:
        run: launches it and names its results; the results of the first call are the ones to compare.
        n_bytes: what it has to read and write at least.
        tolerance: largest difference between two devices; the share of values that may differ by more is
            ``outliers`` (a point within 1e-4 m of a border may fall into the next cell).
    """

    run: Run
    n_bytes: int
    tolerance: float = 0.0
    outliers: float = 0.0
