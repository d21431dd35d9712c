"""Object messages of other nodes to arrays: the way back of :mod:`autonomy_perception.nodes.conversions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.messages.events import Event
from autonomy_perception.messages.object_checks import BadField, ObjectsError, Sieve
from autonomy_perception.messages.sensors_in import stamp_ns
from autonomy_perception.types import Detections, Tracks

F64 = NDArray[np.float64]
XYZ_YAW = np.array([0, 1, 2, 5])
MAX_OBJECTS = 5000
"""More objects in one message are a fault of their sender."""
POSE, TWIST = "kinematics.pose_with_covariance", "kinematics.twist_with_covariance.twist.linear"
INT32_MAX = 2**31 - 1
"""Counts of returns are uint32 on the wire and int32 in arrays."""


@dataclass(frozen=True)
class ObjectsMsg(Event):
    """Detections or tracks of one frame, in ``frame_id``, and the fields for which some were ``refused``."""

    frame_id: str = ""
    stamp_ns: int = 0
    objects: Detections | Tracks | None = None
    refused: tuple[BadField, ...] = ()


def detected_event(topic: str, message: Any, receive_ns: int, arrival_ns: int) -> ObjectsMsg:
    """Event of a DetectedObjectArray. Raises ObjectsError if the message cannot be used."""
    found, refused = detections_of(message)
    return ObjectsMsg(topic, receive_ns, arrival_ns, found.frame_id, stamp_ns(message.header.stamp), found, refused)


def tracked_event(topic: str, message: Any, receive_ns: int, arrival_ns: int) -> ObjectsMsg:
    """Event of a TrackedObjectArray. Raises ObjectsError if the message cannot be used."""
    tracks, refused = tracks_of(message)
    return ObjectsMsg(topic, receive_ns, arrival_ns, tracks.frame_id, stamp_ns(message.header.stamp), tracks, refused)


CONVERTERS = {
    "autonomy_perception_msgs/msg/DetectedObjectArray": detected_event,
    "autonomy_perception_msgs/msg/TrackedObjectArray": tracked_event,
}


def detections_of(message: Any) -> tuple[Detections, tuple[BadField, ...]]:
    """DetectedObjectArray to detections in the header's frame, without the objects that cannot be used.

    Only yaw is taken of the orientation. A velocity that was not measured (``has_twist``) is NaN; a position without
    covariance gets half a metre and a tenth of a radian.

    Returns:
        The usable detections, and the fields for which others were left out: numbers that are not finite, a variance below
        zero, a box without extent, no rotation, probabilities outside 0..1 or classes whose sum is zero.

    Raises:
        ObjectsError: too many objects.
    """
    objects = _bounded(message.objects)
    sieve = Sieve(objects)
    motion = [o.kinematics for o in objects]
    known = np.array([k.has_position_covariance for k in motion], np.bool_)
    moving = np.array([k.has_twist for k in motion], np.bool_)
    center, yaw, covariance = _poses(sieve, motion, known)
    covariance[~known] = np.diag([0.25, 0.25, 0.25, 0.01])
    velocity = _velocities(sieve, TWIST, [k.twist_with_covariance.twist.linear for k in motion], yaw, moving)
    velocity[~moving] = np.nan
    found = Detections(
        center.astype(np.float32), _sizes(sieve, objects), yaw.astype(np.float32), velocity.astype(np.float32),
        covariance.astype(np.float32), sieve.classes(), sieve.existence(),
        np.minimum([o.point_count for o in objects], INT32_MAX).astype(np.int32),
        np.array([k.orientation_availability == 2 for k in motion], np.bool_),
        np.array([o.source for o in objects], np.uint8), message.header.frame_id,
    )  # fmt: skip
    return sieve.sifted(found), tuple(sieve.bad)


def tracks_of(message: Any) -> tuple[Tracks, tuple[BadField, ...]]:
    """TrackedObjectArray to (confirmed) tracks in the header's frame; as :func:`detections_of`."""
    objects = _bounded(message.objects)
    n, sieve = len(objects), Sieve(objects)
    motion = [o.kinematics for o in objects]
    center, yaw, pose_covariance = _poses(sieve, motion, np.ones(n, np.bool_))
    twists = [k.twist_with_covariance.twist for k in motion]
    velocity = _velocities(sieve, TWIST, [t.linear for t in twists], yaw)
    acceleration = _velocities(
        sieve, "kinematics.acceleration_with_covariance.accel.linear",
        [k.acceleration_with_covariance.accel.linear for k in motion], yaw,
    )  # fmt: skip
    yaw_rate = sieve.numbers("kinematics.twist_with_covariance.twist.angular.z", [t.angular.z for t in twists], 1)
    given = [k.twist_with_covariance.covariance for k in motion]
    spread = sieve.covariances("kinematics.twist_with_covariance.covariance", given, (0, 1))[:, :2, :2]
    turn = _out_of_object(yaw)
    covariance = np.zeros((n, 6, 6))
    covariance[:, :4, :4], covariance[:, 4:, 4:] = pose_covariance, turn @ spread @ np.swapaxes(turn, 1, 2)
    age = sieve.numbers("age", [o.age for o in objects], 1)
    since = sieve.numbers("time_since_update", [o.time_since_update for o in objects], 1)
    tracks = Tracks(
        np.array([o.object_id.uuid for o in objects], np.uint8).reshape(n, 16), center.astype(np.float32),
        _sizes(sieve, objects), yaw.astype(np.float32), velocity.astype(np.float32), acceleration.astype(np.float32),
        yaw_rate[:, 0].astype(np.float32), covariance.astype(np.float32), sieve.classes(), sieve.existence(),
        np.array([k.orientation_availability for k in motion], np.uint8),
        np.array([k.is_stationary for k in motion], np.bool_), age[:, 0].astype(np.float32),
        since[:, 0].astype(np.float32), np.ones(n, np.bool_), message.header.frame_id,
    )  # fmt: skip
    return sieve.sifted(tracks), tuple(sieve.bad)


