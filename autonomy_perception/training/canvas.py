"""The lidar canvas: what the returns in each cell look like, beside what the geometry kernels say of them.

NumPy and the suite's kernels; the channels are ``networks.layout.CANVAS``. Nothing here is learnt, so the vehicle fills the same
canvas with a kernel and no weights. All channels are about -1..1 and 0 in cells without returns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import GroundConfig
from autonomy_perception.grid import BevGrid
from autonomy_perception.networks.layout import CANVAS
from autonomy_perception.ops import ground as kernels
from autonomy_perception.ops.library import Library
from autonomy_perception.training.scene import F32, Points
from autonomy_perception.types import PointLabel

Z_SCALE, Z_LIMIT = 4.0, 3.0
"""Heights in ego are divided by this [m] and cut off at this many times it."""
FULL = 32
"""Returns that count as a full cell: log(1+n) / log(1+FULL)."""
SLICES = (0.1, 0.4, 0.9, 1.6, 2.5)
"""Lower bounds of the slices of height above local ground [m]."""
OVERHEAD = 4.0
"""Upper bound of the last slice [m]: no vehicle on a road is higher, and the same for all, because weights are."""

F64 = NDArray[np.float64]


class CanvasMaker:
    """Fills canvases of one grid.

    Args:
        grid: ego grid of the network.
        lib: kernels to run the ground segmentation on.
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
        """The canvas float32 (C,ny,nx); see the module."""
        label, height = self.labelled(points)
        cells = self.grid.cells(points.xyz)
        kept = self.grid.inside(cells) & (label != PointLabel.IGNORED) & np.isfinite(height)
        order = np.flatnonzero(kept)
        flat = cells[order, 1].astype(np.int64) * self.grid.nx + cells[order, 0]
        order, flat = order[np.argsort(flat, kind="stable")], np.sort(flat, kind="stable")
        out = np.zeros((len(CANVAS), self.grid.ny * self.grid.nx), np.float32)
        if len(flat):
            cell, starts = np.unique(flat, return_index=True)
            named = self._cells(points, label[order], height[order], order, flat, starts)
            for row, name in enumerate(CANVAS):
                out[row, cell] = named[name]
        return out.reshape(len(CANVAS), self.grid.ny, self.grid.nx)

    def _cells(
        self, points: Points, label: NDArray[np.uint8], height: F32, order: NDArray[np.intp], flat: NDArray[np.int64],
        starts: NDArray[np.intp],
    ) -> dict[str, F64]:  # fmt: skip
        """Every channel (M,) of the M cells with returns; returns lie cell by cell, from ``starts`` on."""
        count = np.diff(np.append(starts, len(flat))).astype(np.float64)

        def total(x: NDArray[np.generic]) -> F64:
            return np.asarray(np.add.reduceat(x.astype(np.float64), starts))

        def logs(chosen: NDArray[np.bool_]) -> F64:
            return np.asarray(np.log1p(total(chosen)) / np.log1p(FULL))

        xyz, intensity = points.xyz[order].astype(np.float64), points.intensity[order].astype(np.float64)
        z = np.clip(xyz[:, 2] / Z_SCALE, -Z_LIMIT, Z_LIMIT)
        mean = total(z) / count
        offset = xyz[:, :2] - np.array([self.grid.x_min, self.grid.y_min])
        offset = offset / self.grid.resolution - np.stack([flat % self.grid.nx, flat // self.grid.nx], 1) - 0.5
        ground, over = label == PointLabel.GROUND, label == PointLabel.OVERHANG
        grounds, stands = total(ground), ~over & ~ground
        h = np.clip(height, 0.0, Z_LIMIT * Z_SCALE)
        out = {
            "density": np.log1p(count) / np.log1p(FULL),
            "z_mean": mean,
            "z_min": np.minimum.reduceat(z, starts),
            "z_max": np.maximum.reduceat(z, starts),
            "z_spread": np.sqrt(np.maximum(total(z * z) / count - mean * mean, 0.0)),
            "intensity_mean": total(intensity) / count,
            "intensity_max": np.maximum.reduceat(intensity, starts),
            "x_offset": total(offset[:, 0]) / count,
            "y_offset": total(offset[:, 1]) / count,
            "ground_share": grounds / count,
            "ground_z": total(np.where(ground, z, 0.0)) / np.maximum(grounds, 1.0),
            "height_max": np.maximum.reduceat(np.where(stands, h, 0.0), starts) / Z_SCALE,
            "overhang": logs(over),
        }
        upper = (*SLICES[1:], np.inf)
        for low, high in zip(SLICES, upper, strict=True):
            out[f"stands_{round(low * 100):03d}"] = logs(stands & (height >= low) & (height < high))
        return out
