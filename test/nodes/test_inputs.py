"""Inputs: no message ends the node; one that no event can be made of is named; a layout is said once."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from nodes import drive

from autonomy_perception import topics
from autonomy_perception.bags import messages as m
from autonomy_perception.config import PerceptionConfig, VehicleConfig, load_vehicle
from autonomy_perception.messages import sensors_in as convert
from autonomy_perception.messages.events import Event
from autonomy_perception.nodes import inputs
from autonomy_perception.nodes.inputs import Inputs
from autonomy_perception.nodes.perception_node import PerceptionNode
from autonomy_perception.nodes.qos import message_class
from autonomy_perception.nodes.qos_events import QosWatch
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.sensors.frontend import SensorFrontEnd

RAISED = [ValueError, TypeError, OverflowError, AttributeError, IndexError, ZeroDivisionError, MemoryError]


class FakeNode:
    """Holds the callbacks that a node would be given."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Callable[..., None]] = {}

    def get_clock(self) -> Any:
        return SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=drive.START_NS))

    def create_subscription(self, kind: Any, topic: str, callback: Any, profile: Any, **more: Any) -> Any:
        self.callbacks[topic] = callback
        return topic


@pytest.fixture
def vehicle(tmp_path: Any) -> VehicleConfig:
    return load_vehicle(drive.write_vehicle(tmp_path / "test.yaml"))


@pytest.mark.parametrize("error", RAISED)
def test_a_message_that_cannot_be_converted_is_left_out_counted_and_named(
    vehicle: VehicleConfig, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = topics.DETECTED_OBJECTS
    broken = [True, False, True]

    def convert(*args: Any) -> Event:
        if broken.pop(0):
            raise error("odd on purpose")
        return good(*args)

    good = inputs._EVENT_OF[topic.msgtype]
    monkeypatch.setitem(inputs._EVENT_OF, topic.msgtype, convert)
    node, taken = FakeNode(), []
    held = Inputs(node, vehicle, QosWatch(None), taken.append, objects=(topic,))
    for _ in range(3):
        node.callbacks[topic.name](message_class(topic.msgtype)(), {})
    assert [event.topic for event in taken] == [topic.name] and held.received[topic.name] == 3
    assert held.failures == {topic.name: f"2 left out, the last one: {error.__name__}: odd on purpose"}


def test_in_lockstep_the_token_of_a_message_that_cannot_be_converted_is_answered() -> None:
    """Nobody else would: the replay would stand still."""
    events, answered, queued = [None, "event"], [], []
    node = SimpleNamespace(
        _inputs=SimpleNamespace(read=lambda *args: events.pop(0)),
        _tokens=SimpleNamespace(answer=lambda *token: answered.append(token)),
        _table={"/tf": None},
        _inbox=SimpleNamespace(put=lambda *job: queued.append(job)),
    )
    for receive_ns in (1, 2):
        PerceptionNode._deliver(node, "/tf", None, receive_ns)  # type: ignore[arg-type]
    assert answered == [("/tf", 1)] and queued == [("event", ("/tf", 2))]


def test_every_input_of_default_values_is_taken(vehicle: VehicleConfig) -> None:
    node, taken = FakeNode(), []
    objects = (topics.DETECTED_OBJECTS, topics.TRACKED_OBJECTS)
    held = Inputs(node, vehicle, QosWatch(None), taken.append, objects=objects)
    for item in held.table:
        node.callbacks[item.topic](message_class(item.msgtype)(), {})
    assert held.failures == {} and {event.topic for event in taken} == {i.topic for i in inputs.inputs_of(vehicle)} | {
        t.name for t in objects
    }


def test_clouds_without_times_or_rings_are_said_once_in_the_log(vehicle: VehicleConfig) -> None:
    front, lines = SensorFrontEnd(PerceptionConfig(), vehicle, CpuLibrary()), []
    logger = SimpleNamespace(info=lines.append)
    node = SimpleNamespace(vehicle=vehicle, _told={}, get_logger=lambda: logger)
    whole = drive.sweep(0.0, 14.0)
    bare = np.zeros(len(whole), [(n, "<f4") for n in ("x", "y", "z", "intensity")])
    for name in bare.dtype.names:
        bare[name] = whole[name]
    PerceptionNode._tell(node, front.diagnostics().layouts)  # type: ignore[arg-type]
    assert lines == [], "nothing is known before the first cloud"
    for points, said in ((bare, 1), (whole, 2)):
        for _ in range(5):
            stamp = drive.START_NS + front.diagnostics().received["top"] * 100_000_000
            front.feed(convert.cloud(drive.CLOUD, m.cloud("lidar", stamp, points), stamp))
            PerceptionNode._tell(node, front.diagnostics().layouts)  # type: ignore[arg-type]
        assert len(lines) == said
    assert lines[0].startswith(f"{drive.CLOUD}: ") and "no time: points are not deskewed, no ring" in lines[0]
    assert "no time" not in lines[1] and "no ring" not in lines[1]
