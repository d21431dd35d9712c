"""Faulty images and intrinsics: CompressedImage, Image or CameraInfo objects in, the same with one thing wrong out."""

from __future__ import annotations

import itertools
import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np

from autonomy_perception.bags.messages import COMPRESSED_IMAGE
from autonomy_perception.evaluation.faults.sample import Mutator, Rig, Sample, decode, edited, encode

BOMB_SIDE = 50_000


def _images(rig: Rig, compressed: Any, raw: Any) -> Mutator:
    """``compressed`` and ``raw`` edit an image of either kind."""

    def edit(sample: Sample) -> list[Sample]:
        if sample.topic != rig.camera:
            return [sample]
        return [encode(sample, (compressed if sample.msgtype == COMPRESSED_IMAGE else raw)(decode(sample)))]

    return edit


def _bytes(data: bytes) -> Any:
    return np.frombuffer(data, np.uint8)


def without_pixels(rig: Rig) -> Mutator:
    """0 x 0 pixels; no bytes in a compressed image."""
    nothing = _bytes(b"")
    return _images(
        rig, lambda i: replace(i, data=nothing), lambda i: replace(i, width=0, height=0, step=0, data=nothing)
    )


def cut_off(rig: Rig) -> Mutator:
    """The second half of the bytes is missing."""
    half = lambda i: replace(i, data=i.data[: len(i.data) // 2])  # noqa: E731
    return _images(rig, half, half)


def no_image(rig: Rig) -> Mutator:
    """Bytes that are no JPEG or PNG; of a raw image an encoding that nobody knows."""
    garbage = lambda i: replace(i, data=rig.rng.integers(0, 200, 500, np.uint8))  # noqa: E731
    return _images(rig, garbage, wrong_encoding_of)


def scrambled(rig: Rig) -> Mutator:
    """The header is sound, the pixels' bytes are not: only a decoder can tell."""

    def scramble(i: Any) -> Any:
        data = np.array(i.data, np.uint8)
        middle = slice(len(data) // 2, len(data) - 64)
        data[middle] = rig.rng.integers(0, 255, len(data[middle]), np.uint8)
        return replace(i, data=data)

    return _images(rig, scramble, scramble)


def wrong_encoding_of(image: Any) -> Any:
    """A raw image with an encoding string that does not exist."""
    return replace(image, encoding="rgb8; drop table")


def wrong_encoding(rig: Rig) -> Mutator:
    """An unknown encoding (raw), or a format string that contradicts the bytes (compressed)."""
    return _images(rig, lambda i: replace(i, format="16UC7; nonsense"), wrong_encoding_of)


def bomb(rig: Rig) -> Mutator:
    """A few hundred bytes that claim 50,000 x 50,000 pixels."""
    data = _bytes(png_bomb(BOMB_SIDE))
    return _images(
        rig, lambda i: replace(i, data=data, format="png"),
        lambda i: replace(i, width=BOMB_SIDE, height=BOMB_SIDE, step=3 * BOMB_SIDE, data=data),
    )  # fmt: skip


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
