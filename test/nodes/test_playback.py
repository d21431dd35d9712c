"""Pace, header stamps, traces and the recorder's queue."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.bags import messages as m
from autonomy_perception.bags.typestore import typestore
from autonomy_perception.nodes.playback import Pace, header_stamp
from autonomy_perception.runtime.trace import known_after_ms, latencies_ms

S = 1_000_000_000


class Time:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def test_pace_runs_pauses_and_jumps_back() -> None:
    clock = Time()
    pace = Pace(2.0, clock)
    pace.seek(10 * S)
    clock.ns += S
    assert pace.now() == 10 * S and pace.wait_s(11 * S) == float("inf")
    pace.start()
    clock.ns += S
    assert pace.now() == 12 * S and pace.wait_s(13 * S) == pytest.approx(0.5)
    pace.pause()
    clock.ns += 5 * S
    assert pace.now() == 12 * S
    pace.start()
    clock.ns += S
    assert pace.now() == 14 * S and pace.wait_s(12 * S) == pytest.approx(-1.0)
    pace.seek(10 * S)
    assert pace.now() == 10 * S
    with pytest.raises(ValueError, match="rate"):
        Pace(0.0)


@settings(deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(0, S - 1))
def test_header_stamp_is_read_without_decoding(sec: int, nanosec: int) -> None:
    message = m.compressed_image("camera", sec * S + nanosec, b"abc", "jpeg")
    data = bytes(typestore().serialize_cdr(message, m.COMPRESSED_IMAGE))
    assert header_stamp(data) == sec * S + nanosec
    with pytest.raises(ValueError, match="12 bytes"):
        header_stamp(data[:8])


def test_latency_runs_from_the_last_sending_before_the_publication() -> None:
    player = {"sent": [["/a", 1, 100_000_000], ["/b", 1, 101_000_000], ["/a", 1, 900_000_000]]}
    frames = [
        [1, 0, 130_000_000, ["/a", 1], 1],
        [1, 0, 950_000_000, ["/a", 1], 0],
        [2, 0, 1, ["/a", 2], 1],
        [3, 0, 1, None, 1],
    ]
    assert latencies_ms({"frames": frames}, player) == pytest.approx([30.0, 50.0])
    assert latencies_ms({"frames": frames}, player, skip=1) == pytest.approx([50.0])


def test_a_lost_message_waits_for_the_next_one_that_came_through() -> None:
    ms = 1_000_000
    player = {"sent": [["/a", 1, 0], ["/a", 2, 100 * ms], ["/a", 3, 200 * ms], ["/a", 4, 300 * ms]]}
    frames = [[1, 0, 30 * ms, ["/a", 1], 1], [2, 0, 130 * ms, ["/a", 2], 0], [3, 0, 250 * ms, ["/a", 3], 1]]
    assert known_after_ms({"frames": frames}, player, "/a") == pytest.approx([30.0, 150.0, 50.0])
    assert known_after_ms({"frames": frames}, player, "/b") == []


def test_recorder_queue_counts_what_does_not_fit() -> None:
    pytest.importorskip("rclpy", reason="ROS is not installed: make setup")
    from autonomy_perception.nodes.recorder_node import BoundedQueue

    queue = BoundedQueue(10)
    assert queue.put("/a", "t", 1, b"123456")
    assert not queue.put("/a", "t", 2, b"123456")
    assert queue.put("/a", "t", 3, b"1234")
    queue.close()
    items = []
    while (item := queue.get()) is not None:
        items.append(item[2])
    assert items == [1, 3] and queue.dropped == 1
    assert queue.put("/a", "t", 4, b"1234567890")


class FakeRecorder:
    """What ``RecorderNode._discover`` needs of a node."""

    def __init__(self, topics: dict[str, str]) -> None:
        self._failure, self._held, self._refused, self._topics = "", {}, [], topics
        self._wanted, self.errors = set(topics), []

    def get_topic_names_and_types(self) -> list[tuple[str, list[str]]]:
        return [(name, [kind]) for name, kind in self._topics.items()]

    def get_publishers_info_by_topic(self, name: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(qos_profile=SimpleNamespace(reliability=1, durability=2))]

    def get_logger(self) -> SimpleNamespace:
        return SimpleNamespace(error=self.errors.append)

    def create_subscription(self, kind: Any, name: str, *more: Any, raw: bool) -> str:
        return name

    def _taker(self, topic: str, msgtype: str) -> None:
        return None


def test_a_topic_of_unknown_type_is_refused_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rclpy", reason="ROS is not installed: make setup")
    from autonomy_perception.nodes import recorder_node

    real = recorder_node.message_class
    monkeypatch.setattr(recorder_node, "message_class", lambda t: object if t == "my_msgs/msg/Thing" else real(t))
    kinds = {"/thing": "my_msgs/msg/Thing", "/no": "std_msgs/msg/None", "/far": "far_msgs/msg/Away"}
    fake = FakeRecorder(kinds | {"/tf": "tf2_msgs/msg/TFMessage"})
    for _ in range(2):
        recorder_node.RecorderNode._discover(fake)  # type: ignore[arg-type]
    assert set(fake._held) == {"/tf"} and fake._refused == list(kinds)
    why = (
        "unknown message type",
        "interface package std_msgs has no such message: run `make setup`",
        "interface package far_msgs is not installed: run `make setup`",
    )
    assert fake.errors == [f"{topic} is not recorded: {kinds[topic]}: {w}" for topic, w in zip(kinds, why, strict=True)]
