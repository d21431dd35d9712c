"""What sensors, rigs and ego motion send, as messages: importers, the simulator and views write them.

The way in is :mod:`autonomy_perception.messages.sensors_in`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.messages.classes import Classes
from autonomy_perception.messages.parts import pose, quaternion, stamped, vector

F64 = NDArray[np.float64]
CLOUD, IMAGE, COMPRESSED_IMAGE = (f"sensor_msgs/msg/{name}" for name in ("PointCloud2", "Image", "CompressedImage"))
CAMERA_INFO, TF, ODOMETRY = "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage", "nav_msgs/msg/Odometry"
IMU, JOINT_STATE = "sensor_msgs/msg/Imu", "sensor_msgs/msg/JointState"
_DATATYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}


def cloud(classes: Classes, frame_id: str, at_ns: int, points: NDArray[Any]) -> Any:
    """sensor_msgs/PointCloud2 of a structured array (N,): its dtype is the layout."""
    fields = [
        classes.make("sensor_msgs/msg/PointField", name=name, offset=int(kind[1]), datatype=_DATATYPES[kind[0].str[1:]], count=1)
        for name, kind in dict(points.dtype.fields or {}).items()
    ]  # fmt: skip
    step = points.dtype.itemsize
    return stamped(
        classes, CLOUD, frame_id, at_ns, height=1, width=len(points), fields=fields, point_step=step,
        row_step=step * len(points), data=_bytes(classes, points), is_dense=True,
    )  # fmt: skip


def compressed_image(classes: Classes, frame_id: str, at_ns: int, encoded: bytes, format_: str) -> Any:
    """sensor_msgs/CompressedImage of JPEG or PNG bytes."""
    data = classes.sequence(np.frombuffer(encoded, np.uint8))
    return stamped(classes, COMPRESSED_IMAGE, frame_id, at_ns, format=format_, data=data)


def image(classes: Classes, frame_id: str, at_ns: int, pixels: NDArray[Any], encoding: str) -> Any:
    """sensor_msgs/Image of pixels (H,W) or (H,W,channels) whose dtype is that of the encoding, little-endian."""
    height, width = pixels.shape[:2]
    step = pixels[:1].nbytes
    return stamped(
        classes, IMAGE, frame_id, at_ns, height=height, width=width, encoding=encoding, step=step, data=_bytes(classes, pixels)
    )  # fmt: skip


def camera_info(
    classes: Classes, frame_id: str, at_ns: int, size: tuple[int, int], K: F64, D: F64 | None = None, model: str = "plumb_bob"
) -> Any:  # fmt: skip
    """sensor_msgs/CameraInfo: ``size`` (width, height), K (3,3) [px], distortion D of ``model`` (None: rectified)."""
    return stamped(
        classes, CAMERA_INFO, frame_id, at_ns, width=size[0], height=size[1], distortion_model=model,
        d=classes.sequence(np.zeros(5) if D is None else np.asarray(D, np.float64)), k=K.ravel(), r=np.eye(3).ravel(),
        p=np.hstack([K, np.zeros((3, 1))]).ravel(),
    )  # fmt: skip


def transform(classes: Classes, at_ns: int, parent: str, child: str, T_parent_child: F64) -> Any:
    """geometry_msgs/TransformStamped of a transform (4,4)."""
    shift, turn = vector(classes, T_parent_child[:3, 3]), quaternion(classes, T_parent_child)
    return stamped(
        classes, "geometry_msgs/msg/TransformStamped", parent, at_ns, child_frame_id=child,
        transform=classes.make("geometry_msgs/msg/Transform", translation=shift, rotation=turn),
    )  # fmt: skip


def transforms(classes: Classes, at_ns: int, edges: Sequence[tuple[str, str, F64]]) -> Any:
    """tf2_msgs/TFMessage of (parent, child, T_parent_child (4,4)) at one stamp."""
    return classes.make(TF, transforms=[transform(classes, at_ns, *edge) for edge in edges])


def odometry(
    classes: Classes, frame_id: str, child: str, at_ns: int, T: F64, twist: F64, pose_cov: F64, twist_cov: F64
) -> Any:
    """nav_msgs/Odometry: pose (4,4), twist (6,) in ``child``, diagonals (6,) of the covariances (0: not known)."""
    message = stamped(classes, ODOMETRY, frame_id, at_ns, child_frame_id=child)
    message.pose.pose, message.pose.covariance = pose(classes, T), np.diag(pose_cov).ravel()
    message.twist.twist.linear, message.twist.twist.angular = vector(classes, twist[:3]), vector(classes, twist[3:])
    message.twist.covariance = np.diag(twist_cov).ravel()
    return message


def imu(
    classes: Classes, frame_id: str, at_ns: int, angular_velocity: F64, linear_acceleration: F64, gyro_noise: float, accel_noise: float
) -> Any:  # fmt: skip
    """sensor_msgs/Imu without orientation (REP-145): rates (3,) [rad/s], accelerations (3,) [m/s2] and their noise."""
    turn, push = (np.diag([sigma**2] * 3).ravel() for sigma in (gyro_noise, accel_noise))
    return stamped(
        classes, IMU, frame_id, at_ns, orientation_covariance=np.array([-1.0, *[0.0] * 8]),
        angular_velocity=vector(classes, angular_velocity), angular_velocity_covariance=turn,
        linear_acceleration=vector(classes, linear_acceleration), linear_acceleration_covariance=push,
    )  # fmt: skip


def joint_state(classes: Classes, at_ns: int, names: Sequence[str], positions: F64) -> Any:
    """sensor_msgs/JointState of positions (N,) [rad]."""
    return stamped(classes, JOINT_STATE, "", at_ns, name=list(names), position=classes.sequence(positions))


def _bytes(classes: Classes, values: NDArray[Any]) -> Any:
    return classes.sequence(np.ascontiguousarray(values).reshape(-1).view(np.uint8))
