"""Our tracks in the messages of other suites: autoware_perception_msgs/TrackedObjects, vision_msgs/Detection3DArray.

The packages may be missing: a maker looks for its own when it is asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from autonomy_perception.nodes.qos import message_class
from autonomy_perception.types import ObjectClass

Maker = Callable[[Any], Any]


def autoware() -> Maker:
    """Maker of TrackedObjects. Raises ModuleNotFoundError where autoware_perception_msgs is not installed."""
    package = "autoware_perception_msgs/msg"
    kinds = (message_class(f"{package}/{name}") for name in ("ObjectClassification", "TrackedObject", "TrackedObjects"))
    ObjectClassification, TrackedObject, TrackedObjects = kinds
    labels = {int(c) for c in ObjectClass if hasattr(ObjectClassification, c.name)}  # older releases have no ANIMAL

    def make(message: Any) -> Any:
        return TrackedObjects(header=message.header, objects=[one(item) for item in message.objects])

    def one(item: Any) -> Any:
        out = TrackedObject(object_id=item.object_id, existence_probability=item.existence_probability)
        out.classification = [
            ObjectClassification(label=c.label if c.label in labels else 0, probability=c.probability)
            for c in item.classification
        ]
        motion, target = item.kinematics, out.kinematics
        target.pose_with_covariance = motion.pose_with_covariance
        target.twist_with_covariance = motion.twist_with_covariance
        target.acceleration_with_covariance = motion.acceleration_with_covariance
        target.orientation_availability, target.is_stationary = motion.orientation_availability, motion.is_stationary
        out.shape.type, out.shape.footprint, out.shape.dimensions = (
            item.shape.type, item.shape.footprint, item.shape.dimensions,
        )  # fmt: skip
        return out

    return make


def vision() -> Maker:
    """Maker of Detection3DArray. Raises ModuleNotFoundError where vision_msgs is not installed.

    The score of a class is its probability times that of the object's existence; ``id`` is the track's UUID.
    """
    kinds = (
        message_class(f"vision_msgs/msg/{n}") for n in ("Detection3D", "Detection3DArray", "ObjectHypothesisWithPose")
    )
    Detection3D, Detection3DArray, ObjectHypothesisWithPose = kinds

    def make(message: Any) -> Any:
        return Detection3DArray(
            header=message.header, detections=[one(message.header, item) for item in message.objects]
        )

    def one(header: Any, item: Any) -> Any:
        out = Detection3D(header=header, id=str(uuid.UUID(bytes=bytes(item.object_id.uuid))))
        placed = item.kinematics.pose_with_covariance
        for entry in item.classification:
            hypothesis = ObjectHypothesisWithPose(pose=placed)
            known = entry.label in ObjectClass._value2member_map_
            hypothesis.hypothesis.class_id = ObjectClass(entry.label).name if known else ObjectClass.UNKNOWN.name
            hypothesis.hypothesis.score = float(entry.probability) * float(item.existence_probability)
            out.results.append(hypothesis)
        out.bbox.center, out.bbox.size = placed.pose, item.shape.dimensions
        return out

    return make
