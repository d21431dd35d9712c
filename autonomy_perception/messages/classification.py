"""Class distributions as lists of ObjectClassification, the most likely first, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.messages.checks import PROBABILITY, Sieve, probable
from autonomy_perception.messages.fields import Field, Pool
from autonomy_perception.types import N_CLASSES

F32 = NDArray[np.float32]
MIN_PROBABILITY = 0.01
"""Classes less probable than this are left out of a message; the rest is scaled to sum to 1."""
_TYPE = "autonomy_perception_msgs/msg/ObjectClassification"
_TABLE = (Field("label", "label", dtype=np.uint8), Field("probability", "probability"))


def classifications(pool: Pool, probs: F32) -> list[list[Any]]:
    """Messages of class distributions (N, classes); a row without any mass is UNKNOWN."""
    p = np.where(probs >= MIN_PROBABILITY, probs, 0.0).astype(np.float64)
    total = p.sum(axis=1, keepdims=True)
    p = np.divide(p, total, out=np.zeros_like(p), where=total > 0)
    p[total[:, 0] == 0, 0] = 1.0
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    some = ranked > 0
    columns = {"label": order[some], "probability": ranked[some]}
    objects = pool.filled(_TYPE, _TABLE, columns, len(columns["label"]))
    ends = np.cumsum(some.sum(axis=1)).tolist()
    return [objects[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def class_probs(objects: Sequence[Any], sieve: Sieve) -> F32:
    """Distributions (N, classes) of objects; labels that this suite does not have, and objects without any, are UNKNOWN."""
    n = len(objects)
    entries = [(i, e.label, e.probability) for i, o in enumerate(objects) for e in o.classification]
    owner, label, values = np.array(entries, np.float64).reshape(-1, 3).T
    row, column = owner.astype(np.int64), np.where(label < N_CLASSES, label, 0).astype(np.int64)
    wrong = ~probable(values)
    fine, first = np.ones((n, 1), np.bool_), np.zeros((n, 1))
    fine[row[wrong]], first[row[wrong][::-1], 0] = False, values[wrong][::-1]
    sieve.keep("classification.probability", PROBABILITY.expected, first, fine)
    out = np.zeros((n, N_CLASSES))
    np.add.at(out, (row, column), np.where(wrong, 0.0, np.clip(values, 0.0, 1.0)))
    total, told = out.sum(axis=1, keepdims=True), np.bincount(row, minlength=n)[:, None] > 0
    sieve.keep("classification", "probabilities that sum to more than 0", total, (total > 0) | ~told | ~fine)
    out[total[:, 0] <= 0, 0] = 1.0
    return np.asarray(out / np.where(total > 0, total, 1.0), np.float32)
