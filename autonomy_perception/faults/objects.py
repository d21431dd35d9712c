"""Faulty detections of another node: DetectedObjectArray objects in, the same with one thing wrong out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autonomy_perception.faults.sample import Mutator, Rig, edited


def _each(rig: Rig, edit: Callable[[Any], None]) -> Mutator:
    """Every object of every message through ``edit``, in place."""

    def all_of(message: Any) -> Any:
        for item in message.objects:
            edit(item)
        return message

    return edited(rig.objects, all_of)


def not_numbers(rig: Rig) -> Mutator:
    """The position of every object is NaN."""
    return _each(rig, lambda o: setattr(o.kinematics.pose_with_covariance.pose.position, "x", float("nan")))


def without_extent(rig: Rig) -> Mutator:
    """Every box is 0 m long."""
    return _each(rig, lambda o: setattr(o.shape.dimensions, "x", 0.0))


def improbable(rig: Rig) -> Mutator:
    """The existence probability of every object is NaN."""
    return _each(rig, lambda o: setattr(o, "existence_probability", float("nan")))


def of_classes(rig: Rig, probability: float) -> Mutator:
    """Every class of every object has the given probability."""

    def edit(item: Any) -> None:
        for entry in item.classification:
            entry.probability = probability

    return _each(rig, edit)
