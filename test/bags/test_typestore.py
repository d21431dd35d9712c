"""Messages as the middleware writes them are read, whatever they end in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags.serde import SerdeError

from autonomy_perception.bags.typestore import SPARE_BYTES, decode_cdr, typestore

numbers = st.lists(st.floats(-3.0, 3.0), max_size=3)
JOINTS = "sensor_msgs/msg/JointState"


@given(frame=st.text("abc/_", max_size=9), position=numbers, velocity=numbers, effort=numbers)
def test_joint_states_of_rclpy_are_read(
    frame: str, position: list[float], velocity: list[float], effort: list[float]
) -> None:
    """A hitch sensor sends a name and a position; the sequences behind are empty."""
    pytest.importorskip("rclpy", reason="ROS is not installed: make setup")
    from rclpy.serialization import serialize_message
    from sensor_msgs.msg import JointState

    message = JointState(
        name=["hitch"[:k] for k in range(len(position))], position=position, velocity=velocity, effort=effort
    )
    message.header.frame_id = frame
    read = decode_cdr(typestore(), serialize_message(message), JOINTS)
    assert read.header.frame_id == frame and list(read.name) == message.name
    assert [list(v) for v in (read.position, read.velocity, read.effort)] == [position, velocity, effort]


@pytest.mark.parametrize("spare", range(0, 24, 3))
def test_only_padding_may_follow(spare: int) -> None:
    store = typestore()
    header = store.types["std_msgs/msg/Header"](store.types["builtin_interfaces/msg/Time"](1, 2), "")
    data = bytes(store.serialize_cdr(header, "std_msgs/msg/Header"))
    data = data[: 4 + 4 + 4 + 4 + 1]  # encapsulation, stamp, length of the frame's name and its terminator
    if spare <= SPARE_BYTES + 3:
        assert decode_cdr(store, data + bytes(spare), "std_msgs/msg/Header").stamp.nanosec == 2
    else:
        with pytest.raises(SerdeError, match="size mismatch"):
            decode_cdr(store, data + bytes(spare), "std_msgs/msg/Header")
