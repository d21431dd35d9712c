"""What arrives at the front end: one frozen dataclass per kind of message, free of ROS.

The live node makes them from rclpy messages, offline replay from a bag (both through
:mod:`autonomy_perception.messages.sensors_in`). ``data`` holds a view of the message's bytes, never a copy.
All times are int64 nanoseconds; ``receive_ns`` is ROS time, ``arrival_ns`` the monotonic clock (0 offline).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class PointField:
    """One field of a point: byte offset, datatype code of sensor_msgs/PointField (1..8), count."""

    name: str
    offset: int
    datatype: int
    count: int = 1


@dataclass(frozen=True)
class Event:
    """Common part: topic, ROS time of reception, monotonic time of arrival at the process."""

    topic: str
    receive_ns: int
    arrival_ns: int = 0


@dataclass(frozen=True)
class CloudMsg(Event):
    """sensor_msgs/PointCloud2; ``data`` is any buffer of bytes."""

    frame_id: str = ""
    stamp_ns: int = 0
    height: int = 1
    width: int = 0
    fields: Sequence[PointField] = ()
    is_bigendian: bool = False
    point_step: int = 0
    row_step: int = 0
    data: Any = b""


@dataclass(frozen=True)
class ImageMsg(Event):
    """sensor_msgs/CompressedImage (``compressed``; encoding = its ``format``) or sensor_msgs/Image."""

    frame_id: str = ""
    stamp_ns: int = 0
    encoding: str = ""
    data: Any = b""
    compressed: bool = True
    height: int = 0
    width: int = 0
    step: int = 0
    is_bigendian: bool = False


@dataclass(frozen=True)
class CameraInfoMsg(Event):
    """sensor_msgs/CameraInfo: K float64 (3,3), D (n,), R (3,3), P (3,4) [px]; all-zero K means uncalibrated.

    ``binning`` x, y (0 and 1 mean none) and ``roi`` x, y, width, height (all 0: the full sensor) are in its pixels.
    """

    frame_id: str = ""
    stamp_ns: int = 0
    width: int = 0
    height: int = 0
    distortion_model: str = ""
    D: F64 = field(default_factory=lambda: np.zeros(0))
    K: F64 = field(default_factory=lambda: np.zeros((3, 3)))
    P: F64 = field(default_factory=lambda: np.zeros((3, 4)))
    R: F64 = field(default_factory=lambda: np.eye(3))
    binning: tuple[int, int] = (0, 0)
    roi: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True)
class TransformSample:
    """One geometry_msgs/TransformStamped: ``T_parent_child`` as translation (3,) [m] and quaternion x y z w."""

    parent: str
    child: str
    stamp_ns: int
    translation: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]


@dataclass(frozen=True)
class TfMsg(Event):
    """tf2_msgs/TFMessage from /tf or (``static``) /tf_static."""

    static: bool = False
    transforms: Sequence[TransformSample] = ()


@dataclass(frozen=True)
class OdomMsg(Event):
    """nav_msgs/Odometry: pose of ``child_frame_id`` in ``frame_id``, twist (6,) in ``child_frame_id``."""

    frame_id: str = "odom"
    child_frame_id: str = "base_link"
    stamp_ns: int = 0
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    quaternion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    twist: tuple[float, float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class JointMsg(Event):
    """sensor_msgs/JointState, or std_msgs/Float64 (no name, stamped on reception): positions [rad] by joint."""

    stamp_ns: int = 0
    names: Sequence[str] = ()
    positions: Sequence[float] = ()


@dataclass(frozen=True)
class ImuMsg(Event):
    """sensor_msgs/Imu: angular velocity (3,) [rad/s], linear acceleration (3,) [m/s2] in ``frame_id``; None where the
    message says that it has none (covariance[0] = -1)."""

    frame_id: str = ""
    stamp_ns: int = 0
    angular_velocity: tuple[float, float, float] | None = None
    linear_acceleration: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class SpeedMsg(Event):
    """geometry_msgs/TwistStamped or TwistWithCovarianceStamped: forward speed [m/s], backwards negative."""

    frame_id: str = ""
    stamp_ns: int = 0
    speed: float = 0.0
