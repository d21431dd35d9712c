"""The lidar canvas of a scene, by the kernels that fill it on the vehicle; nothing in it is learnt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import GroundConfig
from autonomy_perception.grid import BevGrid
from autonomy_perception.ops import ground as kernels
from autonomy_perception.ops.canvas import bev_canvas
from autonomy_perception.ops.library import Library
from autonomy_perception.training.scene import F32, Points

OVERHEAD = 4.0
"""Returns higher above local ground [m] are overhang: no vehicle on a road is higher."""


class CanvasMaker:
    """Fills canvases of one grid.

    Args:
        grid: ego grid of the network.
        lib: kernels to run.
    """

    def __init__(self, grid: BevGrid, lib: Library) -> None:
        self.grid, self._lib, self._config = grid, lib, GroundConfig()

    def labelled(self, points: Points) -> tuple[NDArray[np.uint8], F32]:
        """PointLabel (P,) and height above local ground (P,) [m], lidar by lidar as on the vehicle."""
        label, height = np.zeros(len(points.xyz), np.uint8), np.zeros(len(points.xyz), np.float32)
        for k, origin in enumerate(points.origins):
            rows = np.flatnonzero(points.lidar == k)
            label[rows], height[rows] = self._segmented(np.ascontiguousarray(points.xyz[rows]), origin)
        return label, height

    def _segmented(self, xyz: F32, origin: F32) -> tuple[NDArray[np.uint8], F32]:
        lib, c, n = self._lib, self._config, len(xyz)
        work = lib.empty(max(1, kernels.work_size(lib, n)), np.int32)
        label, height = lib.empty(n, np.uint8), lib.empty(n, np.float32)
        kernels.ground(
            lib, xyz, work, label, height, origin, 0.0, c.obstacle_height, OVERHEAD, c.rough_height, c.max_slope
        )
        return lib.to_host(label), lib.to_host(height)

    def fill(self, points: Points) -> F32:
        """The canvas float32 (18,ny,nx); channels as ``ops.canvas.CANVAS``."""
        label, height = self.labelled(points)
        xyz, intensity = (np.ascontiguousarray(a, np.float32) for a in (points.xyz, points.intensity))
        return np.asarray(
            self._lib.to_host(bev_canvas(self._lib, xyz, intensity, label, height, self.grid)), np.float32
        )
