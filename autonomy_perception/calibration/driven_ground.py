"""Ground that was seen ahead must lie under the wheels when the vehicle gets there.

Whatever the shape of the road (crossfall, crest, slope), a point of the ground on the vehicle's path lies in the plane
z = 0 of base_link at the moment when an axle of the vehicle drives over it. A lidar that is turned or raised against what its
calibration says sees that ground too high or too low by h + b y - a x, with x, y from the lidar to the point when it was
seen: height, roll and pitch follow from the residuals of many points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

HALF_WIDTH = 1.6
"""Ground within this of the middle of the path is used [m]: what the wheels roll on."""
AHEAD = 22.0
"""Ground farther ahead is not used [m]."""
GATE_M, GATE_PER_M = 0.5, 0.07
"""Returns farther than this from z = 0 are not ground [m, m per m of distance]."""
CELL = 0.5
LOW_SHARE = 0.25
"""Of the returns in a cell this quantile is its ground: above noise, below grass."""
LEAST_IN_CELL = 2
UNDER = 0.3
"""A point is under an axle when it is this near to it along the path [m]."""
MAX_RISE = 1.0
MIN_ROWS, MOST_ROWS, MIN_SPAN = 150, 2000, 3.0
"""Least and most residuals of a fit, and least spread of their distances when seen [m]."""
ROUNDS, SCALE_M = 10, 0.03


@dataclass(frozen=True)
class GroundFit:
    """Correction of a lidar by the ground: roll, pitch [rad], height [m]; their standard errors (3,); residuals used;
    ``rough`` their median distance from the fit [m]."""

    correction: F64
    error: F64
    rows: int
    rough: float


def ground_ahead(xyz: F32, front: float) -> F32:
    """Ground (M,3) [m] on a strip before the vehicle, one point per cell of 0.5 m.

    Args:
        xyz: float32 (N,3) of one lidar in base_link.
        front: base_link to the front bumper [m].
    """
    near = xyz[np.abs(xyz[:, 1]) < 2.0 * HALF_WIDTH]
    x, z = near[:, 0], near[:, 2]
    p = near[(x > front) & (x < AHEAD) & (np.abs(z) < GATE_M + GATE_PER_M * x)]
    cell = np.floor(p[:, :2] / CELL).astype(np.int64)
    key = cell[:, 0] * 1024 + cell[:, 1]
    order = np.lexsort((p[:, 2], key))
    starts = np.flatnonzero(np.diff(key[order], prepend=np.iinfo(np.int64).min))
    counts = np.diff(starts, append=len(order))
    full = counts >= LEAST_IN_CELL
    return np.asarray(p[order[starts[full] + (LOW_SHARE * counts[full]).astype(np.int64)]])


class DrivenGround:
    """Remembers ground seen ahead by one lidar and compares it with where the vehicle then stands.

    Args:
        front: base_link to the front bumper [m].
        wheelbase: base_link (rear axle) to the front axle [m].
        keep_s: residuals and seen ground are forgotten after this time [s].
    """

    def __init__(self, front: float, wheelbase: float, keep_s: float) -> None:
        self._front, self._axles, self._keep_ns = front, (0.0, wheelbase), round(keep_s * 1e9)
        self._seen: list[tuple[int, F64, F64]] = []
        self._rows: list[tuple[int, F64]] = []
        self._at: F64 | None = None

    def clear(self) -> None:
        """Forget everything (the calibration or the odometry changed)."""
        self._seen, self._rows, self._at = [], [], None

    def look(self, stamp_ns: int, xyz: F32, origin: F32, T_odom_base: F64) -> None:
        """Take in one sweep (N,3) in base_link, the lidar's position (3,) there, and the pose of the vehicle."""
        ahead = ground_ahead(xyz, self._front).astype(np.float64)
        lever = ahead[:, :2] - origin[:2]
        self._seen.append((stamp_ns, geometry.transform_points(T_odom_base, ahead), lever))
        self._seen = [s for s in self._seen if stamp_ns - s[0] <= self._keep_ns]
        self._rows = [r for r in self._rows if stamp_ns - r[0] <= self._keep_ns]

    def drive(self, stamp_ns: int, T_odom_base: F64) -> None:
        """The vehicle is here now: what was seen of this place becomes residuals (once per half a metre of path)."""
        if self._at is not None and np.linalg.norm(T_odom_base[:3, 3] - self._at) < 2.0 * UNDER:
            return
        self._at = T_odom_base[:3, 3].copy()
        before = [s for s in self._seen if s[0] != stamp_ns]
        if not before:
            return
        p = geometry.transform_points(geometry.invert(T_odom_base), np.concatenate([points for _, points, _ in before]))
        under = np.minimum.reduce([np.abs(p[:, 0] - axle) for axle in self._axles]) < UNDER
        here = under & (np.abs(p[:, 1]) < HALF_WIDTH) & (np.abs(p[:, 2]) < MAX_RISE)
        if here.any():
            lever = np.concatenate([lever for _, _, lever in before])
            self._rows.append((stamp_ns, np.column_stack([lever[here], p[here, 2]])))

    def fit(self) -> GroundFit | None:
        """Correction from the residuals at hand, by Tukey's robust weights (Beaton & Tukey, 1974); None: too few."""
        if not self._rows:
            return None
        rows = np.concatenate([r for _, r in self._rows])
        rows = rows[:: -(-len(rows) // MOST_ROWS)]
        if len(rows) < MIN_ROWS or np.ptp(np.quantile(rows[:, 0], [0.05, 0.95])) < MIN_SPAN:
            return None
        A, z = np.column_stack([rows[:, 1], -rows[:, 0], np.ones(len(rows))]), rows[:, 2]  # roll, pitch, height
        weight, scale, solution = np.ones(len(z)), 0.3, np.zeros(3)
        for _ in range(ROUNDS):
            W = A * weight[:, None]
            normal = W.T @ A + 1e-9 * np.eye(3)
            solution = np.linalg.solve(normal, W.T @ z)
            off = z - A @ solution
            weight = np.maximum(1.0 - (off / (4.0 * scale)) ** 2, 0.0) ** 2
            scale = max(SCALE_M, 0.7 * scale)
        used = weight > 0.2
        rough = float(np.median(np.abs(off[used]))) if used.any() else np.inf
        # neighbouring residuals of one sweep are not independent: the error is that of one in twenty
        spread = (
            np.sqrt(20.0 * np.diag(np.linalg.inv(normal)) * max(float(np.mean(off[used] ** 2)), 1e-6))
            if used.any()
            else np.full(3, np.inf)
        )
        return GroundFit(-solution, np.asarray(spread), int(used.sum()), rough)
