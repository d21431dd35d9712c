"""Rolling 2.5D terrain map in odom: elevation fused over time, and what it means for this vehicle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import Dimensions, TerrainConfig
from autonomy_perception.grid import WorldGrid, scroll
from autonomy_perception.ops import terrain
from autonomy_perception.ops.library import Library
from autonomy_perception.types import F32, U8, GroundLabels, TerrainGrid

LAYERS = ("elevation", "slope", "step", "roughness", "traversability", "variance", "spread", "age", "lethal", "negative", "pits",
          "sums")  # fmt: skip
"""What the map remembers of each cell."""


class TerrainMap:
    """Elevation map that scrolls with the vehicle. Only GROUND returns enter it, so traffic leaves no mark.

    Elevation is fused with every sweep; what follows from it (slope to lethal) every ``derive_period_ms``, because
    ground does not move and a sweep changes it little.

    Args:
        config: size, resolution and memory of the map.
        dimensions: limits of the vehicle: slope, step, clearance, wheelbase.
        lib: kernels of the device to run on.
    """

    def __init__(self, config: TerrainConfig, dimensions: Dimensions, lib: Library) -> None:
        self._config, self._body, self._lib = config, dimensions, lib
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._world: WorldGrid | None = None
        self._stamp_ns = 0
        self._lidar = (0.0, 0.0)
        self._fresh = False
        self._derived_ns: int | None = None

    def update(
        self,
        xyz: F32,
        labels: GroundLabels,
        origin: NDArray[np.floating],
        anchor: NDArray[np.float64],
        world: WorldGrid,
        stamp_ns: int,
    ) -> None:
        """Take in one labelled sweep.

        Args:
            xyz: float32 (N,3) [m] in anchor; labels: of the same points.
            origin: (3,) lidar in anchor [m]; anchor: float64 (3,) in odom [m].
            world: placement of the map around the vehicle.
            stamp_ns: time of the sweep.
        """
        self._place(world)
        elapsed = max(0, stamp_ns - self._stamp_ns) * 1e-9 if self._stamp_ns else 0.0
        terrain.fuse(
            self._lib, xyz, labels.label, self._sums, self._slope, self._elevation, self._variance, self._spread,
            self._age, origin, anchor, world, self._config.max_range, elapsed,
        )  # fmt: skip
        x, y = (float(origin[k] + anchor[k] - world.origin[k]) for k in range(2))
        self._lidar = (x, y)
        self._stamp_ns, self._fresh = max(stamp_ns, self._stamp_ns), False
        if elapsed > 0.0:
            self._forget()

    def grid(self, stamp_ns: int) -> TerrainGrid:
        """The map at ``stamp_ns``: copies of all layers, with the age since each cell was last seen."""
        if self._world is None:
            world = WorldGrid.around(0.0, 0.0, self._config.side, self._config.resolution)
            return TerrainGrid(world, {})
        self._derive()
        late = np.float32(max(0, stamp_ns - self._stamp_ns) * 1e-9)
        known = np.isfinite(self._elevation)
        layers: dict[str, NDArray[np.generic]] = {
            "elevation": self._elevation.copy(),
            "variance": np.where(known, self._variance, np.float32(np.nan)),
            "slope": self._slope.copy(),
            "step": self._step.copy(),
            "roughness": self._roughness.copy(),
            "traversability": self._traversability.copy(),
            "drivable": np.full(self._world.shape, np.nan, np.float32),
            "terrain_class": np.zeros(self._world.shape, np.uint8),
            "negative": self._negative.copy(),
            "age": np.where(known, self._age + late, np.float32(np.nan)),
        }
        return TerrainGrid(self._world, layers)

    def lethal(self) -> F32:
        """How surely the terrain of each cell is beyond the vehicle: float32 (ny,nx) 0..1 on the placement of
        :meth:`grid`; to be read, not kept."""
        if self._world is None:
            return np.zeros(self.grid(0).grid.shape, np.float32)
        self._derive()
        return self._lethal

    def place(self, world: WorldGrid) -> None:
        """Scroll what is there to another placement."""
        if self._world is not None:
            self._place(world)

    def save(self) -> dict[str, NDArray[Any]]:
        """Everything remembered, as arrays; nothing before the first sweep."""
        if self._world is None:
            return {}
        w = self._world
        times = np.array([self._stamp_ns, -1 if self._derived_ns is None else self._derived_ns, self._fresh], np.int64)
        return {
            "world": np.array([w.cell_x, w.cell_y, w.nx, w.ny], np.int64), "times": times, "lidar": np.array(self._lidar),
            **{name: getattr(self, f"_{name}").copy() for name in LAYERS},
        }  # fmt: skip

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from :meth:`save`. Raises KeyError or ValueError if the state is not of this map."""
        self.reset()
        if not state:
            return
        cell_x, cell_y, nx, ny = (int(v) for v in state["world"])
        world = WorldGrid(cell_x, cell_y, nx, ny, self._config.resolution)
        expected = WorldGrid.around(0.0, 0.0, self._config.side, self._config.resolution).shape
        if world.shape != expected:
            raise ValueError(f"a map of {world.shape} cells, expected {expected}")
        self._place(world)
        for name in LAYERS:
            getattr(self, f"_{name}")[...] = state[name]
        self._stamp_ns, derived, fresh = (int(v) for v in state["times"])
        self._derived_ns, self._fresh = None if derived < 0 else derived, bool(fresh)
        self._lidar = (float(state["lidar"][0]), float(state["lidar"][1]))

    def _place(self, world: WorldGrid) -> None:
        old, self._world = self._world, world
        if old is None or (old.shape, old.resolution) != (world.shape, world.resolution):
            self._stamp_ns, self._derived_ns = 0, None
            self._elevation, self._slope, self._step, self._roughness, self._traversability = (
                np.full(world.shape, np.nan, np.float32) for _ in range(5)
            )
            self._variance, self._spread, self._age, self._lethal = (
                np.zeros(world.shape, np.float32) for _ in range(4)
            )
            self._negative: U8 = np.zeros(world.shape, np.uint8)
            self._pits = np.zeros(world.shape, np.uint16)
            self._sums = np.zeros((*world.shape, 3), np.int64)
            return
        self._elevation = _scrolled(self._elevation, old, world, np.nan)
        self._slope = _scrolled(self._slope, old, world, np.nan)
        self._variance = _scrolled(self._variance, old, world, 0.0)
        self._spread = _scrolled(self._spread, old, world, 0.0)
        self._age = _scrolled(self._age, old, world, 0.0)
        self._step = _scrolled(self._step, old, world, np.nan)
        self._roughness = _scrolled(self._roughness, old, world, np.nan)
        self._traversability = _scrolled(self._traversability, old, world, np.nan)
        self._lethal = _scrolled(self._lethal, old, world, 0.0)
        self._negative = np.asarray(scroll(self._negative, old, world, 0), np.uint8)

    def _forget(self) -> None:
        old = self._age > self._config.max_age_s
        if old.any():
            self._elevation[old] = np.nan

    def _derive(self) -> None:
        if self._fresh or self._world is None:
            return
        self._fresh = True
        if self._derived_ns is not None and self._stamp_ns - self._derived_ns < self._config.derive_period_ms * 1e6:
            return
        self._derived_ns = self._stamp_ns
        b = self._body
        terrain.derive(
            self._lib, self._elevation, self._variance, self._spread, self._pits, self._negative, self._slope, self._step,
            self._roughness,
            self._traversability, self._lethal, self._lidar, self._world.resolution, b.max_slope, b.max_step, b.ground_clearance,
            b.wheelbase,
        )  # fmt: skip


def _scrolled(layer: F32, old: WorldGrid, new: WorldGrid, fill: float) -> F32:
    return np.asarray(scroll(layer, old, new, fill), np.float32)
