"""Subscriptions of a vehicle's sensors: every callback only turns its message into an event and hands it on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autonomy_perception.config import VehicleConfig
from autonomy_perception.messages import objects
from autonomy_perception.messages.events import Event
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.nodes.qos import message_class, profile
from autonomy_perception.nodes.qos_events import QosWatch, with_events
from autonomy_perception.sensors.ego import IMU, ODOMETRY, SPEED, ego_topics
from autonomy_perception.topics import LATCHED, MOTION, OBJECTS, SENSOR, TF, QosSpec, Topic

_CLOUD, _ODOMETRY, _TF = "sensor_msgs/msg/PointCloud2", "nav_msgs/msg/Odometry", "tf2_msgs/msg/TFMessage"
_EVENT_OF = CONVERTERS | objects.CONVERTERS


@dataclass(frozen=True)
class Input:
    """A topic to subscribe to."""

    topic: str
    msgtype: str
    qos: QosSpec
    required: bool = True


def inputs_of(vehicle: VehicleConfig) -> list[Input]:
    """All input topics of a vehicle, lidars first."""
    out = [Input(lidar.topic, _CLOUD, SENSOR) for lidar in vehicle.lidars.values()]
    for camera in vehicle.cameras.values():
        kind = "CompressedImage" if camera.compressed else "Image"
        out += [
            Input(camera.topic, f"sensor_msgs/msg/{kind}", SENSOR),
            Input(camera.info_topic, "sensor_msgs/msg/CameraInfo", SENSOR),
        ]
    kinds = {ODOMETRY: _ODOMETRY, IMU: "sensor_msgs/msg/Imu", SPEED: vehicle.odometry.speed_type}
    out += [Input(topic, kinds[name], MOTION) for name, topic in ego_topics(vehicle).items()]
    if vehicle.hitch is not None and vehicle.hitch.topic:
        out.append(Input(vehicle.hitch.topic, vehicle.hitch.topic_type, MOTION))
    out += [Input("/tf", _TF, TF, False), Input("/tf_static", _TF, LATCHED, vehicle.extrinsics_from == "tf")]
    return list({item.topic: item for item in out}.values())


def arrival_ns(info: Any) -> int:
    """Monotonic time [ns] at which the middleware received a message: the queue before the callback is included."""
    now = time.monotonic_ns()
    received = info.get("received_timestamp", 0) if isinstance(info, dict) else 0
    age = time.time_ns() - received if received else 0
    return now - age if 0 <= age < 10_000_000_000 else now


@dataclass
class Unreadable:
    """Messages of a topic that no event could be made of: how many, and what was wrong with the last."""

    count: int = 0
    last: str = ""


class Inputs:
    """The subscriptions.

    Args:
        deliver: called with each event in the ROS thread.
        lockstep: subscribe reliably and deliver raw messages to ``offer`` instead.
        offer: lockstep only: called with topic and message.
        objects: results of other nodes to take in.
    """

    def __init__(self, node: Any, vehicle: VehicleConfig, watch: QosWatch, deliver: Callable[[Event], None],
                 offer: Callable[[str, Any], None] | None = None, objects: Sequence[Topic] = ()) -> None:  # fmt: skip
        self._node, self._deliver, self._offer = node, deliver, offer
        self.table = [*inputs_of(vehicle), *(Input(t.name, t.msgtype, OBJECTS) for t in objects)]
        self.received: dict[str, int] = {i.topic: 0 for i in self.table}
        self._unreadable: dict[str, Unreadable] = {}
        self._held = [self._open(i, watch) for i in self.table]

    @property
    def failures(self) -> dict[str, str]:
        """What could not be read at all, by topic: how many messages, and what was wrong with the last."""
        return {topic: f"{u.count} left out, the last one: {u.last}" for topic, u in self._unreadable.items()}

    def read(self, item: Input, message: Any, receive_ns: int, arrival: int) -> Event | None:
        """The event of a message; None, counted and named, if there is none to be made of it."""
        try:
            return _EVENT_OF[item.msgtype](item.topic, message, receive_ns, arrival)
        except Exception as e:  # whatever a message holds must not end the node
            unreadable = self._unreadable.setdefault(item.topic, Unreadable())
            unreadable.count, unreadable.last = unreadable.count + 1, f"{type(e).__name__}: {e}"
            return None

    def _open(self, item: Input, watch: QosWatch) -> Any:
        spec = item.qos if self._offer is None else replace(item.qos, reliability="reliable", depth=10)
        callback = self._event_taker(item) if self._offer is None else self._message_taker(item)
        return with_events(
            self._node.create_subscription,
            message_class(item.msgtype),
            item.topic,
            callback,
            profile(spec),
            events=watch.for_subscription(item.topic),
        )

    def _event_taker(self, item: Input) -> Callable[[Any, Any], None]:
        topic, clock = item.topic, self._node.get_clock()

        def take(message: Any, info: Any) -> None:
            arrival = arrival_ns(info)
            self.received[topic] += 1
            event = self.read(item, message, clock.now().nanoseconds, arrival)
            if event is not None:
                self._deliver(event)

        return take

    def _message_taker(self, item: Input) -> Callable[[Any], None]:
        topic, offer = item.topic, self._offer
        assert offer is not None

        def take(message: Any) -> None:
            self.received[topic] += 1
            offer(topic, message)

        return take

    def close(self) -> None:
        """Destroy the subscriptions."""
        for subscription in self._held:
            self._node.destroy_subscription(subscription)
        self._held = []
