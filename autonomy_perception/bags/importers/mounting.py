"""Where a lidar is mounted, from the ground that it sees: for data sets that do not say it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers.base import ImportOptions

F64 = NDArray[np.float64]
NEAR_M, FAR_M, ASIDE_M, CELL_M = 2.0, 15.0, 4.0, 0.5
"""The lane that the vehicle stands on: kerbs and banks beside it would tilt the plane."""
MAX_TILT = 0.35  # [rad] of the ground against the sensor's axes
BAND_M = 0.1
MIN_CELLS = 30


def mounting(
    xyz: NDArray[np.floating], options: ImportOptions, source: Path, forward: ArrayLike = (1.0, 0.0, 0.0)
) -> F64:
    """``T_base_lidar`` (4,4) with base_link on the ground under the lidar, from the points (N,3) of one scan.

    The ground's plane is fitted to the lowest points of cells in the vehicle's lane (RANSAC over cells, then least
    squares over the points within 0.1 m), which gives height, roll and pitch; the heading is ``forward`` (3,), the
    vehicle's forward axis in the lidar's frame.

    Raises:
        BagError: the user did not ask for it, or no plane is to be seen.
    """
    if not options.derive_mounting:
        raise BagError(f"{source}: the data set does not say where the lidar is over ground; pass --derive-mounting to "
                       "fit height, roll and pitch to the ground in the first scan; the bag will say so")  # fmt: skip
    near = np.asarray(xyz, np.float64)
    reach, aside = np.hypot(near[:, 0], near[:, 1]), np.abs(near[:, :2] @ (np.asarray(forward)[[1, 0]] * (-1.0, 1.0)))
    near = near[np.isfinite(near).all(1) & (reach > NEAR_M) & (reach < FAR_M) & (aside < ASIDE_M)]
    lowest = _lowest_by_cell(near)
    if len(lowest) < MIN_CELLS:
        raise BagError(
            f"{source}: expected ground within {FAR_M:.0f} m of the lidar, found {len(lowest)} cells with points"
        )
    normal, offset = _consensus(lowest)
    for band in (2 * BAND_M, BAND_M, BAND_M):
        on = near[np.abs(near @ normal + offset) < band]
        normal, offset = _plane(on)
    if offset <= 0.1:
        raise BagError(f"{source}: expected ground below the lidar, found a plane {offset:.2f} m under it")
    return _pose_over(normal, offset, np.asarray(forward, np.float64))


def note(T_base_lidar: F64, forward: ArrayLike = (1.0, 0.0, 0.0)) -> str:
    """What the bag says of a derived mounting; roll and pitch about the vehicle's axes."""
    x = np.asarray(forward, np.float64)
    along = np.column_stack([x, np.cross((0.0, 0.0, 1.0), x), (0.0, 0.0, 1.0)])  # the lidar's axes turned ahead
    roll, pitch, _ = np.rad2deg(geometry.rpy_of(T_base_lidar[:3, :3] @ along))
    return (f"derived from the ground in the first scan: {T_base_lidar[2, 3]:.2f} m over it, roll {roll:.1f} deg, pitch "
            f"{pitch:.1f} deg; base_link is under the lidar")  # fmt: skip


def _lowest_by_cell(points: F64) -> F64:
    """Lowest point (M,3) of each occupied cell."""
    ij = np.floor(points[:, :2] / CELL_M).astype(np.int64)
    order = np.lexsort((points[:, 2], ij[:, 1], ij[:, 0]))
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(ij[order], axis=0) != 0).any(1)
    return np.asarray(points[order[first]])


def _consensus(lowest: F64) -> tuple[F64, float]:
    """Plane (unit normal up, offset) with the most cells in its band; the draw is fixed, so the answer is too."""
    rng = np.random.default_rng(0)
    best, votes = (np.array([0.0, 0.0, 1.0]), -float(np.median(lowest[:, 2]))), -1
    for _ in range(400):
        a, b, c = lowest[rng.choice(len(lowest), 3, replace=False)]
        normal = np.cross(b - a, c - a)
        size = float(np.linalg.norm(normal))
        if size < 1e-3 or abs(normal[2]) / size < np.cos(MAX_TILT):
            continue
        normal *= np.sign(normal[2]) / size
        inside = int((np.abs(lowest @ normal - a @ normal) < BAND_M).sum())
        if inside > votes:
            best, votes = (normal, -float(a @ normal)), inside
    return best


def _plane(points: F64) -> tuple[F64, float]:
    """Least-squares plane z = a x + b y + c as unit normal and offset: normal . p + offset = 0."""
    design = np.column_stack([points[:, :2], np.ones(len(points))])
    a, b, c = np.linalg.lstsq(design, points[:, 2], rcond=None)[0]
    normal = np.array([-a, -b, 1.0])
    size = float(np.linalg.norm(normal))
    return normal / size, float(-c) / size


def _pose_over(normal: F64, height: float, forward: F64) -> F64:
    ahead = forward - normal * float(forward @ normal)
    ahead /= np.linalg.norm(ahead)
    return geometry.make_transform(np.stack([ahead, np.cross(normal, ahead), normal]), (0.0, 0.0, height))
