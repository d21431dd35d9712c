"""The interface packages against the vocabulary, upstream's fields, and the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autonomy_perception.pipeline.modes import Reason
from autonomy_perception.types import Mode, ObjectClass, SensorState

ROOT = Path(__file__).resolve().parents[2]
MSG = ROOT / "autonomy_perception_msgs" / "msg"

AUTOWARE = {
    "TrackedObject": ["unique_identifier_msgs/UUID object_id", "float32 existence_probability",
                      "ObjectClassification[] classification", "TrackedObjectKinematics kinematics", "Shape shape"],
    "TrackedObjectKinematics": ["geometry_msgs/PoseWithCovariance pose_with_covariance",
                                "geometry_msgs/TwistWithCovariance twist_with_covariance",
                                "geometry_msgs/AccelWithCovariance acceleration_with_covariance",
                                "uint8 orientation_availability", "bool is_stationary"],
    "DetectedObject": ["float32 existence_probability", "ObjectClassification[] classification",
                       "DetectedObjectKinematics kinematics", "Shape shape"],
    "DetectedObjectKinematics": ["geometry_msgs/PoseWithCovariance pose_with_covariance", "bool has_position_covariance",
                                 "uint8 orientation_availability", "geometry_msgs/TwistWithCovariance twist_with_covariance",
                                 "bool has_twist", "bool has_twist_covariance"],
    "ObjectClassification": ["uint8 label", "float32 probability"],
    "Shape": ["uint8 type", "geometry_msgs/Polygon footprint", "geometry_msgs/Vector3 dimensions"],
}  # fmt: skip
"""Fields of autoware_perception_msgs, in order."""

GRID_MAP = {
    "GridMap": ["std_msgs/Header header", "GridMapInfo info", "string[] layers", "string[] basic_layers",
                "std_msgs/Float32MultiArray[] data", "uint16 outer_start_index", "uint16 inner_start_index"],
    "GridMapInfo": ["float64 resolution", "float64 length_x", "float64 length_y", "geometry_msgs/Pose pose"],
}  # fmt: skip
"""Fields of grid_map_msgs as `ros2 interface show` prints them on jazzy."""


def fields(path: Path) -> list[str]:
    """``type name`` of every field, in order."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [" ".join(line.split()) for line in lines if line and "=" not in line]


def constants(path: Path) -> dict[str, str]:
    """Constants by name, values as text."""
    return dict(re.findall(r"^\w+ ([A-Z_]+) *= *(\S+)", path.read_text(), re.M))


@pytest.mark.parametrize("name", sorted(AUTOWARE))
def test_objects_begin_with_autowares_fields(name: str) -> None:
    assert fields(MSG / f"{name}.msg")[: len(AUTOWARE[name])] == AUTOWARE[name]


@pytest.mark.parametrize("name", sorted(GRID_MAP))
def test_grid_map_is_upstreams(name: str) -> None:
    assert fields(ROOT / "interfaces" / "grid_map_msgs" / "msg" / f"{name}.msg") == GRID_MAP[name]


def test_constants_are_those_of_the_vocabulary() -> None:
    status = constants(MSG / "PerceptionStatus.msg")
    assert {k.removeprefix("MODE_"): int(v) for k, v in status.items() if k.startswith("MODE_")} == {
        m.name: m.value for m in Mode
    }
    assert {k: v.strip('"') for k, v in status.items() if k.startswith("REASON_")} == {f"REASON_{r}": r for r in Reason}
    assert {k: int(v) for k, v in constants(MSG / "SensorStatus.msg").items()} == {s.name: s.value for s in SensorState}
    labels = constants(MSG / "ObjectClassification.msg")
    assert {c.name: str(c.value) for c in ObjectClass}.items() <= labels.items()


@pytest.mark.parametrize("path", sorted(MSG.glob("*.msg")), ids=lambda p: p.stem)
def test_every_message_is_described_listed_and_built(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# "), "a message begins with what it is"
    assert f'"msg/{path.name}"' in (ROOT / "autonomy_perception_msgs" / "CMakeLists.txt").read_text()
    assert f"`{path.stem}`" in (ROOT / "docs" / "messages.md").read_text()
    for line in text.splitlines():
        is_number = re.match(r"(float|u?int)\d+ \w+\s*(#|$)", line)
        assert not is_number or "#" in line, f"{path.name}: {line!r} has neither unit nor meaning"


def test_topics_of_the_contract_are_documented() -> None:
    from autonomy_perception import topics

    text = (ROOT / "docs" / "messages.md").read_text()
    for topic in topics.RECORDED:
        assert f"| `{topic.name}` | `{topic.msgtype.replace('/msg/', '/')}` | " in text


def test_installed_packages_hold_the_same_fields() -> None:
    pytest.importorskip("rclpy", reason="ROS is not installed")
    from autonomy_perception_msgs.msg import PerceptionStatus, TrackedObject
    from grid_map_msgs.msg import GridMap

    for cls, path in ((PerceptionStatus, MSG / "PerceptionStatus.msg"), (TrackedObject, MSG / "TrackedObject.msg"),
                      (GridMap, ROOT / "interfaces" / "grid_map_msgs" / "msg" / "GridMap.msg")):  # fmt: skip
        built = list(cls.get_fields_and_field_types())
        assert built == [f.split()[1] for f in fields(path)], f"{cls.__name__}: run tools/build_interfaces.py"


def test_tf2_type_hash_is_upstreams() -> None:
    """The hash decides whether a sourced ROS installation understands our /tf."""
    pytest.importorskip("rclpy", reason="ROS is not installed")
    import json

    from autonomy_perception.nodes import environment

    prefix = environment.wheels_prefix()
    if prefix is None:
        pytest.skip("tf2_msgs comes with the ROS installation")
    data = json.loads((prefix / "share" / "tf2_msgs" / "msg" / "TFMessage.json").read_text())
    hashes = {t["type_name"]: t["hash_string"] for t in data["type_hashes"]}
    assert hashes["tf2_msgs/msg/TFMessage"] == "RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087"
