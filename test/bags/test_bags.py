"""Bags: what is written is read back bit by bit; what cannot be read says why in one line."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.events import events
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.summary import summarise
from autonomy_perception.bags.typestore import message_files, typestore
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.config import VehicleConfig
from autonomy_perception.messages.events import CameraInfoMsg, CloudMsg, ImageMsg, OdomMsg, TfMsg
from autonomy_perception.types import ObjectClass

T0 = 1_700_000_000_000_000_000
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])
K = np.array([[500.0, 0, 320], [0, 501, 240], [0, 0, 1]])


def points(n: int) -> np.ndarray:
    return np.frombuffer(np.random.default_rng(n).integers(0, 255, n * 16, np.uint8).tobytes(), POINT)


def write(path: Path, frames: int = 5) -> Path:
    T = geometry.make_transform(geometry.rotation_rpy(0.1, 0.2, 0.3), (1, 2, 3))
    with BagWriter(path, {"source": "test"}) as bag:
        bag.write("/tf_static", m.TF, T0, m.transforms(T0, [("base_link", "lidar", T), ("lidar", "camera", T)]))
        for k in range(frames):
            t = T0 + k * 100_000_000
            bag.write("/points", m.CLOUD, t, m.cloud("lidar", t, points(50 + k)))
            bag.write("/image", m.COMPRESSED_IMAGE, t, m.compressed_image("camera", t, b"\x89PNG" + bytes(k), "png"))
            bag.write("/info", m.CAMERA_INFO, t, m.camera_info("camera", t, (640, 480), K))
            odom = m.odometry("odom", "base_link", t, T, np.arange(6.0), np.zeros(6), np.ones(6))
            bag.write("/odometry", m.ODOMETRY, t + 1, odom)
    return path


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    return write(tmp_path / "drive")


def test_our_message_definitions_are_found_and_registered():
    names = {
        f"{package}/msg/{path.stem}"
        for package in ("autonomy_perception_msgs", "grid_map_msgs")
        for path in message_files(package)
    }
    assert {"autonomy_perception_msgs/msg/TrackedObjectArray", "grid_map_msgs/msg/GridMap"} <= names
    assert names <= set(typestore().fielddefs)


@given(st.lists(st.tuples(st.sampled_from(["/a", "/b", "/c"]), st.integers(0, 20), st.integers(0, 300)), max_size=30))
@settings(max_examples=25, deadline=None)
def test_raw_bytes_come_back_in_order_and_unchanged(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("bag") / "x"
    sent = [(topic, T0 + t, typestore().serialize_cdr(m.cloud("f", T0, points(n)), m.CLOUD)) for topic, t, n in entries]
    with BagWriter(path) as bag:
        for topic, t, data in sent:
            bag.write_raw(topic, m.CLOUD, t, bytes(data))
    with BagReader(path) as bag:
        got = [(r.topic, r.receive_ns, r.data) for r in bag.raw()]
        assert bag.message_count == len(sent)
        if sent:
            assert bag.span_ns == (min(s[1] for s in sent), max(s[1] for s in sent))
    assert got == sorted(((t, ns, bytes(d)) for t, ns, d in sent), key=lambda s: s[1])


def test_the_bag_is_a_folder_as_rosbag2_writes_it(bag):
    assert sorted(p.name for p in bag.iterdir()) == ["drive.mcap", "metadata.yaml"]
    text = (bag / "metadata.yaml").read_text()
    assert "storage_identifier: mcap" in text and "drive.mcap" in text and "transient_local" in text
    assert [p.name for p in bag.parent.iterdir()] == ["drive"]


def test_events_carry_what_was_written(bag):
    vehicle = VehicleConfig.model_validate({
        "name": "v", "lidars": {"top": {"topic": "/points", "frame": "lidar"}}, "odometry": {"topic": "/odometry"},
        "cameras": {"front": {"topic": "/image", "info_topic": "/info", "frame": "camera"}},
        "dimensions": {"front": 3, "rear": 1, "width": 2, "height": 2, "wheelbase": 3}})  # fmt: skip
    found = list(events(bag, vehicle))
    assert [type(e) for e in found[:5]] == [TfMsg, CloudMsg, ImageMsg, CameraInfoMsg, OdomMsg]
    assert [e.receive_ns for e in found] == sorted(e.receive_ns for e in found) and len(found) == 21
    tf, cloud, image, info, odom = found[:5]
    assert tf.static and tf.transforms[0].translation == (1.0, 2.0, 3.0)
    np.testing.assert_allclose(
        geometry.rotation_of(tf.transforms[0].quaternion), geometry.rotation_rpy(0.1, 0.2, 0.3), atol=1e-12
    )
    assert bytes(cloud.data) == points(50).tobytes() and cloud.point_step == 16 and cloud.stamp_ns == T0
    assert [(f.name, f.offset, f.datatype) for f in cloud.fields] == [
        ("x", 0, 7),
        ("y", 4, 7),
        ("z", 8, 7),
        ("intensity", 12, 7),
    ]
    assert bytes(image.data) == b"\x89PNG" and image.compressed
    np.testing.assert_array_equal(info.K, K)
    assert odom.twist == (0, 1, 2, 3, 4, 5) and odom.child_frame_id == "base_link" and odom.receive_ns == T0 + 1


def test_a_sensor_topic_of_another_type_is_named(bag):
    vehicle = VehicleConfig.model_validate({"name": "v", "lidars": {"top": {"topic": "/truth", "frame": "l"}},
        "dimensions": {"front": 3, "rear": 1, "width": 2, "height": 2, "wheelbase": 3}})  # fmt: skip
    path = bag.parent / "other"
    with BagWriter(path) as out:
        out.write("/truth", m.TRACKED_OBJECTS, T0, m.truth("base_link", T0, []))
    with pytest.raises(
        BagError, match=r"/truth: expected one of sensor_msgs/msg/PointCloud2.* found autonomy_perception_msgs"
    ):
        list(events(path, vehicle))


def test_labels_survive(tmp_path):
    pose = geometry.make_transform(geometry.rotation_z(0.5), (10, 2, 0.8))
    with BagWriter(tmp_path / "b") as out:
        out.write(
            "/t",
            m.TRACKED_OBJECTS,
            T0,
            m.truth("base_link", T0, [m.TruthObject("a/1", ObjectClass.CAR, pose, (4, 1.8, 1.5))]),
        )
    with BagReader(tmp_path / "b") as bag:
        ((_, message),) = bag.messages()
    (o,) = message.objects
    assert o.classification[0].label == 1 and o.shape.dimensions.x == 4.0
    assert o.kinematics.pose_with_covariance.pose.position.x == 10.0
    assert np.isnan(o.kinematics.twist_with_covariance.covariance[0])


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path, bag):
    with pytest.raises(BagError, match="exists already"):
        BagWriter(bag)

    def interrupted():
        with BagWriter(tmp_path / "half") as out:
            out.write("/p", m.CLOUD, T0, m.cloud("l", T0, points(3)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["drive"]


def test_two_writers_of_one_bag(tmp_path):
    with BagWriter(tmp_path / "b") as first:
        first.add_topic("/p", m.CLOUD)
        with pytest.raises(BagError, match=f"being written by process {os.getpid()}"), BagWriter(tmp_path / "b"):
            pass
    with BagReader(tmp_path / "b") as bag:
        assert bag.topics == {"/p": m.CLOUD} and bag.counts == {"/p": 0}
    for name, number in (("c", "999999999"), ("d", str(os.getpid())), ("e", "1"), ("f", "")):  # killed long ago
        (tmp_path / f".{name}.part").mkdir()
        (tmp_path / f".{name}.part" / "pid").write_text(number)  # numbers repeat, after a power cut in a container say
        write(tmp_path / name, 1)
        assert not (tmp_path / f".{name}.part").exists()


WRITES_AND_WAITS = """
import sys
from pathlib import Path
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.writer import BagWriter
with BagWriter(Path(sys.argv[1]), keep_cut_off=True) as out:
    out.add_topic("/p", m.CLOUD)
    print("writing", flush=True)
    sys.stdin.read()
