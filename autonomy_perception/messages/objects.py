"""DetectedObjectArray and TrackedObjectArray: one table of fields each, for both ways.

Covariances of the arrays are over x y z yaw (and vx vy) in frame axes; those on the wire are 6x6 over x y z roll pitch yaw,
twist and acceleration in the object's own axes, over ground.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.messages.checks import (
    FINITE,
    LENGTH,
    LEVEL,
    PROBABILITY,
    ROTATION,
    BadField,
    ObjectsError,
    Sieve,
    covariance,
)  # fmt: skip
from autonomy_perception.messages.classification import class_probs, classifications
from autonomy_perception.messages.events import Event
from autonomy_perception.messages.fields import Columns, Field, Pool, checked, read
from autonomy_perception.messages.parts import XY, XYZ_YAW, from_covariances, stamp_ns, stamped, to_covariances
from autonomy_perception.types import Detections, Tracks

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]
Objects = TypeVar("Objects", Detections, Tracks)

MAX_OBJECTS = 5000
"""More objects in one message are a fault of their sender."""
INT32_MAX = 2**31 - 1
"""Counts of returns are uint32 on the wire and int32 in arrays."""
SIGN_UNKNOWN, AVAILABLE = 1, 2
"""Orientation availability."""
UNKNOWN_COVARIANCE = (0.25, 0.25, 0.25, 0.01)
"""Variances of x y z yaw [m^2, rad^2] of a detection that does not say any."""


@dataclass(frozen=True)
class Kind:
    """A message of objects: its type, that of one object, and the table of an object's fields."""

    msgtype: str
    item: str
    table: tuple[Field, ...]


_POSE, _TWIST = "kinematics.pose_with_covariance", "kinematics.twist_with_covariance"
_ACCELERATION = "kinematics.acceleration_with_covariance"
_BOX = (
    Field("existence", "existence_probability", check=PROBABILITY),
    Field("center", f"{_POSE}.pose.position", "xyz", check=FINITE),
    Field("quaternion", f"{_POSE}.pose.orientation", "xyzw", check=ROTATION),
    Field("size", "shape.dimensions", "xyz", check=LENGTH),
    Field("orientation", "kinematics.orientation_availability", dtype=np.uint8),
)
DETECTED = Kind(
    "autonomy_perception_msgs/msg/DetectedObjectArray", "autonomy_perception_msgs/msg/DetectedObject",
    (
        *_BOX,
        Field("has_covariance", "kinematics.has_position_covariance", dtype=np.bool_),
        Field("pose_covariance", f"{_POSE}.covariance", width=36, check=covariance(XYZ_YAW), given="has_covariance"),
        Field("has_velocity", "kinematics.has_twist", dtype=np.bool_),
        Field("has_velocity_covariance", "kinematics.has_twist_covariance", dtype=np.bool_, read=False),
        Field("velocity", f"{_TWIST}.twist.linear", "xyz", check=LEVEL, given="has_velocity"),
        Field("points", "point_count", dtype=np.uint32),
        Field("source", "source", dtype=np.uint8),
    ),
)  # fmt: skip
TRACKED = Kind(
    "autonomy_perception_msgs/msg/TrackedObjectArray", "autonomy_perception_msgs/msg/TrackedObject",
    (
        *_BOX,
        Field("pose_covariance", f"{_POSE}.covariance", width=36, check=covariance(XYZ_YAW)),
        Field("velocity", f"{_TWIST}.twist.linear", "xyz", check=LEVEL),
        Field("yaw_rate", f"{_TWIST}.twist.angular.z", check=FINITE),
        Field("velocity_covariance", f"{_TWIST}.covariance", width=36, check=covariance(XY)),
        Field("acceleration", f"{_ACCELERATION}.accel.linear", "xy", check=FINITE),
        Field("acceleration_covariance", f"{_ACCELERATION}.covariance", width=36, read=False),
        Field("uuid", "object_id.uuid", width=16, dtype=np.uint8),
        Field("is_stationary", "kinematics.is_stationary", dtype=np.bool_),
        Field("age_s", "age", check=FINITE),
        Field("since_update_s", "time_since_update", check=FINITE),
    ),
)  # fmt: skip


