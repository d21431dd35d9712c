"""Lidar points into a camera image, through the lens, with depth, visibility and colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from autonomy_perception.ops.camera import lens_of
from autonomy_perception.ops.library import Library
from autonomy_perception.types import CameraModel


@dataclass(frozen=True)
class Projected:
    """Points in the image.

    Attributes:
        uv: float32 (N,2) [px], centres at integers; NaN where the point is not in front of the lens.
        depth: float32 (N,) [m] along the optical axis.
        valid: uint8 (N,) 1 where the point falls into the image.
        color: uint8 (N,3) of the nearest pixel, zero where not valid; None without an image.
    """

    uv: Any
    depth: Any
    valid: Any
    color: Any


def project(
    lib: Library, xyz: Any, camera: CameraModel, T_camera_points: ArrayLike, min_depth: float = 0.1, image: Any = None
) -> Projected:
    """Project points float32 (N,3) [m] with ``T_camera_points`` (3,4) or (4,4), optical frame (z forward).

    ``image``: uint8 (H,W,3) contiguous of the camera's size, to sample colours from.

    Raises:
        ValueError: unknown distortion model, ``min_depth`` [m] not above 0, or an image of another size than the camera's.
    """
    n, lens = len(xyz), lens_of(camera)
    pose = np.asarray(T_camera_points, np.float64)[:3, :4].ravel().tolist()
    uv, depth, valid = lib.empty((n, 2), np.float32), lib.empty(n, np.float32), lib.empty(n, np.uint8)
    color = None if image is None else lib.empty((n, 3), np.uint8)
    lib.call("ap_project", xyz=xyz, image=image, uv=uv, depth=depth, valid=valid, color=color, lens=lens, pose=pose,
             min_depth=min_depth)  # fmt: skip
    return Projected(uv, depth, valid, color)
