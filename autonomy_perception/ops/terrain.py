"""Terrain map: fusion of ground returns and the layers derived from elevation (kernels/terrain.cuh)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid
from autonomy_perception.ops.library import Library

DITCH_REACH = 3.0
"""How far the sides of a ditch are looked for from its floor [m]."""


def fuse(
    lib: Library,
    xyz: Any,
    label: Any,
    sums: Any,
    slope: Any,
    elevation: Any,
    variance: Any,
    spread: Any,
    age: Any,
    origin: NDArray[np.floating],
    anchor: NDArray[np.float64],
    world: WorldGrid,
    max_range: float,
    elapsed: float,
) -> None:
    """Take the GROUND returns of one sweep into the map; elevation, variance, spread and age change in place.

    Args:
        xyz: float32 (N,3) [m] in anchor; label: uint8 (N,) of PointLabel.
        sums: int64 (ny,nx,3) scratch.
        slope: float32 (ny,nx) [rad] of the last derivation (NaN where unknown); it widens the variance of returns.
        elevation: [m, odom z], NaN where unknown; variance [m^2]; spread of heights in a cell [m]; age [s]: float32 (ny,nx).
        origin: (3,) lidar in anchor [m]; anchor: (3,) of the anchor frame in odom [m].
        world: placement of the map.
        max_range: returns farther from the lidar are left out [m].
        elapsed: time since the last fusion [s].
    """
    shift = np.asarray(anchor[:2], np.float64) - np.asarray(world.origin)
    lib.call(
        "ap_terrain_fuse", xyz=xyz, label=label, sums=sums, slope=slope, elevation=elevation, variance=variance,
        spread=spread, age=age, ox=origin[0], oy=origin[1], shift_x=shift[0], shift_y=shift[1], anchor_z=anchor[2],
        inv_res=1.0 / world.resolution, max_range=max_range, elapsed=elapsed,
    )  # fmt: skip


def derive(
    lib: Library,
    elevation: Any,
    variance: Any,
    spread: Any,
    pits: Any,
    negative: Any,
    slope: Any,
    step: Any,
    roughness: Any,
    traversability: Any,
    lethal: Any,
    lidar: tuple[float, float],
    resolution: float,
    max_slope: float,
    max_step: float,
    clearance: float,
    wheelbase: float,
) -> None:
    """What the map means for a vehicle; all arrays (ny,nx), from ``negative`` on they are written.

    Args:
        elevation, variance, spread: float32 as for :func:`fuse`.
        pits: uint16 scratch.
        negative: uint8, 1 = ditch (the ground rises by more than a step on both sides, one of them too steep) or drop
            (unseen cells before lower ground that nothing drivable can join).
        slope: [rad] of the plane over 5 x 5 cells; step: [m] across one cell, beyond what the slope explains;
            roughness: [m] standard deviation of heights in the cell, without its slope.
        traversability: 1 level and smooth .. 0 at or beyond a limit, NaN where unknown.
        lethal: 0 .. 1, how surely a limit is exceeded given the variance.
        lidar: x, y of the lidar from the corner of the map [m].
        max_slope [rad], max_step [m], clearance between the wheels [m], wheelbase [m]: limits of the vehicle.
    """
    half_base = max(1, round(0.5 * wheelbase / resolution))
    lib.call(
        "ap_terrain_derive", elevation=elevation, variance=variance, spread=spread, pits=pits, negative=negative, slope=slope,
        step=step, roughness=roughness, traversability=traversability, lethal=lethal, vx=lidar[0], vy=lidar[1], res=resolution,
        max_slope=max_slope, max_step=max_step, clearance=clearance, half_base=half_base,
        reach=max(2, round(DITCH_REACH / resolution)),
    )  # fmt: skip
