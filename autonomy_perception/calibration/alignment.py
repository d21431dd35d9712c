"""How a sensor would have to be moved for its points to lie best on maps: the search behind every check.

A correction is six numbers (roll, pitch, yaw [rad], x, y, z [m] in axes of base_link) applied at the sensor:
p' = R (p - o) + o + t. Each piece of evidence holds points, a map to compare them with and how a corrected point
falls onto that map. The score is the mean map value (0..1) under the points, less a small price per correction, so
that what the evidence does not determine stays at zero. Scores come from integer sums, so the result is the same on
every machine and in every order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops.align import map_scores
from autonomy_perception.ops.library import Library

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

AXES = ("roll", "pitch", "yaw", "x", "y", "z")
COARSE, FINE = np.arange(-8, 9) / 8.0, np.arange(-4, 5) / 32.0
"""Steps along one axis as fractions of its reach."""
MAX_ROUNDS = 5
MIN_GAIN = 1e-5


class Evidence(Protocol):
    """Points (N,3) float32 with the map (H,W) uint8 that each set of them belongs to."""

    @property
    def sets(self) -> Sequence[tuple[F32, U8]]:
        """Points in base_link and their map."""

    def projections(self, corrections: F64) -> F64:
        """(P,3,4) from points to pixels of the maps for corrections (P,4,4)."""


@dataclass(frozen=True)
class Fit:
    """Result of a search.

    Attributes:
        correction: float64 (6,) roll, pitch, yaw [rad], x, y, z [m]: what moves the sensor to where the data wants it.
        score: mean map value as calibrated; best: after the correction; blank: the median over all corrections tried
            along single axes, i.e. what points score that lie on nothing in particular.
        weight: points that fell on the maps as calibrated.
        agreement: share of the evidence that saw anything (each piece one vote) that the correction made better.
    """

    correction: F64
    score: float
    best: float
    blank: float
    weight: float
    agreement: float

    @property
    def gain(self) -> float:
        """What the correction adds to the mean map value."""
        return self.best - self.score


def corrections_of(vectors: F64, origin: F64) -> F64:
    """Rigid transforms (P,4,4) of correction vectors (P,6) about ``origin`` (3,): R = Rz Ry Rx (REP-103)."""
    c, s = np.cos(vectors[:, :3]).T, np.sin(vectors[:, :3]).T
    zero, one = np.zeros(len(vectors)), np.ones(len(vectors))

    def matrices(*values: F64) -> F64:
        return np.stack(values, -1).reshape(-1, 3, 3)

    rx = matrices(one, zero, zero, zero, c[0], -s[0], zero, s[0], c[0])
    ry = matrices(c[1], zero, s[1], zero, one, zero, -s[1], zero, c[1])
    rz = matrices(c[2], -s[2], zero, s[2], c[2], zero, zero, zero, one)
    out = np.zeros((len(vectors), 4, 4))
    out[:, :3, :3] = rz @ ry @ rx
    out[:, :3, 3] = origin - out[:, :3, :3] @ origin + vectors[:, 3:]
    out[:, 3, 3] = 1.0
    return out


class Aligner:
    """Searches the correction that fits best.

    Args:
        lib: kernels.
        origin: position of the corrected sensor in base_link (3,) [m].
        reach: largest correction per axis (6,) [rad, m]; 0 leaves an axis out.
        price: score that a correction by the whole reach of one axis must gain to be preferred.
    """

    def __init__(self, lib: Library, origin: F64, reach: F64, price: float) -> None:
        self._cost = price
        self._lib, self._origin, self._reach = lib, np.asarray(origin, np.float64), np.asarray(reach, np.float64)
        self._axes = np.flatnonzero(self._reach > 0.0)

    def scores(self, evidence: Sequence[Evidence], vectors: F64) -> tuple[F64, F64]:
        """Sums of map values and of points on the maps, float64 (E,P) each, for correction vectors (P,6)."""
        corrections = corrections_of(vectors, self._origin)
        score, inside = np.zeros((2, len(evidence), len(vectors)))
        for k, one in enumerate(evidence):
            projections = one.projections(corrections)
            for points, map_ in one.sets:
                if len(points):
                    sums = map_scores(self._lib, points, np.ones(len(points), np.float32), projections, map_)
                    score[k] += sums.score
                    inside[k] += sums.inside
        return score, inside

    def fit(self, evidence: Sequence[Evidence]) -> Fit:
        """Best correction: greedy over all axes, first in coarse steps over the whole reach, then in fine ones."""
        zero = np.zeros((1, 6))
        start_score, start_inside = self.scores(evidence, zero)
        score, weight = float(_mean(start_score, start_inside)[0]), float(start_inside.sum())
        at, value, blank = zero[0], score, score
        for steps in (COARSE, FINE):
            for round_ in range(MAX_ROUNDS):
                vectors = self._moves(at, steps)
                values = _mean(*self.scores(evidence, vectors))
                if steps is COARSE and round_ == 0:
                    blank = float(np.median(values))
                values -= self._price(vectors)
                k = int(np.argmax(values))
                if values[k] <= value + MIN_GAIN:
                    break
                at, value = vectors[k], float(values[k])
        end_score, end_inside = self.scores(evidence, at[None])
        better = end_score / np.maximum(end_inside, 1e-9) > start_score / np.maximum(start_inside, 1e-9)
        told = (end_inside > 0) | (start_inside > 0)
        agreement = float(better[told].mean()) if told.any() else 0.0
        return Fit(at, score, float(_mean(end_score, end_inside)[0]), blank, weight, agreement)

    def _moves(self, at: F64, steps: F64) -> F64:
        moves = np.zeros((len(self._axes), len(steps), 6))
        for row, axis in enumerate(self._axes):
            moves[row, :, axis] = steps * self._reach[axis]
        return np.asarray(np.clip(at + moves.reshape(-1, 6), -self._reach, self._reach))

    def _price(self, vectors: F64) -> F64:
        return np.asarray(self._cost * np.sum((vectors[:, self._axes] / self._reach[self._axes]) ** 2, axis=1))


def _mean(score: F64, inside: F64) -> F64:
    return np.asarray(score.sum(axis=0) / np.maximum(inside.sum(axis=0), 1e-9))
