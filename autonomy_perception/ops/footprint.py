"""Cells covered by oriented boxes (kernels/footprint.cuh)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid
from autonomy_perception.ops.library import Library


def footprint(
    lib: Library,
    center: NDArray[np.floating],
    size: NDArray[np.floating],
    yaw: NDArray[np.floating],
    world: WorldGrid,
    margin: float = 0.0,
) -> Any:
    """uint8 (ny,nx): 1 where a cell's centre lies in one of the boxes, grown by ``margin`` [m] on each side.

    Boxes: centre (M,2+) in odom [m], size (M,2+) length and width [m], yaw (M,) [rad]; not finite ones are skipped.
    """
    boxes = np.empty((len(center), 5), np.float32)
    boxes[:, :2] = np.asarray(center, np.float64)[:, :2] - np.asarray(world.origin)
    boxes[:, 2:4] = np.asarray(size)[:, :2]
    boxes[:, 4] = yaw
    mask = lib.to_device(np.zeros(world.shape, np.uint8))
    lib.call("ap_footprint", boxes=lib.to_device(boxes), mask=mask, res=world.resolution, margin=margin)
    return mask
