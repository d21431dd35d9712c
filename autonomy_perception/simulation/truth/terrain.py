"""Truth of the ground: what the exact surface means for a vehicle, on a fine raster.

The quantities are those of the terrain stage (kernels/terrain_layers.cuh) and of the grid_map layers it publishes, but
taken from the true surface instead of from returns, without noise and without unseen cells.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from autonomy_perception.config import Dimensions
from autonomy_perception.simulation.rays.scene import FAR, Scene

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
BOOL = NDArray[np.bool_]

CELL = 0.25  # of the raster [m]
DITCH_REACH = 3.0  # the sides of a ditch lie at most this far from its floor [m]
TILE = 256  # cells along the edge of a tile
KEPT_TILES = 64
MASKS = ("ditch", "lethal")
ABOVE = 500.0  # rays down start at this height [m]


class Ground(Protocol):
    """Bare ground as a world offers it."""

    @property
    def terrain(self) -> Scene: ...


@dataclass(frozen=True)
class GroundCells:
    """The ground at places: float32 arrays of one shape, NaN beside the modelled ground.

    Attributes:
        slope: [rad] of the plane over 5 x 5 raster cells.
        step: [m] across one raster cell beyond what the slopes on both sides explain; the largest near the place.
        depth: [m] below the lower of the sides that rise within 3 m.
        ditch: bool, along some direction the ground rises within 3 m on both sides by more than the vehicle's step
            limit, and to one of these sides more steeply than the vehicle can drive.
        traversability: 1 level and smooth .. 0 at or beyond a limit of the vehicle; the smallest near the place.
        lethal: bool, some limit is reached near the place: slope, step, clearance, or a ditch.
    """

    slope: F32
    step: F32
    depth: F32
    ditch: BOOL
    traversability: F32
    lethal: BOOL


class TerrainTruth:
    """The ground of a world as it is for a vehicle, on a raster made tile by tile where it is asked for.

    Args:
        world: its ``terrain`` is the bare ground.
        body: limits of the vehicle.
    """

    def __init__(self, world: Ground, body: Dimensions) -> None:
        self._world, self._body = world, body
        self._rim = (
            math.ceil(max(2.0 * DITCH_REACH, 0.5 * body.wheelbase) / CELL) + 4
        )  # what the filters look at besides
        self._tile = functools.lru_cache(maxsize=KEPT_TILES)(self._make_tile)

    def at(self, xy: F64) -> GroundCells:
        """The ground at places (M,2) in world [m]."""
        index = np.floor(xy / CELL).astype(np.int64)
        tile, inner = np.divmod(index, TILE)
        tiles, owner = np.unique(tile, axis=0, return_inverse=True)
        order = np.argsort(owner.ravel(), kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(owner.ravel()))[:-1])
        out: dict[str, NDArray[Any]] = {
            f.name: np.empty(len(xy), np.bool_ if f.name in MASKS else np.float32) for f in fields(GroundCells)
        }
        for (tx, ty), rows in zip(tiles.tolist(), parts, strict=True):
            made = self._tile(tx, ty)
            for name, layer in out.items():
                layer[rows] = getattr(made, name)[inner[rows, 1], inner[rows, 0]]
        return GroundCells(**out)

    def _make_tile(self, tx: int, ty: int) -> GroundCells:
        z = self._heights(tx, ty)
        known = np.isfinite(z)
        if not known.any():
            nowhere, nan = self._inner(known), self._inner(z)
            return GroundCells(nan, nan, nan, nowhere, nan, nowhere)
        if not known.all():  # filters must not spread the unknown: beside the ground it is as at its nearest edge
            nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
            z = z[tuple(nearest)]
        b, span = self._body, 2 * round(DITCH_REACH / CELL) + 1
        slope, step, depth = _slope(z), _step(z), ndimage.grey_closing(z, size=(span, span)) - z
        own = np.minimum(_own_slope(z), slope)
        ditch = _ditch(z, depth > b.max_step, b)
        worst = [own / b.max_slope, step / b.max_step, _bump(z, b.wheelbase) / b.ground_clearance]
        worst.append(2.0 * _roughness(z, slope) / b.ground_clearance)
        left = np.where(ditch, 0.0, np.clip(1.0 - np.maximum.reduce(worst), 0.0, 1.0))
        layers: tuple[F32, ...] = slope, ndimage.maximum_filter(step, 3), depth, ndimage.minimum_filter(left, 3)
        slope, step, depth, left = (self._inner(np.where(known, layer, np.nan).astype(np.float32)) for layer in layers)
        return GroundCells(slope, step, depth, self._inner(ditch & known), left, left <= 0.0)

    def _inner(self, layer: NDArray[Any]) -> NDArray[Any]:
        """The tile without its rim."""
        return np.ascontiguousarray(layer[self._rim : -self._rim, self._rim : -self._rim])

    def _heights(self, tx: int, ty: int) -> F32:
        """Elevation (n,n) at the middle of every raster cell of a tile and its rim."""
        cells = np.arange(-self._rim, TILE + self._rim) + 0.5
        x, y = np.meshgrid((tx * TILE + cells) * CELL, (ty * TILE + cells) * CELL)
        return heights(self._world.terrain, np.stack([x, y], -1).reshape(-1, 2)).reshape(x.shape)


def heights(terrain: Scene, xy: F64) -> F32:
    """Elevation (M,) [m] of the ground under places (M,2); NaN beside it."""
    down = np.broadcast_to(np.array([0.0, 0.0, -1.0], np.float32), (len(xy), 3))
    distance = terrain.distance(np.column_stack([xy, np.full(len(xy), ABOVE)]).astype(np.float32), down)
    return np.where(distance < FAR, np.float32(ABOVE) - distance, np.float32(np.nan)).astype(np.float32)


def _slope(z: F32) -> F32:
    """Angle [rad] of the least-squares plane over 5 x 5 cells."""
    ramp, flat = np.arange(-2.0, 3.0), np.ones(5)
    gx: F32 = ndimage.correlate1d(ndimage.correlate1d(z, ramp, 1, mode="nearest"), flat, 0, mode="nearest")
    gy: F32 = ndimage.correlate1d(ndimage.correlate1d(z, ramp, 0, mode="nearest"), flat, 1, mode="nearest")
    return np.asarray(np.arctan(np.hypot(gx, gy) / (50.0 * CELL)), np.float32)


def _minmod(a: F32, b: F32) -> F32:
    """The smaller of two slopes of one sign, 0 where they differ."""
    return np.where(a * b <= 0.0, 0.0, np.where(np.abs(a) < np.abs(b), a, b))


def _shift(z: F32, cells: int, axis: int) -> F32:
    """Values ``cells`` farther along an axis, the edge repeated."""
    index = np.clip(np.arange(z.shape[axis]) + cells, 0, z.shape[axis] - 1)
    return np.asarray(np.take(z, index, axis))


def _own_slope(z: F32) -> F32:
    """Angle [rad] that both sides of a cell agree on, so that level ground beside an edge is not steep."""
    g = [_minmod(z - _shift(z, -1, axis), _shift(z, 1, axis) - z) for axis in (1, 0)]
    return np.asarray(np.arctan(np.hypot(*g) / CELL), np.float32)


def _step(z: F32) -> F32:
    """Height difference [m] between a cell's neighbours beyond what the slopes outside explain, the larger axis."""
    out = np.zeros_like(z)
    for axis in (1, 0):
        a, b = _shift(z, -1, axis), _shift(z, 1, axis)
        outside = _minmod(a - _shift(z, -2, axis), _shift(z, 2, axis) - b)
        out = np.maximum(out, np.abs(b - a - 2.0 * outside))
    return out


