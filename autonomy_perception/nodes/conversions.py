"""``Perception`` to ROS messages: the one place where output messages are filled.

Large payloads go into the message as one ``array.array`` (a NumPy array would be checked element by element: 100 ms
for a megabyte). The way in is :mod:`autonomy_perception.messages.sensors_in`.
"""

from __future__ import annotations

import array
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from autonomy_perception_msgs.msg import (
    DetectedObject,
    DetectedObjectArray,
    ObjectClassification,
    TrackedObject,
    TrackedObjectArray,
)
from builtin_interfaces.msg import Time
from grid_map_msgs.msg import GridMap
from nav_msgs.msg import OccupancyGrid
from numpy.typing import NDArray
from std_msgs.msg import Float32MultiArray, MultiArrayDimension

from autonomy_perception import grid as grids
from autonomy_perception.occupancy.grid import to_autoware
from autonomy_perception.types import Detections, Perception, Tracks

LAYERS = ("elevation", "variance", "traversability", "drivable", "terrain_class", "age")
"""Layers of the published GridMap, in order."""

F64 = NDArray[np.float64]

MIN_PROBABILITY = 0.01
"""Classes less probable than this are left out of a message; the rest is scaled to sum to 1."""


class Pool:
    """Message objects used again and again: making one with all its parts takes longer than filling it.

    What was made with a pool is valid until the same pool is used again; every field is set each time.
    """

    def __init__(self) -> None:
        self._made: dict[type, list[Any]] = {}

    def take(self, kind: type, count: int) -> list[Any]:
        """``count`` objects of a message class."""
        made = self._made.setdefault(kind, [])
        made.extend(kind() for _ in range(count - len(made)))
        return made[:count]


def to_time(stamp_ns: int) -> Time:
    """int ns to builtin_interfaces/Time."""
    sec, nanosec = divmod(int(stamp_ns), 1_000_000_000)
    return Time(sec=sec, nanosec=nanosec)


def to_array(values: NDArray[Any], code: str) -> array.array[Any]:
    """A NumPy array as ``array.array`` of type ``code`` in one copy."""
    out = array.array(code)
    out.frombytes(np.ascontiguousarray(values).view(np.uint8).data)
    return out


def occupancy_grid(result: Perception, world_frame: str, encoding: Literal["ros", "autoware"] = "ros") -> OccupancyGrid:
    """nav_msgs/OccupancyGrid in ``world_frame``; origin z is the height of base_link [m]. ``encoding``: config.py."""
    message = OccupancyGrid()
    placement = result.occupancy.grid
    message.header.stamp = to_time(result.stamp_ns)
    message.header.frame_id = world_frame
    message.info.map_load_time = to_time(result.data_stamp_ns)
    message.info.resolution = float(placement.resolution)
    message.info.width, message.info.height = placement.nx, placement.ny
    position = message.info.origin.position
    position.x, position.y = (float(v) for v in placement.origin)
    position.z = float(result.T_odom_base[2, 3])
    wire = result.occupancy.wire
    message.data = to_array(grids.to_occupancy_data(wire if encoding == "ros" else to_autoware(wire)), "b")
    return message


def grid_map(result: Perception, world_frame: str) -> GridMap:
    """grid_map_msgs/GridMap in ``world_frame`` with the layers of ``LAYERS`` that the terrain has."""
    message = GridMap()
    terrain, placement = result.terrain, result.terrain.grid
    message.header.stamp = to_time(result.stamp_ns)
    message.header.frame_id = world_frame
    length_x, length_y = placement.nx * placement.resolution, placement.ny * placement.resolution
    x, y = placement.origin
    message.info.resolution = float(placement.resolution)
    message.info.length_x, message.info.length_y = float(length_x), float(length_y)
    message.info.pose.position.x, message.info.pose.position.y = float(x + length_x / 2), float(y + length_y / 2)
    message.layers = [name for name in LAYERS if name in terrain.layers]
    message.basic_layers = ["elevation"] if "elevation" in terrain.layers else []
    message.data = [_grid_map_layer(np.asarray(terrain.layers[name], np.float32)) for name in message.layers]
    return message


def _grid_map_layer(layer: NDArray[np.float32]) -> Float32MultiArray:
    ny, nx = layer.shape
    out = Float32MultiArray()
    out.layout.dim = [
        MultiArrayDimension(label="column_index", size=ny, stride=nx * ny),
        MultiArrayDimension(label="row_index", size=nx, stride=nx),
    ]
    out.data = to_array(grids.to_grid_map_data(layer), "f")
    return out


