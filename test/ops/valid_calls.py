"""A call that every launcher takes, made from the table: small arrays of zeros and harmless parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy_perception.ops.arguments import DTYPES
from autonomy_perception.ops.camera import Lens
from autonomy_perception.ops.cells import CellGrid
from autonomy_perception.ops.library import Library
from autonomy_perception.ops.signatures import SIGNATURES
from autonomy_perception.ops.signatures.model import Field, Record
from autonomy_perception.ops.unpack import FieldAt

LENS = Lens(1.0, 1.0, 0.5, 0.5, *[0.0] * 9, 3e38, 0, 2, 2)
RECORDS: dict[str, Any] = {
    "Lens": LENS,
    "ImageView": (0.0, 0.0, 1.0, 1.0, *[1.0] * 6),
    "CellGrid": CellGrid(0.0, 0.0, 1.0, 2, 2),
    "FieldAt": FieldAt(0, 7),
}
SPECIAL: dict[str, dict[str, Any]] = {
    "ap_unpack": {"width": 3, "point_step": 4, "row_step": 12},
    "ap_preprocess": {"step": 6, "pixel": 3},
}
SIZES = {"n": 3, "m": 2, "n_bytes": 12}


def parameters(name: str) -> dict[str, Any]:
    """Parameters of launcher ``name``."""

    def value(field: Field) -> Any:
        if isinstance(field.type, Record):
            return RECORDS[field.type.name]
        one = 1 if field.type == "i32" else 1.0
        return [one] * field.count if field.count > 1 else one

    return {f.name: value(f) for f in SIGNATURES[name].params} | SPECIAL.get(name, {})


def shapes(lib: Library, name: str, given: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of launcher ``name`` for these parameters."""
    scope = {size: SIZES.get(size, 4) for size in SIGNATURES[name].sizes} | given
    if "words" in scope:
        scope["words"] = lib.call("ap_ground_work", n=scope["n"])
    return {a.name: tuple(int(eval(axis, {}, scope)) for axis in a.axes) for a in SIGNATURES[name].arrays}


def valid_call(lib: Library, name: str, **changed: Any) -> dict[str, Any]:
    """Arguments of launcher ``name`` on the device of ``lib``; ``changed`` replaces parameters before the shapes are made."""
    given = parameters(name) | changed
    dtypes = {a.name: DTYPES[a.dtype] for a in SIGNATURES[name].arrays}
    arrays = {
        k: lib.to_device(np.zeros(shape, dtypes[k]))
        for k, shape in shapes(lib, name, given).items()
        if k not in changed
    }
    return arrays | given
