"""Apache Feather (version 2: an Arrow IPC file) to NumPy columns."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers.files import read_bytes

MAGIC = b"ARROW1\0\0"


def read_feather(path: Path, columns: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The named columns, each (N,): numbers with their dtype, texts as object. Raises BagError."""
    try:
        import nanoarrow
        from nanoarrow import ipc
    except ImportError as e:
        raise BagError(f"{path}: reading Feather files needs nanoarrow: pip install nanoarrow") from e
    raw = read_bytes(path)
    if not raw.startswith(MAGIC):
        raise BagError(f"{path}: expected an Arrow file (ARROW1), found {raw[:6]!r}")
    try:
        # behind its magic the file is a stream of the same messages; its index at the end is not needed
        with ipc.InputStream.from_readable(io.BytesIO(raw[len(MAGIC) :])) as stream:
            table = nanoarrow.ArrayStream(stream).read_all()
        found = [field.name for field in table.schema.fields]
        for name in columns:
            if name not in found:
                raise BagError(f"{path}: expected a column {name}, found {', '.join(map(str, found))}")
        return {name: _column(table.child(found.index(name))) for name in columns}
    except (ValueError, RuntimeError, KeyError) as e:
        raise BagError(f"{path}: not a readable Feather file: {str(e).splitlines()[0]}") from e


def _column(array: Any) -> NDArray[Any]:
    if array.schema.type.name in ("STRING", "LARGE_STRING"):
        return np.array(list(array.iter_py()), object)
    parts = [np.asarray(chunk.buffers[1])[chunk.offset : chunk.offset + len(chunk)] for chunk in array.iter_chunks()]
    return np.concatenate(parts) if parts else np.empty(0)
