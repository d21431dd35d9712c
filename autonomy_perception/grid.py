"""The one grid definition (floor 0): cell arithmetic, scrolling, and the two wire layouts.

Cell ``i`` of an axis covers ``[i*res, (i+1)*res)``; arrays are indexed ``[iy, ix]``.
``world_grid``: axes of ``odom``, origin snapped to whole int64 cells (maps; scrolling never resamples).
``ego_grid``: axes of the gravity-aligned vehicle frame (network tensors).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class BevGrid:
    """A rectangular bird's-eye-view grid; bounds in metres of its own frame, resolution [m/cell].

    Raises:
        ValueError: a bound or the resolution is not usable (named in the message).
    """

    x_min: float
    x_max: float
    y_min: float
    y_max: float
    resolution: float

    def __post_init__(self) -> None:
        if not self.resolution > 0.0:
            raise ValueError(f"grid resolution must be above 0 m, got {self.resolution}")
        for axis, low, high in (("x", self.x_min, self.x_max), ("y", self.y_min, self.y_max)):
            if not (np.isfinite(low) and np.isfinite(high) and high - low >= self.resolution):
                raise ValueError(f"grid {axis}_min {low} .. {axis}_max {high} holds no cell of {self.resolution} m")

    @classmethod
    def square(cls, side: float, resolution: float) -> BevGrid:
        """Grid of ``side`` x ``side`` metres centred on its frame's origin."""
        half = 0.5 * round(side / resolution) * resolution
        return cls(-half, half, -half, half, resolution)

    @property
    def nx(self) -> int:
        """Cells along x."""
        return round((self.x_max - self.x_min) / self.resolution)

    @property
    def ny(self) -> int:
        """Cells along y."""
        return round((self.y_max - self.y_min) / self.resolution)

    @property
    def shape(self) -> tuple[int, int]:
        """Array shape ``(ny, nx)``."""
        return self.ny, self.nx

    def cells(self, xy: NDArray[np.floating]) -> NDArray[np.int32]:
        """Cell indices (N,2) as ``ix, iy`` of points (N,2) [m]; may lie outside the grid."""
        low = np.array([self.x_min, self.y_min])
        return np.asarray(np.floor((np.asarray(xy, np.float64)[:, :2] - low) / self.resolution), np.int32)

    def inside(self, cells: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Mask (N,) of cell indices (N,2) ``ix, iy`` that lie in the grid."""
        ix, iy = cells[:, 0], cells[:, 1]
        return np.asarray((ix >= 0) & (ix < self.nx) & (iy >= 0) & (iy < self.ny))

    def centers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cell centres [m]: x (nx,) and y (ny,)."""
        x = self.x_min + (np.arange(self.nx, dtype=np.float64) + 0.5) * self.resolution
        y = self.y_min + (np.arange(self.ny, dtype=np.float64) + 0.5) * self.resolution
        return np.asarray(x, np.float64), np.asarray(y, np.float64)


@dataclass(frozen=True)
class WorldGrid:
    """Placement of a world map: lower-left cell in int64 cells of ``odom`` and size ``(ny, nx)``."""

    cell_x: int
    cell_y: int
    nx: int
    ny: int
    resolution: float

    @classmethod
    def around(cls, x: float, y: float, side: float, resolution: float) -> WorldGrid:
        """World grid of about ``side`` metres whose middle cell corner is nearest to (x, y) [m] in odom."""
        n = round(side / resolution)
        cx, cy = int(np.floor(x / resolution)) - n // 2, int(np.floor(y / resolution)) - n // 2
        return cls(cx, cy, n, n, resolution)

    @property
    def shape(self) -> tuple[int, int]:
        """Array shape ``(ny, nx)``."""
        return self.ny, self.nx

    @property
    def origin(self) -> tuple[float, float]:
        """Position [m] in odom of the corner of cell [0, 0]."""
        return self.cell_x * self.resolution, self.cell_y * self.resolution

    @property
    def bev(self) -> BevGrid:
        """The same cells as a BevGrid in odom coordinates."""
        x, y = self.origin
        return BevGrid(x, x + self.nx * self.resolution, y, y + self.ny * self.resolution, self.resolution)

    @property
    def local(self) -> BevGrid:
        """The same cells in ``anchor`` coordinates: odom axes, origin at cell [0, 0] (float32 stays exact)."""
        return BevGrid(0.0, self.nx * self.resolution, 0.0, self.ny * self.resolution, self.resolution)


def scroll(layer: NDArray[np.generic], old: WorldGrid, new: WorldGrid, fill: float) -> NDArray[np.generic]:
    """Move a map layer (ny, nx) from placement ``old`` to ``new`` by whole cells; new cells get ``fill``.

    Raises:
        ValueError: the two placements differ in size or resolution.
    """
    if (old.shape, old.resolution) != (new.shape, new.resolution) or layer.shape != old.shape:
        raise ValueError(f"cannot scroll a layer {layer.shape} from {old} to {new}: size and resolution must agree")
    dx, dy = new.cell_x - old.cell_x, new.cell_y - old.cell_y
    if dx == 0 and dy == 0:
        return layer
    out = np.full_like(layer, fill)
    ny, nx = layer.shape
    if abs(dx) < nx and abs(dy) < ny:
        src = layer[max(dy, 0) : ny + min(dy, 0), max(dx, 0) : nx + min(dx, 0)]
        out[max(-dy, 0) : ny + min(-dy, 0), max(-dx, 0) : nx + min(-dx, 0)] = src
    return out


def resample_largest(layer: NDArray[np.float32], source: WorldGrid, target: WorldGrid) -> NDArray[np.float32]:
    """A layer (ny, nx) on another placement: each cell above 0 marks the cell of ``target`` its centre lies in, the
    largest wins. No marked cell is lost between grids of different resolution, as nearest-cell sampling would."""
    out = np.zeros(target.shape, np.float32)
    iy, ix = np.nonzero(layer)
    x = np.floor((source.cell_x + ix + 0.5) * source.resolution / target.resolution).astype(np.int64) - target.cell_x
    y = np.floor((source.cell_y + iy + 0.5) * source.resolution / target.resolution).astype(np.int64) - target.cell_y
    ok = (x >= 0) & (x < target.nx) & (y >= 0) & (y < target.ny)
    np.maximum.at(out, (y[ok], x[ok]), layer[iy[ok], ix[ok]])
    return out


def world_to_ego(
    layer: NDArray[np.generic], world: WorldGrid, ego: BevGrid, x: float, y: float, yaw: float, fill: float
) -> NDArray[np.generic]:
    """Sample a world layer (ny, nx) at the cell centres of an ego grid placed at (x, y, yaw) in odom, nearest cell."""
    ex, ey = np.meshgrid(*ego.centers())
    c, s = np.cos(yaw), np.sin(yaw)
    wx, wy = x + c * ex - s * ey, y + s * ex + c * ey
    ix = np.floor(wx / world.resolution).astype(np.int64) - world.cell_x
    iy = np.floor(wy / world.resolution).astype(np.int64) - world.cell_y
    ok = (ix >= 0) & (ix < world.nx) & (iy >= 0) & (iy < world.ny)
    out = np.full(ego.shape, fill, layer.dtype)
    out[ok] = layer[iy[ok], ix[ok]]
    return out


def to_occupancy_data(layer: NDArray[np.int8]) -> NDArray[np.int8]:
    """``nav_msgs/OccupancyGrid.data`` (ny*nx,) of a layer (ny, nx): row-major, x fastest."""
    return np.ascontiguousarray(layer, np.int8).ravel()


def to_grid_map_data(layer: NDArray[np.floating]) -> NDArray[np.float32]:
    """``grid_map_msgs`` layer data (nx*ny,): column-major with both axes reversed, outer_start_index 0.

    grid_map's index (0,0) is the corner with the largest x and y; rows run along -x, columns along -y.
    A layer [iy, ix] becomes M[r, c] with r = nx-1-ix, c = ny-1-iy, stored column by column.
    """
    return np.ascontiguousarray(layer[::-1, ::-1], np.float32).ravel()


def from_grid_map_data(data: NDArray[np.float32], nx: int, ny: int) -> NDArray[np.float32]:
    """Inverse of :func:`to_grid_map_data`: layer (ny, nx)."""
    return np.asarray(data, np.float32).reshape(ny, nx)[::-1, ::-1]
