"""Images: what the bytes claim (cheap, at arrival) and the pixels (only when a consumer asks)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.sensors.events import ImageMsg
from autonomy_perception.types import CameraFrame

U8 = NDArray[np.uint8]
PNG_MAGIC, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
JPEG_MAGIC, JPEG_END = b"\xff\xd8", b"\xff\xd9"
_CHANNELS = {"rgb8": 3, "bgr8": 3, "8UC3": 3, "rgba8": 4, "bgra8": 4, "8UC4": 4, "mono8": 1, "8UC1": 1}
_BAYER = {"bayer_rggb8": "BG", "bayer_bggr8": "RG", "bayer_gbrg8": "GR", "bayer_grbg8": "GB"}


class ImageError(ValueError):
    """An image cannot be used; the message says what was expected and what was found."""


def encoded_size(data: Any) -> tuple[int, int]:
    """(width, height) [px] that a PNG or JPEG claims, without decoding it.

    Raises:
        ImageError: neither of the two, cut off, or with a broken header.
    """
    view = bytes_view(data)
    head = bytes(view[:24])
    if head.startswith(PNG_MAGIC):
        if bytes(view[-8:]) != PNG_END:
            raise ImageError(f"PNG of {len(view)} bytes is cut off (no IEND at its end)")
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head.startswith(JPEG_MAGIC):
        if JPEG_END not in bytes(view[-64:]):  # some encoders pad behind the end marker
            raise ImageError(f"JPEG of {len(view)} bytes is cut off (no end marker)")
        return _jpeg_size(view)
    raise ImageError(f"expected JPEG or PNG bytes, found {head[:8].hex() or 'nothing'} ({len(view)} bytes)")


def _jpeg_size(view: memoryview) -> tuple[int, int]:
    at = 2
    while at + 9 < len(view):
        if view[at] != 0xFF:
            break
        marker = view[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame (ITU T.81, B.2.2)
            height, width = int.from_bytes(view[at + 5 : at + 7], "big"), int.from_bytes(view[at + 7 : at + 9], "big")
            return width, height
        at += 2 + int.from_bytes(view[at + 2 : at + 4], "big")
    raise ImageError("JPEG header is broken: no frame size in it")


def bytes_view(data: Any) -> memoryview:
    """Flat view of any buffer of bytes."""
    view = memoryview(data)
    return view if view.format == "B" and view.ndim == 1 and view.c_contiguous else view.cast("B")


def check(message: ImageMsg) -> tuple[int, int]:
    """(width, height) of a message that looks sound. Raises ImageError; cost is independent of the size."""
    if message.compressed:
        return encoded_size(message.data)
    if message.width <= 0 or message.height <= 0:
        raise ImageError(f"expected an image, found {message.width} x {message.height} pixels")
    if message.encoding not in _CHANNELS and message.encoding not in _BAYER:
        known = ", ".join([*_CHANNELS, *_BAYER])
        raise ImageError(f"encoding {message.encoding!r} is not supported (known: {known})")
    least = message.width * _CHANNELS.get(message.encoding, 1)
    if message.step < least:
        raise ImageError(
            f"step: expected >= {least} bytes for {message.width} px {message.encoding}, found {message.step}"
        )
    if (found := memoryview(message.data).nbytes) < message.step * message.height:
        raise ImageError(f"data: expected {message.step * message.height} bytes, found {found}")
    return message.width, message.height


def raw_pixels(message: ImageMsg) -> U8:
    """Pixels uint8 (H,W,3) RGB of a raw message: a view of its bytes wherever the encoding allows.

    Raises:
        ImageError: as :func:`check`.
    """
    check(message)
    channels = _CHANNELS.get(message.encoding, 1)
    rows = np.frombuffer(message.data, np.uint8)[: message.step * message.height].reshape(message.height, message.step)
    flat = rows[:, : message.width * channels].reshape(message.height, message.width, channels)
    if message.encoding in _BAYER:
        import cv2

        code = getattr(cv2, f"COLOR_Bayer{_BAYER[message.encoding]}2RGB")
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(flat[..., 0]), code), np.uint8)
    if channels == 1:
        return np.broadcast_to(flat, (message.height, message.width, 3))
    return flat[..., 2::-1] if message.encoding in ("bgr8", "bgra8", "8UC3", "8UC4") else flat[..., :3]


def decode(encoded: Any) -> U8:
    """JPEG or PNG bytes to uint8 (H,W,3) RGB.

    Raises:
        ImageError: the bytes cannot be decoded.
    """
    import cv2

    encoded_size(encoded)
    bgr = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ImageError(f"{memoryview(encoded).nbytes} bytes look like an image but cannot be decoded")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def pixels(frame: CameraFrame) -> U8:
    """Pixels uint8 (H,W,3) RGB of a camera frame; decoded once, then kept in the frame.

    Raises:
        ImageError: the image is corrupt; the message names the sensor.
    """
    if frame.image is None:
        try:
            frame.image = decode(frame.encoded if frame.encoded is not None else b"")
        except ImageError as e:
            raise ImageError(f"{frame.sensor}: {e}") from e
    return frame.image
