"""Lidar scans of a frame to the canvas that a network reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autonomy_perception.bev.frame import ego_of_base
from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.canvas import CANVAS, bev_canvas
from autonomy_perception.ops.library import Library
from autonomy_perception.ops.transform import transform
from autonomy_perception.types import F64, GroundLabels, LidarScan


class LidarCanvas:
    """Fills the canvas of one grid; the buffer is kept from frame to frame.

    Args:
        grid: ego grid of the network.
        lib: kernels of the device that the network runs on.
    """

    def __init__(self, grid: BevGrid, lib: Library) -> None:
        self.grid, self._lib = grid, lib
        self._out = lib.empty((1, len(CANVAS), *grid.shape), np.float32)

    def fill(self, scans: Sequence[LidarScan], labels: Sequence[GroundLabels], T_odom_base: F64) -> Any:
        """The canvas float32 (1, 18, ny, nx) on the device, valid until the next call; channels as ``ops.canvas.CANVAS``.

        Args:
            scans: of one frame, in base_link. labels: of their points, in the same order.
            T_odom_base: (4,4) pose of the frame; identity without ego motion.

        Raises:
            ValueError: another number of labels than of scans or points.
        """
        if [len(s.cloud) for s in scans] != [len(one.label) for one in labels]:
            raise ValueError(
                f"labels: expected those of scans with {[len(s.cloud) for s in scans]} points, found {[len(one.label) for one in labels]}"
            )
        lib = self._lib
        none = (
            [np.empty((0, 3), np.float32)],
            [np.empty(0, np.float32)],
            [np.empty(0, np.uint8)],
            [np.empty(0, np.float32)],
        )
        columns = (
            [s.cloud.xyz for s in scans], [s.cloud.intensity for s in scans], [g.label for g in labels], [g.height for g in labels]
        ) if scans else none  # fmt: skip
        xyz, intensity, label, height = (lib.to_device(c[0] if len(c) == 1 else np.concatenate(c)) for c in columns)
        bev_canvas(lib, transform(lib, xyz, ego_of_base(T_odom_base)), intensity, label, height, self.grid,
                   out=self._out.reshape(*self._out.shape[1:]))  # fmt: skip
        return self._out
