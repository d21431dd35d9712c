"""Camera image to network input in one pass: undistort, resize, normalise, channels first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.ops.camera import Lens, lens_of
from autonomy_perception.ops.library import Library
from autonomy_perception.types import CameraModel

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ImagePlan:
    """What is constant for one camera: see :func:`plan`; ``map`` float32 (h,w,2) source pixels, or None."""

    lens: Lens
    view: tuple[float, ...]  # the record ImageView of the kernels' table
    width: int
    height: int
    map: Any = None


def scaled_K(K: ArrayLike, scale_x: float, scale_y: float) -> NDArray[np.float64]:
    """Intrinsics (3,3) of an image resized by the two factors; pixel centres at integers (half-pixel rule)."""
    out = np.array(K, np.float64)
    out[0] *= scale_x
    out[1] *= scale_y
    out[0, 2] += 0.5 * scale_x - 0.5
    out[1, 2] += 0.5 * scale_y - 0.5
    return out


def plan(camera: CameraModel, width: int, height: int, K_out: ArrayLike | None = None,
         mean: ArrayLike = IMAGENET_MEAN, std: ArrayLike = IMAGENET_STD) -> ImagePlan:  # fmt: skip
    """Constants for turning images of ``camera`` into undistorted (3, height, width).

    Args:
        K_out: pinhole intrinsics (3,3) [px] of the output; by default the camera's, scaled to the output size.
        mean, std: per output channel, in units of 0..1.

    Raises:
        ValueError: unknown distortion model, an output with skew, or an empty output.
    """
    if width < 1 or height < 1:
        raise ValueError(f"output image {width}x{height} holds no pixel")
    K = (
        scaled_K(camera.K, width / camera.width, height / camera.height)
        if K_out is None
        else np.asarray(K_out, np.float64)
    )
    if K_out is not None and K[0, 1] != 0.0:
        raise ValueError(f"output intrinsics must have no skew, got {K[0, 1]}")
    m, s = np.asarray(mean, np.float64), np.asarray(std, np.float64)
    view = [-K[0, 2] / K[0, 0], -K[1, 2] / K[1, 1], 1 / K[0, 0], 1 / K[1, 1], *(1 / (255 * s)), *(-m / s)]
    return ImagePlan(lens_of(camera), tuple(float(v) for v in view), width, height)


def with_map(lib: Library, p: ImagePlan) -> ImagePlan:
    """The same plan with its source pixels worked out beforehand (faster where the lens distorts)."""
    out = lib.empty((p.height, p.width, 2), np.float32)
    lib.call("ap_undistort_map", map=out, lens=p.lens, view=p.view)
    return replace(p, map=out)


def preprocess(lib: Library, image: Any, p: ImagePlan, swap: bool = False, out: Any = None) -> Any:
    """Undistorted, resized (bilinear), normalised image float32 (3, height, width); black outside the source.

    Args:
        image: uint8 (H,W,3) of the size of the plan's camera; on the CPU any view of a raw message's rows is read where it
            lies (padded rows, a fourth channel, channels backwards), others are copied first.
        swap: True if the image's channel order (RGB/BGR) is not the output's.
        out: buffer to fill, or None.

    Raises:
        ValueError: the image has another size than the camera, or is not uint8 (H,W,3).
    """
    expected = (p.lens.height, p.lens.width, 3)
    if tuple(image.shape) != expected or image.dtype != np.uint8:
        raise ValueError(
            f"image is {image.dtype} {tuple(image.shape)}, expected uint8 {expected} from the camera's info"
        )
    image, step, pixel, backwards = _rows_of(image)
    if out is None:
        out = lib.empty((3, p.height, p.width), np.float32)
    lib.call("ap_preprocess", image=image, map=p.map, out=out, lens=p.lens, view=p.view, step=step, pixel=pixel,
             swap=bool(swap) != backwards)  # fmt: skip
    return out


def _rows_of(image: Any) -> tuple[Any, int, int, bool]:
    """Memory of an image as the kernel reads it: from the first row's first channel; bytes per row and per pixel, and
    whether the channels lie backwards."""
    _, width, _ = image.shape
    if not isinstance(image, np.ndarray):
        return image.reshape(-1), 3 * width, 3, False
    backwards = image.strides[2] == -1
    straight = image[..., ::-1] if backwards else image
    step, pixel, channel = straight.strides
    if channel != 1 or pixel not in (3, 4) or step < pixel * (width - 1) + 3:
        return np.ascontiguousarray(image).reshape(-1), 3 * width, 3, False
    span = (straight.shape[0] - 1) * step + (width - 1) * pixel + 3
    return np.lib.stride_tricks.as_strided(straight, (span,), (1,), writeable=False), step, pixel, backwards
