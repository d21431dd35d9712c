"""What could be known of each cell of a grid: returns in it, pixels on it, and whether anything hides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from autonomy_perception import geometry
from autonomy_perception.grid import BevGrid
from autonomy_perception.simulation.sensors.lidar import Lidar
from autonomy_perception.simulation.truth.sight import Sight
from autonomy_perception.simulation.truth.truth import OCCUPIED, Truth

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
BOOL = NDArray[np.bool_]

ABOVE_M = 0.03  # of the ground, what must be in sight
NEAREST_M, FARTHEST_M = 0.75, 4.0
"""So near to a return ground counts as measured at least, and at most, however thin the rings lie [m]."""
SPREAD = 0.75
"""Of the distance from ring to ring; half of it would leave nothing for a return that was lost."""


@dataclass(frozen=True)
class Observed:
    """What the lidars know of each cell (ny,nx).

    Attributes:
        hits: uint16, returns on surfaces; false_hits: uint16, returns on nothing (weather, ghosts, mixed pixels).
        visible: bool, nothing stands between a lidar and the ground in the middle of the cell.
        observed: bool, could be judged: there is a return on a surface in it, or it is filled by something that was met, or
            its ground is visible and a return lies no farther away than the rings of the beams are apart there. In fog and
            rain, behind things and hills and beyond the reach of the lidar this is False; returns decide, not distance.
    """

    hits: NDArray[np.uint16]
    false_hits: NDArray[np.uint16]
    visible: BOOL
    observed: BOOL


def observe(sight: Sight, lidars: Sequence[Lidar], t: float, truth: Truth, xyz: F32, real: BOOL) -> Observed:
    """Of the grid of a moment.

    Args:
        t: drive time of the truth [s]. truth: in the frame of the points.
        xyz: float32 (P,3) [m]; real: bool (P,) the point lies on a surface.
    """
    grid = truth.grid.grid.bev
    hits, false_hits = counted(grid, xyz[real]), counted(grid, xyz[~real])
    x, y = np.meshgrid(*grid.centers())
    ground = np.stack([x, y, truth.terrain.elevation + ABOVE_M], -1, dtype=np.float64)
    known = np.isfinite(ground[..., 2])
    back = geometry.invert(truth.T_odom_world)
    visible = np.zeros(grid.shape, np.bool_)
    visible[known] = sight.sees(t, back @ truth.T_odom_base, geometry.transform_points(back, ground[known]))
    gap = np.full(grid.shape, NEAREST_M)
    gap[known] = ring_distance(lidars, truth.T_odom_base, ground[known])
    away = ndimage.distance_transform_edt(hits == 0) * grid.resolution
    measured = visible & (away <= np.clip(SPREAD * gap, NEAREST_M, FARTHEST_M))
    return Observed(hits, false_hits, visible, measured | (hits > 0) | (truth.grid.state == OCCUPIED))


def ring_distance(lidars: Sequence[Lidar], T_out_base: F64, ground: F64) -> F64:
    """How far apart (M,) [m] the rings of the densest lidar lie on level ground at places (M,3); large where none looks."""
    out = np.full(len(ground), 1e3)
    for lidar in lidars:
        local = ground - geometry.transform_points(T_out_base, lidar.T_base_lidar[None, :3, 3])[0]
        flat, down = np.maximum(np.hypot(local[:, 0], local[:, 1]), 0.1), np.maximum(-local[:, 2], 0.2)
        beams = np.sort(np.arcsin(np.unique(lidar.directions[: lidar.beams, 2]).astype(np.float64)))
        if len(beams) < 2:
            continue
        above = np.searchsorted(beams, -np.arctan2(down, flat))
        inside = (above > 0) & (above < len(beams))
        above = np.clip(above, 1, len(beams) - 1)
        angle = np.where(inside, beams[above] - beams[above - 1], np.inf)
        out = np.minimum(out, angle * (flat**2 + down**2) / down)
    return out


def counted(grid: BevGrid, xyz: NDArray[np.floating]) -> NDArray[np.uint16]:
    """How many points (P,3) lie in each cell (ny,nx), 65535 at most."""
    cells = grid.cells(xyz)
    cells = cells[grid.inside(cells)]
    count = np.bincount(cells[:, 1].astype(np.int64) * grid.nx + cells[:, 0], minlength=grid.nx * grid.ny)
    return np.minimum(count, 65535).astype(np.uint16).reshape(grid.shape)
