"""PCD v0.7 point clouds (pointclouds.org): ascii, binary and binary_compressed (LZF) to a structured array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers.files import read_bytes

KINDS = {"F": "f", "I": "i", "U": "u"}
MAX_BYTES = 1 << 30


def read_pcd(path: Path) -> NDArray[Any]:
    """Points (N,) as a structured array whose fields are the file's. Raises BagError."""
    raw = read_bytes(path)
    header, kind, at = _header(raw, path)
    try:
        layout = _layout(header)
        count = int(header["POINTS"][0])
    except (KeyError, ValueError, IndexError, TypeError) as e:
        raise BagError(f"{path}: header: expected FIELDS, SIZE, TYPE, COUNT and POINTS of equal length: {e}") from None
    need = count * layout.itemsize
    if not 0 <= need <= MAX_BYTES:
        raise BagError(f"{path}: POINTS: expected at most {MAX_BYTES // layout.itemsize}, found {count}")
    if kind == "ascii":
        return _ascii(raw[at:], layout, count, path)
    if kind == "binary":
        if len(raw) - at < need:
            raise BagError(f"{path}: expected {need} bytes of points, found {len(raw) - at}")
        return np.frombuffer(raw, layout, count, at)
    if kind == "binary_compressed":
        return _by_field(_compressed(raw, at, need, path), layout, count)
    raise BagError(f"{path}: DATA: expected ascii, binary or binary_compressed, found {kind!r}")


def _header(raw: bytes, path: Path) -> tuple[dict[str, list[str]], str, int]:
    """Header lines by name, kind of the data, and where it begins."""
    header: dict[str, list[str]] = {}
    at = 0
    while at < min(len(raw), 4096):
        end = raw.find(b"\n", at)
        if end < 0:
            break
        words = raw[at:end].decode("ascii", "replace").split()
        at = end + 1
        if words and not words[0].startswith("#"):
            header[words[0]] = words[1:]
            if words[0] == "DATA":
                return header, words[1] if len(words) > 1 else "", at
    raise BagError(f"{path}: expected a PCD header that ends with DATA, found none")


def _layout(header: dict[str, list[str]]) -> np.dtype[Any]:
    counts = [int(c) for c in header.get("COUNT", ["1"] * len(header["FIELDS"]))]
    fields = []
    for name, size, kind, count in zip(header["FIELDS"], header["SIZE"], header["TYPE"], counts, strict=True):
        scalar = np.dtype(f"<{KINDS[kind]}{int(size)}")
        fields.append((name, scalar) if count == 1 else (name, scalar, (count,)))
    return np.dtype(fields)


def _ascii(text: bytes, layout: np.dtype[Any], count: int, path: Path) -> NDArray[Any]:
    names = layout.names or ()
    try:
        table = np.array(text.split(), np.float64).reshape(-1, len(names))
    except ValueError as e:
        raise BagError(f"{path}: expected {count} lines of {len(names)} numbers: {e}") from None
    if len(table) < count:
        raise BagError(f"{path}: expected {count} points, found {len(table)}")
    out = np.empty(count, layout)
    for k, name in enumerate(names):
        out[name] = table[:count, k]
    return out


def _compressed(raw: bytes, at: int, need: int, path: Path) -> bytes:
    if len(raw) < at + 8:
        raise BagError(f"{path}: expected the sizes of the compressed data, found {len(raw) - at} bytes")
    packed, size = (int(v) for v in np.frombuffer(raw, "<u4", 2, at))
    if size != need or len(raw) < at + 8 + packed:
        raise BagError(f"{path}: expected {packed} bytes that unpack to {need}, found {len(raw) - at - 8} and {size}")
    try:
        return lzf_decompress(raw[at + 8 : at + 8 + packed], size)
    except ValueError as e:
        raise BagError(f"{path}: compressed points are broken: {e}") from None


def _by_field(data: bytes, layout: np.dtype[Any], count: int) -> NDArray[Any]:
    """Compressed files hold one field after the other."""
    out = np.empty(count, layout)
    at = 0
    for name in layout.names or ():
        field = layout[name]
        out[name] = np.frombuffer(data, field, count, at)
        at += field.itemsize * count
    return out


def lzf_decompress(data: bytes, size: int) -> bytes:
    """LZF (Lehmann, liblzf): literal runs, and references of 3 to 264 bytes up to 8 KiB back.

    Raises:
        ValueError: the data is cut off, points before its beginning, or does not unpack to ``size`` bytes.
    """
    out = bytearray()
    at, end = 0, len(data)
    try:
        while at < end:
            control = data[at]
            at += 1
            if control < 32:
                out += data[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += data[at]
                at += 1
            start = len(out) - ((control & 31) << 8) - data[at] - 1
            at += 1
            length += 2
            if start < 0:
                raise ValueError("a reference points before the beginning")
            gap = len(out) - start
            if gap >= length:
                out += out[start : start + length]
            else:  # the run repeats itself
                out += (out[start:] * (length // gap + 1))[:length]
            if len(out) > size:
                raise ValueError(f"more than {size} bytes")
    except IndexError:
        raise ValueError("cut off") from None
    if len(out) != size:
        raise ValueError(f"{len(out)} bytes instead of {size}")
    return bytes(out)
