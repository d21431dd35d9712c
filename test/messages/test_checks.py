"""Objects of another node: what cannot be used is left out object by object and named, the rest of the message is used."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from autonomy_perception_msgs.msg import (
    DetectedObject,
    DetectedObjectArray,
    ObjectClassification,
    TrackedObject,
    TrackedObjectArray,
)
from live import fault_drive

from autonomy_perception import topics
from autonomy_perception.bags.events import events
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.config import PerceptionConfig, load_vehicle
from autonomy_perception.faults.sample import Rig, Sample, decode
from autonomy_perception.faults.table import OBJECTS, Fault
from autonomy_perception.messages.checks import ObjectsError
from autonomy_perception.messages.objects import MAX_OBJECTS, detected_event, detections_of, tracks_of
from autonomy_perception.metrics import truth_frame
from autonomy_perception.nodes import diagnostics
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.runtime import roles
from autonomy_perception.types import Detections, Tracks

NAN, INF = float("nan"), float("inf")


def sound(kind: type = DetectedObject, **values: Any) -> Any:
    """A car of 1 m a side at the origin."""
    item = kind(existence_probability=0.5, classification=[ObjectClassification(label=1, probability=1.0)], **values)
    item.shape.dimensions.x = item.shape.dimensions.y = item.shape.dimensions.z = 1.0
    return item


def place(item: Any) -> Any:
    return item.kinematics.pose_with_covariance.pose


def classes(*probabilities: float) -> list[ObjectClassification]:
    return [ObjectClassification(label=k, probability=p) for k, p in enumerate(probabilities)]


Harm = Callable[[Any], None]


def existence(value: float) -> Harm:
    return lambda o: setattr(o, "existence_probability", value)


def classification(*probabilities: float) -> Harm:
    return lambda o: setattr(o, "classification", classes(*probabilities))


POSE, ONE, SUM = "kinematics.pose_with_covariance", "classification.probability", "classification"
HARMS: list[tuple[Harm, str, str, str]] = [
    (existence(NAN), "existence_probability", "0..1", "nan"),
    (existence(INF), "existence_probability", "0..1", "inf"),
    (existence(-0.5), "existence_probability", "0..1", "-0.5"),
    (existence(1.5), "existence_probability", "0..1", "1.5"),
    (classification(0.2, NAN, 0.8), ONE, "0..1", "nan"),
    (classification(-INF), ONE, "0..1", "-inf"),
    (classification(1.5, -0.5), ONE, "0..1", "1.5"),
    (classification(1.0, -0.25), ONE, "0..1", "-0.25"),
    (classification(0.0, 0.0), SUM, "probabilities that sum to more than 0", "0"),
    (lambda o: setattr(place(o).position, "y", NAN), f"{POSE}.pose.position", "finite numbers up to 1e+12", "nan"),
    (lambda o: setattr(place(o).position, "z", 1e200), f"{POSE}.pose.position", "finite numbers up to 1e+12", "1e+200"),
    (lambda o: setattr(place(o).orientation, "w", 0.0), f"{POSE}.pose.orientation", "a finite quaternion with a norm above 0", "0"),
    (lambda o: setattr(place(o).orientation, "z", INF), f"{POSE}.pose.orientation", "a finite quaternion with a norm above 0", "inf"),
    (lambda o: setattr(o.shape.dimensions, "y", -1.0), "shape.dimensions", "lengths above 0 m", "-1"),
    (lambda o: setattr(o.shape.dimensions, "z", NAN), "shape.dimensions", "lengths above 0 m", "nan"),
]  # fmt: skip
TRACKED_HARMS: list[tuple[Harm, str]] = [
    (lambda o: setattr(o.kinematics.twist_with_covariance.twist.linear, "x", NAN), "kinematics.twist_with_covariance.twist.linear"),
    (lambda o: setattr(o.kinematics.twist_with_covariance.twist.angular, "z", INF), "kinematics.twist_with_covariance.twist.angular.z"),
    (lambda o: o.kinematics.twist_with_covariance.covariance.__setitem__(7, NAN), "kinematics.twist_with_covariance.covariance"),
    (lambda o: o.kinematics.pose_with_covariance.covariance.__setitem__(35, INF), f"{POSE}.covariance"),
    (lambda o: setattr(o.kinematics.acceleration_with_covariance.accel.linear, "y", NAN), "kinematics.acceleration_with_covariance.accel.linear"),
    (lambda o: o.kinematics.twist_with_covariance.covariance.__setitem__(7, -1.0), "kinematics.twist_with_covariance.covariance"),
    (lambda o: o.kinematics.pose_with_covariance.covariance.__setitem__(35, -1.0), f"{POSE}.covariance"),
    (lambda o: setattr(o, "age", NAN), "age"),
    (lambda o: setattr(o, "time_since_update", INF), "time_since_update"),
]  # fmt: skip


@pytest.mark.parametrize(("harm", "field", "expected", "found"), HARMS)
@pytest.mark.parametrize("kind", [DetectedObject, TrackedObject])
def test_an_object_that_cannot_be_used_is_left_out_and_its_field_named(
    kind: type, harm: Harm, field: str, expected: str, found: str
) -> None:
    read, array = (detections_of, DetectedObjectArray) if kind is DetectedObject else (tracks_of, TrackedObjectArray)
    objects = [sound(kind) for _ in range(4)]
    for k, item in enumerate(objects):
        place(item).position.x = float(k)
    for k in (1, 3):
        harm(objects[k])
    used, (bad,) = read(array(objects=objects))  # type: ignore[operator]
    assert used.center[:, 0].tolist() == [0.0, 2.0] and used.class_probs[:, 1].tolist() == [1.0, 1.0]
    assert (bad.field, bad.expected) == (field, expected)
    assert bad.found == f"{found} in objects[1] (2 of 4 objects left out)"


@pytest.mark.parametrize(("harm", "field"), TRACKED_HARMS)
def test_what_only_tracks_have_is_checked_too(harm: Harm, field: str) -> None:
    objects = [sound(TrackedObject), sound(TrackedObject)]
    harm(objects[0])
    tracks, (bad,) = tracks_of(TrackedObjectArray(objects=objects))
    assert len(tracks) == 1 and bad.field == field and bad.expected.startswith("finite numbers up to 1e+12")
    assert all(np.isfinite(getattr(tracks, f.name)).all() for f in fields(Tracks) if f.name != "frame_id")


def test_what_a_detection_says_it_does_not_know_is_not_looked_at() -> None:
    item = sound()
    item.kinematics.pose_with_covariance.covariance[0] = item.kinematics.twist_with_covariance.twist.linear.x = NAN
    found, refused = detections_of(DetectedObjectArray(objects=[item]))
    assert refused == () and np.isnan(found.velocity).all() and np.isfinite(found.covariance).all()
    item.kinematics.has_twist = item.kinematics.has_position_covariance = True
    found, refused = detections_of(DetectedObjectArray(objects=[item]))
    assert len(found) == 0 and [bad.field.split(".")[1] for bad in refused] == [
        "pose_with_covariance",
        "twist_with_covariance",
    ]


def test_rounded_probabilities_and_objects_of_no_stated_class_are_legal() -> None:
    objects = [sound() for _ in range(4)]
    objects[0].existence_probability, objects[1].existence_probability = 1.0 + 1e-6, -1e-6
    objects[2].classification, objects[3].classification = classes(1.0 + 1e-6, -1e-6), []
    found, refused = detections_of(DetectedObjectArray(objects=objects))
    assert refused == () and found.existence[:2].tolist() == [1.0, 0.0]
    assert found.class_probs[2:, 0].tolist() == [1.0, 1.0] and (found.class_probs >= 0).all()


def test_a_message_of_too_many_objects_is_refused() -> None:
    with pytest.raises(ObjectsError, match=f"objects: expected at most {MAX_OBJECTS}, found {MAX_OBJECTS + 1}"):
        detections_of(DetectedObjectArray(objects=[DetectedObject()] * (MAX_OBJECTS + 1)))


def test_a_count_beyond_what_arrays_hold_is_the_largest_they_hold() -> None:
    """``point_count`` is uint32 on the wire: 2**32 - 1 is a legal value."""
    item = sound(point_count=2**32 - 1)
    message = DetectedObjectArray(objects=[item])
    found, _ = detections_of(message)
    assert found.points.tolist() == truth_frame._objects(message).points.tolist() == [2**31 - 1]


HARMED = [fault for fault in OBJECTS if "header.stamp" not in fault.says and "expected" in " ".join(fault.says)]


@pytest.fixture(scope="module")
def drive_with_objects(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return fault_drive.write_objects(tmp_path_factory.mktemp("objects"), 8)


@pytest.mark.parametrize("fault", HARMED, ids=lambda f: f.name)
def test_a_fault_of_objects_is_said_counted_and_leaves_the_outputs(
    fault: Fault, drive_with_objects: tuple[Path, Path]
) -> None:
    """What the live test injects into the running graph, through the tracker's loop alone."""
    bag, car = drive_with_objects[0], load_vehicle(drive_with_objects[1])
    topic, outputs = topics.DETECTED_OBJECTS, []
    rig = replace(Rig.of(car, 0), objects=topic.name)
    runner = roles.TRACKER.runner(PerceptionConfig(), roles.TRACKER.vehicle(car), CpuLibrary())
    mutate, sent = fault.mutator(rig), 0
    with BagReader(bag) as reader:
        objects = [Sample(r.topic, r.msgtype, r.receive_ns, r.data) for r in reader.raw([topic.name])]
    ours = [detected_event(s.topic, decode(out), s.at_ns, 0) for s in objects for out in mutate(s)]
    for event in sorted(itertools.chain(events(bag, car), ours), key=lambda e: e.receive_ns):
        outputs += runner.on_event(event, replayed=False)
        sent += event.topic == topic.name
    faults = runner.front.diagnostics().faults
    assert [(f.newest.topic, f.count) for f in faults] == [(topic.name, sent)] and sent == 8
    text = " ".join(diagnostics.fault_status(faults, 10**18, ours[-1].receive_ns).values.values())
    assert all(words in text for words in fault.words(rig)), text
    assert len(outputs) >= 7 and all(len(o.result.tracks) == 0 for o in outputs)
    assert all(isinstance(e.objects, Detections) and len(e.objects) == 0 for e in ours)
