"""The golden input of a model and what it must answer: asked of every engine before its first use.

An engine that was built wrong, for another card, or in a precision that this model does not bear (FP16 overflow to NaN is the
usual one) is found out here and not on the road.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config.base import Strict
from autonomy_perception.inference.errors import ModelError

Arrays = dict[str, NDArray[Any]]


class Tolerance(Strict):
    """How far an engine may be from the golden output, as shares of the golden output's own size.

    ``peak``: largest deviation over the largest value; ``rms``: root mean square of the deviation over that of the values.
    Outputs of whole numbers or truth values: ``rms`` is the share of elements that may differ.
    """

    peak: float
    rms: float


TOLERANCES = {
    "fp32": Tolerance(peak=2e-3, rms=1e-3),
    "fp16": Tolerance(peak=2e-2, rms=1e-2),
    "bf16": Tolerance(peak=5e-2, rms=2e-2),
    "int8": Tolerance(peak=2.5e-1, rms=1e-1),
}
"""By precision, where a manifest states none. fp32 leaves room for TF32 on GPUs (10 bits of mantissa), fp16 and bf16 for sums of
11 and 8 bits; measured on networks of our kind: fp16 1.5e-3, bf16 7e-3 to 1.8e-2, int8 1e-2 to 1e-1 of the largest value."""


@dataclass(frozen=True)
class Golden:
    """Inputs of one case and the outputs of the model in full precision."""

    inputs: Arrays
    outputs: Arrays


def write_golden(path: Path, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]) -> None:
    """Write a golden file (compressed .npz). Give the outputs of the full-precision model."""
    arrays = {f"in.{k}": v for k, v in inputs.items()} | {f"out.{k}": v for k, v in outputs.items()}
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type] # its second parameter is a flag


def read_golden(path: Path) -> Golden:
    """Read a golden file. Raises ModelError: missing or damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as e:
        raise ModelError(f"{path}: golden file cannot be read: {e}") from e
    sides: tuple[Arrays, Arrays] = ({}, {})
    for name, array in arrays.items():
        kind, _, tensor = name.partition(".")
        if kind not in ("in", "out") or not tensor:
            raise ModelError(f"{path}: entry {name}, expected in.NAME or out.NAME")
        sides[kind == "out"][tensor] = array
    return Golden(*sides)


def faults(found: Mapping[str, Any], golden: Mapping[str, NDArray[Any]], allowed: Tolerance) -> list[str]:
    """What is wrong with an answer: one sentence for each output, none if all are good.

    Args:
        found: the engine's outputs by name, on the host. golden: what they should be. allowed: how far they may be from it.
    """
    out = []
    for name, wanted in golden.items():
        if name not in found:
            out.append(f"output {name} is missing")
            continue
        text = _fault(np.asarray(found[name]), wanted, allowed)
        if text:
            out.append(f"output {name} {text}")
    return out


def _fault(found: NDArray[Any], wanted: NDArray[Any], allowed: Tolerance) -> str:
    if found.shape != wanted.shape:
        return f"has the shape {found.shape}, expected {wanted.shape}"
    if wanted.dtype.kind != "f":
        share = float(np.mean(found != wanted))
        return f"differs in {share:.2%} of its elements, allowed {allowed.rms:.2%}" if share > allowed.rms else ""
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    if bad := int(np.count_nonzero(~np.isfinite(a))):
        return f"holds {bad} of {a.size} values that are not finite"
    size, peak = float(np.sqrt(np.mean(b * b))), float(np.abs(b).max(initial=0.0))
    deviation = np.abs(a - b)
    furthest, rms = float(deviation.max(initial=0.0)), float(np.sqrt(np.mean(deviation**2)))
    tiny = float(np.finfo(np.float32).tiny)  # an output of nothing but zeros has to be zero
    for word, value, scale, limit in (("peak", furthest, peak, allowed.peak), ("rms", rms, size, allowed.rms)):
        if value > limit * scale + tiny:
            return f"is off by {value / max(scale, tiny):.2g} of its {word}, allowed {limit:g}"
    return ""
