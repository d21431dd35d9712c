"""``vehicle check``: every mistake is named by its field, a true vehicle file passes, the page holds the pictures."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.cli.main import app
from autonomy_perception.config import VehicleConfig
from autonomy_perception.vehicle_check.check import check_vehicle
from autonomy_perception.vehicle_check.findings import Level
from autonomy_perception.vehicle_check.topics import check_file, check_topics, expected_types

T0 = 1_700_000_000_000_000_000
FRAMES, STEP = 20, 1.0
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("t", "<f4"), ("ring", "<u2")])
BOX = np.stack(np.meshgrid(np.linspace(0, 3, 30), [1.0, 1.2], np.linspace(0.5, 1.2, 6)), -1).reshape(-1, 3)
"""A tool box on the left side of the vehicle."""
BUSH = np.array([16.0, 4.0, 1.0]) + np.random.default_rng(1).uniform(-0.5, 0.5, (300, 3))
K = np.array([[60.0, 0, 48], [0, 60, 32], [0, 0, 1]])
T_TOP = geometry.make_transform(None, (1.0, 0.0, 2.0))
T_LOW = geometry.make_transform(geometry.rotation_z(0.3), (3.4, 0.0, 0.8))
T_FRONT = geometry.make_transform(geometry.rotation_rpy(-np.pi / 2, 0.0, -np.pi / 2), (1.5, 0.0, 1.6))
VEHICLE = {
    "name": "small",
    "lidars": {
        "top": {"topic": "/top", "frame": "top", "intensity_max": 1.0},
        "low": {"topic": "/low", "frame": "low", "intensity_max": 1.0},
    },
    "cameras": {"front": {"topic": "/front", "info_topic": "/front/info", "frame": "front"}},
    "odometry": {"topic": "/odometry"},
    "dimensions": {"front": 3.5, "rear": 1.0, "width": 2.8, "height": 1.9, "wheelbase": 2.7},
}


def world(rng: np.random.Generator) -> np.ndarray:
    """Returns (N,3) of flat ground and of walls along a road."""
    ground = np.column_stack([rng.uniform(-20, 45, 16000), rng.uniform(-15, 15, 16000), rng.normal(0, 0.01, 16000)])
    walls = [
        np.column_stack([x + rng.uniform(0, 3, 250), np.full(250, y), rng.uniform(0, 2.5, 250)])
        for x in range(-20, 45, 6)
        for y in (-6.0 + 0.2 * (x % 4), 7.0)
    ]
    return np.concatenate([ground, *walls])


def packed(xyz: np.ndarray) -> np.ndarray:
    out = np.zeros(len(xyz), POINT)
    for axis, name in enumerate("xyz"):
        out[name] = xyz[:, axis]
    out["t"], out["ring"] = np.linspace(-0.1, 0.0, len(xyz)), np.arange(len(xyz)) % 16
    return out


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vehicle") / "drive"
    jpeg = cv2.imencode(".jpg", np.full((64, 96, 3), 90, np.uint8))[1].tobytes()
    points = world(np.random.default_rng(0))
    with BagWriter(path, {}) as out:
        edges = [("base_link", "top", T_TOP), ("base_link", "low", T_LOW), ("base_link", "front", T_FRONT)]
        out.write("/tf_static", m.TF, T0, m.transforms(T0, edges))
        for k in range(FRAMES):
            t = T0 + k * 100_000_000
            pose = geometry.make_transform(None, (STEP * k, 0.0, 0.0))
            out.write(
                "/odometry",
                m.ODOMETRY,
                t,
                m.odometry("odom", "base_link", t, pose, np.array([10.0, 0, 0, 0, 0, 0]), np.ones(6), np.ones(6)),
            )
            out.write("/front", m.COMPRESSED_IMAGE, t, m.compressed_image("front", t, jpeg, "jpeg"))
            out.write("/front/info", m.CAMERA_INFO, t, m.camera_info("front", t, (96, 64), K))
            here = np.concatenate([points - [STEP * k % 6.0, 0.0, 0.0], BOX, BUSH - [STEP * k, 0.0, 0.0]])
            for name, T in (("top", T_TOP), ("low", T_LOW)):
                seen = geometry.transform_points(geometry.invert(T), here)
                cloud = packed(seen)
                cloud["t"] = 0.0
                out.write(f"/{name}", m.CLOUD, t + 5_000_000, m.cloud(name, t, cloud))
    return path


def changed(**changes: object) -> VehicleConfig:
    """VEHICLE with fields set by dotted path (__ for the dot)."""
    data = deepcopy(VEHICLE)
    for path, value in changes.items():
        *parents, last = path.split("__")
        at = data
        for key in parents:
            at = at.setdefault(key, {})
        at[last] = value
    return VehicleConfig.model_validate(data)


def test_a_true_vehicle_file_has_no_error(bag):
    outcome = check_vehicle(changed(), bag)
    assert outcome.ok, [str(f) for f in outcome.findings]
    assert not [f for f in outcome.findings if f.level == Level.WARNING]
    assert outcome.summary["frames"] == str(FRAMES)
    captions = [caption for caption, _ in outcome.pictures]
    assert any("front" in c for c in captions) and len(outcome.pictures) == 4
    assert all(picture.dtype == np.uint8 and picture.std() > 5 for _, picture in outcome.pictures[:2])


MISTAKES = {
    "topic": ({"lidars__top__topic": "/tops"}, "lidars.top.topic", "/low, /top"),
    "type": ({"lidars__top__topic": "/front"}, "lidars.top.topic", "CompressedImage"),
    "twice": ({"lidars__low__topic": "/top", "lidars__low__frame": "top"}, "lidars.low.topic", "lidars.top.topic"),
    "compressed": ({"cameras__front__compressed": False}, "cameras.front.compressed", "true"),
    "info": ({"cameras__front__info_topic": "/info"}, "cameras.front.info_topic", "/front/info"),
    "frame": ({"lidars__top__frame": "lidar_top"}, "lidars.top.frame", "'top'"),
    "camera frame": ({"cameras__front__frame": "front_optical"}, "cameras.front.frame", "'front'"),
    "tf": ({"base_frame": "base"}, "lidars.top TF", "not connected"),
    "odometry": ({"odometry__topic": "/odom"}, "odometry.topic", "/odometry"),
    "odom frame": ({"odom_frame": "world"}, "odom_frame", "'odom'"),
    "period": ({"lidars__top__period_ms": 50.0}, "lidars.top.period_ms", "100.0"),
    "offset": ({"lidars__low__offset_ms": -900.0}, "lidars.low.offset_ms", "offset_ms"),
    "too narrow": ({"dimensions__width": 1.6}, "dimensions", "travel with the vehicle"),
    "too wide": ({"dimensions__width": 13.2}, "dimensions", "passes through"),
    "extrinsics": ({"extrinsics_from": "file"}, "lidars.top.extrinsics", "none"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_by_its_field(bag, name):
    changes, field, said = MISTAKES[name]
    outcome = check_vehicle(changed(**changes), bag)
    errors = [f for f in outcome.findings if f.level == Level.ERROR]
    assert not outcome.ok
    named = [f for f in errors if f.field.startswith(field)]
    assert named, [str(f) for f in errors]
    assert any(said in str(f) for f in named), [str(f) for f in named]


def by_file(**changes: object) -> VehicleConfig:
    """All extrinsics from the file, true unless changed."""
    places = {}
    for kind, name, T in (("lidars", "top", T_TOP), ("lidars", "low", T_LOW), ("cameras", "front", T_FRONT)):
        rpy = [float(a) for a in geometry.rpy_of(T)]
        places[f"{kind}__{name}__extrinsics"] = {"xyz": T[:3, 3].tolist(), "rpy": rpy}
    return changed(extrinsics_from="file", **(places | changes))


WRONG_PLACES = {
    "too high": ({"lidars__top__extrinsics": {"xyz": [1.0, 0.0, 2.6], "rpy": [0, 0, 0]}}, "lidars.top.extrinsics z", "+0.59"),
    "degrees": ({"lidars__low__extrinsics": {"xyz": [3.4, 0, 0.8], "rpy": [0, 1.5, 0.3]}}, "lidars.low.extrinsics", "leans"),
    "tilted": ({"lidars__top__extrinsics": {"xyz": [1.0, 0, 2.0], "rpy": [0.12, 0, 0]}}, "lidars.top.extrinsics rpy", "tilted"),
    "underground": ({"lidars__top__extrinsics": {"xyz": [1.0, 0, -2.0], "rpy": [0, 0, 0]}}, "lidars.top.extrinsics", "-2.00 m"),
    "beside": ({"lidars__top__extrinsics": {"xyz": [9.0, 0, 2.0], "rpy": [0, 0, 0]}}, "lidars.top.extrinsics", "x 9.00"),
    "not optical": ({"cameras__front__extrinsics": {"xyz": [1.5, 0, 1.6], "rpy": [0, 0, 0]}}, "cameras.front.frame", "up"),
    "yaw": ({"lidars__low__extrinsics": {"xyz": [3.4, 0, 0.8], "rpy": [0, 0, 0.335]}}, "lidars.low.extrinsics", "yaw"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_PLACES)
def test_a_wrong_place_is_named(bag, name):
    changes, field, said = WRONG_PLACES[name]
    findings = check_vehicle(by_file(**changes), bag).findings
    named = [f for f in findings if f.field.startswith(field) and f.level >= Level.WARNING]
    assert any(said in str(f) for f in named), [str(f) for f in findings]


def test_true_places_in_the_file_pass(bag):
    outcome = check_vehicle(by_file(), bag)
    assert outcome.ok, [str(f) for f in outcome.findings]


SHORT_NS = 850_000_000


def spoiled(bag: Path, path: Path, topic: str, edit: Callable[[int, int, Any], tuple[int, Any] | None]) -> Path:
    """The first nine frames with the messages of a topic changed.

    Args:
        edit: number, time of reception and message in; time and message out, or None to leave it out.
    """
    with BagReader(bag) as reader, BagWriter(path) as out:
        for name, kind in reader.topics.items():
            out.add_topic(name, kind)
        number = 0
        for raw in reader.raw():
            if raw.receive_ns - T0 > SHORT_NS:
                break
            if raw.topic != topic:
                out.write_raw(raw.topic, raw.msgtype, raw.receive_ns, raw.data)
                continue
            changed_to = edit(number, raw.receive_ns, reader.decode(raw))
            number += 1
            if changed_to is not None:
                out.write(raw.topic, raw.msgtype, *changed_to)
    return path


def info_with(size: tuple[int, int] = (96, 64), k: np.ndarray = K, after: int = 0, **more: Any) -> Any:
    """An edit: CameraInfo as given from its ``after``-th message on."""
    return lambda n, t, old: (t, m.camera_info("front", t, size, k, **more) if n >= after else old)


def rest(n: int, t: int, message: Any) -> tuple[int, Any]:
    """No change."""
    return t, message


def later(seconds: float) -> Any:
    """An edit: received so much later."""
    return lambda n, t, message: (t + round(seconds * 1e9), message)


FRONT, INFO = "cameras.front", "/front/info"
WRONG_MESSAGES = {
    "zeros": (INFO, info_with(k=np.zeros((3, 3))), f"{FRONT} k ({INFO})", "focal lengths above 0", Level.ERROR),
    "no size": (INFO, info_with((0, 0)), f"{FRONT} width x height ({INFO})", "found 0 x 0", Level.ERROR),
    "other size": (INFO, info_with((48, 32)), f"{FRONT} data", "96 x 64 px, but CameraInfo says 48 x 32", Level.ERROR),
    "unknown lens": (INFO, info_with(model="fisheye62"), f"{FRONT} distortion_model, d", "'fisheye62'", Level.ERROR),
    "other lens": (INFO, info_with(k=K * [[1.1], [1.1], [1]], after=4), f"{FRONT} CameraInfo ({INFO})", "k[0] 60 -> 66", Level.WARNING),
    "optical centre": (INFO, info_with(k=np.array([[60.0, 0, 88], [0, 60, 32], [0, 0, 1]])),
                       f"{FRONT}.info_topic ({INFO}) k", "cx 88", Level.WARNING),
    "squeezed": (INFO, info_with(k=np.array([[60.0, 0, 48], [0, 30, 32], [0, 0, 1]])), f"{FRONT}.info_topic ({INFO}) k", "fy 30", Level.WARNING),
    "never sent": (INFO, lambda n, t, message: None, f"{FRONT}.info_topic", f"messages on {INFO}, found none", Level.ERROR),
    "lidar off": ("/low", lambda n, t, message: None, "lidars.low.topic", "messages on /low, found none", Level.ERROR),
    "camera off": ("/front", lambda n, t, message: None, f"{FRONT}.topic", "messages on /front, found none", Level.ERROR),
    "odometry off": ("/odometry", lambda n, t, message: None, "odometry.topic", "messages on /odometry, found none", Level.ERROR),
    "lidar's clock ahead": ("/low", later(-0.2), "lidars.low.offset_ms", "0.195 s after it", Level.ERROR),
    "camera's clock ahead": ("/front", later(-0.2), f"{FRONT}.offset_ms", "0.200 s after it", Level.ERROR),
    "camera's clock behind": ("/front", later(0.6), f"{FRONT}.offset_ms", "0.600 s before it", Level.ERROR),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_MESSAGES)
def test_a_wrong_message_is_named_by_its_field(bag, tmp_path, name):
    topic, edit, field, said, level = WRONG_MESSAGES[name]
    outcome = check_vehicle(changed(), spoiled(bag, tmp_path / "bag", topic, edit))
    named = [f for f in outcome.findings if f.field.startswith(field) and f.level == level]
    assert any(said in str(f) for f in named), [str(f) for f in outcome.findings]
    assert outcome.ok == (level != Level.ERROR)


def test_what_is_spoiled_is_sound_without_it(bag, tmp_path):
    outcome = check_vehicle(changed(), spoiled(bag, tmp_path / "bag", INFO, rest))
    assert not [f for f in outcome.findings if f.level >= Level.WARNING], [str(f) for f in outcome.findings]


def test_transforms_that_change_are_named(bag, tmp_path):
    with BagReader(bag) as reader, BagWriter(tmp_path / "bag") as out:
        for raw in reader.raw():
            if raw.receive_ns - T0 > SHORT_NS:
                break
            if raw.topic == "/front" and raw.receive_ns == T0 + 500_000_000:
                elsewhere = geometry.make_transform(None, (1.0, 0.3, 2.0))
                out.write("/tf_static", m.TF, raw.receive_ns, m.transforms(T0, [("base_link", "top", elsewhere)]))
            out.write_raw(raw.topic, raw.msgtype, raw.receive_ns, raw.data)
    findings = check_vehicle(changed(), tmp_path / "bag").findings
    named = [f for f in findings if f.field == "lidars.top TF (/tf_static)"]
    assert any("moved by 0.300 m" in str(f) for f in named), [str(f) for f in findings]


MOTION_TOPICS = {
    "imu": ("odometry.imu_topic", "sensor_msgs/Imu"),
    "speed": ("odometry.speed_topic", "geometry_msgs/TwistStamped"),
    "hitch": ("hitch.topic", "sensor_msgs/JointState"),
}


@pytest.mark.parametrize("found", ["nothing", "another type", "no message"])
def test_topics_of_motion_and_hitch_are_checked(found):
    hitch = {"x": 0.0, "trailer_length": 8.0, "trailer_width": 2.5, "topic": "/hitch"}
    car = changed(odometry={"topic": "", "imu_topic": "/imu", "speed_topic": "/speed"}, hitch=hitch)
    recorded = dict(expected_types(car).values())
    counts = dict.fromkeys(recorded, 7) | ({f"/{name}": 0 for name in MOTION_TOPICS} if found == "no message" else {})
    for name in MOTION_TOPICS:
        if found == "nothing":
            del recorded[f"/{name}"]
        elif found == "another type":
            recorded[f"/{name}"] = "std_msgs/msg/String"
    recorded["/tf_static"] = m.TF
    assert not check_topics(car, recorded | dict(expected_types(car).values()), dict.fromkeys(counts, 7))
    said = {
        "nothing": "no such topic in the recording",
        "another type": "found std_msgs/String",
        "no message": "found none",
    }
    findings = {f.field: str(f) for f in check_topics(car, recorded, counts)}
    assert set(findings) == {field for field, _ in MOTION_TOPICS.values()}
    for field, kind in MOTION_TOPICS.values():
        assert said[found] in findings[field] and (found == "no message" or kind in findings[field])


def test_a_bumper_behind_the_front_axle_is_named(bag):
    (finding,) = [f for f in check_file(changed(dimensions__front=2.0)) if f.field == "dimensions.front"]
    assert "2.70 m" in str(finding) and "2.00 m" in str(finding)


def test_command(bag, tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(yaml.safe_dump(VEHICLE, sort_keys=False))
    bad.write_text(yaml.safe_dump(VEHICLE, sort_keys=False).replace("topic: /low", "topic: /lower"))
    page = tmp_path / "check.html"
    run = CliRunner()
    done = run.invoke(app, ["vehicle", "check", str(good), str(bag), "-o", str(page)])
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 4 and "http" not in text.replace("http-equiv", "")
    assert run.invoke(app, ["vehicle", "check", str(good), str(bag), "-o", str(page)]).exit_code == 2
    assert page.read_text() == text
    failed = run.invoke(app, ["vehicle", "check", str(bad), str(bag)])
    assert failed.exit_code == 1 and "lidars.low.topic: expected sensor_msgs/PointCloud2 on /lower" in failed.output
    assert run.invoke(app, ["vehicle", "check", str(good), str(tmp_path / "none")]).exit_code == 2
    good.write_text("name: x\n")
    assert run.invoke(app, ["vehicle", "check", str(good), str(bag)]).exit_code == 1
