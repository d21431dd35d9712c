"""Quality of multi-object tracking against truth: CLEAR MOT (Bernardin and Stiefelhagen, EURASIP JIVP 2008) and IDF1
(Ristani et al., ECCV workshops 2016), by distance of centres seen from above."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

F64 = NDArray[np.float64]


@dataclass
class MotTally:
    """Counts over the frames of one drive.

    Attributes:
        gate: a track matches a truth whose centre is at most this far away [m].
    """

    gate: float = 2.0
    hits: int = 0
    misses: int = 0
    false: int = 0
    switches: int = 0
    frames: int = 0
    _position: list[float] = field(default_factory=list)
    _speed: list[float] = field(default_factory=list)
    _last: dict[Hashable, Hashable] = field(default_factory=dict)
    _together: Counter[tuple[Hashable, Hashable]] = field(default_factory=Counter)

    def add(
        self,
        truth_ids: Sequence[Hashable],
        truth: F64,
        track_ids: Sequence[Hashable],
        tracks: F64,
        countable: NDArray[np.bool_] | None = None,
    ) -> None:
        """One frame.

        Args:
            truth_ids, track_ids: identities (T,), (K,).
            truth, tracks: (T,4), (K,4): x, y [m], vx, vy [m/s]; the velocity may be NaN where it is not known.
            countable: (T,) False where a miss does not count and a match is neither hit nor false.
        """
        counted = np.ones(len(truth), np.bool_) if countable is None else countable
        self.frames += 1
        distance = np.hypot(truth[:, None, 0] - tracks[None, :, 0], truth[:, None, 1] - tracks[None, :, 1])
        pairs = self._pairs(truth_ids, track_ids, distance)
        for i, j in pairs:
            if not counted[i]:
                continue
            one, other = truth_ids[i], track_ids[j]
            self.hits += 1
            self.switches += self._last.get(one, other) != other
            self._last[one] = other
            self._together[one, other] += 1
            self._position.append(float(distance[i, j]))
            speed = float(np.hypot(*tracks[j, 2:]) - np.hypot(*truth[i, 2:]))
            if np.isfinite(speed):
                self._speed.append(speed)
        self.misses += int(counted.sum()) - sum(bool(counted[i]) for i, _ in pairs)
        self.false += len(tracks) - len(pairs)

    def _pairs(
        self, truth_ids: Sequence[Hashable], track_ids: Sequence[Hashable], distance: F64
    ) -> list[tuple[int, int]]:
        """A pair of the last frame stays while it is within the gate; the rest is assigned optimally."""
        cost = np.where(distance <= self.gate, distance, 1e6)
        column = {name: j for j, name in enumerate(track_ids)}
        for i, name in enumerate(truth_ids):
            j = column.get(self._last[name]) if name in self._last else None
            if j is not None and distance[i, j] <= self.gate:
                cost[i, j] -= 2.0 * self.gate
        rows, cols = linear_sum_assignment(cost)
        return [(int(i), int(j)) for i, j in zip(rows, cols, strict=True) if distance[i, j] <= self.gate]

    def figures(self) -> dict[str, float]:
        """mota, recall, idf1, id_switches, false_per_frame, pos_rmse [m], speed_rmse [m/s] (0 where nothing matched)."""
        total = max(self.hits + self.misses, 1)
        return {
            "mota": 1.0 - (self.misses + self.false + self.switches) / total,
            "recall": self.hits / total,
            "idf1": self._idf1(),
            "id_switches": float(self.switches),
            "false_per_frame": self.false / max(self.frames, 1),
            "pos_rmse": _rms(self._position),
            "speed_rmse": _rms(self._speed),
        }

    def _idf1(self) -> float:
        """2 IDTP / (truths + tracks) under the best one-to-one naming of truths by tracks."""
        ones = {name: k for k, name in enumerate(dict.fromkeys(i for i, _ in self._together))}
        others = {name: k for k, name in enumerate(dict.fromkeys(j for _, j in self._together))}
        if not ones:
            return 0.0
        shared = np.zeros((len(ones), len(others)))
        for (i, j), n in self._together.items():
            shared[ones[i], others[j]] = n
        rows, cols = linear_sum_assignment(-shared)
        return float(2.0 * shared[rows, cols].sum() / (2 * self.hits + self.misses + self.false))


def _rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values else 0.0
