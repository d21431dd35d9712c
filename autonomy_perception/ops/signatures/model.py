"""What a kernel launcher takes: arrays with dtype and shape, and a struct of named parameters. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

TYPES = {
    "u8": ("uint8_t", "B"), "i8": ("int8_t", "b"), "u16": ("uint16_t", "H"), "u32": ("uint32_t", "I"),
    "i32": ("int32_t", "i"), "i64": ("int64_t", "q"), "f32": ("float", "f"), "f64": ("double", "d"),
}  # fmt: skip
"""Our name of a number: its name in C++ and its letter in ``struct`` formats."""


@dataclass(frozen=True)
class Field:
    """One parameter: a number (``i32``, ``f32``, ``f64``), ``count`` of them, or a record; ``about`` has the unit."""

    name: str
    type: str | Record
    about: str = ""
    count: int = 1

    @property
    def format(self) -> str:
        """``struct`` letters of the values, records flattened."""
        if isinstance(self.type, Record):
            return "".join(f.format for f in self.type.fields)
        return (str(self.count) if self.count > 1 else "") + TYPES[self.type][1]

    @property
    def several(self) -> bool:
        """Whether the value is a sequence of numbers."""
        return self.count > 1 or isinstance(self.type, Record)


@dataclass(frozen=True)
class Record:
    """Parameters that several launchers take together; the Python value is a tuple of the numbers in this order."""

    name: str
    about: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Array:
    """One array argument, contiguous (C order), in the memory of the library's device.

    Attributes:
        shape: lengths of the axes, comma-separated. A bare name that is no parameter is a size: its first axis fixes
            it, all others must agree. Others are expressions of sizes and parameters that the length must equal.
        written: False where the launcher only reads it.
        with_: name of a group of arrays that may be None, but only all together; empty: never None.
    """

    name: str
    dtype: str
    shape: str
    about: str = ""
    written: bool = False
    with_: str = ""

    @property
    def axes(self) -> tuple[str, ...]:
        """The expressions of ``shape``."""
        return tuple(a.strip() for a in self.shape.split(","))


def reads(name: str, dtype: str, shape: str, about: str = "", with_: str = "") -> Array:
    """An array that the launcher only reads."""
    return Array(name, dtype, shape, about, False, with_)


def writes(name: str, dtype: str, shape: str, about: str = "", with_: str = "") -> Array:
    """An array that the launcher writes; what it held before plays no part."""
    return Array(name, dtype, shape, f"out: {about}" if about else "out", True, with_)


def changes(name: str, dtype: str, shape: str, about: str = "") -> Array:
    """An array that the launcher reads and writes."""
    return Array(name, dtype, shape, f"in, out: {about}" if about else "in, out", True)


def scratch(name: str, dtype: str, shape: str, about: str = "") -> Array:
    """Work memory: rubbish before and after."""
    return Array(name, dtype, shape, f"scratch: {about}" if about else "scratch", True)


@dataclass(frozen=True)
class Signature:
    """One launcher: its arrays and its parameters, both by name."""

    name: str
    about: str
    arrays: tuple[Array, ...]
    params: tuple[Field, ...] = ()

    @property
    def struct(self) -> str:
        """Stem of the names of its C++ structs: ``ap_cell_ids`` -> ``CellIds``."""
        return "".join(word.capitalize() for word in self.name.removeprefix("ap_").split("_"))

    @cached_property
    def sizes(self) -> dict[str, tuple[str, int]]:
        """Sizes that come from shapes: name -> array and axis that fix it."""
        known = {f.name for f in self.params}
        found: dict[str, tuple[str, int]] = {}
        for array in self.arrays:
            for axis, length in enumerate(array.axes):
                if re.fullmatch(r"[a-z]\w*", length) and length not in known and not array.with_:
                    found.setdefault(length, (array.name, axis))
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all arguments: arrays, then parameters."""
        return tuple(a.name for a in self.arrays) + tuple(f.name for f in self.params)

    @cached_property
    def format(self) -> str:
        """``struct`` format of the launcher's argument struct: pointers, sizes, parameters; padded as C++ pads."""
        letters = "P" * len(self.arrays) + "i" * len(self.sizes) + "".join(f.format for f in self.params)
        return "@" + letters + ("0P" if self.arrays else "")
