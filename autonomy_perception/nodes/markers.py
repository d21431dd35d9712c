"""Tracks and mode as RViz markers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from autonomy_perception import geometry
from autonomy_perception.types import Mode, ObjectClass

RGB: dict[int, tuple[float, float, float]] = {
    ObjectClass.UNKNOWN: (0.7, 0.7, 0.7),
    ObjectClass.CAR: (0.2, 0.6, 1.0),
    ObjectClass.TRUCK: (1.0, 0.6, 0.1),
    ObjectClass.BUS: (1.0, 0.8, 0.1),
    ObjectClass.TRAILER: (0.8, 0.5, 0.3),
    ObjectClass.MOTORCYCLE: (0.7, 0.3, 1.0),
    ObjectClass.BICYCLE: (0.4, 1.0, 0.6),
    ObjectClass.PEDESTRIAN: (1.0, 0.3, 0.4),
    ObjectClass.ANIMAL: (0.9, 0.9, 0.3),
}
MODE_RGB = {
    Mode.FUSED: (0.3, 1.0, 0.3),
    Mode.GEOMETRIC: (0.3, 1.0, 0.3),
    Mode.STALE: (1.0, 0.7, 0.1),
    Mode.STOPPED: (1.0, 0.2, 0.2),
}
SIGMAS = 2.0
"""Size of the covariance ellipse."""
MOVING = 0.3
"""Slower objects get no arrow [m/s]."""


def track_markers(message: Any) -> MarkerArray:
    """MarkerArray of a TrackedObjectArray: boxes, velocity arrows (1 s ahead), labels, position ellipses."""
    clear = Marker(action=Marker.DELETEALL)
    clear.header = message.header
    markers = [clear]
    for index, item in enumerate(message.objects):
        label = item.classification[0].label if item.classification else 0
        rgb = RGB.get(label, RGB[ObjectClass.UNKNOWN])
        markers += [
            _box(message.header, index, item, rgb),
            _text(message.header, index, item, label),
            _ellipse(message.header, index, item),
        ]
        twist = item.kinematics.twist_with_covariance.twist.linear
        if math.hypot(twist.x, twist.y) > MOVING:
            markers.append(_arrow(message.header, index, item, rgb))
    return MarkerArray(markers=markers)


def mode_marker(status: Any) -> Marker:
    """Mode and reasons as text above the vehicle."""
    out = _marker(
        status.header, "mode", 0, Marker.TEXT_VIEW_FACING, MODE_RGB.get(Mode(status.mode), (1.0, 1.0, 1.0)), 1.0
    )
    out.pose.position.z = 6.0
    out.scale.z = 1.2
    out.text = " ".join((Mode(status.mode).name, *status.reasons)) + f"\n{status.latency_last:.0f} ms"
    return out


def _marker(
    header: Any, namespace: str, index: int, kind: int, rgb: tuple[float, float, float], alpha: float
) -> Marker:
    out = Marker(ns=namespace, id=index, type=kind, action=Marker.ADD)
    out.header = header
    out.color = ColorRGBA(r=rgb[0], g=rgb[1], b=rgb[2], a=alpha)
    return out


def _box(header: Any, index: int, item: Any, rgb: tuple[float, float, float]) -> Marker:
    out = _marker(header, "boxes", index, Marker.CUBE, rgb, 0.55)
    out.pose = item.kinematics.pose_with_covariance.pose
    out.scale = item.shape.dimensions
    return out


def _arrow(header: Any, index: int, item: Any, rgb: tuple[float, float, float]) -> Marker:
    out = _marker(header, "velocities", index, Marker.ARROW, rgb, 1.0)
    out.pose = item.kinematics.pose_with_covariance.pose
    twist = item.kinematics.twist_with_covariance.twist.linear
    out.points = [Point(), Point(x=twist.x, y=twist.y)]
    out.scale.x, out.scale.y, out.scale.z = 0.15, 0.35, 0.5
    return out


def _text(header: Any, index: int, item: Any, label: int) -> Marker:
    out = _marker(header, "labels", index, Marker.TEXT_VIEW_FACING, (1.0, 1.0, 1.0), 1.0)
    pose = item.kinematics.pose_with_covariance.pose
    out.pose.position.x, out.pose.position.y = pose.position.x, pose.position.y
    out.pose.position.z = pose.position.z + item.shape.dimensions.z / 2 + 0.6
    twist = item.kinematics.twist_with_covariance.twist.linear
    name = ObjectClass(label).name if label in RGB else str(label)
    tag = bytes(item.object_id.uuid[:2]).hex()
    out.text = f"{name} {tag} {math.hypot(twist.x, twist.y):.1f} m/s"
    out.scale.z = 0.7
    return out


def _ellipse(header: Any, index: int, item: Any) -> Marker:
    out = _marker(header, "covariances", index, Marker.CYLINDER, (1.0, 1.0, 0.4), 0.4)
    motion = item.kinematics.pose_with_covariance
    covariance = np.asarray(motion.covariance).reshape(6, 6)[:2, :2]
    values, vectors = np.linalg.eigh(np.nan_to_num(covariance))
    major, minor = (2.0 * SIGMAS * math.sqrt(max(float(v), 1e-6)) for v in values[::-1])
    q = geometry.quaternion_of(geometry.rotation_z(float(np.arctan2(vectors[1, 1], vectors[0, 1]))))
    out.pose.position.x, out.pose.position.y = motion.pose.position.x, motion.pose.position.y
    out.pose.position.z = motion.pose.position.z - item.shape.dimensions.z / 2 + 0.05
    out.pose.orientation.z, out.pose.orientation.w = float(q[2]), float(q[3])
    out.scale.x, out.scale.y, out.scale.z = major, minor, 0.05
    return out
