"""Reading what data sets are made of: text, tables, matrices, point files, images; every fault is a BagError by file."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
IMAGES = (".png", ".jpg", ".jpeg")


def read_text(path: Path) -> str:
    """Text of a file. Raises BagError."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "not text"
        raise BagError(f"{path}: cannot be read: {reason}") from e


def read_bytes(path: Path) -> bytes:
    """Bytes of a file. Raises BagError."""
    try:
        return path.read_bytes()
    except OSError as e:
        raise BagError(f"{path}: cannot be read: {e.strerror}") from e


def read_table(path: Path, columns: int, *, separator: str | None = None, header: bool = False) -> F64:
    """Rows of at least ``columns`` numbers, cut to that many; ``header``: the first line has names. Raises BagError."""
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip() or (header and number == 1):
            continue
        try:
            row = [float(x) for x in line.split(separator)]
        except ValueError:
            raise BagError(f"{path}:{number}: expected numbers, found {line[:40]!r}") from None
        if len(row) < columns:
            raise BagError(f"{path}:{number}: expected {columns} numbers, found {len(row)}")
        rows.append(row[:columns])
    return np.array(rows, np.float64).reshape(-1, columns)


def read_values(path: Path) -> dict[str, F64]:
    """``name: numbers`` lines of a calibration file (the colon may be missing). Raises BagError."""
    out: dict[str, F64] = {}
    for line in read_text(path).splitlines():
        name, _, rest = line.strip().partition(" ")
        try:
            out[name.rstrip(":")] = np.array(rest.split(), np.float64)
        except ValueError:
            continue  # e.g. calib_time
    return out


def value(values: Mapping[str, F64], names: Sequence[str], size: int, path: Path) -> F64:
    """One entry by any of its names. Raises BagError if it is missing or of another length."""
    for name in names:
        if name in values:
            if values[name].size != size:
                raise BagError(f"{path}: {name}: expected {size} numbers, found {values[name].size}")
            return values[name]
    raise BagError(f"{path}: expected an entry {' or '.join(names)}, found {', '.join(values) or 'none'}")


def rigid(values: F64) -> F64:
    """3x4 row-major (12,) to 4x4."""
    out = np.eye(4)
    out[:3] = values.reshape(3, 4)
    return out


def pose_of(quaternion_xyzw: Sequence[float], translation: Sequence[float], what: str) -> F64:
    """(4,4) of a quaternion and a translation [m]; ``what`` names file and field in the BagError."""
    try:
        return geometry.make_transform(geometry.rotation_of(quaternion_xyzw), translation)
    except ValueError as e:
        raise BagError(f"{what}: {e}") from e


def numbered(folder: Path, *suffixes: str) -> dict[int, Path]:
    """Files whose stem is a number, by that number."""
    if not folder.is_dir():
        return {}
    return {int(p.stem): p for p in sorted(folder.iterdir()) if p.suffix in suffixes and p.stem.isdigit()}


def read_points(path: Path, columns: int) -> F32:
    """float32 records (N, columns) of a .bin file. Raises BagError."""
    raw = read_bytes(path)
    if len(raw) % (4 * columns):
        raise BagError(f"{path}: expected {4 * columns}-byte points, found {len(raw)} bytes")
    return np.frombuffer(raw, np.float32).reshape(-1, columns)


def read_npz(path: Path, key: str) -> NDArray[Any]:
    """One array of a NumPy archive. Raises BagError."""
    import zipfile

    try:
        with np.load(io.BytesIO(read_bytes(path))) as archive:
            if key not in archive:
                raise BagError(f"{path}: expected an array {key}, found {', '.join(archive.files) or 'none'}")
            return np.asarray(archive[key])
    except (OSError, ValueError, zipfile.BadZipFile) as e:
        raise BagError(f"{path}: not a NumPy archive: {e}") from e


def read_image(path: Path) -> bytes:
    """Bytes of a PNG or JPEG whose header is sound. Raises BagError."""
    encoded = read_bytes(path)
    image_size(encoded, path)
    return encoded


def image_size(encoded: bytes, path: Path) -> tuple[int, int]:
    """(width, height) of a PNG or JPEG. Raises BagError."""
    from autonomy_perception.sensors.image_header import ImageError, encoded_size

    try:
        return encoded_size(encoded)
    except ImageError as e:
        raise BagError(f"{path}: {e}") from e
