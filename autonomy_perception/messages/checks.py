"""What numbers of another node have to be, and which of its objects can be used: without the others the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

LARGEST = 1e12
"""Larger numbers are refused: their squares, turned and added up, must still be float32."""
SMALLEST = 1e-9
"""A length [m] or the norm of a quaternion that is smaller counts as zero."""
ROUNDED_VARIANCE = 1e-6
"""A variance so little below zero is a rounded zero [m^2, rad^2]."""
ROUNDING = 1e-3
"""So far beside 0..1 a probability is taken as a rounded 0 or 1."""


@dataclass(frozen=True)
class Check:
    """What is expected, in words; which of the values (N,k) are that (bool, same shape); what stands for a row that is not."""

    expected: str
    fine: Callable[[F64], Bools]
    instead: tuple[float, ...] = (0.0,)


def probable(values: F64) -> Bools:
    """Whether numbers can be probabilities."""
    return np.asarray((values >= -ROUNDING) & (values <= 1.0 + ROUNDING))


def _finite(values: F64) -> Bools:
    return np.asarray(np.abs(values) <= LARGEST)


def _level(values: F64) -> Bools:
    return np.asarray((np.abs(values) <= LARGEST) | (np.arange(values.shape[1]) >= 2))


def _rotation(values: F64) -> Bools:
    finite = _finite(values)
    norm = np.abs(np.where(finite, values, 1.0)).max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(finite & (norm >= SMALLEST))


FINITE = Check(f"finite numbers up to {LARGEST:g}", _finite)
LEVEL = Check(FINITE.expected, _level)
"""As FINITE, for x and y alone."""
LENGTH = Check("lengths above 0 m", lambda values: np.asarray((values >= SMALLEST) & (values <= LARGEST)))
PROBABILITY = Check("0..1", probable)
ROTATION = Check("a finite quaternion with a norm above 0", _rotation, (0.0, 0.0, 0.0, 1.0))


def covariance(axes: Sequence[int]) -> Check:
    """A covariance (36,) of finite numbers, with no variance of the ``axes`` below zero."""
    diagonal = [7 * axis for axis in axes]

    def fine(values: F64) -> Bools:
        out = _finite(values)
        out[:, diagonal] &= values[:, diagonal] >= -ROUNDED_VARIANCE
        return out

    return Check(f"{FINITE.expected}, no variance below 0", fine)


class ObjectsError(ValueError):
    """A message of objects cannot be used at all."""


@dataclass(frozen=True)
class BadField:
    """A field for which objects of a message were left out: what was expected, what was found."""

    field: str
    expected: str
    found: str


class Sieve:
    """Notes which of the N objects of one message cannot be used.

    Attributes:
        usable: bool (N,).
        bad: fields for which objects were left out.
    """

    def __init__(self, count: int) -> None:
        self.usable: Bools = np.ones(count, np.bool_)
        self.bad: list[BadField] = []

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
