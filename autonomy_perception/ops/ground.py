"""Ground segmentation of one lidar sweep (kernels/ground.cuh)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops.library import Library


def work_size(lib: Library, n: int) -> int:
    """Length of the int32 workspace that :func:`ground` needs for ``n`` points."""
    return lib.call("ap_ground_work", n=n)


def ground(
    lib: Library,
    xyz: Any,
    work: Any,
    label: Any,
    height: Any,
    origin: NDArray[np.floating],
    ground_z: float,
    obstacle_height: float,
    overhead: float,
    rough_height: float,
    max_slope: float,
) -> None:
    """Label the points of one sweep; writes ``label`` and ``height`` in place.

    Args:
        xyz: float32 (N,3) [m], z up; rows that are not finite become IGNORED.
        work: int32 (:func:`work_size`,) scratch.
        label: uint8 (N,) of PointLabel, out; height: float32 (N,) [m] above local ground, out, NaN where ignored.
        origin: (3,) lidar position in the frame of ``xyz`` [m].
        ground_z: height of the ground below the vehicle in that frame [m].
        obstacle_height: returns from here on are OBSTACLE, below it LOW [m].
        overhead: returns from here on are OVERHANG [m].
        rough_height: thickness of the layer of ground where nothing stands [m].
        max_slope: steepest bank that is followed as ground [rad].
    """
    lib.call(
        "ap_ground", xyz=xyz, work=work, label=label, height=height, ox=origin[0], oy=origin[1], oz=origin[2],
        ground_z=ground_z, obstacle_height=obstacle_height, overhead=overhead, rough_height=rough_height,
        steep=math.tan(max_slope),
    )  # fmt: skip
