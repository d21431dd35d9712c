"""Which objects of another node's message can be used: field by field, without those the rest goes on (no rclpy here)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autonomy_perception.messages.checks import F64, Bools, Check
from autonomy_perception.messages.fields import Columns, Field


class ObjectsError(ValueError):
    """A message of objects cannot be used at all."""


@dataclass(frozen=True)
class BadField:
    """A field for which objects of a message were left out: what was expected, what was found."""

    field: str
    expected: str
    found: str


class Sieve:
    """Looks at the columns of one message and notes which of its N objects cannot be used.

    Attributes:
        usable: bool (N,).
        bad: fields for which objects were left out.
    """

    def __init__(self, count: int) -> None:
        self.usable: Bools = np.ones(count, np.bool_)
        self.bad: list[BadField] = []

    def checked(self, table: Sequence[Field], columns: Columns) -> Columns:
        """The columns, with harmless numbers for objects that cannot be used and zeros for what is not given."""
        return {**columns, **{f.column: self._column(f, f.check, columns) for f in table if f.check and f.read}}

    def _column(self, field: Field, check: Check, columns: Columns) -> F64:
        values = columns[field.column]
        rows = values.reshape(len(values), *field.shape or (1,)).astype(np.float64)
        fine = check.fine(rows)
        if field.given:
            asked = columns[field.given][:, None]
            rows, fine = np.where(asked, rows, 0.0), fine | ~asked
        return self.keep(field.path, check.expected, rows, fine, check.instead).reshape(values.shape)

    def keep(self, field: str, expected: str, values: F64, fine: Bools, instead: Sequence[float] = (0.0,)) -> F64:
        """Values (N,k); ``instead`` for objects of which one is not fine: they are not usable."""
        whole = np.asarray(fine.all(axis=1))
        if whole.all():
            return values
        at = int(np.argmin(whole))
        example = values[at][~fine[at]][0]
        left_out = f"{len(whole) - int(whole.sum())} of {len(whole)} objects left out"
        self.bad.append(BadField(field, expected, f"{example:g} in objects[{at}] ({left_out})"))
        self.usable &= whole
        return np.where(whole[:, None], values, instead)
