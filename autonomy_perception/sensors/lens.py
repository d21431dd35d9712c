"""The camera that an image was really taken with: CameraInfo's calibration, its region of interest and its binning."""

from __future__ import annotations

import numpy as np

from autonomy_perception.messages.events import CameraInfoMsg
from autonomy_perception.ops.camera import lens_of
from autonomy_perception.types import CameraModel

MAX_VALUE = 1e6
"""Beyond this a focal length [px] or a coefficient is garbage."""

MAX_SIDE = 65535
"""Longest side of an image that JPEG can hold [px]."""


class LensError(ValueError):
    """A CameraInfo cannot be used: field, expected, found."""

    def __init__(self, field: str, expected: str, found: str) -> None:
        super().__init__(f"{field}: expected {expected}, found {found}")
        self.field, self.expected, self.found = field, expected, found


def model_of(info: CameraInfoMsg, rectified: bool = False) -> CameraModel:
    """Intrinsics of the images that come with a CameraInfo.

    sensor_msgs/CameraInfo describes the full sensor; an image is its region of interest, ``binning_x`` by ``binning_y``
    of whose pixels are one pixel of the image. Pixel centres lie at integers, so that a binned pixel's centre lies amid
    those of its parts (image_geometry leaves out that half pixel).

    Args:
        rectified: the images are rectified already: P holds and there is no distortion.

    Raises:
        LensError: not calibrated, values that are no numbers, or a distortion model that nobody knows.
    """
    _check(info, rectified)
    K = info.P[:, :3].copy() if rectified else info.K.copy()
    x, y, width, height = info.roi if all(info.roi[2:]) else (0, 0, info.width, info.height)
    bin_x, bin_y = max(1, info.binning[0]), max(1, info.binning[1])
    K[0, 2] -= x + 0.5 * (bin_x - 1)
    K[1, 2] -= y + 0.5 * (bin_y - 1)
    K[0] /= bin_x
    K[1] /= bin_y
    D = np.zeros(5) if rectified else info.D
    model = CameraModel(
        width // bin_x, height // bin_y, K, D, "plumb_bob" if rectified else info.distortion_model or "plumb_bob"
    )
    if model.width < 1 or model.height < 1:
        raise LensError("binning_x, binning_y", f"at most {width} x {height}", f"{bin_x} x {bin_y}")
    try:
        lens_of(model)
    except ValueError as e:
        raise LensError("distortion_model, d", "a model and coefficients that are known", str(e)) from e
    return model


def _check(info: CameraInfoMsg, rectified: bool) -> None:
    matrix, name = (info.P[:, :3], "p") if rectified else (info.K, "k")
    if not (np.all(np.abs(matrix) < MAX_VALUE) and np.all(np.abs(info.D) < MAX_VALUE)):  # also false for NaN
        raise LensError(
            name, "focal lengths above 0 (a calibrated camera)", "values that are not numbers, or too large"
        )
    if min(matrix[0, 0], matrix[1, 1]) <= 0.0:
        found = f"fx {matrix[0, 0]}, fy {matrix[1, 1]}"
        raise LensError(name, "focal lengths above 0 (a calibrated camera)", found)
    if rectified and not np.allclose(info.R, np.eye(3), atol=1e-4):
        expected = "the identity (rectified: true, of a camera on its own)"
        raise LensError("r", expected, np.array2string(info.R, precision=4).replace("\n", ""))
    if not (0 < info.width <= MAX_SIDE and 0 < info.height <= MAX_SIDE):
        raise LensError("width x height", f"1 to {MAX_SIDE} pixels", f"{info.width} x {info.height}")
    x, y, width, height = info.roi
    if x + width > info.width or y + height > info.height:
        expected = f"a region within {info.width} x {info.height}"
        raise LensError("roi", expected, f"{width} x {height} at {x}, {y}")