def tracked_objects(tracks: Tracks, stamp_ns: int, pool: Pool | None = None) -> TrackedObjectArray:
    """Confirmed tracks as TrackedObjectArray; twist and acceleration in the object's own axes, over ground."""
    pool = pool or Pool()
    message = TrackedObjectArray()
    message.header.stamp = to_time(stamp_ns)
    message.header.frame_id = tracks.frame_id
    keep = np.flatnonzero(tracks.confirmed)
    yaw = tracks.yaw[keep].astype(np.float64)
    turn = _into_object(yaw)
    full = tracks.covariance[keep].astype(np.float64)
    pose_cov = _pose_covariance(full[:, :4, :4])
    twist_cov = _planar_covariance(turn @ full[:, 4:6, 4:6] @ np.swapaxes(turn, 1, 2))
    velocity = np.einsum("nij,nj->ni", turn, tracks.velocity[keep].astype(np.float64)).tolist()
    acceleration = np.einsum("nij,nj->ni", turn, tracks.acceleration[keep].astype(np.float64)).tolist()
    center, size = tracks.center[keep].astype(np.float64).tolist(), tracks.size[keep].astype(np.float64).tolist()
    half_sin, half_cos = np.sin(yaw / 2).tolist(), np.cos(yaw / 2).tolist()
    yaw_rate, existence = tracks.yaw_rate[keep].tolist(), tracks.existence[keep].tolist()
    classes = _classifications(tracks.class_probs[keep], pool)
    age, since = tracks.age_s[keep].tolist(), tracks.since_update_s[keep].tolist()
    orientation, still = tracks.orientation[keep].tolist(), tracks.is_stationary[keep].tolist()
    message.objects = pool.take(TrackedObject, len(keep))
    for i, (row, item) in enumerate(zip(keep, message.objects, strict=True)):
        item.object_id.uuid = tracks.uuid[row]
        item.existence_probability, item.classification = existence[i], classes[i]
        motion = item.kinematics
        _fill_pose(motion.pose_with_covariance, center[i], half_sin[i], half_cos[i], pose_cov[i])
        twist = motion.twist_with_covariance
        twist.twist.linear.x, twist.twist.linear.y = velocity[i]
        twist.twist.angular.z = yaw_rate[i]
        twist.covariance = twist_cov[i]
        accel = motion.acceleration_with_covariance.accel.linear
        accel.x, accel.y = acceleration[i]
        motion.orientation_availability, motion.is_stationary = orientation[i], still[i]
        _fill_box(item.shape, size[i])
        item.age, item.time_since_update = age[i], since[i]
    return message


def detected_objects(found: Detections, stamp_ns: int, pool: Pool | None = None) -> DetectedObjectArray:
    """Detections of one frame as DetectedObjectArray; a velocity that was not measured is left out."""
    pool = pool or Pool()
    message = DetectedObjectArray()
    message.header.stamp = to_time(stamp_ns)
    message.header.frame_id = found.frame_id
    yaw = found.yaw.astype(np.float64)
    velocity = np.einsum("nij,nj->ni", _into_object(yaw), found.velocity.astype(np.float64))
    moving = np.all(np.isfinite(velocity), axis=1)
    velocity, moving = np.where(moving[:, None], velocity, 0.0).tolist(), moving.tolist()
    pose_cov = _pose_covariance(found.covariance.astype(np.float64))
    center, size = found.center.astype(np.float64).tolist(), found.size.astype(np.float64).tolist()
    half_sin, half_cos = np.sin(yaw / 2).tolist(), np.cos(yaw / 2).tolist()
    classes, existence = _classifications(found.class_probs, pool), found.existence.tolist()
    points, source, known = found.points.tolist(), found.source.tolist(), found.yaw_known.tolist()
    message.objects = pool.take(DetectedObject, len(found))
    for i, item in enumerate(message.objects):
        item.existence_probability, item.classification = existence[i], classes[i]
        motion = item.kinematics
        _fill_pose(motion.pose_with_covariance, center[i], half_sin[i], half_cos[i], pose_cov[i])
        motion.has_position_covariance = True
        motion.orientation_availability = motion.AVAILABLE if known[i] else motion.SIGN_UNKNOWN
        motion.has_twist = moving[i]
        linear = motion.twist_with_covariance.twist.linear
        linear.x, linear.y = velocity[i]
        _fill_box(item.shape, size[i])
        item.point_count, item.source = points[i], source[i]
    return message


def _into_object(yaw: F64) -> F64:
    """Rotations (N,2,2) from frame axes into object axes."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], -2)


def _pose_covariance(xyz_yaw: F64) -> F64:
    """(N,4,4) of x y z yaw to (N,36) of x y z roll pitch yaw."""
    out = np.zeros((len(xyz_yaw), 6, 6))
    index = np.array([0, 1, 2, 5])
    out[:, index[:, None], index[None, :]] = xyz_yaw
    return out.reshape(-1, 36)


def _planar_covariance(xy: F64) -> F64:
    """(N,2,2) of x y to (N,36)."""
    out = np.zeros((len(xy), 6, 6))
    out[:, :2, :2] = xy
    return out.reshape(-1, 36)


def _fill_pose(target: Any, center: Sequence[float], half_sin: float, half_cos: float, covariance: F64) -> None:
    position, orientation = target.pose.position, target.pose.orientation
    position.x, position.y, position.z = center
    orientation.z, orientation.w = half_sin, half_cos
    target.covariance = covariance


def _fill_box(shape: Any, size: Sequence[float]) -> None:
    shape.type = shape.BOUNDING_BOX
    shape.dimensions.x, shape.dimensions.y, shape.dimensions.z = size


def _classifications(probs: NDArray[np.float32], pool: Pool) -> list[list[ObjectClassification]]:
    """Class distributions (N, classes), most likely first; a row without any mass is UNKNOWN."""
    p = np.where(probs >= MIN_PROBABILITY, probs, 0.0).astype(np.float64)
    total = p.sum(axis=1, keepdims=True)
    p = np.divide(p, total, out=np.zeros_like(p), where=total > 0)
    p[total[:, 0] == 0, 0] = 1.0
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    some = ranked > 0
    objects = pool.take(ObjectClassification, int(some.sum()))
    for item, label, probability in zip(objects, order[some].tolist(), ranked[some].tolist(), strict=True):
        item.label, item.probability = label, probability
    ends = np.cumsum(some.sum(axis=1)).tolist()
    return [objects[a:b] for a, b in zip([0, *ends], ends, strict=False)]
