"""Named tensors: what a model takes and gives, and the check of what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from autonomy_perception.config.base import Strict
from autonomy_perception.inference.errors import EngineError

DType = Literal["float32", "float16", "int8", "uint8", "int32", "int64", "bool"]
"""Types of elements that all runtimes know, by NumPy's names."""


class TensorSpec(Strict):
    """Type and shape of one input or output; every length is fixed, so that buffers are allocated once."""

    dtype: DType
    shape: tuple[int, ...]

    @field_validator("shape")
    @classmethod
    def _fixed(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if any(n < 1 for n in shape):
            raise ValueError(f"every length must be fixed and at least 1, got {list(shape)}")
        return shape

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


Specs = Mapping[str, TensorSpec]
"""Inputs or outputs by name."""


def check_arrays(model: str, specs: Specs, arrays: Mapping[str, Any]) -> None:
    """Every input there, no other, each of its type and shape.

    Raises:
        EngineError: names the model and the input, what was expected and what came.
    """
    if specs.keys() != arrays.keys():
        parts = [f"{word} {', '.join(sorted(names))}" for word, names in
                 (("missing", specs.keys() - arrays.keys()), ("unknown", arrays.keys() - specs.keys())) if names]  # fmt: skip
        raise EngineError(f"{model}: inputs {', '.join(specs)} expected: {'; '.join(parts)}")
    for name, spec in specs.items():
        array = arrays[name]
        if tuple(array.shape) != spec.shape or np.dtype(array.dtype) != spec.dtype:
            raise EngineError(f"{model}: input {name} is {np.dtype(array.dtype)} {tuple(array.shape)}, expected {spec}")


def differences(found: Specs, expected: Specs) -> list[str]:
    """One sentence for each tensor that is missing, unexpected, or of another type or shape."""
    out = [f"{name} is missing" for name in expected if name not in found]
    out += [f"{name} is there and was not expected" for name in found if name not in expected]
    out += [f"{n} is {found[n]}, expected {expected[n]}" for n in expected if n in found and found[n] != expected[n]]
    return out
