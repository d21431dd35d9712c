"""Layers between world maps (axes of odom) and the ego grid: the cell in which the other's centre lies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.grid import BevGrid, WorldGrid
from autonomy_perception.types import F32, F64, Occupancy, TerrainGrid

MAP_CHANNELS = ("known", "elevation", "slope", "step", "roughness", "traversability", "log_odds")
"""Channels of :func:`map_channels`, 0 where the maps know nothing.

known: 1 where the terrain map has an elevation. elevation: above ego / 4 m, cut at 3. slope [rad], step and roughness [m],
cut at 3. traversability 0..1. log_odds: of occupied / 4.
"""


def ego_cells(grid: BevGrid, T_odom_ego: F64, world: WorldGrid) -> NDArray[np.int64]:
    """For every cell (ny,nx) of a world grid the flat index of the ego cell in which its centre lies, -1 outside."""
    return _lookup(world.bev, geometry.invert(T_odom_ego), grid)


def world_cells(world: WorldGrid, T_odom_ego: F64, grid: BevGrid) -> NDArray[np.int64]:
    """For every cell (ny,nx) of the ego grid the flat index of the world cell in which its centre lies, -1 outside."""
    return _lookup(grid, T_odom_ego, world.bev)


def take(layer: NDArray[Any], cells: NDArray[np.int64], fill: float) -> NDArray[Any]:
    """A layer (ny,nx) on other cells: ``layer`` at the flat indices ``cells``, ``fill`` where they are -1."""
    out = layer.ravel()[np.maximum(cells, 0)]
    return np.where(cells >= 0, out, np.asarray(fill, layer.dtype))


def map_channels(terrain: TerrainGrid, occupancy: Occupancy, T_odom_ego: F64, grid: BevGrid) -> F32:
    """What the maps know around the vehicle, float32 (7, ny, nx), see :data:`MAP_CHANNELS`."""
    cells = world_cells(terrain.grid, T_odom_ego, grid)
    named = {name: take(np.asarray(terrain.layers[name], np.float32), cells, np.nan) for name in MAP_CHANNELS[1:6]}
    known = np.isfinite(named["elevation"])
    named["elevation"] = (named["elevation"] - np.float32(T_odom_ego[2, 3])) / 4.0
    odds = take(occupancy.log_odds, world_cells(occupancy.grid, T_odom_ego, grid), 0.0)
    layers = [known, *(np.clip(np.nan_to_num(v, nan=0.0), -3.0, 3.0) for v in named.values()), odds / 4.0]
    return np.stack(layers).astype(np.float32)


def _lookup(target: BevGrid, T_source_target: F64, source: BevGrid) -> NDArray[np.int64]:
    """Flat index of the cell of ``source`` below each cell centre of ``target``, -1 outside; headings differ, both are level."""
    x, y = target.centers()
    r, t = T_source_target[:2, :2], T_source_target[:2, 3]
    xy = np.stack([r[k, 0] * x[None, :] + r[k, 1] * y[:, None] + t[k] for k in range(2)], -1).reshape(-1, 2)
    cells = source.cells(xy)
    flat = cells[:, 1].astype(np.int64) * source.nx + cells[:, 0]
    return np.where(source.inside(cells), flat, -1).reshape(target.shape)
