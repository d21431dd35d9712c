"""Parts that many messages have: time, header, vectors, poses, covariances; each both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.messages.classes import Classes

F64 = NDArray[np.float64]
XYZ_YAW, XY = (0, 1, 2, 5), (0, 1)
"""Axes of our covariances among those of a 6x6 covariance: x y z roll pitch yaw."""


def stamp_ns(stamp: Any) -> int:
    """builtin_interfaces/Time to int ns."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def set_time(stamp: Any, at_ns: int) -> None:
    """Fill a builtin_interfaces/Time with int ns."""
    stamp.sec, stamp.nanosec = divmod(int(at_ns), 1_000_000_000)


def time(classes: Classes, at_ns: int) -> Any:
    """builtin_interfaces/Time of int ns."""
    out = classes.make("builtin_interfaces/msg/Time")
    set_time(out, at_ns)
    return out


def stamped(classes: Classes, msgtype: str, frame_id: str, at_ns: int, **fields: Any) -> Any:
    """A message that has a header, with it and ``fields`` filled."""
    message = classes.make(msgtype, **fields)
    message.header.frame_id = frame_id
    set_time(message.header.stamp, at_ns)
    return message


def header(classes: Classes, frame_id: str, at_ns: int) -> Any:
    """std_msgs/Header."""
    return classes.make("std_msgs/msg/Header", stamp=time(classes, at_ns), frame_id=frame_id)


def vector(classes: Classes, xyz: Sequence[float] | F64, kind: str = "Vector3") -> Any:
    """geometry_msgs/Vector3 (or Point) of three numbers."""
    x, y, z = (float(v) for v in xyz)
    return classes.make(f"geometry_msgs/msg/{kind}", x=x, y=y, z=z)


def quaternion(classes: Classes, transform: F64) -> Any:
    """geometry_msgs/Quaternion of a rotation (3,3) or transform (4,4)."""
    x, y, z, w = (float(v) for v in geometry.quaternion_of(transform))
    return classes.make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)


def pose(classes: Classes, transform: F64) -> Any:
    """geometry_msgs/Pose of a transform (4,4)."""
    position = vector(classes, transform[:3, 3], "Point")
    return classes.make("geometry_msgs/msg/Pose", position=position, orientation=quaternion(classes, transform))


def transform_of(message: Any) -> F64:
    """Transform (4,4) of a geometry_msgs/Pose. Raises ValueError for a quaternion that is no rotation."""
    p, q = message.position, message.orientation
    return geometry.make_transform(geometry.rotation_of([q.x, q.y, q.z, q.w]), [p.x, p.y, p.z])


def to_covariances(ours: F64, axes: Sequence[int]) -> F64:
    """(N,k,k) over some ``axes`` to (N,36), 6x6 row-major over x y z roll pitch yaw; the others' are zero."""
    out, index = np.zeros((len(ours), 6, 6)), np.array(axes)
    out[:, index[:, None], index] = ours
    return out.reshape(-1, 36)


def from_covariances(theirs: F64, axes: Sequence[int]) -> F64:
    """Inverse of :func:`to_covariances`: the covariances (N,k,k) of ``axes``."""
    index = np.array(axes)
    return theirs.reshape(-1, 6, 6)[:, index[:, None], index]
