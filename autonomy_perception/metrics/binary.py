"""Counts of a yes-or-no labelling (this return is ground) against truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BOOL = NDArray[np.bool_]


@dataclass(frozen=True)
class BinaryTally:
    """True positives, false positives and false negatives; tallies of several scans add up."""

    hit: int = 0
    wrong: int = 0
    missed: int = 0

    @classmethod
    def of(cls, said: BOOL, true: BOOL, counted: BOOL) -> BinaryTally:
        """Of what was ``said`` (N,) where ``counted`` (N,) says that the truth is known."""
        hit, wrong, missed = said & true, said & ~true, ~said & true
        return cls(*(int(np.count_nonzero(mask & counted)) for mask in (hit, wrong, missed)))

    def __add__(self, other: BinaryTally) -> BinaryTally:
        return BinaryTally(self.hit + other.hit, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """TP / (TP + FP); 0 where nothing was said."""
        return self.hit / max(1, self.hit + self.wrong)

    @property
    def recall(self) -> float:
        """TP / (TP + FN); 0 where there was nothing to say."""
        return self.hit / max(1, self.hit + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)."""
        return 2 * self.hit / max(1, 2 * self.hit + self.wrong + self.missed)