def message_of(pool: Pool, kind: Kind, frame_id: str, at_ns: int, columns: Columns) -> Any:
    """A message of the columns of ``kind``'s table and ``class_probs`` float32 (N, classes); what is not given is zero."""
    count = len(columns["class_probs"])
    objects = pool.filled(kind.item, kind.table, columns, count)
    for item, kinds in zip(objects, classifications(pool, columns["class_probs"]), strict=True):
        item.classification = kinds
    return stamped(pool.classes, kind.msgtype, frame_id, at_ns, objects=objects)


def columns_of(kind: Kind, message: Any) -> Columns:
    """Columns of a message that is trusted, as they are, and ``class_probs``: the way back of :func:`message_of`."""
    columns = read(kind.table, message.objects)
    return {**columns, "class_probs": class_probs(message.objects, Sieve(len(message.objects)))}


def tracked_objects(pool: Pool, tracks: Tracks, at_ns: int) -> Any:
    """autonomy_perception_msgs/TrackedObjectArray of the confirmed tracks."""
    tracks = chosen(tracks, tracks.confirmed)
    turn, full = into_object(tracks.yaw.astype(np.float64)), tracks.covariance.astype(np.float64)
    spread = turn @ full[:, 4:6, 4:6] @ np.swapaxes(turn, 1, 2)
    columns = {
        **_columns(tracks), "velocity": _three(_turned(turn, tracks.velocity)), "acceleration": _turned(turn, tracks.acceleration),
        "velocity_covariance": to_covariances(spread, XY),
    }  # fmt: skip
    return message_of(pool, TRACKED, tracks.frame_id, at_ns, columns)


def detected_objects(pool: Pool, found: Detections, at_ns: int) -> Any:
    """autonomy_perception_msgs/DetectedObjectArray; a velocity that was not measured is left out."""
    velocity = _turned(into_object(found.yaw.astype(np.float64)), found.velocity)
    moving = np.all(np.isfinite(velocity), axis=1)
    columns = {
        **_columns(found), "orientation": np.where(found.yaw_known, AVAILABLE, SIGN_UNKNOWN),
        "has_covariance": np.ones(len(found), np.bool_), "has_velocity": moving,
        "velocity": _three(np.where(moving[:, None], velocity, 0.0)),
    }  # fmt: skip
    return message_of(pool, DETECTED, found.frame_id, at_ns, columns)


def tracks_of(message: Any) -> tuple[Tracks, tuple[BadField, ...]]:
    """TrackedObjectArray of another node to (confirmed) tracks in the header's frame; as :func:`detections_of`."""
    return _checked(TRACKED, message, _tracks)


def detections_of(message: Any) -> tuple[Detections, tuple[BadField, ...]]:
    """DetectedObjectArray of another node to detections in the header's frame, without the objects that cannot be used.

    Only yaw is taken of the orientation. A velocity that was not measured (``has_twist``) is NaN; a position without
    covariance gets half a metre and a tenth of a radian.

    Returns:
        The usable detections, and the fields for which others were left out: numbers that are not finite, a variance below
        zero, a box without extent, no rotation, probabilities outside 0..1 or classes whose sum is zero.

    Raises:
        ObjectsError: too many objects.
    """
    return _checked(DETECTED, message, _detections)


def recorded_tracks(message: Any) -> Tracks:
    """Tracks of a TrackedObjectArray that is trusted: nothing is left out, what is not labelled stays NaN.

    Raises:
        ValueError: an orientation is no rotation.
    """
    return _tracks(columns_of(TRACKED, message), message.header.frame_id)


@dataclass(frozen=True)
class ObjectsMsg(Event):
    """Detections or tracks of one frame, in ``frame_id``, and the fields for which some were ``refused``."""

    frame_id: str = ""
    stamp_ns: int = 0
    objects: Detections | Tracks | None = None
    refused: tuple[BadField, ...] = ()


def _event(
    read: Callable[[Any], tuple[Detections | Tracks, tuple[BadField, ...]]], topic: str, message: Any, receive_ns: int, arrival_ns: int
) -> ObjectsMsg:  # fmt: skip
    found, refused = read(message)
    return ObjectsMsg(topic, receive_ns, arrival_ns, found.frame_id, stamp_ns(message.header.stamp), found, refused)


detected_event, tracked_event = partial(_event, detections_of), partial(_event, tracks_of)
CONVERTERS = {DETECTED.msgtype: detected_event, TRACKED.msgtype: tracked_event}
"""By message type; each takes (topic, message, receive_ns, arrival_ns) and raises ObjectsError for too many objects."""


