"""Which detection belongs to which track: gates, costs, optimal assignment, split and merged clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from autonomy_perception.ops import pairs
from autonomy_perception.ops.library import Library
from autonomy_perception.tracking.extent import axes_of

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

FORBIDDEN = 30.0  # cost of leaving a pair unassigned: dearer pairs are not made (kForbidden in kernels/pairs.cuh)


@dataclass(frozen=True)
class Boxes:
    """Boxes seen from above: ``table`` float64 (N,21), one row each as the kernels take it, and views of its columns."""

    table: F64

    @classmethod
    def of(
        cls,
        center: F64,
        size: F64,
        yaw: F64,
        vertical: F64,
        road_user_log_odds: F64,
        velocity: F64,
        delay: F64,
        probs: F64,
    ) -> Boxes:
        """Boxes of the values that the properties name; numbers fill a column."""
        table = np.empty((len(center), pairs.BOX_WIDTH))
        table[:, 0:2], table[:, 2:4], table[:, 4], table[:, 5:7] = center, size, yaw, vertical
        table[:, 7], table[:, 8:10], table[:, 10:12], table[:, 12:] = road_user_log_odds, velocity, delay, probs
        return cls(table)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def center(self) -> F64:
        """(N,2) [m]."""
        return self.table[:, 0:2]

    @property
    def size(self) -> F64:
        """(N,2) length and width [m]."""
        return self.table[:, 2:4]

    @property
    def yaw(self) -> F64:
        """(N,) [rad]."""
        return self.table[:, 4]

    @property
    def vertical(self) -> F64:
        """(N,2) bottom and top [m]."""
        return self.table[:, 5:7]

    @property
    def road_user_log_odds(self) -> F64:
        """(N,) [nat] log-odds of being a road user."""
        return self.table[:, 7]

    @property
    def delay(self) -> F64:
        """(N,2) [s] two candidates for the time of the look at a detection, zero for tracks.

        They differ at the seam of the sweep, where its beginning meets its end.
        """
        return self.table[:, 10:12]

    @property
    def probs(self) -> F64:
        """(N,C) class probabilities."""
        return self.table[:, 12:]

    def take(self, index: I64) -> Boxes:
        """The boxes of an index, copied."""
        return Boxes(self.table[index])


def costs(lib: Library, tracks: Boxes, cov: F64, detections: Boxes, noise: F64, reach: F64, affinity: F64) -> F64:
    """Assignment cost (N,M), ``FORBIDDEN`` outside the gates.

    The distance is what remains of the centre offset after the part that a partial view explains: with sizes
    S and m along an axis the centres may lie |S-m|/2 apart. Moving tracks are compared where they were when the
    lidar looked at the detection.

    Args:
        cov: (N,2,2) predicted position covariance [m^2]; noise: (M,) position variance of detections [m^2].
        reach: (N,) largest offset that a track can have travelled beyond its prediction [m].
        affinity: (C,C) from :func:`autonomy_perception.tracking.classes.compatibility_table`.
    """
    put = lib.to_device
    table = pairs.costs(lib, put(tracks.table), put(cov), put(reach), put(detections.table), put(noise), put(affinity))
    return lib.to_host(table)


def assign(cost: F64) -> tuple[I64, I64]:
    """Optimal one-to-one pairs (rows, columns) of allowed cells; leaving a pair out costs ``FORBIDDEN``."""
    if cost.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows, cols = linear_sum_assignment(cost)
    keep = cost[rows, cols] < FORBIDDEN
    return rows[keep].astype(np.int64), cols[keep].astype(np.int64)


def inside(lib: Library, outer: Boxes, inner: Boxes, margin: float) -> Bools:
    """(N,M): at least about 70 % of ``inner`` lies in ``outer`` grown by ``margin`` [m], along the axes of ``outer``."""
    return lib.to_host(pairs.inside(lib, lib.to_device(outer.table), lib.to_device(inner.table), margin)).view(np.bool_)


def united(lib: Library, boxes: Boxes, k: int, members: I64) -> tuple[F64, F64]:
    """Centre (2,) and size (2,) of box ``k`` stretched along its own axes to cover the boxes ``members``."""
    first, others = boxes.table[k : k + 1], boxes.table[members]
    along = lib.to_host(pairs.along(lib, lib.to_device(first), lib.to_device(others)))[0]
    half = 0.5 * first[0, 2:4]
    low = np.minimum((along[:, :2] - 0.5 * along[:, 2:]).min(0), -half)
    high = np.maximum((along[:, :2] + 0.5 * along[:, 2:]).max(0), half)
    return first[0, :2] + axes_of(first[:, 4])[0].T @ (0.5 * (low + high)), high - low
