"""The checks of every kernel call, made from the table of signatures.

:func:`make_border` turns a signature into a function ``arguments by name -> bytes of the launcher's argument struct``.
The usual call passes one expression that is compiled for the signature (microseconds matter to kernels of ten boxes);
whatever is unusual - arrays of other libraries, anything wrong - is looked at piece by piece in :class:`.Arguments`, which
packs it or says what is wrong.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops.arguments import DTYPES, Arguments, Side, View
from autonomy_perception.ops.signatures.model import Array, Signature

UNUSUAL = (KeyError, AttributeError, TypeError, ValueError, ArithmeticError, struct.error)

Pack = Callable[[dict[str, Any]], bytes]


def host_view(value: Any) -> View | None:
    """View of a NumPy array."""
    if not isinstance(value, np.ndarray):
        return None
    return View(value.dtype, value.shape, value.ctypes.data, value.flags.c_contiguous, value.flags.writeable)


_EMPTY = ctypes.create_string_buffer(8)


def _host_address(array: NDArray[Any], written: bool) -> int:
    """Address of any contiguous array; that of a place where nothing is, for an empty one."""
    if array.size == 0:
        return ctypes.addressof(_EMPTY)
    if not array.flags.c_contiguous or (written and not array.flags.writeable):
        raise ValueError("not contiguous or not writable")
    return array.ctypes.data


# from_buffer refuses what is empty, read-only or not contiguous, in a fifth of the time of ndarray.ctypes.
HOST = Side("on the host", host_view, "_addressof(_from_buffer({}))", "_address({}, False)", "_address({}, True)",
            {"_addressof": ctypes.addressof, "_from_buffer": ctypes.c_char.from_buffer, "_address": _host_address})  # fmt: skip


@functools.cache
def make_border(signature: Signature, side: Side) -> Pack:
    """The checks of one launcher, made once in a process; the function raises KernelArgumentError for arguments that it cannot take."""
    names = signature.names

    def values(address: Callable[[Array], str]) -> str:
        """The arguments of ``pack``."""
        pointers = [f"0 if {a.name} is None else {address(a)}" if a.with_ else address(a) for a in signature.arrays]
        return ", ".join(
            [*pointers, *signature.sizes, *(f"*{f.name}" if f.several else f.name for f in signature.params)]
        )

    lines, tests = _tests(signature)
    code = f"""
def border(_given):
    try:
        {", ".join(names)}, = _values(_given)
        {"; ".join(lines) or "pass"}
        if {" and ".join([f"len(_given) == {len(names)}", *tests])}:
            try:
                return _pack({values(lambda a: side.address.format(a.name))})
            except (TypeError, ValueError):
                return _pack({values(lambda a: (side.writes if a.written else side.reads).format(a.name))})
    except _UNUSUAL:
        pass
    return _carefully(_given)
"""
    several = itemgetter(*names)
    scope: dict[str, Any] = {
        "_values": several if len(names) > 1 else lambda given: (several(given),),
        "_pack": struct.Struct(signature.format).pack,
        "_carefully": Arguments(signature, side).pack,
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
