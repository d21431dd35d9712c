"""The checks of every kernel call, made from the table of signatures.

:func:`make_border` turns a signature into a function ``arguments by name -> bytes of the launcher's argument struct``.
The usual call passes one expression that is compiled for the signature (a tenth of a millisecond matters to kernels of
ten boxes); whatever is unusual - empty or read-only arrays, arrays of other libraries, anything wrong - is looked at
piece by piece in :class:`Border`, which packs it or says what is wrong.
"""

from __future__ import annotations

import ctypes
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple, NoReturn

import numpy as np

from autonomy_perception.ops.errors import KernelArgumentError
from autonomy_perception.ops.signatures import REFUSALS
from autonomy_perception.ops.signatures.model import Array, Field, Signature

DTYPES = {"u8": "uint8", "i8": "int8", "u16": "uint16", "u32": "uint32", "i32": "int32", "i64": "int64",
          "f32": "float32", "f64": "float64"}  # fmt: skip
UNUSUAL = (KeyError, AttributeError, TypeError, ValueError, ArithmeticError, struct.error)
MOST = 2**31 - 1

Pack = Callable[[dict[str, Any]], bytes]


class View(NamedTuple):
    """An array as the border sees it; ``address`` in the memory of its device."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    address: int
    contiguous: bool = True
    writable: bool = True

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}{'' if self.contiguous else ', not contiguous'}{'' if self.writable else ', read-only'}"


@dataclass(frozen=True)
class Side:
    """Where the arrays of a library lie.

    Attributes:
        place: as error messages name it.
        view: an argument as a :class:`View`, or None when it is no array of this side.
        address: the address of a usual array as a Python expression of ``{}``; raises when the array is not usual.
        helpers: names that the expression uses.
    """

    place: str
    view: Callable[[Any], View | None]
    address: str
    helpers: dict[str, Any]


def host_view(value: Any) -> View | None:
    """View of a NumPy array."""
    if not isinstance(value, np.ndarray):
        return None
    return View(value.dtype, value.shape, value.ctypes.data, value.flags.c_contiguous, value.flags.writeable)


HOST = Side("on the host", host_view, "_addressof(_from_buffer({}))",
            {"_addressof": ctypes.addressof, "_from_buffer": ctypes.c_char.from_buffer})  # fmt: skip
"""``from_buffer`` refuses what is empty, read-only or not contiguous, in a fifth of the time of ``ndarray.ctypes``."""


def make_border(signature: Signature, side: Side) -> Pack:
    """The checks of one launcher; the function raises KernelArgumentError for arguments that it cannot take."""
    names = signature.names
    pointers = [side.address.format(a.name) for a in signature.arrays]
    pointers = [
        f"0 if {a.name} is None else {p}" if a.with_ else p for a, p in zip(signature.arrays, pointers, strict=True)
    ]
    values = [*pointers, *signature.sizes, *(f"*{f.name}" if f.several else f.name for f in signature.params)]
    lines, tests = _tests(signature)
    code = f"""
def border(_given):
    try:
        {", ".join(names)}, = _values(_given)
        {"; ".join(lines) or "pass"}
        if {" and ".join([f"len(_given) == {len(names)}", *tests])}:
            return _pack({", ".join(values)})
    except _UNUSUAL:
        pass
    return _carefully(_given)
"""
    several = itemgetter(*names)
    scope: dict[str, Any] = {
        "_values": several if len(names) > 1 else lambda given: (several(given),),
        "_pack": struct.Struct(signature.format).pack,
        "_carefully": Border(signature, side).pack,
        "_UNUSUAL": UNUSUAL,
        **{f"_{k}": np.dtype(v) for k, v in DTYPES.items()},
        **side.helpers,
    }
    exec(compile(code, f"<border of {signature.name}>", "exec"), scope)
    border: Pack = scope["border"]
    return border


def _tests(signature: Signature) -> tuple[list[str], list[str]]:
    """Statements that take the sizes from shapes, and the conditions on dtypes and shapes."""
    lines, tests, fixed = [], [], set[str]()
    for array in signature.arrays:
        own = [axis in signature.sizes and axis not in fixed for axis in array.axes]
        fixed |= {axis for axis, new in zip(array.axes, own, strict=True) if new}
        conditions = [f"{array.name}.dtype == _{array.dtype}"]
        if any(own):
            targets = [
                axis if new else f"_{i}_{array.name}" for i, (axis, new) in enumerate(zip(array.axes, own, strict=True))
            ]
            lines.append(f"{', '.join(targets)}, = {array.name}.shape")
            conditions += [f"{t} == {axis}" for t, axis in zip(targets, array.axes, strict=True) if t != axis]
        else:
            conditions.append(f"{array.name}.shape == ({', '.join(array.axes)},)")
        test = " and ".join(conditions)
        if array.with_:
            partner = next(a.name for a in signature.arrays if a.with_ == array.with_)
            test = f"(({array.name} is None) == ({partner} is None)) and ({array.name} is None or {test})"
        tests.append(test)
    return lines, tests


class Border:
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