def _bounded(objects: Sequence[Any]) -> Sequence[Any]:
    if len(objects) > MAX_OBJECTS:
        raise ObjectsError(f"objects: expected at most {MAX_OBJECTS}, found {len(objects)}")
    return objects


def _poses(sieve: Sieve, motion: Sequence[Any], known: NDArray[np.bool_]) -> tuple[F64, F64, F64]:
    """Centre (N,3), yaw (N,) and covariance (N,4,4) of x y z yaw, which is looked at where ``known`` (N,)."""
    poses = [k.pose_with_covariance for k in motion]
    position = [(p.pose.position.x, p.pose.position.y, p.pose.position.z) for p in poses]
    center = sieve.numbers(f"{POSE}.pose.position", position, 3)
    quaternion = [
        (p.pose.orientation.x, p.pose.orientation.y, p.pose.orientation.z, p.pose.orientation.w) for p in poses
    ]
    rotation = geometry.rotation_of(sieve.quaternions(f"{POSE}.pose.orientation", quaternion))
    full = sieve.covariances(f"{POSE}.covariance", [p.covariance for p in poses], XYZ_YAW.tolist(), known)
    return center, np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0]), full[:, XYZ_YAW[:, None], XYZ_YAW]


def _velocities(
    sieve: Sieve, field: str, linear: Sequence[Any], yaw: F64, asked: NDArray[np.bool_] | None = None
) -> F64:
    """Vectors (N,2) from object axes to frame axes; 0 where not ``asked`` (N,) for."""
    own = sieve.numbers(field, [(v.x, v.y) for v in linear], 2, asked)
    return np.asarray(np.einsum("nij,nj->ni", _out_of_object(yaw), own))


def _out_of_object(yaw: F64) -> F64:
    """Rotations (N,2,2) from object axes into frame axes."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def _sizes(sieve: Sieve, objects: Sequence[Any]) -> NDArray[np.float32]:
    sizes = [(o.shape.dimensions.x, o.shape.dimensions.y, o.shape.dimensions.z) for o in objects]
    return sieve.lengths("shape.dimensions", sizes, 3).astype(np.float32)
