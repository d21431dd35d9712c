"""Images: what the bytes claim (cheap, at arrival) and the pixels (only when a consumer asks).

Raw encodings that hold red, green and blue, or grey, become views of the message's bytes; Bayer patterns and YUV are
converted once, by OpenCV. 16-bit images are read by their high bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.messages.events import ImageMsg
from autonomy_perception.sensors.image_header import ImageError, bounded, encoded_size
from autonomy_perception.types import CameraFrame

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Encoding:
    """An encoding of sensor_msgs/Image.

    Attributes:
        channels, depth: values a pixel and bytes a value, as they lie in a row.
        order: channels that are red, green and blue; empty if they have to be computed.
        convert: name of OpenCV's conversion to RGB; empty if none is needed.
        rows: rows of the data per row of the image.
    """

    channels: int = 1
    depth: int = 1
    order: tuple[int, int, int] | None = (0, 0, 0)
    convert: str = ""
    rows: float = 1.0


_RGB, _BGR = (0, 1, 2), (2, 1, 0)
_BAYER = {"rggb": "BG", "bggr": "RG", "gbrg": "GR", "grbg": "GB"}  # OpenCV names the second row, second column first
ENCODINGS = {
    "rgb8": Encoding(3, 1, _RGB), "bgr8": Encoding(3, 1, _BGR), "8UC3": Encoding(3, 1, _BGR),
    "rgba8": Encoding(4, 1, _RGB), "bgra8": Encoding(4, 1, _BGR), "8UC4": Encoding(4, 1, _BGR),
    "rgb16": Encoding(3, 2, _RGB), "bgr16": Encoding(3, 2, _BGR),
    "mono8": Encoding(), "8UC1": Encoding(), "mono16": Encoding(1, 2), "16UC1": Encoding(1, 2),
    **{f"bayer_{p}{8 * d}": Encoding(1, d, None, f"Bayer{cv}2RGB") for p, cv in _BAYER.items() for d in (1, 2)},
    **{name: Encoding(2, 1, None, "YUV2RGB_UYVY") for name in ("yuv422", "uyvy")},
    **{name: Encoding(2, 1, None, "YUV2RGB_YUY2") for name in ("yuv422_yuy2", "yuyv")},
    "nv12": Encoding(1, 1, None, "YUV2RGB_NV12", 1.5), "nv21": Encoding(1, 1, None, "YUV2RGB_NV21", 1.5),
}  # fmt: skip


def check(message: ImageMsg) -> tuple[int, int]:
    """(width, height) of a message that looks sound. Raises ImageError; cost is independent of the size."""
    if message.compressed:
        return encoded_size(message.data)
    width, height, encoding = message.width, message.height, ENCODINGS.get(message.encoding)
    if encoding is None:
        raise ImageError(f"encoding {message.encoding!r} is not supported (known: {', '.join(ENCODINGS)})")
    bounded(width, height)
    if (encoding.convert.startswith("YUV") and width % 2) or height * encoding.rows % 1:
        raise ImageError(f"expected even numbers of pixels ({message.encoding}), found {width} x {height}")
    least = width * encoding.channels * encoding.depth
    if message.step < least:
        raise ImageError(f"step: expected >= {least} bytes for {width} px {message.encoding}, found {message.step}")
    need = message.step * round(height * encoding.rows)
    if (found := memoryview(message.data).nbytes) < need:
        raise ImageError(f"data: expected {need} bytes, found {found}")
    return width, height


def values_of(message: ImageMsg) -> U8:
    """Bytes (rows, width, channels, bytes a value) of a raw message that :func:`check` has found sound: a view of them."""
    encoding, width = ENCODINGS[message.encoding], message.width
    lines = round(message.height * encoding.rows)
    rows = np.frombuffer(message.data, np.uint8)[: message.step * lines].reshape(lines, message.step)
    return rows[:, : width * encoding.channels * encoding.depth].reshape(
        lines, width, encoding.channels, encoding.depth
    )


def raw_pixels(message: ImageMsg) -> U8:
    """Pixels uint8 (H,W,3) RGB of a raw message: a view of its bytes wherever the encoding allows.

    Raises:
        ImageError: as :func:`check`.
    """
    width, height = check(message)
    encoding = ENCODINGS[message.encoding]
    pixels = values_of(message)[..., 0 if message.is_bigendian else encoding.depth - 1]
    if encoding.convert:
        return _converted(pixels, encoding.convert)
    if encoding.channels == 1:
        return np.broadcast_to(pixels, (height, width, 3))
    return pixels[..., :3] if encoding.order == _RGB else pixels[..., 2::-1]


def _converted(pixels: U8, name: str) -> U8:
    import cv2

    plane = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    if plane.strides[1] != plane.itemsize * (1 if plane.ndim == 2 else plane.shape[2]):  # every second byte of 16 bits
        plane = np.ascontiguousarray(plane)
    return np.asarray(cv2.cvtColor(plane, getattr(cv2, f"COLOR_{name}")), np.uint8)


def decode(encoded: Any, image_format: str = "") -> U8:
    """JPEG or PNG bytes to uint8 (H,W,3) RGB.

    Args:
        image_format: ``format`` of a CompressedImage as image_transport writes it, ``"bgr8; jpeg compressed bgr8"``: the
            encoding before compression and the order of the compressed channels. Without it colours are as usual.

    Raises:
        ImageError: the bytes cannot be decoded.
    """
    import cv2

    width, height = encoded_size(encoded)
    original, _, rest = image_format.lower().partition(";")
    before = ENCODINGS.get(original.strip())
    grey = before is not None and before.channels == 1 and "bgr" not in rest and "rgb8" not in rest
    flag = cv2.IMREAD_GRAYSCALE if grey else getattr(cv2, "IMREAD_COLOR_RGB", cv2.IMREAD_COLOR)
    try:
        out = cv2.imdecode(np.frombuffer(encoded, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as e:
        raise ImageError(f"{memoryview(encoded).nbytes} bytes cannot be decoded: {e.err}") from e
    if out is None:
        raise ImageError(f"{memoryview(encoded).nbytes} bytes look like an image but cannot be decoded")
    if out.shape[:2] != (height, width):
        raise ImageError(f"expected {width} x {height} px as its header says, found {out.shape[1]} x {out.shape[0]}")
    if grey and before is not None:
        return (
            _converted(out[..., None], before.convert)
            if before.convert
            else np.broadcast_to(out[..., None], (height, width, 3))
        )
    if not hasattr(cv2, "IMREAD_COLOR_RGB"):  # before OpenCV 4.11
        out = cv2.cvtColor(out, cv2.COLOR_BGR2RGB)
    return np.asarray(out[..., ::-1] if "compressed rgb" in rest else out, np.uint8)


def decoder(message: ImageMsg) -> Callable[[], U8]:
    """A function that gives the pixels of a message when they are asked for; see :func:`decode`, :func:`raw_pixels`."""
    return partial(decode, message.data, message.encoding) if message.compressed else partial(raw_pixels, message)


def pixels(frame: CameraFrame) -> U8:
    """Pixels uint8 (H,W,3) RGB of a camera frame; decoded once, then kept in the frame.

    Raises:
        ImageError: the image is corrupt; the message names the sensor.
    """
    if frame.image is None:
        try:
            frame.image = frame.decoder() if frame.decoder is not None else decode(frame.encoded or b"")
        except ImageError as e:
            raise ImageError(f"{frame.sensor}: {e}") from e
    return frame.image
