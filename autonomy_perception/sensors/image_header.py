"""What the bytes of a JPEG or PNG claim, without decoding them; cheap whatever they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
PNG_MAGIC, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
JPEG_MAGIC, JPEG_END = b"\xff\xd8", b"\xff\xd9"
MAX_PIXELS = 64_000_000
"""Larger images are refused before they are decoded: a few bytes may claim to be gigabytes."""
MOST_PIXELS_PER_BYTE = 8 * 1032
"""Deflate shrinks by 1032 at most, and a byte holds 8 pixels at most; JPEG stays below that."""
MOST_PADDING = 32_000_000
"""Zeros behind an image, in buffers of fixed size, that are overlooked."""
MOST_CHUNKS = 20_000
"""libpng makes chunks of 8 KB: 160 MB of them."""
MOST_SEGMENTS = 2_000
"""Segments of a JPEG hold 64 KB each; what comes before the frame (camera data, colour profiles) needs a few."""


class ImageError(ValueError):
    """An image cannot be used; the message says what was expected and what was found."""


def bytes_view(data: Any) -> memoryview:
    """Flat view of any buffer of bytes."""
    view = memoryview(data)
    return view if view.format == "B" and view.ndim == 1 and view.c_contiguous else view.cast("B")


def bounded(width: int, height: int) -> tuple[int, int]:
    """Width and height [px] as they are. Raises ImageError if there is no pixel, or more than MAX_PIXELS."""
    if width <= 0 or height <= 0 or width * height > MAX_PIXELS:
        raise ImageError(f"expected an image of 1 to {MAX_PIXELS} pixels, found {width} x {height} pixels")
    return width, height


def encoded_size(data: Any) -> tuple[int, int]:
    """(width, height) [px] that a PNG or JPEG claims, without decoding it; zeros behind it are overlooked.

    Raises:
        ImageError: neither of the two, cut off, with a broken header, or too large.
    """
    padded = bytes_view(data)
    view = padded[: _first_from_end(np.frombuffer(padded, np.uint8))]
    head = bytes(view[:24])
    if head.startswith(PNG_MAGIC):
        if bytes(view[-8:]) != PNG_END:
            raise ImageError(f"PNG of {len(view)} bytes is cut off (no IEND at its end)")
        size = _held_by(view, int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big"))
        _check_chunks(view)
        return size
    if head.startswith(JPEG_MAGIC):
        if JPEG_END not in bytes(view[-64:]):  # some encoders pad with other bytes behind the end marker
            raise ImageError(f"JPEG of {len(view)} bytes is cut off (no end marker)")
        return _held_by(view, *_jpeg_size(view))
    raise ImageError(f"expected JPEG or PNG bytes, found {head[:8].hex() or 'nothing'} ({len(view)} bytes)")


def _held_by(view: memoryview, width: int, height: int) -> tuple[int, int]:
    if width * height > MOST_PIXELS_PER_BYTE * len(view):
        raise ImageError(f"expected an image, found {width} x {height} pixels claimed by {len(view)} bytes")
    return bounded(width, height)


def _first_from_end(values: U8) -> int:
    """Length without the zeros at the end, looked for in ever longer pieces."""
    end, piece = len(values), 64
    least = max(end - MOST_PADDING, 0)
    while end > least:
        begin = max(end - piece, least)
        if values[begin:end].any():
            return begin + int(np.flatnonzero(values[begin:end])[-1]) + 1
        end, piece = begin, min(4 * piece, 1 << 20)
    return end


def _past_fill(values: U8, at: int) -> int:
    """First place from ``at`` on that is no fill byte 0xFF (ITU T.81, B.1.1.2)."""
    piece = 64
    while at < len(values):
        other = values[at : at + piece] != 0xFF
        if other.any():
            return at + int(other.argmax())
        at, piece = at + piece, min(4 * piece, 1 << 20)
    return len(values)


def _jpeg_size(view: memoryview) -> tuple[int, int]:
    values, at = np.frombuffer(view, np.uint8), 2
    for _ in range(MOST_SEGMENTS):
        if at + 9 >= len(view) or view[at] != 0xFF:
            break
        at = _past_fill(values, at) if view[at + 1] == 0xFF else at + 1
        if at + 8 >= len(view):
            break
        marker = view[at]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame (ITU T.81, B.2.2)
            height, width = int.from_bytes(view[at + 4 : at + 6], "big"), int.from_bytes(view[at + 6 : at + 8], "big")
            return width, height
        at += 1 + int.from_bytes(view[at + 1 : at + 3], "big")
    raise ImageError(f"JPEG header is broken: no frame size in its first {MOST_SEGMENTS} segments")


def _check_chunks(view: memoryview) -> None:
    """Raise ImageError unless a PNG's chunks fill its bytes: a reader makes room for what a chunk's length claims."""
    at, left = len(PNG_MAGIC), MOST_CHUNKS
    while at + 12 <= len(view) and bytes(view[at + 4 : at + 12]) != PNG_END:
        at, left = at + 12 + int.from_bytes(view[at : at + 4], "big"), left - 1
        if not left:
            raise ImageError(f"PNG of {len(view)} bytes is broken: expected at most {MOST_CHUNKS} chunks, found more")
    if at + 12 > len(view) or any(view[at : at + 4]):
        raise ImageError(f"PNG of {len(view)} bytes is broken: its chunks claim more than that")
