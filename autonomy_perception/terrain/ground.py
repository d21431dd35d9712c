"""Ground segmentation: which returns of a sweep are ground, and how high the others stand above it."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import Dimensions, GroundConfig
from autonomy_perception.ops import ground
from autonomy_perception.ops.library import Library
from autonomy_perception.types import GroundLabels


class GroundSegmenter:
    """Labels lidar sweeps, in several threads if need be; keeps nothing but each thread's scratch memory between them.

    Args:
        config: thresholds.
        dimensions: body of the vehicle; returns above its height plus overhead margin are OVERHANG.
        lib: kernels of the device to run on.
    """

    def __init__(self, config: GroundConfig, dimensions: Dimensions, lib: Library) -> None:
        self._config, self._lib = config, lib
        self._overhead = dimensions.height + dimensions.overhead_margin
        self._scratch = threading.local()

    def segment(
        self,
        xyz: NDArray[np.float32],
        origin: NDArray[np.floating],
        ground_z: float,
        beam_elevations: NDArray[np.float32] | None = None,
    ) -> GroundLabels:
        """Label the returns of one lidar.

        Args:
            xyz: float32 (N,3) [m] in a frame with z up (anchor); NaN rows are allowed.
            origin: (3,) position of that lidar in the same frame [m].
            ground_z: height of the ground under the vehicle in the same frame [m].
            beam_elevations: accepted for the common stage interface; the cells need no beam table.

        Returns:
            Labels of PointLabel and heights above local ground [m], in the order of ``xyz``.
        """
        n = len(xyz)
        words = ground.work_size(self._lib, n)
        work = getattr(self._scratch, "work", None)
        if work is None or work.shape[0] < words:
            work = self._scratch.work = self._lib.empty(words + words // 4, np.int32)
        label, height = self._lib.empty(n, np.uint8), self._lib.empty(n, np.float32)
        c = self._config
        ground.ground(
            self._lib, xyz, work, label, height, origin, ground_z,
            c.obstacle_height, self._overhead, c.rough_height, c.max_slope,
        )  # fmt: skip
        return GroundLabels(self._lib.to_host(label), self._lib.to_host(height))
