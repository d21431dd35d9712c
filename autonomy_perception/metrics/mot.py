"""Quality of multi-object tracking: CLEAR MOT, IDF1 and HOTA by TrackEval, on distances seen from above.

TrackEval (Luiten et al., IJCV 2021) is the reference that the public benchmarks use. It takes a similarity from 0 to 1
and matches from 0.5 on; ours falls linearly with the distance and is 0.5 at the gate.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.metrics.figure import rms
from autonomy_perception.metrics.matching import GATE_M, assign

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

TRACKEVAL = "trackeval==1.3.0"
FIELDS = {
    "mota": "MOTA", "recall": "CLR_Re", "id_switches": "IDSW", "false_per_frame": "FP_per_frame",
    "idf1": "IDF1", "idr": "IDR", "hota": "HOTA", "deta": "DetA", "assa": "AssA",
}  # fmt: skip
"""Our name of each figure and TrackEval's."""


@dataclass
class MotSequence:
    """Frames of one drive as TrackEval wants them.

    Attributes:
        gate: a track can stand for a truth that is at most this far away [m].
    """

    gate: float = GATE_M
    _truth: list[I64] = field(default_factory=list)
    _tracks: list[I64] = field(default_factory=list)
    _similarity: list[F64] = field(default_factory=list)
    _numbers: tuple[dict[Hashable, int], dict[Hashable, int]] = field(default_factory=lambda: ({}, {}))

    def add(self, truth_ids: Sequence[Hashable], track_ids: Sequence[Hashable], distance: F64) -> None:
        """One frame: identities (T,) and (K,), distance (T,K) [m]."""
        for ids, numbers, out in zip((truth_ids, track_ids), self._numbers, (self._truth, self._tracks), strict=True):
            out.append(np.array([numbers.setdefault(name, len(numbers)) for name in ids], np.int64))
        similarity = np.maximum(0.0, 1.0 - np.asarray(distance, np.float64) / (2.0 * self.gate))
        self._similarity.append(similarity.reshape(len(truth_ids), len(track_ids)))

    def figures(self) -> dict[str, float]:
        """CLEAR: mota, recall, id_switches, false_per_frame; Identity: idf1, idr; HOTA: hota, deta, assa.

        HOTA is the mean over similarities of 0.05 to 0.95, which are distances of 1.9 to 0.1 gates. All are NaN without a
        single truth, and where TrackEval is not installed.
        """
        data = {
            "gt_ids": self._truth, "tracker_ids": self._tracks, "similarity_scores": self._similarity,
            "num_gt_ids": len(self._numbers[0]), "num_tracker_ids": len(self._numbers[1]),
            "num_gt_dets": sum(map(len, self._truth)), "num_tracker_dets": sum(map(len, self._tracks)),
            "num_timesteps": len(self._truth),
        }  # fmt: skip
        found: dict[str, Any] = {}
        for metric in _toolkit() if data["num_gt_dets"] else []:
            found |= metric.eval_sequence(data)
        return {name: float(np.mean(found.get(field, np.nan))) for name, field in FIELDS.items()}


@dataclass
class MotTally:
    """Tracking of points in the plane with their velocities; beside the figures of ``MotSequence`` the errors of matched pairs."""

    gate: float = GATE_M
    _sequence: MotSequence = field(init=False)
    _position: list[float] = field(default_factory=list)
    _speed: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sequence = MotSequence(self.gate)

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
            countable: (T,) False where a miss does not count and a match is neither hit nor false: such truths and
                what matches them are taken out before anything is counted, as KITTI does with what it does not care for.
        """
        counted = np.ones(len(truth), np.bool_) if countable is None else countable
        distance = np.hypot(truth[:, None, 0] - tracks[None, :, 0], truth[:, None, 1] - tracks[None, :, 1])
        pairs = [(i, j) for j, i in assign(distance.T, self.gate)]
        spared = {j for i, j in pairs if not counted[i]}
        rows = np.flatnonzero(counted).tolist()
        left = distance[rows][:, columns := [j for j in range(len(tracks)) if j not in spared]]
        self._sequence.add([truth_ids[i] for i in rows], [track_ids[j] for j in columns], left)
        for i, j in pairs:
            if counted[i]:
                self._position.append(float(distance[i, j]))
                speed = float(np.hypot(*tracks[j, 2:]) - np.hypot(*truth[i, 2:]))
                self._speed += [speed] if np.isfinite(speed) else []

    def figures(self) -> dict[str, float]:
        """Those of ``MotSequence``, and pos_rmse [m], speed_rmse [m/s] (NaN where nothing matched)."""
        return {**self._sequence.figures(), "pos_rmse": rms(self._position), "speed_rmse": rms(self._speed)}


def _toolkit() -> list[Any]:
    """TrackEval's CLEAR, Identity and HOTA; nothing, with a warning, where it is not installed."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what its data sets lack
            from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError:
        warnings.warn(f"no MOTA, IDF1 and HOTA: pip install --no-deps {TRACKEVAL}", RuntimeWarning, stacklevel=3)
        return []
    return [CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False}), HOTA()]
