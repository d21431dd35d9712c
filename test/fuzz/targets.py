"""What is fuzzed: every decoder of bytes that come from outside, and what it may raise (its own error, nothing else)."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.events import events
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.typestore import typestore
from autonomy_perception.config import ConfigError, PerceptionConfig, VehicleConfig, load_perception, load_vehicle
from autonomy_perception.messages import objects
from autonomy_perception.messages.checks import ObjectsError
from autonomy_perception.messages.events import Event, TfMsg, TransformSample
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.sensors.image import decode, pixels
from autonomy_perception.sensors.image_header import ImageError

CORPUS = Path(__file__).parent / "corpus"
STAMP = 1_700_000_000_000_000_000
VEHICLE = """
name: fuzzed
extrinsics_from: file
lidars:
  top: {topic: /cloud, frame: lidar, extrinsics: {xyz: [1.0, 0.0, 2.0], rpy: [0.0, 0.0, 0.0]}}
cameras:
  front: {topic: /image, info_topic: /info, frame: camera, extrinsics: {xyz: [1, 0, 2], rpy: [-1.57, 0, -1.57]}}
  rear: {topic: /raw, info_topic: /info2, frame: camera, compressed: false, extrinsics: {xyz: [1, 0, 2], rpy: [-1.57, 0, 1.57]}}
odometry: {topic: /odometry, imu_topic: /imu, speed_topic: /speed}
dimensions: {front: 3.5, rear: 1.0, width: 1.9, height: 1.7, wheelbase: 2.7}
hitch: {x: 0.0, trailer_length: 8.0, trailer_width: 2.5, topic: /hitch}
"""
TOPICS = {
    "cloud": ("/cloud", "sensor_msgs/msg/PointCloud2"), "image": ("/image", "sensor_msgs/msg/CompressedImage"),
    "raw": ("/raw", "sensor_msgs/msg/Image"), "info": ("/info", "sensor_msgs/msg/CameraInfo"),
    "tf": ("/tf", "tf2_msgs/msg/TFMessage"), "odometry": ("/odometry", "nav_msgs/msg/Odometry"),
    "imu": ("/imu", "sensor_msgs/msg/Imu"), "speed": ("/speed", "geometry_msgs/msg/TwistStamped"),
    "hitch": ("/hitch", "sensor_msgs/msg/JointState"),
}  # fmt: skip
"""Topic and type by the first word of a corpus file's name."""
OBJECTS = {kind.lower(): f"autonomy_perception_msgs/msg/{kind}ObjectArray" for kind in ("Detected", "Tracked")}


@cache
def vehicle() -> VehicleConfig:
    return VehicleConfig.model_validate(yaml.safe_load(VEHICLE))


@cache
def library() -> CpuLibrary:
    return CpuLibrary()


def context() -> list[Event]:
    """What a front end has to know before a cloud or an image can become a frame."""
    mount = TransformSample("base_link", "imu", 0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    return [TfMsg("/tf_static", STAMP, 0, True, [mount]), message((CORPUS / "cdr" / "info.bin").read_bytes(), "info")]


def message(cdr: bytes, kind: str) -> Event:
    """A CDR message as an event; raises whatever the deserialiser raises."""
    topic, msgtype = TOPICS[kind]
    decoded = typestore().deserialize_cdr(cdr, msgtype)
    return CONVERTERS[msgtype](topic, decoded, STAMP, 0)


def fuzz_cdr(data: bytes, kind: str) -> None:
    """A message through the front end: faults are noted, never raised, and not one of them is unexpected."""
    try:
        typestore().deserialize_cdr(data, TOPICS[kind][1])
    except Exception:  # bags.reader makes a BagError of whatever the deserialiser raises: fuzz_mcap
        return
    front = SensorFrontEnd(PerceptionConfig(), vehicle(), library())
    event = message(data, kind)
    frames = [frame for e in (*context(), event) for frame in front.feed(e)]
    frames += front.poll(STAMP + 10**9)
    for frame in frames:
        for camera in frame.cameras:
            with contextlib.suppress(ImageError):
                assert pixels(camera).shape == (camera.model.height, camera.model.width, 3)
    unexpected = [str(c.newest) for c in front.diagnostics().faults if c.newest.sensor == "front_end"]
    assert not unexpected, unexpected


def fuzz_objects(data: bytes, kind: str) -> None:
    """Another node's objects: what is not left out, and named, is finite and what its field says it is."""
    try:
        decoded = typestore().deserialize_cdr(data, OBJECTS[kind])
    except Exception:  # the middleware hands on nothing that it cannot read
        return
    try:
        event = objects.CONVERTERS[OBJECTS[kind]]("/objects", decoded, STAMP, 0)
    except ObjectsError as e:
        assert "expected" in str(e)
        return
    found = event.objects
    assert found is not None and bool(event.refused) == (len(found) < len(decoded.objects))
    for name in (f.name for f in fields(found) if f.name != "frame_id"):
        values = getattr(found, name)
        unmeasured = np.isnan(values).all(axis=1) if (kind, name) == ("detected", "velocity") else False
        finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        assert len(values) == len(found) and np.all(finite | unmeasured), name
    assert (np.diagonal(found.covariance, axis1=1, axis2=2)[:, :4] > -2e-6).all()
    assert (found.size > 0).all() and ((found.existence >= 0) & (found.existence <= 1)).all()
    assert (found.class_probs >= 0).all() and np.allclose(found.class_probs.sum(axis=1), 1.0, atol=1e-5)


def fuzz_image(data: bytes, kind: str) -> None:
    for image_format in ("", "mono8; png compressed mono8", "bayer_rggb8; jpeg compressed "):
        with contextlib.suppress(ImageError):
            assert decode(data, image_format).ndim == 3


def fuzz_yaml(data: bytes, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.yaml"
        path.write_bytes(data)
        try:
            (load_vehicle if kind == "vehicle" else load_perception)(path)
        except ConfigError as e:
            assert len(str(e)) < 20_000


def read_all(path: Path) -> None:
    """Everything that is done with a bag: described, decoded, turned into events."""
    try:
        with BagReader(path) as bag:
            _ = bag.topics, bag.counts, bag.span_ns, bag.notes, bag.latched_topics, bag.message_count
            for _item in bag.messages():
                pass
        for _event in events(path, vehicle()):
            pass
    except BagError as e:
        assert "\n" not in str(e)


def fuzz_mcap(data: bytes, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bag.mcap"
        path.write_bytes(data)
        read_all(path)


def fuzz_metadata(data: bytes, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "metadata.yaml").write_bytes(data)
        (Path(folder) / "bag.mcap").write_bytes((CORPUS / "mcap" / "small.mcap").read_bytes())
        read_all(Path(folder))


def fuzz_sqlite(data: bytes, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        metadata = (CORPUS / "metadata" / "sqlite.yaml").read_bytes()
        (Path(folder) / "metadata.yaml").write_bytes(metadata)
        (Path(folder) / "sqlite.db3").write_bytes(data)
        read_all(Path(folder))


TARGETS: dict[str, Callable[[bytes, str], None]] = {
    "cdr": fuzz_cdr, "image": fuzz_image, "yaml": fuzz_yaml, "mcap": fuzz_mcap, "metadata": fuzz_metadata,
    "sqlite": fuzz_sqlite, "objects": fuzz_objects,
}  # fmt: skip


def seeds(target: str) -> list[tuple[str, bytes]]:
    """Corpus of a target: (kind, bytes); the kind is the first word of the file's name."""
    files = sorted(p for p in (CORPUS / target).iterdir() if p.is_file())
    return [(p.stem.split("-")[0], p.read_bytes()) for p in files]