"""
CONTENDS = """
import sys
from pathlib import Path
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.writer import BagWriter
folder, number = Path(sys.argv[1]), sys.argv[2]
(folder / f"ready{number}").touch()
while not (folder / f"ready{1 - int(number)}").exists():
    pass
for k in range(100):
    while True:
        try:
            with BagWriter(folder / f"bag{k}", {"winner": number}) as out:
                out.add_topic("/p", m.CLOUD)
            print(k)
        except BagError as e:
            if "exists already" in str(e):
                break
            assert "being written by process" in str(e), e
"""


def process(script, *arguments):
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], stdin=pipe, stdout=pipe, text=True)


def test_a_bag_of_another_process_is_left_alone_until_that_has_ended(tmp_path):
    with process(WRITES_AND_WAITS, tmp_path / "b") as other:
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(BagError, match=f"being written by process {other.pid}$"), BagWriter(tmp_path / "b"):
            pass
        other.kill()
    with BagWriter(tmp_path / "b") as mine:
        assert mine.cut_off == tmp_path / "b.cut_off" and (mine.cut_off / "b.mcap").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "b.cut_off"]


def test_of_two_processes_one_makes_the_bag(tmp_path):
    with process(CONTENDS, tmp_path, 0) as a, process(CONTENDS, tmp_path, 1) as b:
        won = sorted(int(line) for other in (a, b) for line in other.stdout)
    assert a.returncode == b.returncode == 0 and won == list(range(100))
    assert {p.name for p in tmp_path.iterdir()} == {"ready0", "ready1", *(f"bag{k}" for k in range(100))}


def test_nothing_stays_where_writing_cannot_begin(tmp_path, monkeypatch):
    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken, pytest.raises(BagError, match="No space left"):
        broken.setattr("autonomy_perception.bags.writer.Writer.open", full)
        with BagWriter(tmp_path / "b"):
            pass
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "b", 1)


def test_an_unwritable_place_and_an_unknown_type_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BagError, match=r"file/bag: cannot be written: Not a directory"),
        BagWriter(tmp_path / "file" / "bag"),
    ):
        pass
    with pytest.raises(BagError, match=r"/x: unknown message type my_msgs/msg/Thing"), BagWriter(tmp_path / "b") as out:
        out.write_raw("/x", "my_msgs/msg/Thing", T0, b"")
    assert not (tmp_path / "b").exists()


def break_bag(bag: Path, how: str) -> Path:
    mcap = bag / "drive.mcap"
    data = mcap.read_bytes()
    if how == "half":
        mcap.write_bytes(data[: len(data) // 2])
    elif how == "no end":
        mcap.write_bytes(data[:-3])
    elif how == "empty":
        mcap.write_bytes(b"")
    elif how == "noise":
        mcap.write_bytes(np.random.default_rng(0).bytes(len(data)))
    elif how == "no metadata":
        (bag / "metadata.yaml").unlink()
    elif how == "metadata noise":
        (bag / "metadata.yaml").write_text("][")
    elif how == "metadata of something else":
        (bag / "metadata.yaml").write_text("name: x")
    elif how == "file missing":
        mcap.unlink()
    elif how == "nowhere":
        return bag.parent / "nowhere"
    elif how == "text file":
        (bag.parent / "notes.txt").write_text("hello")
        return bag.parent / "notes.txt"
    elif how == "empty folder":
        (bag.parent / "folder").mkdir()
        return bag.parent / "folder"
    return bag


@pytest.mark.parametrize("how", ["half", "no end", "empty", "noise", "no metadata", "metadata noise", "metadata of something else",
                                 "file missing", "nowhere", "text file", "empty folder"])  # fmt: skip
def test_what_is_no_bag_is_one_clear_error(bag, how):
    path = break_bag(bag, how)

    def read() -> None:
        with BagReader(path) as reader:
            for _ in reader.messages():
                pass

    with pytest.raises(BagError) as error:
        read()
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_bare_mcap_is_read_too(bag):
    with BagReader(bag / "drive.mcap") as reader:
        assert reader.message_count == 21


def test_a_message_that_cannot_be_decoded_is_named(tmp_path):
    with BagWriter(tmp_path / "b") as out:
        out.write_raw("/p", m.CLOUD, T0, b"\x00\x01\x00\x00" + b"\xff" * 20)
    with (
        BagReader(tmp_path / "b") as reader,
        pytest.raises(BagError, match=r"/p: sensor_msgs/msg/PointCloud2 at .* cannot be decoded"),
    ):
        list(reader.messages())
    (topic,) = summarise(tmp_path / "b").topics
    assert "cannot be decoded" in topic.faults[0]


def test_a_summary_tells_rates_gaps_layouts_and_frames(tmp_path):
    with BagWriter(tmp_path / "b", {"stamps": "derived"}) as out:
        out.write("/tf_static", m.TF, T0, m.transforms(T0, [("base_link", "lidar", np.eye(4))]))
        out.add_topic("/never", m.CLOUD)
        for k in [*range(20), *range(30, 40)]:
            t = T0 + k * 100_000_000
            stamp = t - 40_000_000 - (10**9 if k == 35 else 0)
            out.write("/points", m.CLOUD, t, m.cloud("lidar", stamp, points(3)))
    summary = summarise(tmp_path / "b")
    by_topic = {t.topic: t for t in summary.topics}
    cloud = by_topic["/points"]
    assert (cloud.count, cloud.frames) == (30, {"lidar"})
    assert cloud.rate_hz == pytest.approx(10.0) and cloud.delay_ms == pytest.approx(40.0)
    assert cloud.gaps == [(pytest.approx(1.9), pytest.approx(1.1))]
    assert cloud.layouts == ["x:float32@0 y:float32@4 z:float32@8 intensity:float32@12, 16 bytes a point, unorganised"]
    assert cloud.faults == ["1 header stamps go back in time"]
    assert by_topic["/never"].faults == ["declared, but no message"]
    assert summary.tf == {"lidar": ("base_link", True)} and summary.notes == {"stamps": "derived"}
    assert summary.duration_s == pytest.approx(3.9)


def test_types_nobody_knows_are_read_by_the_definition_in_the_bag(tmp_path):
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_KILTED)
    store.register(get_types_from_msg("std_msgs/Header header\nfloat32[] weights\n", "strange_msgs/msg/Load"))
    head = store.types["std_msgs/msg/Header"](store.types["builtin_interfaces/msg/Time"](7, 0), "crane")
    message = store.types["strange_msgs/msg/Load"](head, np.float32([1, 2.5]))
    with Writer(tmp_path / "b", version=9, storage_plugin=StoragePlugin.MCAP) as out:
        connection = out.add_connection("/load", "strange_msgs/msg/Load", typestore=store)
        out.write(connection, T0, store.serialize_cdr(message, "strange_msgs/msg/Load"))
    with BagReader(tmp_path / "b") as bag:
        ((_, got),) = bag.messages()
    assert got.header.frame_id == "crane" and got.weights.tolist() == [1.0, 2.5]


def test_an_unfinished_recording_is_kept(tmp_path):
    path = tmp_path / "drive"
    writer = BagWriter(path, keep_cut_off=True)
    writer.__enter__()
    writer.write("/tf", m.TF, 1, m.transforms(1, [("a", "b", np.eye(4))]))
    assert writer._writer is not None
    writer._writer.abort()  # as if its process had been killed
    assert writer._owner is not None
    writer._owner.close()
    with BagWriter(path) as again:
        again.write("/tf", m.TF, 1, m.transforms(1, [("a", "b", np.eye(4))]))
        assert again.cut_off == tmp_path / "drive.cut_off"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["drive", "drive.cut_off"]
    other = tmp_path / "other"
    with pytest.raises(BagError, match="the disk is full"), BagWriter(other, keep_cut_off=True) as full:
        raise BagError("the disk is full")
    assert full.cut_off is not None and full.cut_off.is_dir() and not other.exists()
