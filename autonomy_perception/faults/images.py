"""Faulty images and intrinsics: CompressedImage, Image or CameraInfo objects in, the same with one thing wrong out."""

from __future__ import annotations

import itertools
import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np

from autonomy_perception.faults.sample import Mutator, Rig, edited

BOMB_SIDE = 50_000


def _bytes(data: bytes) -> Any:
    return np.frombuffer(data, np.uint8)


def no_bytes(rig: Rig) -> Mutator:
    """A compressed image without bytes."""
    return edited(rig.jpeg, lambda i: replace(i, data=_bytes(b"")))


def cut_off(rig: Rig) -> Mutator:
    """The second half of the bytes is missing."""
    return edited(rig.jpeg, lambda i: replace(i, data=i.data[: len(i.data) // 2]))


def garbage(rig: Rig) -> Mutator:
    """Bytes that are no JPEG or PNG."""
    return edited(rig.jpeg, lambda i: replace(i, data=rig.rng.integers(0, 200, 500, np.uint8)))


def scrambled(rig: Rig) -> Mutator:
    """The header is sound, the pixels' bytes are not: only a decoder can tell."""

    def scramble(i: Any) -> Any:
        data = np.array(i.data, np.uint8)
        inside = slice(len(data) // 2, max(len(data) - 64, len(data) // 2))
        data[inside] = rig.rng.integers(0, 255, len(data[inside]), np.uint8)
        return replace(i, data=data)

    return edited(rig.jpeg, scramble)


def other_format(rig: Rig) -> Mutator:
    """A format string that contradicts the bytes."""
    return edited(rig.jpeg, lambda i: replace(i, format="16UC7; nonsense"))


def bomb(rig: Rig) -> Mutator:
    """A few hundred bytes that claim 50,000 x 50,000 pixels."""
    return edited(rig.jpeg, lambda i: replace(i, data=_bytes(png_bomb(BOMB_SIDE)), format="png"))


def no_pixels(rig: Rig) -> Mutator:
    """A raw image of 0 x 0 pixels."""
    return edited(rig.raw, lambda i: replace(i, width=0, height=0, step=0, data=_bytes(b"")))


def missized(rig: Rig) -> Mutator:
    """A raw image that claims twice the rows that it has, as far as the field can say."""
    return edited(rig.raw, lambda i: replace(i, height=min(2 * i.height, 2**32 - 1)))


def huge(rig: Rig) -> Mutator:
    """A raw image that claims sizes whose product overflows 32 bits."""
    return edited(rig.raw, lambda i: replace(i, width=BOMB_SIDE, height=2**32 - 1, step=3 * BOMB_SIDE))


def unknown_encoding(rig: Rig) -> Mutator:
    """A raw image with an encoding string that does not exist."""
    return edited(rig.raw, lambda i: replace(i, encoding="rgb8; drop table"))


def png_bomb(side: int) -> bytes:
    """A PNG of ``side`` x ``side`` RGB pixels with next to no data (ISO/IEC 15948: signature, IHDR, IDAT, IEND)."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    size = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 200)) + chunk(b"IEND", b"")
    )


def info_of_zeros(rig: Rig) -> Mutator:
    """CameraInfo as an uncalibrated driver sends it: all numbers zero."""

    def zero(i: Any) -> Any:
        return replace(i, k=np.zeros(9), p=np.zeros(12), d=np.zeros(0), width=0, height=0)

    return edited(rig.info, zero)


def info_changing(rig: Rig) -> Mutator:
    """CameraInfo whose size is now that of the images, now half of it."""
    turn = itertools.count()

    def change(i: Any) -> Any:
        return replace(i, width=i.width // 2, height=i.height // 2) if next(turn) % 2 == 0 else i

    return edited(rig.info, change)
