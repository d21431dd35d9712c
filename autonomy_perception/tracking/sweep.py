"""When did the lidars look? A spinning lidar sees each direction at its own time within the sweep.

Deskewing moves points by the vehicle's motion, not by that of other objects: a car at 15 m/s seen at the
start of a sweep stands 1.5 m behind its place at the end. The tracker therefore measures every object at the
time its direction was scanned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.types import LidarScan

F64 = NDArray[np.float64]

BINS = 360
STRIDE = 8  # every eighth point of one lidar is enough to fill the bins


@dataclass(frozen=True)
class Sweep:
    """Where the lidar stands and when it looks where.

    Attributes:
        origin: (3,) [m] of the lidar in base_link.
        offsets: (360,) [s] relative to the stamp of the frame, by bearing from ``origin`` in base_link; bin 0
            begins at -pi.
    """

    origin: F64 = field(default_factory=lambda: np.zeros(3))
    offsets: F64 = field(default_factory=lambda: np.zeros(BINS))

    @classmethod
    def from_scans(cls, scans: Sequence[LidarScan]) -> Sweep:
        """Mean time of the returns of each bearing; bearings without a return take it from their neighbours.

        Args:
            scans: lidars of one frame, the reference first: bearings are seen from there. Lidars that look the same
                way at different times share a bearing, as their returns share a box.
        """
        origin = np.asarray(scans[0].origin, np.float64)
        stride = STRIDE * len(scans)
        xyz = np.concatenate([s.cloud.xyz[::stride] for s in scans])
        time = np.concatenate([s.cloud.time[::stride] for s in scans]).astype(np.float64)
        index = _bin(np.arctan2(xyz[:, 1] - scans[0].origin[1], xyz[:, 0] - scans[0].origin[0]))
        count = np.bincount(index, minlength=BINS)
        filled = np.flatnonzero(count)
        if len(filled) == 0:
            return cls(origin)
        mean = np.bincount(index, time, BINS)[filled] / count[filled]
        return cls(origin, np.interp(np.arange(BINS), filled, mean))

    def look_up(self, bearing: F64) -> F64:
        """Offsets [s] at bearings [rad] in base_link."""
        return np.asarray(self.offsets[_bin(bearing)])


def _bin(bearing: NDArray[np.floating]) -> NDArray[np.int64]:
    turn = (np.asarray(bearing, np.float64) + np.pi) / (2.0 * np.pi)
    turn -= np.floor(turn)  # NaN where the bearing is not finite: bin 0
    return (np.fmax(turn, 0.0) * BINS).astype(np.int64) % BINS
