"""ROS messages to events, by duck typing: rclpy messages and messages decoded from a bag look the same.

The attribute names are those of the message definitions, so no ROS module is imported here. Byte payloads are
passed on as views (``memoryview`` or NumPy), never copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autonomy_perception.messages.events import (
    CameraInfoMsg,
    CloudMsg,
    Event,
    ImageMsg,
    ImuMsg,
    JointMsg,
    OdomMsg,
    PointField,
    SpeedMsg,
    TfMsg,
    TransformSample,
)  # fmt: skip
from autonomy_perception.messages.parts import stamp_ns


def cloud(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0) -> CloudMsg:
    """sensor_msgs/PointCloud2 -> event."""
    fields = tuple(PointField(f.name, int(f.offset), int(f.datatype), int(f.count)) for f in m.fields)
    return CloudMsg(topic, receive_ns, arrival_ns, m.header.frame_id, stamp_ns(m.header.stamp), int(m.height),
                    int(m.width), fields, bool(m.is_bigendian), int(m.point_step), int(m.row_step), m.data)  # fmt: skip


def compressed_image(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0) -> ImageMsg:
    """sensor_msgs/CompressedImage -> event."""
    return ImageMsg(topic, receive_ns, arrival_ns, m.header.frame_id, stamp_ns(m.header.stamp), m.format, m.data)


def image(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0) -> ImageMsg:
    """sensor_msgs/Image -> event."""
    return ImageMsg(topic, receive_ns, arrival_ns, m.header.frame_id, stamp_ns(m.header.stamp), m.encoding, m.data,
                    False, int(m.height), int(m.width), int(m.step), bool(m.is_bigendian))  # fmt: skip


def camera_info(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0) -> CameraInfoMsg:
    """sensor_msgs/CameraInfo -> event."""
    roi = m.roi
    return CameraInfoMsg(
        topic, receive_ns, arrival_ns, m.header.frame_id, stamp_ns(m.header.stamp), int(m.width), int(m.height),
        m.distortion_model, np.array(m.d, np.float64), np.array(m.k, np.float64).reshape(3, 3),
        np.array(m.p, np.float64).reshape(3, 4), np.array(m.r, np.float64).reshape(3, 3),
        (int(m.binning_x), int(m.binning_y)), (int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)),
    )  # fmt: skip


def tf(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0, *, static: bool | None = None) -> TfMsg:
    """tf2_msgs/TFMessage -> event; static if said so, else by the topic's name."""
    samples = []
    for t in m.transforms:
        p, q = t.transform.translation, t.transform.rotation
        samples.append(TransformSample(t.header.frame_id, t.child_frame_id, stamp_ns(t.header.stamp),
                                       (p.x, p.y, p.z), (q.x, q.y, q.z, q.w)))  # fmt: skip
    is_static = topic.endswith("tf_static") if static is None else static
    return TfMsg(topic, receive_ns, arrival_ns, is_static, tuple(samples))


def odometry(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0) -> OdomMsg:
    """nav_msgs/Odometry -> event."""
    p, q = m.pose.pose.position, m.pose.pose.orientation
    v, w = m.twist.twist.linear, m.twist.twist.angular
    return OdomMsg(topic, receive_ns, arrival_ns, m.header.frame_id, m.child_frame_id, stamp_ns(m.header.stamp),
                   (p.x, p.y, p.z), (q.x, q.y, q.z, q.w), (v.x, v.y, v.z, w.x, w.y, w.z))  # fmt: skip


def imu(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0) -> ImuMsg:
    """sensor_msgs/Imu -> event."""
    w, a = m.angular_velocity, m.linear_acceleration
    rate = None if m.angular_velocity_covariance[0] == -1.0 else (w.x, w.y, w.z)
    force = None if m.linear_acceleration_covariance[0] == -1.0 else (a.x, a.y, a.z)
    return ImuMsg(topic, receive_ns, arrival_ns, m.header.frame_id, stamp_ns(m.header.stamp), rate, force)


def speed(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0) -> SpeedMsg:
    """geometry_msgs/TwistStamped or TwistWithCovarianceStamped -> event."""
    twist = m.twist.twist if hasattr(m.twist, "twist") else m.twist
    return SpeedMsg(topic, receive_ns, arrival_ns, m.header.frame_id, stamp_ns(m.header.stamp), float(twist.linear.x))


def joints(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0) -> JointMsg:
    """sensor_msgs/JointState -> event; a stamp of zero (not filled in) means now."""
    return JointMsg(topic, receive_ns, arrival_ns, stamp_ns(m.header.stamp) or receive_ns, tuple(m.name),
                    tuple(float(p) for p in m.position))  # fmt: skip


def joint(topic: str, m: Any, receive_ns: int, arrival_ns: int = 0) -> JointMsg:
    """std_msgs/Float64 -> event."""
    return JointMsg(topic, receive_ns, arrival_ns, receive_ns, (), (float(m.data),))


CONVERTERS: dict[str, Callable[[str, Any, int, int], Event]] = {
    "sensor_msgs/msg/PointCloud2": cloud,
    "sensor_msgs/msg/CompressedImage": compressed_image,
    "sensor_msgs/msg/Image": image,
    "sensor_msgs/msg/CameraInfo": camera_info,
    "tf2_msgs/msg/TFMessage": tf,
    "nav_msgs/msg/Odometry": odometry,
    "sensor_msgs/msg/Imu": imu,
    "geometry_msgs/msg/TwistStamped": speed,
    "geometry_msgs/msg/TwistWithCovarianceStamped": speed,
    "sensor_msgs/msg/JointState": joints,
    "std_msgs/msg/Float64": joint,
}
"""By message type; each takes (topic, message, receive_ns, arrival_ns)."""
