"""Object messages of other nodes to arrays: the way back of :mod:`autonomy_perception.nodes.conversions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.sensors.convert import stamp_ns
from autonomy_perception.sensors.events import Event
from autonomy_perception.types import N_CLASSES, Detections, Tracks

F64 = NDArray[np.float64]
XYZ_YAW = np.array([0, 1, 2, 5])
MAX_OBJECTS = 5000
"""More objects in one message are a fault of their sender."""
INT32_MAX = 2**31 - 1
"""Counts of returns are uint32 on the wire and int32 in arrays."""


@dataclass(frozen=True)
class ObjectsMsg(Event):
    """Detections or tracks of one frame, in ``frame_id``."""

    frame_id: str = ""
    stamp_ns: int = 0
    objects: Detections | Tracks | None = None


def detected_event(topic: str, message: Any, receive_ns: int, arrival_ns: int) -> ObjectsMsg:
    """Event of a DetectedObjectArray. Raises ValueError if a value cannot be used."""
    found = detections_of(message)
    return ObjectsMsg(topic, receive_ns, arrival_ns, found.frame_id, stamp_ns(message.header.stamp), found)


def tracked_event(topic: str, message: Any, receive_ns: int, arrival_ns: int) -> ObjectsMsg:
    """Event of a TrackedObjectArray. Raises ValueError if a value cannot be used."""
    tracks = tracks_of(message)
    return ObjectsMsg(topic, receive_ns, arrival_ns, tracks.frame_id, stamp_ns(message.header.stamp), tracks)


CONVERTERS = {
    "autonomy_perception_msgs/msg/DetectedObjectArray": detected_event,
    "autonomy_perception_msgs/msg/TrackedObjectArray": tracked_event,
}


def detections_of(message: Any) -> Detections:
    """DetectedObjectArray to detections in the header's frame.

    Only yaw is taken of the orientation. A velocity that was not measured (``has_twist``) is NaN; a position without
    covariance gets half a metre and a tenth of a radian.

    Raises:
        ValueError: too many objects, a box without extent, or values that are not finite.
    """
    objects = _bounded(message.objects)
    center, yaw, covariance = _poses([o.kinematics.pose_with_covariance for o in objects])
    known = np.array([o.kinematics.has_position_covariance for o in objects], np.bool_)
    covariance[~known] = np.diag([0.25, 0.25, 0.25, 0.01])
    moving = np.array([o.kinematics.has_twist for o in objects], np.bool_)
    velocity = _velocities([o.kinematics.twist_with_covariance.twist.linear for o in objects], yaw)
    velocity[~moving] = np.nan
    return Detections(
        center.astype(np.float32), _sizes(objects), yaw.astype(np.float32), velocity.astype(np.float32),
        covariance.astype(np.float32), _classes(objects), np.array([o.existence_probability for o in objects], np.float32),
        np.minimum([o.point_count for o in objects], INT32_MAX).astype(np.int32),
        np.array([o.kinematics.orientation_availability == 2 for o in objects], np.bool_),
        np.array([o.source for o in objects], np.uint8), message.header.frame_id,
    )  # fmt: skip


def tracks_of(message: Any) -> Tracks:
    """TrackedObjectArray to (confirmed) tracks in the header's frame. Raises ValueError as :func:`detections_of`."""
    objects = _bounded(message.objects)
    n = len(objects)
    center, yaw, pose_covariance = _poses([o.kinematics.pose_with_covariance for o in objects])
    motion = [o.kinematics for o in objects]
    velocity = _velocities([k.twist_with_covariance.twist.linear for k in motion], yaw)
    acceleration = _velocities([k.acceleration_with_covariance.accel.linear for k in motion], yaw)
    turn = _out_of_object(yaw)
    spread = np.array([k.twist_with_covariance.covariance for k in motion], np.float64).reshape(n, 6, 6)[:, :2, :2]
    covariance = np.zeros((n, 6, 6))
    covariance[:, :4, :4], covariance[:, 4:, 4:] = pose_covariance, turn @ spread @ np.swapaxes(turn, 1, 2)
    return Tracks(
        np.array([o.object_id.uuid for o in objects], np.uint8).reshape(n, 16), center.astype(np.float32), _sizes(objects),
        yaw.astype(np.float32), velocity.astype(np.float32), acceleration.astype(np.float32),
        np.array([k.twist_with_covariance.twist.angular.z for k in motion], np.float32), covariance.astype(np.float32),
        _classes(objects), np.array([o.existence_probability for o in objects], np.float32),
        np.array([k.orientation_availability for k in motion], np.uint8),
        np.array([k.is_stationary for k in motion], np.bool_), np.array([o.age for o in objects], np.float32),
        np.array([o.time_since_update for o in objects], np.float32), np.ones(n, np.bool_), message.header.frame_id,
    )  # fmt: skip


