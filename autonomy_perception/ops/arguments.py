"""The arguments of a kernel call piece by piece, and the words for what is wrong with them."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np

from autonomy_perception.ops.errors import KernelArgumentError
from autonomy_perception.ops.signatures import REFUSALS
from autonomy_perception.ops.signatures.model import Array, Field, Signature

DTYPES = {"u8": "uint8", "i8": "int8", "u16": "uint16", "u32": "uint32", "i32": "int32", "i64": "int64",
          "f32": "float32", "f64": "float64"}  # fmt: skip
MOST = 2**31 - 1


class View(NamedTuple):
    """An array as the border sees it; ``address`` in the memory of its device."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    address: int
    contiguous: bool = True
    writable: bool = True

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}{'' if self.contiguous else ', not contiguous'}{'' if self.writable else ', read-only'}"


@dataclass(frozen=True, eq=False)  # the same only as itself, so that borders can be kept by it
class Side:
    """Where the arrays of a library lie.

    Attributes:
        place: as error messages name it.
        view: an argument as a :class:`View`, or None when it is no array of this side.
        address: the address of a usual array as a Python expression of ``{}``; raises when the array is not usual.
        reads, writes: the same for arrays that a launcher only reads, and others; slower, for more kinds of arrays.
        helpers: names that the expressions use.
    """

    place: str
    view: Callable[[Any], View | None]
    address: str
    reads: str
    writes: str
    helpers: dict[str, Any]


class Arguments:
    """The checks of one launcher, piece by piece."""

    def __init__(self, signature: Signature, side: Side) -> None:
        self._signature, self._side = signature, side

    def pack(self, given: dict[str, Any]) -> bytes:
        """The bytes of the argument struct. Raises KernelArgumentError, naming the argument that cannot be taken."""
        s = self._signature
        for name in s.names:
            if name not in given:
                self._fail(f"argument {name} is missing")
        for name in given:
            if name not in s.names:
                self._fail(f"there is no argument {name}, expected {', '.join(s.names)}")
        numbers = [v for f in s.params for v in self._numbers(f, given[f.name])]
        views = {a.name: self._view(a, given) for a in s.arrays}
        sizes = self._sizes(views)
        for array in s.arrays:
            view = views[array.name]
            if view is not None and view.shape != (shape := self._shape(array, sizes, given)):
                self._fail_array(array, str(view), shape, sizes)
        addresses = [v.address if v is not None else 0 for v in views.values()]
        return struct.pack(s.format, *addresses, *sizes.values(), *numbers)

    def _numbers(self, field: Field, value: Any) -> tuple[Any, ...]:
        expected = f"{field.count} numbers" if field.count > 1 else getattr(field.type, "name", field.type)
        try:
            numbers = tuple(value) if field.several else (value,)
            struct.pack("@" + field.format, *numbers)
        except (TypeError, OverflowError, struct.error) as e:
            self._fail(f"{field.name} is {value!r}, expected {expected}{' ' if field.about else ''}{field.about} ({e})")
        return numbers

    def _view(self, array: Array, given: dict[str, Any]) -> View | None:
        value = given[array.name]
        if value is None and array.with_:
            partners = [a.name for a in self._signature.arrays if a.with_ == array.with_ and given[a.name] is not None]
            if partners:
                self._fail_array(array, "None", None, {}, f"because {partners[0]} is given")
            return None
        view = self._side.view(value)
        if view is None:
            self._fail_array(array, _describe(value))
        if (
            view.dtype != np.dtype(DTYPES[array.dtype])
            or not view.contiguous
            or (array.written and not view.writable)
            or len(view.shape) != len(array.axes)
        ):
            self._fail_array(array, str(view))
        return view

    def _sizes(self, views: dict[str, View | None]) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for name, (array, axis) in self._signature.sizes.items():
            view = views[array]
            assert view is not None, "an array that may be None fixes no size"
            sizes[name] = view.shape[axis]
            if sizes[name] > MOST:
                self._fail(f"{array} is {view}, expected at most {MOST} along axis {axis}")
        return sizes

    def _shape(self, array: Array, sizes: dict[str, int], given: dict[str, Any]) -> tuple[int, ...]:
        try:
            return tuple(int(eval(axis, {}, {**given, **sizes})) for axis in array.axes)
        except (ArithmeticError, AttributeError, TypeError) as e:
            self._fail(f"the expected shape ({array.shape}) of {array.name} cannot be worked out: {e}")

    def _fail_array(
        self,
        array: Array,
        found: str,
        shape: tuple[int, ...] | None = None,
        sizes: dict[str, int] | None = None,
        why: str = "",
    ) -> NoReturn:
        expected = f"{DTYPES[array.dtype]} ({array.shape})"
        if shape is not None:
            fixed = self._signature.sizes
            words = set(re.findall(r"\w+", array.shape))
            others = [f"{n} by {fixed[n][0]}" for n in sizes or {} if n in words and fixed[n][0] != array.name]
            expected += f" = {shape}" + (f" with {', '.join(others)}" if others else "")
        state = "contiguous" + (", writable" if array.written else "")
        self._fail(
            f"{array.name} is {found}, expected {expected}, {state}, {self._side.place}{' ' if why else ''}{why}"
        )

    def _fail(self, what: str) -> NoReturn:
        raise KernelArgumentError(f"{self._signature.name}: {what}")


def _describe(value: Any) -> str:
    """A value that is no array of the side, for error messages."""
    if hasattr(value, "__cuda_array_interface__"):
        return "an array on the GPU: use to_host first"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} on the host: use to_device first"
    return "None" if value is None else f"a {type(value).__name__}"


def refusal(signature: Signature, given: dict[str, Any], code: int) -> KernelArgumentError:
    """The error for a launcher that returned ``code`` < 0: its reason from the table, and the arguments it saw."""
    name, why = REFUSALS[-code - 1] if -code <= len(REFUSALS) else ("unknown", f"code {code} is not in the table")
    seen = [f"{k} {tuple(v.shape)}" if hasattr(v, "shape") else f"{k}={v}" for k, v in given.items()]
    return KernelArgumentError(f"{signature.name} refused: {why} ({name}; {', '.join(seen)})")