def chosen(found: Objects, which: NDArray[Any]) -> Objects:
    """The objects of a mask (N,)."""
    if which.all():
        return found
    rows: dict[str, Any] = {f.name: getattr(found, f.name)[which] for f in fields(found) if f.name != "frame_id"}
    return replace(found, **rows)


def heading_and_velocity(columns: Columns) -> tuple[F64, F64]:
    """Yaw (N,) [rad] and velocity (N,2) [m/s] in frame axes. Raises ValueError where a quaternion is no rotation."""
    rotation = geometry.rotation_of(columns["quaternion"])
    yaw = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    return yaw, _turned(np.swapaxes(into_object(yaw), 1, 2), columns["velocity"][:, :2])


def into_object(yaw: F64) -> F64:
    """Rotations (N,2,2) from frame axes into object axes."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], -2)


def _checked(
    kind: Kind, message: Any, build: Callable[[Columns, str], Objects]
) -> tuple[Objects, tuple[BadField, ...]]:
    objects = message.objects
    if len(objects) > MAX_OBJECTS:
        raise ObjectsError(f"objects: expected at most {MAX_OBJECTS}, found {len(objects)}")
    sieve = Sieve(len(objects))
    columns = checked(kind.table, read(kind.table, objects), sieve)
    columns["existence"], columns["class_probs"] = np.clip(columns["existence"], 0.0, 1.0), class_probs(objects, sieve)
    return chosen(build(columns, message.header.frame_id), sieve.usable), tuple(sieve.bad)


def _tracks(columns: Columns, frame_id: str) -> Tracks:
    yaw, velocity = heading_and_velocity(columns)
    turn = np.swapaxes(into_object(yaw), 1, 2)
    covariance = np.zeros((len(yaw), 6, 6))
    covariance[:, :4, :4] = from_covariances(columns["pose_covariance"], XYZ_YAW)
    spread = from_covariances(columns["velocity_covariance"], XY)
    covariance[:, 4:, 4:] = turn @ spread @ np.swapaxes(turn, 1, 2)
    return _arrays(Tracks.empty(frame_id), {
        **columns, "yaw": yaw, "velocity": velocity, "acceleration": _turned(turn, columns["acceleration"]),
        "covariance": covariance, "confirmed": np.ones(len(yaw)),
    })  # fmt: skip


def _detections(columns: Columns, frame_id: str) -> Detections:
    yaw, velocity = heading_and_velocity(columns)
    covariance = from_covariances(columns["pose_covariance"], XYZ_YAW)
    covariance[~columns["has_covariance"]] = np.diag(UNKNOWN_COVARIANCE)
    velocity[~columns["has_velocity"]] = np.nan
    return _arrays(Detections.empty(frame_id), {
        **columns, "yaw": yaw, "velocity": velocity, "covariance": covariance,
        "yaw_known": columns["orientation"] == AVAILABLE, "points": np.minimum(columns["points"], INT32_MAX),
    })  # fmt: skip


def _arrays(empty: Objects, columns: Columns) -> Objects:
    """Objects with the columns of the same name, in the types that ``empty`` has."""
    names = [f.name for f in fields(empty) if f.name != "frame_id"]
    cast: dict[str, Any] = {name: columns[name].astype(getattr(empty, name).dtype) for name in names}
    return replace(empty, **cast)


def _columns(found: Detections | Tracks) -> dict[str, NDArray[Any]]:
    """All columns as they are, with the pose as messages have it."""
    half = found.yaw.astype(np.float64) / 2
    zero = np.zeros(len(half))
    pose = found.covariance[:, :4, :4].astype(np.float64)
    return {
        **{f.name: getattr(found, f.name) for f in fields(found) if f.name != "frame_id"},
        "quaternion": np.stack([zero, zero, np.sin(half), np.cos(half)], -1), "pose_covariance": to_covariances(pose, XYZ_YAW),
    }  # fmt: skip


def _turned(turn: F64, vectors: NDArray[Any]) -> F64:
    """Vectors (N,2) by rotations (N,2,2)."""
    return np.asarray(np.einsum("nij,nj->ni", turn, vectors.astype(np.float64)))


def _three(level: F64) -> F64:
    """Vectors (N,2) as (N,3)."""
    return np.column_stack([level, np.zeros(len(level))])