def moved(found: Detections, T_target_source: F64, frame_id: str) -> Detections:
    """Detections in another frame; of the rotation, yaw turns the boxes."""
    yaw = geometry.yaw_of(T_target_source)
    turn = geometry.rotation_z(yaw)[:2, :2]
    return replace(
        found, center=geometry.transform_points(T_target_source, found.center).astype(np.float32),
        yaw=geometry.wrap_angle(found.yaw + yaw).astype(np.float32),
        velocity=(found.velocity @ turn.T).astype(np.float32), frame_id=frame_id,
    )  # fmt: skip


def _bounded(objects: Sequence[Any]) -> Sequence[Any]:
    if len(objects) > MAX_OBJECTS:
        raise ValueError(f"objects: expected at most {MAX_OBJECTS}, found {len(objects)}")
    return objects


def _poses(poses: Sequence[Any]) -> tuple[F64, F64, F64]:
    """Centre (N,3), yaw (N,) and covariance (N,4,4) of x y z yaw."""
    n = len(poses)
    position = [(p.pose.position.x, p.pose.position.y, p.pose.position.z) for p in poses]
    center = np.array(position, np.float64).reshape(n, 3)
    quaternion = [
        (p.pose.orientation.x, p.pose.orientation.y, p.pose.orientation.z, p.pose.orientation.w) for p in poses
    ]
    rotation = geometry.rotation_of(np.array(quaternion, np.float64).reshape(n, 4))
    full = np.array([p.covariance for p in poses], np.float64).reshape(n, 6, 6)
    if not (np.isfinite(center).all() and np.isfinite(full).all()):
        raise ValueError("pose_with_covariance: expected finite numbers, found others")
    return center, np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0]), full[:, XYZ_YAW[:, None], XYZ_YAW]


def _velocities(linear: Sequence[Any], yaw: F64) -> F64:
    """Vectors (N,2) from object axes to frame axes."""
    own = np.array([(v.x, v.y) for v in linear], np.float64).reshape(len(yaw), 2)
    return np.asarray(np.einsum("nij,nj->ni", _out_of_object(yaw), own))


def _out_of_object(yaw: F64) -> F64:
    """Rotations (N,2,2) from object axes into frame axes."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def _sizes(objects: Sequence[Any]) -> NDArray[np.float32]:
    sizes = [(o.shape.dimensions.x, o.shape.dimensions.y, o.shape.dimensions.z) for o in objects]
    out = np.array(sizes, np.float32).reshape(len(objects), 3)
    if not (np.isfinite(out).all() and (out > 0).all()):
        raise ValueError("shape.dimensions: expected lengths above 0 m, found others")
    return out


def _classes(objects: Sequence[Any]) -> NDArray[np.float32]:
    """Class distributions (N, classes); labels that this suite does not have, and objects without any, are UNKNOWN."""
    out = np.zeros((len(objects), N_CLASSES), np.float32)
    for row, item in zip(out, objects, strict=True):
        for entry in item.classification:
            row[entry.label if entry.label < N_CLASSES else 0] += entry.probability
    total = out.sum(axis=1, keepdims=True)
    out[total[:, 0] <= 0, 0] = 1.0
    return np.asarray(out / np.where(total > 0, total, 1.0), np.float32)
