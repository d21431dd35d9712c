"""The tracker's memory: one struct of arrays over all tracks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import MotionConfig
from autonomy_perception.ops.library import Library
from autonomy_perception.road_users import N_CLASSES
from autonomy_perception.tracking.imm import Filter

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

HISTORY = 24  # frames remembered by the moving test


@dataclass
class TrackState:
    """N tracks.

    Attributes:
        lib: runs the kernels.
        mean, cov, mu: the IMM, see :class:`Filter`: (N,3,6), (N,3,6,6), (N,3).
        vertical: (N,2) bottom and top [m]; vertical_var: (N,2) [m^2].
        seen: (N,2) robust largest length and width seen [m]; complete: (N,2) 0..1, surely whole;
            surplus: (N,2) scans in a row that showed far more.
        size: (N,2) length and width believed (completed by class) [m].
        quadrant: (N,4) log-belief that the front points along yaw + k*90 deg.
        class_log_odds: (N,C) accumulated class evidence; probs: (N,C) posterior.
        road_user_log_odds: (N,) [nat] mean log-odds of the detector for a road user.
        existence: (N,) probability; rate: (N,) how often it is detected when visible.
        hits: (N,) detections; birth_ns, update_ns: (N,) int64.
        moving: (N,) decided to move; travel: (N,) 0..1 how plainly it travels;
            quiet_s: (N,) seconds without significant displacement.
        acceleration: (N,2) [m/s^2].
        history: (N,HISTORY,5) time [s since birth] and axis-parallel bounds x0 y0 x1 y1 [m] of the detections, oldest
            first; NaN where empty.
        origin_xy: (N,2) [m] place of birth, subtracted from ``history``.
        confirmed: (N,) published.
        uuid: (N,16) uint8.
    """

    lib: Library
    mean: F64
    cov: F64
    mu: F64
    vertical: F64
    vertical_var: F64
    seen: F64
    complete: F64
    surplus: F64
    size: F64
    quadrant: F64
    class_log_odds: F64
    probs: F64
    road_user_log_odds: F64
    existence: F64
    rate: F64
    hits: I64
    birth_ns: I64
    update_ns: I64
    moving: NDArray[np.bool_]
    travel: F64
    quiet_s: F64
    acceleration: F64
    history: F64
    origin_xy: F64
    confirmed: NDArray[np.bool_]
    uuid: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.mean)

    @classmethod
    def zeros(cls, lib: Library, n: int) -> TrackState:
        """State of ``n`` tracks with nothing filled in."""
        z = np.zeros
        return cls(
            lib=lib, mean=z((n, 3, 6)), cov=z((n, 3, 6, 6)), mu=z((n, 3)), vertical=z((n, 2)), vertical_var=z((n, 2)),
            seen=z((n, 2)), complete=z((n, 2)), surplus=z((n, 2)), size=z((n, 2)), quadrant=z((n, 4)), class_log_odds=z((n, N_CLASSES)),
            probs=z((n, N_CLASSES)), road_user_log_odds=z(n), existence=z(n), rate=z(n), hits=z(n, np.int64), birth_ns=z(n, np.int64),
            update_ns=z(n, np.int64), moving=z(n, np.bool_), travel=z(n), quiet_s=z(n), acceleration=z((n, 2)),
            history=np.full((n, HISTORY, 5), np.nan), origin_xy=z((n, 2)),
            confirmed=z(n, np.bool_), uuid=z((n, 16), np.uint8),
        )  # fmt: skip

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All columns by name."""
        return {name: getattr(self, name) for name in _ARRAYS}

    @classmethod
    def of(cls, lib: Library, arrays: Mapping[str, NDArray[Any]]) -> TrackState:
        """From what :meth:`arrays` gave, copied. Raises KeyError or ValueError naming the column that does not fit."""
        empty, n = cls.zeros(lib, 0), len(arrays["mean"])
        for name, column in empty.arrays().items():
            found, expected = arrays[name], (n, *column.shape[1:])
            if found.shape != expected or found.dtype != column.dtype:
                raise ValueError(f"{name}: {found.dtype} {found.shape}, expected {column.dtype} {expected}")
        return cls(lib, *(arrays[name].copy() for name in _ARRAYS))

    def settled(self, now_ns: int, config: MotionConfig) -> NDArray[np.bool_]:
        """Tracks (N,) seen for long enough that motion would have shown."""
        return np.asarray(((now_ns - self.birth_ns) * 1e-9 >= config.settled_s) & (self.hits > config.settled_hits))

    def take(self, index: NDArray[np.bool_] | I64) -> TrackState:
        """The tracks of a mask or index, copied."""
        rows = np.flatnonzero(index) if index.dtype == np.bool_ else index
        return TrackState(self.lib, *(a.take(rows, 0) for a in self._arrays()))

    def join(self, other: TrackState) -> TrackState:
        """These tracks followed by the other ones."""
        both = zip(self._arrays(), other._arrays(), strict=True)
        return TrackState(self.lib, *(np.concatenate(pair) for pair in both))

    def _arrays(self) -> list[NDArray[Any]]:
        return [getattr(self, name) for name in _ARRAYS]

    @property
    def filter(self) -> Filter:
        """The IMM as an object; write results back with :meth:`store`."""
        return Filter(self.lib, self.mean, self.cov, self.mu)

    def store(self, imm: Filter) -> None:
        """Take over the IMM's arrays."""
        self.mean, self.cov, self.mu = imm.mean, imm.cov, imm.mu


_ARRAYS = tuple(f.name for f in fields(TrackState))[1:]


def make_uuid(seed: int, stamp_ns: int, index: int) -> NDArray[np.uint8]:
    """Deterministic identity (16,): uuid5 in the namespace ``seed`` of birth stamp and index of birth in that step."""
    space, name = (seed % 2**128).to_bytes(16, "big"), f"{stamp_ns}:{index}"
    digest = bytearray(hashlib.sha1(space + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x50, digest[8] & 0x3F | 0x80  # version and variant: RFC 4122, 4.3
    return np.frombuffer(digest, np.uint8)
