"""Tables of fields: which column of a struct of arrays lies where in a message; writing and reading use the same one."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.messages.checks import Check, Sieve
from autonomy_perception.messages.classes import Classes

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Field:
    """One column of a message's objects.

    Attributes:
        column: its name; shape (N,), or (N, k) with ``parts`` or a ``width``.
        path: where it lies in an object, e.g. ``kinematics.pose_with_covariance.pose.position``.
        parts: the letters of its parts, e.g. ``xyz``; empty: the value itself.
        width: length of the value, if that is an array.
        dtype: of the column.
        check: what the values of another node have to be (None: anything).
        given: bool column that says in which objects the field means something.
        read: False for what is written and of no use to a reader.
    """

    column: str
    path: str
    parts: str = ""
    width: int = 0
    dtype: type[np.generic] = np.float64
    check: Check | None = None
    given: str = ""
    read: bool = True

    @property
    def _place(self) -> tuple[str, Sequence[str]]:
        """Path of the owner, and the names of its attributes."""
        owner, _, name = self.path.rpartition(".")
        return (self.path, self.parts) if self.parts else (owner, (name,))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one object's value."""
        size = len(self.parts) or self.width
        return (size,) if size else ()

    def write(self, owners: Owners, values: NDArray[Any]) -> None:
        """Set the field of the first N objects from a column (N, ...)."""
        owner, names = self._place
        values = values.astype(self.dtype, copy=False)
        rows = values.T.tolist() if self.parts else [list(values) if self.width else values.tolist()]
        for name, row in zip(names, rows, strict=True):
            deque(map(setattr, owners.at(owner), repeat(name), row), maxlen=0)  # twice as fast as a loop

    def read_from(self, owners: Owners) -> NDArray[Any]:
        """The column of all objects."""
        owner, names = self._place
        rows = list(map(attrgetter(*names), owners.at(owner)))
        return np.array(rows, self.dtype).reshape(len(rows), *self.shape)


class Owners:
    """Objects of a message and, by path, the parts of them that own fields, each looked up once."""

    def __init__(self, objects: Sequence[Any]) -> None:
        self._by_path: dict[str, Sequence[Any]] = {"": objects}

    def at(self, path: str) -> Sequence[Any]:
        """The parts at a path, one for each object; the objects themselves for an empty path."""
        if path not in self._by_path:
            above, _, name = path.rpartition(".")
            self._by_path[path] = list(map(attrgetter(name), self.at(above)))
        return self._by_path[path]


class Pool:
    """Message objects used again and again: making one with all its parts takes longer than filling it.

    What was made with a pool is valid until the same pool is used again. Columns that one message of a type gives, all
    messages of that type made with the pool have to give: what is not given keeps its value.
    """

    def __init__(self, classes: Classes) -> None:
        self.classes = classes
        self._owners: dict[str, Owners] = {}

    def filled(self, msgtype: str, table: Sequence[Field], columns: Columns, count: int) -> list[Any]:
        """``count`` objects of a type with the columns of its table that are given."""
        owners = self._owners.get(msgtype, Owners([]))
        made = owners.at("")
        if len(made) < count:
            more = (self.classes.make(msgtype) for _ in range(max(count, len(made) * 3 // 2) - len(made)))
            owners = self._owners[msgtype] = Owners([*made, *more])
        for field in table:
            if field.column in columns:
                field.write(owners, columns[field.column])
        return list(owners.at("")[:count])


def read(table: Sequence[Field], objects: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """All columns of a table that readers use, as they are in the message."""
    owners = Owners(objects)
    return {field.column: field.read_from(owners) for field in table if field.read}


def checked(table: Sequence[Field], columns: Columns, sieve: Sieve) -> dict[str, NDArray[Any]]:
    """The columns, with harmless numbers for objects that cannot be used and zeros for what is not given."""
    out = dict(columns)
    for field in table:
        if field.check is not None and field.read:
            values = out[field.column]
            rows = values.reshape(len(values), *field.shape or (1,)).astype(np.float64)
            fine = field.check.fine(rows)
            if field.given:
                given = columns[field.given][:, None]
                rows, fine = np.where(given, rows, 0.0), fine | ~given
            kept = sieve.keep(field.path, field.check.expected, rows, fine, field.check.instead)
            out[field.column] = kept.reshape(values.shape)
    return out
