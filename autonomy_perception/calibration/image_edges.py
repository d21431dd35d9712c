"""Where a camera sees an edge: upright and lying ones, evened out over the image, as maps without lens distortion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops.image import plan, scaled_K, with_map
from autonomy_perception.ops.library import Library
from autonomy_perception.types import CameraFrame, CameraModel

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

WIDTH = 620
"""Width of the maps [px]: an edge of a few pixels of a megapixel image is one or two here."""
SMOOTH_PX, NEIGHBOURHOOD_PX, SPREAD_PX = 0.8, 31, 1.5
LEAST_CONTRAST = 8.0
STRONGEST = 4.0
"""An edge so many times above the mean of its neighbourhood counts in full."""


@dataclass(frozen=True)
class EdgeMaps:
    """Strength of upright and lying edges uint8 (h,w), and the pinhole K (3,3) [px] of these maps."""

    upright: U8
    lying: U8
    K: F64


class EdgeDetector:
    """Makes edge maps of one camera's images.

    Args:
        lib: kernels.
        model: the camera; its distortion is taken out.

    Raises:
        ValueError: the distortion model is unknown.
    """

    def __init__(self, lib: Library, model: CameraModel) -> None:
        scale = min(1.0, WIDTH / model.width)
        self._size = max(2, round(model.width * scale)), max(2, round(model.height * scale))
        scales = self._size[0] / model.width, self._size[1] / model.height
        K = scaled_K(model.K, *scales)
        K[0, 1] = 0.0
        self.K = K
        self._map = None
        if np.any(model.D) or model.K[0, 1] != 0.0:
            small = CameraModel(*self._size, scaled_K(model.K, *scales), model.D, model.distortion_model)
            self._map = lib.to_host(with_map(lib, plan(small, *self._size, K_out=K)).map)

    def maps(self, image: U8) -> EdgeMaps:
        """Edges of an image uint8 (H,W,3) RGB, or (H,W) grey, of the camera's field of view at any resolution."""
        import cv2

        grey = image if image.ndim == 2 else cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
        if grey.shape[::-1] != self._size:
            grey = cv2.resize(grey, self._size, interpolation=cv2.INTER_AREA)
        if self._map is not None:
            grey = cv2.remap(grey, self._map, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        grey = cv2.GaussianBlur(grey, (0, 0), SMOOTH_PX)
        upright, lying = (_evened(np.abs(cv2.Sobel(grey, cv2.CV_32F, *d))) for d in ((1, 0), (0, 1)))
        return EdgeMaps(upright, lying, self.K)


def _evened(strength: NDArray[np.float32]) -> U8:
    """Strength relative to the neighbourhood (a high-contrast region must not outvote the rest), spread a little."""
    import cv2

    around = cv2.blur(strength, (NEIGHBOURHOOD_PX, NEIGHBOURHOOD_PX)) + LEAST_CONTRAST
    evened = np.minimum(strength / around, STRONGEST)
    return np.asarray(
        cv2.convertScaleAbs(cv2.GaussianBlur(evened, (0, 0), SPREAD_PX), alpha=510.0 / STRONGEST), np.uint8
    )


def grey(camera: CameraFrame) -> U8:
    """Grey pixels uint8 of a camera frame; a compressed image is decoded no finer than the maps need.

    Raises:
        ValueError: the image cannot be decoded; the message names the camera.
    """
    import cv2

    if camera.image is None and camera.encoded is not None:
        flag = next((f for k, f in _coarser() if camera.model.width >= k * WIDTH), cv2.IMREAD_GRAYSCALE)
        try:
            found = cv2.imdecode(np.frombuffer(camera.encoded, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error as e:
            raise ValueError(f"{camera.sensor}: the image cannot be decoded: {e.err}") from e
        if found is None:
            raise ValueError(f"{camera.sensor}: the image cannot be decoded")
        return np.asarray(found, np.uint8)
    if camera.image is None and camera.decoder is None:
        raise ValueError(f"{camera.sensor}: the frame holds no image")
    image = camera.image if camera.image is not None or camera.decoder is None else camera.decoder()
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY), np.uint8)


def _coarser() -> tuple[tuple[int, int], ...]:
    import cv2

    return (8, cv2.IMREAD_REDUCED_GRAYSCALE_8), (4, cv2.IMREAD_REDUCED_GRAYSCALE_4), (2, cv2.IMREAD_REDUCED_GRAYSCALE_2)
