"""Writes the seeds of the corpus: small, sound inputs of every kind (``python test/fuzz/make_corpus.py``).

Inputs that once broke a decoder lie beside them as KIND-what.bin and are kept by hand.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.typestore import typestore
from autonomy_perception.bags.writer import BagWriter

CORPUS = Path(__file__).parent / "corpus"
ROOT = Path(__file__).parents[2]
STAMP = 1_700_000_000_000_000_000
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2"), ("time", "<f4")])


def cloud(n: int = 24) -> Any:
    points = np.zeros(n, POINT)
    points["x"], points["y"], points["z"] = np.linspace(5, 20, n), np.linspace(-4, 4, n), -1.0
    points["time"], points["ring"], points["intensity"] = (
        np.linspace(-0.1, 0, n),
        np.arange(n) % 4,
        np.linspace(0, 255, n),
    )
    return m.cloud("lidar", STAMP, points)


def images() -> dict[str, bytes]:
    y, x = np.mgrid[0:12, 0:16]
    rgb = np.stack([16 * x, 20 * y, 8 * (x + y)], -1).astype(np.uint8)
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 1]
    return {
        "colour.png": cv2.imencode(".png", rgb)[1].tobytes(), "grey.png": cv2.imencode(".png", rgb[..., 0])[1].tobytes(),
        "deep.png": cv2.imencode(".png", rgb.astype(np.uint16) * 257)[1].tobytes(),
        "alpha.png": cv2.imencode(".png", np.dstack([rgb, rgb[..., :1]]))[1].tobytes(),
        "plain.jpg": cv2.imencode(".jpg", rgb)[1].tobytes(), "grey.jpg": cv2.imencode(".jpg", rgb[..., 0])[1].tobytes(),
        "progressive.jpg": cv2.imencode(".jpg", rgb, progressive)[1].tobytes(),
    }  # fmt: skip


def make(msgtype: str, *values: Any) -> Any:
    """A message with its fields in order."""
    return typestore().types[msgtype](*values)


def cdr() -> dict[str, Any]:
    """A message of every kind, by the name that targets.TOPICS knows."""
    header, K = m.header, np.array([[20.0, 0, 8], [0, 20, 6], [0, 0, 1]])
    zero9, vector = np.zeros(9), m.vector((0.0, 0.0, 0.1))
    twist = make("geometry_msgs/msg/Twist", m.vector((5.0, 0, 0)), vector)
    raw = np.arange(16 * 12 * 3, dtype=np.uint8) % 200
    quaternion = make("geometry_msgs/msg/Quaternion", 0.0, 0.0, 0.0, 1.0)
    return {
        "cloud": cloud(), "image": m.compressed_image("camera", STAMP, images()["plain.jpg"], "bgr8; jpeg compressed bgr8"),
        "raw": make("sensor_msgs/msg/Image", header("camera", STAMP), 12, 16, "rgb8", 0, 48, raw),
        "raw-nv12": make("sensor_msgs/msg/Image", header("camera", STAMP), 12, 16, "nv12", 0, 16, raw[: 16 * 18]),
        "raw-bayer": make("sensor_msgs/msg/Image", header("camera", STAMP), 12, 16, "bayer_rggb16", 1, 32, raw[: 32 * 12]),
        "info": m.camera_info("camera", STAMP, (16, 12), K),
        "tf": m.transforms(STAMP, [("base_link", "lidar", geometry.make_transform(None, (1, 0, 2))), ("lidar", "imu", np.eye(4))]),
        "odometry": m.odometry("odom", "base_link", STAMP, np.eye(4), np.zeros(6), np.zeros(6), np.zeros(6)),
        "imu": make("sensor_msgs/msg/Imu", header("imu", STAMP), quaternion, zero9, vector, zero9, m.vector((0, 0, 9.81)), zero9),
        "speed": make("geometry_msgs/msg/TwistStamped", header("base_link", STAMP), twist),
        "hitch": make("sensor_msgs/msg/JointState", header("", STAMP), ["hitch"], np.array([0.1]), np.zeros(1), np.zeros(1)),
    }  # fmt: skip


def objects() -> dict[str, Any]:
    """Three objects each of another detector and of another tracker."""
    ours, cov, zero = "autonomy_perception_msgs/msg/", np.eye(6).ravel(), m.vector((0.0, 0.0, 0.0))
    twist = make(
        "geometry_msgs/msg/TwistWithCovariance", make("geometry_msgs/msg/Twist", m.vector((5.0, 0, 0)), zero), cov
    )
    accel = make("geometry_msgs/msg/AccelWithCovariance", make("geometry_msgs/msg/Accel", zero, zero), cov)
    box = make(ours + "Shape", 0, make("geometry_msgs/msg/Polygon", []), m.vector((4.5, 1.9, 1.6)))
    kinds = [make(ours + "ObjectClassification", label, p) for label, p in ((1, 0.75), (11, 0.25))]
    places = [
        make(
            "geometry_msgs/msg/PoseWithCovariance",
            m.pose(geometry.make_transform(geometry.rotation_z(k), (9 * k, 2, 1))),
            cov,
        )
        for k in range(3)
    ]
    moves = [make(ours + "DetectedObjectKinematics", p, True, k, twist, k > 0, False) for k, p in enumerate(places)]
    found = [make(ours + "DetectedObject", 0.5, kinds, motion, box, 40, 1) for motion in moves]
    states = [make(ours + "TrackedObjectKinematics", p, twist, accel, k, False) for k, p in enumerate(places)]
    name = make("unique_identifier_msgs/msg/UUID", np.arange(16, dtype=np.uint8))
    tracks = [make(ours + "TrackedObject", name, 0.75, kinds, motion, box, 3.0, 0.0) for motion in states]
    return {
        "detected": make(ours + "DetectedObjectArray", m.header("base_link", STAMP), found),
        "tracked": make(ours + "TrackedObjectArray", m.header("odom", STAMP), tracks),
    }


def write_bag(folder: Path) -> Path:
    """A bag with one message of each kind."""
    from targets import TOPICS

    bag = folder / "bag"
    with BagWriter(bag, {"importer": "none"}) as writer:
        for kind, message in cdr().items():
            if kind in TOPICS:
                writer.write(*TOPICS[kind], STAMP, message)
    return bag


def write_sqlite(folder: Path) -> Path:
    """The same in SQLite."""
    from targets import TOPICS

    bag = folder / "sqlite"
    with Writer(bag, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        for kind, message in cdr().items():
            if kind in TOPICS:
                topic, msgtype = TOPICS[kind]
                connection = writer.add_connection(topic, msgtype, typestore=typestore())
                writer.write(connection, STAMP, typestore().serialize_cdr(message, msgtype))
    return bag


def main() -> None:
    for name, data in images().items():
        put(f"image/{name}", data)
    for folder, messages in (("cdr", cdr()), ("objects", objects())):
        for name, message in messages.items():
            put(f"{folder}/{name}.bin", bytes(typestore().serialize_cdr(message, message.__msgtype__)))
    with tempfile.TemporaryDirectory() as folder:
        bag = write_bag(Path(folder))
        put("mcap/small.mcap", next(bag.glob("*.mcap")).read_bytes())
        sqlite = write_sqlite(Path(folder))
        put("sqlite/small.db3", next(sqlite.glob("*.db3")).read_bytes())
        put("metadata/sqlite.yaml", (sqlite / "metadata.yaml").read_bytes())
        put("metadata/small.yaml", (bag / "metadata.yaml").read_bytes())
    for source, target in (
        ("demo_truck", "vehicle-demo"),
        ("kitti", "vehicle-kitti"),
        ("perception", "params-default"),
    ):
        (CORPUS / "yaml").mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "config" / f"{source}.yaml", CORPUS / "yaml" / f"{target}.yaml")


def put(name: str, data: bytes) -> None:
    path = CORPUS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


if __name__ == "__main__":
    main()