def _bump(z: F32, wheelbase: float) -> F32:
    """How far [m] a cell stands above the higher of the wheels of an axle base around it, the worst direction."""
    half = max(1, round(0.5 * wheelbase / CELL))
    return np.asarray(
        np.maximum.reduce([z - np.maximum(_shift(z, -half, axis), _shift(z, half, axis)) for axis in (1, 0)]),
        np.float32,
    )


def _ditch(z: F32, candidates: BOOL, body: Dimensions) -> BOOL:
    """Mask (ny,nx) of the ditches among the candidates; see :class:`GroundCells`."""
    iy, ix = np.nonzero(candidates)
    floor, out = z[iy, ix], np.zeros(len(iy), np.bool_)
    for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1)):
        length = CELL * float(np.hypot(dx, dy))
        sides = []
        for sign in (-1, 1):
            rise, steepest = np.zeros(len(iy), np.float32), np.zeros(len(iy), np.float32)
            for k in range(1, int(DITCH_REACH / length) + 1):
                y = np.clip(iy + sign * k * dy, 0, z.shape[0] - 1)
                x = np.clip(ix + sign * k * dx, 0, z.shape[1] - 1)
                above = z[y, x] - floor
                rise, steepest = np.maximum(rise, above), np.maximum(steepest, above / (k * length))
            sides.append((rise > body.max_step, steepest > np.tan(body.max_slope)))
        out |= sides[0][0] & sides[1][0] & (sides[0][1] | sides[1][1])
    mask = np.zeros(z.shape, np.bool_)
    mask[iy, ix] = out
    return mask


def _roughness(z: F32, slope: F32) -> F32:
    """Standard deviation [m] of the heights of 3 x 3 cells, without what their slope explains."""
    level = z - np.float32(z.mean())  # float32 squares lose centimetres at large heights
    mean = ndimage.uniform_filter(level, 3, mode="nearest")
    variance = ndimage.uniform_filter(level**2, 3, mode="nearest") - mean**2
    return np.asarray(np.sqrt(np.maximum(variance - (np.tan(slope) * CELL) ** 2 * (2.0 / 3.0), 0.0)), np.float32)
