"""Arrays to message objects of the type store: what importers and recorders write into bags."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.typestore import typestore
from autonomy_perception.types import ObjectClass

F64 = NDArray[np.float64]
CLOUD = "sensor_msgs/msg/PointCloud2"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
TF = "tf2_msgs/msg/TFMessage"
ODOMETRY = "nav_msgs/msg/Odometry"
TRACKED_OBJECTS = "autonomy_perception_msgs/msg/TrackedObjectArray"
_DATATYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}


def make(msgtype: str, *values: Any) -> Any:
    """Message of ``msgtype`` (package/msg/Name) with its fields in order."""
    return typestore().types[msgtype](*values)


def stamp(stamp_ns: int) -> Any:
    """builtin_interfaces/Time of int ns."""
    return make("builtin_interfaces/msg/Time", *divmod(int(stamp_ns), 1_000_000_000))


def header(frame_id: str, stamp_ns: int) -> Any:
    """std_msgs/Header."""
    return make("std_msgs/msg/Header", stamp(stamp_ns), frame_id)


def cloud(frame_id: str, stamp_ns: int, points: NDArray[Any]) -> Any:
    """sensor_msgs/PointCloud2 of a structured array (N,): its dtype is the layout."""
    fields = [
        make("sensor_msgs/msg/PointField", name, int(kind[1]), _DATATYPES[kind[0].str[1:]], 1)
        for name, kind in dict(points.dtype.fields or {}).items()
    ]
    step = points.dtype.itemsize
    data = np.frombuffer(np.ascontiguousarray(points).tobytes(), np.uint8)
    return make(CLOUD, header(frame_id, stamp_ns), 1, len(points), fields, False, step, step * len(points), data, True)


def compressed_image(frame_id: str, stamp_ns: int, encoded: bytes, format_: str) -> Any:
    """sensor_msgs/CompressedImage of JPEG or PNG bytes."""
    return make(COMPRESSED_IMAGE, header(frame_id, stamp_ns), format_, np.frombuffer(encoded, np.uint8))


def camera_info(
    frame_id: str, stamp_ns: int, size: tuple[int, int], K: F64, D: F64 | None = None, model: str = "plumb_bob"
) -> Any:
    """sensor_msgs/CameraInfo: ``size`` (width, height), K (3,3) [px], distortion D of ``model`` (None: rectified)."""
    roi = make("sensor_msgs/msg/RegionOfInterest", 0, 0, 0, 0, False)
    P = np.hstack([K, np.zeros((3, 1))])
    return make(CAMERA_INFO, header(frame_id, stamp_ns), size[1], size[0], model, np.zeros(5) if D is None else D, K.ravel(),
                np.eye(3).ravel(), P.ravel(), 0, 0, roi)  # fmt: skip


def vector(v: Sequence[float] | F64) -> Any:
    """geometry_msgs/Vector3 of three numbers."""
    return make("geometry_msgs/msg/Vector3", *(float(x) for x in v))


def _quaternion(transform: F64) -> Any:
    return make("geometry_msgs/msg/Quaternion", *(float(x) for x in geometry.quaternion_of(transform)))


def pose(transform: F64) -> Any:
    """geometry_msgs/Pose of a transform (4,4)."""
    point = make("geometry_msgs/msg/Point", *(float(x) for x in transform[:3, 3]))
    return make("geometry_msgs/msg/Pose", point, _quaternion(transform))


def transforms(stamp_ns: int, edges: Sequence[tuple[str, str, F64]]) -> Any:
    """tf2_msgs/TFMessage of (parent, child, T_parent_child (4,4)) at one stamp."""
    out = []
    for parent, child, T in edges:
        transform = make("geometry_msgs/msg/Transform", vector(T[:3, 3]), _quaternion(T))
        out.append(make("geometry_msgs/msg/TransformStamped", header(parent, stamp_ns), child, transform))
    return make(TF, out)


def odometry(frame_id: str, child: str, stamp_ns: int, T: F64, twist: F64, pose_cov: F64, twist_cov: F64) -> Any:
    """nav_msgs/Odometry: pose (4,4), twist (6,) in ``child``, diagonals (6,) of the covariances (0: not known)."""
    at = make("geometry_msgs/msg/PoseWithCovariance", pose(T), np.diag(pose_cov).ravel())
    t = make("geometry_msgs/msg/Twist", vector(twist[:3]), vector(twist[3:]))
    twist_msg = make("geometry_msgs/msg/TwistWithCovariance", t, np.diag(twist_cov).ravel())
    return make(ODOMETRY, header(frame_id, stamp_ns), child, at, twist_msg)


@dataclass(frozen=True)
class TruthObject:
    """One labelled object: identity text, class, pose of the box centre (4,4), size l w h [m].

    ``velocity`` (vx, vy) [m/s] is over ground, in the axes of the header's frame; None where it is not labelled.
    """

    identity: str
    kind: ObjectClass
    pose: F64
    size: tuple[float, float, float]
    velocity: tuple[float, float] | None = None


def truth(frame_id: str, stamp_ns: int, objects: Sequence[TruthObject]) -> Any:
    """autonomy_perception_msgs/TrackedObjectArray of labels; NaN covariance: not labelled. Twists are in the object's axes."""
    unknown, known = np.full(36, np.nan), np.zeros(36)
    zero = vector((0.0, 0.0, 0.0))
    out = []
    for o in objects:
        kind = make("autonomy_perception_msgs/msg/ObjectClassification", int(o.kind), 1.0)
        at = make("geometry_msgs/msg/PoseWithCovariance", pose(o.pose), np.zeros(36))
        linear = zero if o.velocity is None else vector(o.pose[:3, :3].T @ np.array([*o.velocity, 0.0]))
        spread = unknown if o.velocity is None else known
        twist = make("geometry_msgs/msg/TwistWithCovariance", make("geometry_msgs/msg/Twist", linear, zero), spread)
        accel = make("geometry_msgs/msg/AccelWithCovariance", make("geometry_msgs/msg/Accel", zero, zero), unknown)
        motion = make("autonomy_perception_msgs/msg/TrackedObjectKinematics", at, twist, accel, 2, False)
        shape = make("autonomy_perception_msgs/msg/Shape", 0, make("geometry_msgs/msg/Polygon", []), vector(o.size))
        digest = np.frombuffer(uuid.uuid5(uuid.NAMESPACE_URL, o.identity).bytes, np.uint8)
        uid = make("unique_identifier_msgs/msg/UUID", digest)
        out.append(make("autonomy_perception_msgs/msg/TrackedObject", uid, 1.0, [kind], motion, shape, 0.0, 0.0))
    return make(TRACKED_OBJECTS, header(frame_id, stamp_ns), out)
