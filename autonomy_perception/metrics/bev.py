"""Figures of a BEV network against truth: shares of cells, heights, boxes. Tallies add up over samples.

Definitions: IoU = TP / (TP + FP + FN) over all judged cells of all samples; mIoU is the mean over the classes that occur
in the truth; AP as nuScenes defines it (Caesar et al. 2020): matched by distance of centres on the ground, best score
first, area between precision and 0.1 over recall from 0.1 to 1, divided by 0.9.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
BOOL = NDArray[np.bool_]
LEAST = 0.1
"""Recall and precision below this count for nothing in AP."""


class ClassTally:
    """Confusion of n classes over judged cells."""

    def __init__(self, n: int) -> None:
        self.counts = np.zeros((n, n), np.int64)

    def add(self, said: NDArray[np.integer], true: NDArray[np.integer], judged: BOOL) -> None:
        """Classes 0 .. n-1 of cells of any shape."""
        n = len(self.counts)
        pair = true[judged].astype(np.int64) * n + said[judged]
        self.counts += np.bincount(pair, minlength=n * n).reshape(n, n)

    @property
    def iou(self) -> F64:
        """IoU of every class (n,), NaN of those that do not occur in the truth."""
        hit = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - hit
        return np.where(self.counts.sum(1) > 0, hit / np.maximum(union, 1), np.nan)

    @property
    def mean_iou(self) -> float:
        """Mean over the classes that occur; NaN if none does."""
        iou = self.iou[np.isfinite(self.iou)]
        return float(iou.mean()) if len(iou) else float("nan")


@dataclass
class HeightTally:
    """Errors of elevation [m]."""

    squared: float = 0.0
    cells: int = 0

    def add(self, said: NDArray[np.floating], true: NDArray[np.floating], judged: BOOL) -> None:
        """Heights of cells of any shape; cells where either is not finite are left out."""
        error = (said.astype(np.float64) - true)[judged]
        error = error[np.isfinite(error)]
        self.squared += float(np.square(error).sum())
        self.cells += len(error)

    @property
    def rmse(self) -> float:
        """Root mean square [m]; NaN of nothing."""
        return float(np.sqrt(self.squared / self.cells)) if self.cells else float("nan")


@dataclass
class BoxTally:
    """Detections of one class against truth.

    Attributes:
        reach: largest distance of centres of a match [m].
    """

    reach: float
    true: int = 0
    scores: list[float] = field(default_factory=list)
    hits: list[bool] = field(default_factory=list)

    def add(self, score: F64, xy: F64, true_xy: F64, unjudged_xy: F64) -> None:
        """One sample: detections (N,) with centres (N,2), true centres (M,2) [m].

        A detection that matches nothing but lies within reach of ``unjudged_xy`` (U,2) (too few returns, another class
        that may be said instead) counts neither way.
        """
        self.true += len(true_xy)
        free = np.ones(len(true_xy), np.bool_)
        for k in np.argsort(-score, kind="stable"):
            distance = np.where(free, np.linalg.norm(true_xy - xy[k], axis=1), np.inf)
            nearest = int(np.argmin(distance)) if len(distance) else -1
            hit = nearest >= 0 and bool(distance[nearest] <= self.reach)
            if hit:
                free[nearest] = False
            elif len(unjudged_xy) and np.linalg.norm(unjudged_xy - xy[k], axis=1).min() <= self.reach:
                continue
            self.scores.append(float(score[k]))
            self.hits.append(hit)

    @property
    def average_precision(self) -> float:
        """AP, 0 .. 1; NaN where there was nothing to find."""
        if not self.true:
            return float("nan")
        order = np.argsort(-np.array(self.scores), kind="stable")
        hit = np.array(self.hits, np.bool_)[order]
        found = np.cumsum(hit)
        precision, recall = found / np.arange(1, len(hit) + 1), found / self.true
        steps = np.linspace(0.0, 1.0, 101)
        at = np.interp(steps, recall, precision, right=0.0) if len(hit) else np.zeros(101)
        return float(np.clip(at[steps > LEAST] - LEAST, 0.0, None).mean() / (1.0 - LEAST))


class CalibrationTally:
    """Expected calibration error of probabilities, in ten bins of equal width (Guo et al. 2017)."""

    def __init__(self) -> None:
        self._count, self._said, self._true = np.zeros(10), np.zeros(10), np.zeros(10)

    def add(self, probability: NDArray[np.floating], true: BOOL, judged: BOOL) -> None:
        """Cells of any shape."""
        p = probability[judged].astype(np.float64)
        bins = np.minimum((p * 10.0).astype(np.int64), 9)
        self._count += np.bincount(bins, minlength=10)
        self._said += np.bincount(bins, p, minlength=10)
        self._true += np.bincount(bins, true[judged], minlength=10)

    @property
    def error(self) -> float:
        """ECE, 0 .. 1; NaN of nothing."""
        total = self._count.sum()
        return float(np.abs(self._said - self._true).sum() / total) if total else float("nan")
