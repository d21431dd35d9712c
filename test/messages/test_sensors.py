"""What sensors send through both families and back to events; blank messages and unknown fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from messages.families import STAMP, Family, families

from autonomy_perception import geometry
from autonomy_perception.messages import maps, objects, sensors_out
from autonomy_perception.messages.events import TransformSample
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.messages.status import STATUS

metres = st.floats(-1e5, 1e5)
TYPES = [
    sensors_out.CLOUD, sensors_out.IMAGE, sensors_out.COMPRESSED_IMAGE, sensors_out.CAMERA_INFO, sensors_out.TF, sensors_out.ODOMETRY,
    sensors_out.IMU, sensors_out.JOINT_STATE, maps.OCCUPANCY_GRID, maps.GRID_MAP, STATUS, objects.DETECTED.msgtype, objects.DETECTED.item,
    objects.TRACKED.msgtype, objects.TRACKED.item, "std_msgs/msg/Float32MultiArray", "geometry_msgs/msg/TransformStamped",
]  # fmt: skip


def events(make: Any, msgtype: str) -> list[Any]:
    """The event of a message, made, sent and read with each family; the bytes are the same."""
    out, bytes_of = [], set()
    for family in families():
        bytes_of.add(wire := family.wire(make(family.classes), msgtype))
        out.append(CONVERTERS[msgtype]("/t", family.back(wire, msgtype), 5, 6))
    assert len(bytes_of) == 1, "both families say the same on the wire"
    return out


@pytest.mark.parametrize("msgtype", TYPES)
def test_a_message_that_nobody_has_filled_is_the_same_in_both_families(msgtype: str) -> None:
    assert len({family.wire(family.classes.make(msgtype), msgtype) for family in families()}) == 1


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_a_field_that_a_message_does_not_have_is_an_error(family: Family) -> None:
    with pytest.raises((TypeError, AttributeError), match="frame"):
        family.classes.make("std_msgs/msg/Header", frame="odom")


@given(hnp.arrays(np.dtype([("x", "<f4"), ("y", "<f8"), ("ring", "<u2"), ("k", "i1")]), st.integers(0, 5)))
@settings(max_examples=25, deadline=None)
def test_clouds(points: np.ndarray) -> None:
    for event in events(lambda c: sensors_out.cloud(c, "lidar", STAMP, points), sensors_out.CLOUD):
        assert (event.frame_id, event.stamp_ns, event.height, event.width) == ("lidar", STAMP, 1, len(points))
        layout = [(f.name, f.offset, f.datatype) for f in event.fields]
        assert layout == [("x", 0, 7), ("y", 4, 8), ("ring", 12, 4), ("k", 14, 1)]
        assert (event.point_step, event.row_step, event.is_bigendian) == (15, 15 * len(points), False)
        assert bytes(event.data) == points.tobytes()


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)), st.binary(min_size=1, max_size=9))
@settings(max_examples=25, deadline=None)
def test_images(pixels: np.ndarray, encoded: bytes) -> None:
    for event in events(lambda c: sensors_out.image(c, "eye", STAMP, pixels, "rgb8"), sensors_out.IMAGE):
        height, width, channels = pixels.shape
        assert (event.encoding, event.height, event.width, event.step) == ("rgb8", height, width, width * channels)
        assert bytes(event.data) == pixels.tobytes() and (event.frame_id, event.stamp_ns) == ("eye", STAMP)
    make = lambda c: sensors_out.compressed_image(c, "eye", STAMP, encoded, "jpeg")  # noqa: E731
    for event in events(make, sensors_out.COMPRESSED_IMAGE):
        assert (bytes(event.data), event.encoding, event.compressed) == (encoded, "jpeg", True)


def test_depth_images_have_the_step_of_their_type() -> None:
    depth = np.arange(6, dtype=np.float32).reshape(2, 3)
    for event in events(lambda c: sensors_out.image(c, "eye", STAMP, depth, "32FC1"), sensors_out.IMAGE):
        assert event.step == 12 and np.array_equal(np.frombuffer(event.data, "<f4").reshape(2, 3), depth)


@given(
    hnp.arrays(np.float64, (3, 3), elements=metres), hnp.arrays(np.float64, st.sampled_from([4, 5, 8]), elements=metres)
)
@settings(max_examples=25, deadline=None)
def test_camera_infos(K: np.ndarray, D: np.ndarray) -> None:
    make = lambda c: sensors_out.camera_info(c, "eye", STAMP, (640, 480), K, D, "equidistant")  # noqa: E731
    for event in events(make, sensors_out.CAMERA_INFO):
        assert (event.width, event.height, event.distortion_model) == (640, 480, "equidistant")
        assert np.array_equal(event.K, K) and np.array_equal(event.D, D) and np.array_equal(event.P[:, :3], K)
        assert np.array_equal(event.R, np.eye(3)) and not event.P[:, 3].any() and event.binning == (0, 0)


@given(st.tuples(metres, metres, metres), st.tuples(*[st.floats(-3, 3)] * 3), st.tuples(*[metres] * 6))
@settings(max_examples=25, deadline=None)
def test_odometry_and_transforms(shift: Any, angles: Any, twist: Any) -> None:
    T, zero = geometry.make_transform(geometry.rotation_rpy(*angles), shift), np.zeros(6)
    turn = tuple(geometry.quaternion_of(T))
    make = lambda c: sensors_out.odometry(c, "odom", "base", STAMP, T, np.array(twist), zero, zero)  # noqa: E731
    for event in events(make, sensors_out.ODOMETRY):
        assert (event.frame_id, event.child_frame_id, event.stamp_ns) == ("odom", "base", STAMP)
        assert (event.position, event.quaternion, event.twist) == (shift, turn, twist)
    for event in events(lambda c: sensors_out.transforms(c, STAMP, [("a", "b", T)] * 2), sensors_out.TF):
        assert event.transforms == (TransformSample("a", "b", STAMP, shift, turn),) * 2


@given(st.tuples(metres, metres, metres), st.tuples(metres, metres, metres), metres)
@settings(max_examples=25, deadline=None)
def test_imu_and_joints(rate: Any, force: Any, angle: float) -> None:
    make = lambda c: sensors_out.imu(c, "imu", STAMP, np.array(rate), np.array(force), 0.1, 0.2)  # noqa: E731
    for event in events(make, sensors_out.IMU):
        assert (event.frame_id, event.stamp_ns) == ("imu", STAMP)
        assert (event.angular_velocity, event.linear_acceleration) == (rate, force)
    for event in events(
        lambda c: sensors_out.joint_state(c, STAMP, ["hitch"], np.array([angle])), sensors_out.JOINT_STATE
    ):
        assert (event.stamp_ns, event.names, event.positions) == (STAMP, ("hitch",), (angle,))
