"""The converter: tracks as other suites' messages, field by field (over DDS: test_split.py)."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")
pytest.importorskip("autoware_perception_msgs", reason="autoware_perception_msgs is not installed")
pytest.importorskip("vision_msgs", reason="vision_msgs is not installed")

from autonomy_perception_msgs.msg import ObjectClassification, TrackedObject, TrackedObjectArray

from autonomy_perception.nodes import convert_objects

ROOT = Path(__file__).resolve().parents[2]
AUTOWARE = {
    "TrackedObjects": ["std_msgs/Header header", "TrackedObject[] objects"],
    "TrackedObject": ["unique_identifier_msgs/UUID object_id", "float32 existence_probability",
                      "ObjectClassification[] classification", "TrackedObjectKinematics kinematics", "Shape shape"],
    "TrackedObjectKinematics": ["geometry_msgs/PoseWithCovariance pose_with_covariance",
                                "geometry_msgs/TwistWithCovariance twist_with_covariance",
                                "geometry_msgs/AccelWithCovariance acceleration_with_covariance",
                                "uint8 orientation_availability", "bool is_stationary"],
    "ObjectClassification": ["uint8 label", "float32 probability"],
    "Shape": ["uint8 type", "geometry_msgs/Polygon footprint", "geometry_msgs/Vector3 dimensions"],
}  # fmt: skip
VISION = {
    "Detection3DArray": ["std_msgs/Header header", "Detection3D[] detections"],
    "Detection3D": ["std_msgs/Header header", "ObjectHypothesisWithPose[] results", "BoundingBox3D bbox", "string id"],
    "ObjectHypothesisWithPose": ["ObjectHypothesis hypothesis", "geometry_msgs/PoseWithCovariance pose"],
    "ObjectHypothesis": ["string class_id", "float64 score"],
    "BoundingBox3D": ["geometry_msgs/Pose center", "geometry_msgs/Vector3 size"],
}
"""Fields as upstream has them (autoware_msgs 1.x, vision_msgs 4.x): they decide who can talk to whom."""


def message() -> TrackedObjectArray:
    """One truck or, less likely, animal; every field has a value of its own."""
    item = TrackedObject(existence_probability=0.5, age=3.0)
    item.object_id.uuid = list(range(16))
    item.classification = [
        ObjectClassification(label=2, probability=0.75),
        ObjectClassification(label=8, probability=0.25),
    ]
    motion = item.kinematics
    motion.pose_with_covariance.pose.position.x, motion.pose_with_covariance.pose.orientation.z = 12.0, 0.6
    motion.pose_with_covariance.covariance[7] = 0.3
    motion.twist_with_covariance.twist.linear.x, motion.twist_with_covariance.twist.angular.z = 8.0, 0.1
    motion.acceleration_with_covariance.accel.linear.x = -1.5
    motion.orientation_availability, motion.is_stationary = 1, True
    item.shape.dimensions.x, item.shape.dimensions.y, item.shape.dimensions.z = 9.0, 2.5, 3.5
    out = TrackedObjectArray(objects=[item])
    out.header.frame_id, out.header.stamp.sec = "odom", 17
    return out


@pytest.mark.parametrize(("package", "want"), [("autoware_perception_msgs", AUTOWARE), ("vision_msgs", VISION)])
def test_declared_fields_are_upstreams(package: str, want: dict[str, list[str]]) -> None:
    folder = ROOT / "interfaces" / package / "msg"
    assert sorted(p.stem for p in folder.iterdir()) == sorted(want)
    for name, fields in want.items():
        lines = (line.split("#")[0].split() for line in (folder / f"{name}.msg").read_text().splitlines())
        assert [" ".join(words) for words in lines if words and "=" not in words] == fields


def test_autowares_objects_carry_every_field() -> None:
    given = message()
    out = convert_objects.autoware()(given)
    assert (out.header.frame_id, out.header.stamp.sec) == ("odom", 17)
    (one,), (source,) = out.objects, given.objects
    assert bytes(one.object_id.uuid) == bytes(range(16)) and one.existence_probability == 0.5
    assert [(c.label, c.probability) for c in one.classification] == [(2, 0.75), (8, 0.25)]
    for name in ("pose_with_covariance", "twist_with_covariance", "acceleration_with_covariance",
                 "orientation_availability", "is_stationary"):  # fmt: skip
        assert getattr(one.kinematics, name) == getattr(source.kinematics, name)
    assert one.shape.dimensions == source.shape.dimensions and one.shape.type == source.shape.type


def test_an_older_autoware_without_animals_gets_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from autoware_perception_msgs import msg

    class Without:
        """The labels of an older release."""

        UNKNOWN, CAR, TRUCK, BUS, TRAILER, MOTORCYCLE, BICYCLE, PEDESTRIAN = range(8)

        def __new__(cls, **fields: object) -> object:
            return real(**fields)

    real = msg.ObjectClassification
    monkeypatch.setattr(msg, "ObjectClassification", Without)
    out = convert_objects.autoware()(message())
    assert [c.label for c in out.objects[0].classification] == [2, 0]


def test_vision_detections_carry_box_classes_and_identity() -> None:
    out = convert_objects.vision()(message())
    (one,) = out.detections
    assert one.id == str(uuid.UUID(bytes=bytes(range(16)))) and one.header.frame_id == "odom"
    assert [(r.hypothesis.class_id, r.hypothesis.score) for r in one.results] == [("TRUCK", 0.375), ("ANIMAL", 0.125)]
    assert all(r.pose.pose.position.x == 12.0 and r.pose.covariance[7] == 0.3 for r in one.results)
    assert one.bbox.center.orientation.z == 0.6 and (one.bbox.size.x, one.bbox.size.y, one.bbox.size.z) == (
        9.0,
        2.5,
        3.5,
    )
