"""Which objects of another node's message can be used: field by field, without those the rest goes on (no rclpy here)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.types import N_CLASSES, Detections, Tracks

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]
Objects = TypeVar("Objects", Detections, Tracks)

LARGEST = 1e12
"""Larger numbers are refused: their squares, turned and added up, must still be float32."""
FINITE = f"finite numbers up to {LARGEST:g}"
SMALLEST = 1e-9
"""A length [m] or the norm of a quaternion that is smaller counts as zero."""
ROUNDED_VARIANCE = 1e-6
"""A variance so little below zero is a rounded zero [m^2, rad^2]."""
ROUNDING = 1e-3
"""So far beside 0..1 a probability is taken as a rounded 0 or 1."""


class ObjectsError(ValueError):
    """A message of objects cannot be used at all."""


@dataclass(frozen=True)
class BadField:
    """A field for which objects of a message were left out: what was expected, what was found."""

    field: str
    expected: str
    found: str


class Sieve:
    """Takes columns of numbers out of the objects of one message and notes which objects cannot be used.

    Args:
        objects: DetectedObject or TrackedObject messages.

    Attributes:
        usable: bool (N,).
        bad: fields for which objects were left out.
    """

    def __init__(self, objects: Sequence[Any]) -> None:
        self._objects = objects
        self.usable: Bools = np.ones(len(objects), np.bool_)
        self.bad: list[BadField] = []

    def numbers(self, field: str, rows: Sequence[Any], width: int, asked: Bools | None = None) -> F64:
        """Values (N, width) that have to be finite; ``asked`` (N,) says of which objects, the others' are 0."""
        values = np.array(rows, np.float64).reshape(len(self._objects), width)
        return self._asked(field, FINITE, values, np.abs(values) <= LARGEST, asked)

    def covariances(self, field: str, rows: Sequence[Any], axes: Sequence[int], asked: Bools | None = None) -> F64:
        """Covariances (N,6,6) that have to be finite, with no variance of the ``axes`` below zero; ``asked``: as above."""
        values = np.array(rows, np.float64).reshape(len(self._objects), 36)
        fine = np.abs(values) <= LARGEST
        fine[:, [7 * k for k in axes]] &= values[:, [7 * k for k in axes]] >= -ROUNDED_VARIANCE
        return self._asked(field, f"{FINITE}, no variance below 0", values, fine, asked).reshape(-1, 6, 6)

    def quaternions(self, field: str, rows: Sequence[Any]) -> F64:
        """Quaternions (N,4) x y z w with a norm above zero; that of no rotation for objects that have none."""
        values = np.array(rows, np.float64).reshape(len(self._objects), 4)
        finite = np.abs(values) <= LARGEST
        fine = finite & (np.abs(np.where(finite, values, 1.0)).max(axis=1, keepdims=True, initial=0.0) >= SMALLEST)
        out = self._keep(field, "a finite quaternion with a norm above 0", values, fine)
        return np.where(fine.all(axis=1, keepdims=True), out, (0.0, 0.0, 0.0, 1.0))

    def lengths(self, field: str, rows: Sequence[Any], width: int) -> F64:
        """Lengths (N, width) [m] above zero."""
        values = np.array(rows, np.float64).reshape(len(self._objects), width)
        return self._keep(field, "lengths above 0 m", values, (values >= SMALLEST) & (values <= LARGEST))

    def existence(self) -> NDArray[np.float32]:
        """Existence probabilities (N,), 0..1."""
        values = np.array([[o.existence_probability] for o in self._objects], np.float64).reshape(-1, 1)
        return np.clip(self._keep("existence_probability", "0..1", values, _probable(values)), 0, 1)[:, 0].astype(
            np.float32
        )

    def classes(self) -> NDArray[np.float32]:
        """Class distributions (N, classes); labels that this suite does not have, and objects without any, are UNKNOWN."""
        n = len(self._objects)
        entries = [(i, e.label, e.probability) for i, o in enumerate(self._objects) for e in o.classification]
        owner, label, values = np.array(entries, np.float64).reshape(-1, 3).T
        row, column = owner.astype(np.int64), np.where(label < N_CLASSES, label, 0).astype(np.int64)
        wrong = ~_probable(values)
        fine, first = np.ones((n, 1), np.bool_), np.zeros((n, 1))
        fine[row[wrong]], first[row[wrong][::-1], 0] = False, values[wrong][::-1]
        self._keep("classification.probability", "0..1", first, fine)
        out = np.zeros((n, N_CLASSES))
        np.add.at(out, (row, column), np.where(wrong, 0.0, np.clip(values, 0.0, 1.0)))
        total, told = out.sum(axis=1, keepdims=True), np.bincount(row, minlength=n)[:, None] > 0
        self._keep("classification", "probabilities that sum to more than 0", total, (total > 0) | ~told | ~fine)
        out[total[:, 0] <= 0, 0] = 1.0
        return np.asarray(out / np.where(total > 0, total, 1.0), np.float32)

    def sifted(self, found: Objects) -> Objects:
        """The usable ones of all objects."""
        if self.usable.all():
            return found
        columns = {f.name: getattr(found, f.name)[self.usable] for f in fields(found) if f.name != "frame_id"}
        return replace(found, **columns)

    def _asked(self, field: str, expected: str, values: F64, fine: Bools, asked: Bools | None) -> F64:
        if asked is None:
            return self._keep(field, expected, values, fine)
        return np.where(asked[:, None], self._keep(field, expected, values, fine | ~asked[:, None]), 0.0)

    def _keep(self, field: str, expected: str, values: F64, fine: Bools) -> F64:
        """The values; 0 for objects of which one is not fine: they are not usable."""
        whole = np.asarray(fine.all(axis=1))
        if whole.all():
            return values
        at = int(np.argmin(whole))
        example = values[at][~fine[at]][0]
        left_out = f"{len(whole) - int(whole.sum())} of {len(whole)} objects left out"
        self.bad.append(BadField(field, expected, f"{example:g} in objects[{at}] ({left_out})"))
        self.usable &= whole
        return np.where(whole[:, None], values, 0.0)


def _probable(values: F64) -> Bools:
    return np.asarray((values >= -ROUNDING) & (values <= 1.0 + ROUNDING))
