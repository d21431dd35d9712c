"""Bag player: raw bytes to their topics at bag time, ``/clock``, loop, pause, and lockstep (rclpy only here)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node, NodeNameNonExistentError
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool, Trigger

from autonomy_perception import topics as table
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.reader import BagReader, RawMessage
from autonomy_perception.config import ConfigError
from autonomy_perception.nodes import graph
from autonomy_perception.nodes.lockstep import LockstepError, TokenSender
from autonomy_perception.nodes.messages import to_time
from autonomy_perception.nodes.parameters import PlayerConfig
from autonomy_perception.nodes.playback import Pace, header_stamp
from autonomy_perception.nodes.process import StopFlag, freeze_garbage, run, spin_until
from autonomy_perception.nodes.qos import message_class, profile
from autonomy_perception.nodes.ros_parameters import read
from autonomy_perception.runtime.trace import Sendings, write_json
from autonomy_perception.topics import LATCHED, QosSpec

OWN = {t.name for t in table.OUTPUTS}
CLOUD_NODES = set(graph.working(graph.Arguments())) | set(graph.working(graph.Arguments(stages="split")))
CLOCK_PERIOD_S = 0.02
PLAYED = QosSpec("reliable", 10)
HEAVY = ("sensor_msgs/msg/PointCloud2", "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
"""Types whose moment of sending is kept for the latency, and before which the clock is always sent."""
SEAM_S = 0.1
SETTLE_S = 0.75
"""The graph is taken as complete when it has not changed for this long."""


class PlayerNode(Node):
    """Plays one bag. ``play`` is the whole run; it spins the executor while it waits."""

    def __init__(self, stop: StopFlag) -> None:
        super().__init__("bag_player")
        self._stop = stop
        self.config = read(self, PlayerConfig)
        if not self.config.bag:
            raise ConfigError("bag_player: parameter bag is empty: expected a rosbag2 folder or .mcap file")
        self._reader = BagReader(Path(self.config.bag))
        self._pace = Pace(self.config.rate)
        self._clock = self.create_publisher(Clock, table.CLOCK_TOPIC.name, profile(table.CLOCK_TOPIC.qos))
        self._clock_due = 0.0
        self._token = TokenSender(self) if self.config.lockstep else None
        self._outlets: dict[str, Any] = {}
        self.sent = Sendings()
        self.messages, self.loops, self.worst_lag_ms = 0, 0, 0.0
        self.create_service(Trigger, "~/start", self._on_start)
        self.create_service(SetBool, "~/pause", self._on_pause)

    def play(self, executor: SingleThreadedExecutor) -> int:
        """Play to the end (or for ever with ``loop``); the exit code."""
        with self._reader:
            self._open_outlets()
            if not self._wait_for_subscribers(executor):
                return 3 if not self._stop.set else 0
            freeze_garbage()
            self._pace.seek(self._reader.span_ns[0])
            if not self.config.start_paused:
                self._pace.start()
            try:
                while self._once(executor) and self.config.loop:
                    self.loops += 1
                    self.get_logger().info(f"end of the bag, loop {self.loops}: the clock goes back")
                    self._turn_back(executor)
            except LockstepError as e:
                self.get_logger().error(str(e))
                return 4
            spin_until(executor, self._stop, lambda: False, self.config.linger_s)
        return 0

    def _open_outlets(self) -> None:
        for topic, msgtype in self._reader.topics.items():
            if topic in OWN:
                self.get_logger().info(f"{topic} is not played: the running nodes make it")
                continue
            try:
                kind = message_class(msgtype)
            except ModuleNotFoundError as e:
                self.get_logger().warning(f"{topic} is not played: {e}")
                continue
            latched = topic in self._reader.latched_topics
            self._outlets[topic] = self.create_publisher(kind, topic, profile(LATCHED if latched else PLAYED))

    def _wait_for_subscribers(self, executor: SingleThreadedExecutor) -> bool:
        """True when every awaited topic has a subscriber and no more were added for a moment."""
        wanted = list(self.config.wait_for)
        unknown = [t for t in wanted if t not in self._outlets]
        if unknown:
            self.get_logger().error(f"wait_for: {unknown} not in the bag, which has {sorted(self._outlets)}")
            return False
        if not wanted:
            wanted = [t for t, kind in self._reader.topics.items() if kind == HEAVY[0]]
            if not wanted:
                self.get_logger().warning(f"{self.config.bag}: no PointCloud2 topic in it: the outputs will be STOPPED")
                wanted = list(self._outlets)
        if self.config.wait_s == 0:
            return True
        seen = [0, time.monotonic()]

        def ready() -> bool:
            count = self._endpoints()
            missing = [name for name in self.config.wait_for_nodes if not self._at_work(name, wanted)]
            if count != seen[0] or missing:
                seen[:] = [count, time.monotonic()]
            if missing or (self._token is not None and not self._token.connected()):
                return False
            matched = [self._outlets[t].get_subscription_count() > 0 for t in wanted]
            return (all(matched) if self.config.wait_for else any(matched)) and time.monotonic() - seen[1] > SETTLE_S

        if spin_until(executor, self._stop, ready, self.config.wait_s):
            return True
        if not self._stop.set:
            absent = [name for name in self.config.wait_for_nodes if not self._at_work(name, wanted)]
            what = f"{', '.join(absent)} did not begin to listen" if absent else f"nobody subscribed to {wanted}"
            self.get_logger().error(f"{what} within {self.config.wait_s:g} s: nothing was played")
        return False

    def _at_work(self, name: str, clouds: list[str]) -> bool:
        """Whether a node is there and listens: one that takes in clouds to a cloud, the recorder to an output."""
        try:
            heard = {topic for topic, _ in self.get_subscriber_names_and_types_by_node(name, "/")}
        except NodeNameNonExistentError:
            return False
        if name == "bag_recorder":
            return any(topic.startswith("/perception/") for topic in heard)
        return name not in CLOUD_NODES or bool(heard & set(clouds))

    def _endpoints(self) -> int:
        """All publishers and subscriptions of the graph: while their number grows, somebody is still starting."""
        names = [name for name, _ in self.get_topic_names_and_types()]
        return sum(self.count_publishers(name) + self.count_subscribers(name) for name in names)

    def _once(self, executor: SingleThreadedExecutor) -> bool:
        """One pass over the bag; False if it was stopped."""
        for message in self._messages():
            if self._token is None:
                self._hold(message.receive_ns, executor)
            if self._stop.set or not rclpy.ok():
                return False
            self._send(message, executor)
        return True

    def _turn_back(self, executor: SingleThreadedExecutor) -> None:
        """The seam of a loop: the last messages are worked off, then everybody hears the clock go back before the first
        one comes again. (A jump makes everybody forget what they have heard and not yet used.)"""
        start, end = self._reader.span_ns
        if self._token is None:
            self._hold(end + int(SEAM_S * self.config.rate * 1e9), executor)
        self._send_clock(start)
        spin_until(executor, self._stop, lambda: False, SEAM_S)
        self._pace.seek(start)

    def _messages(self) -> Iterator[RawMessage]:
        return self._reader.raw(tuple(self._outlets))

    def _hold(self, bag_ns: int, executor: SingleThreadedExecutor) -> None:
        """Wait for a message's time; callbacks and the clock go on meanwhile."""
        while not self._stop.set and rclpy.ok():
            left = self._pace.wait_s(bag_ns)
            if left <= 0:
                self.worst_lag_ms = max(self.worst_lag_ms, -left * 1e3)
                return
            until_clock = self._clock_due - time.monotonic()
            if until_clock <= 0:
                self._send_clock(min(self._pace.now(), bag_ns))
                continue
            executor.spin_once(timeout_sec=min(left, until_clock))

    def _send(self, message: RawMessage, executor: SingleThreadedExecutor) -> None:
        heavy = message.msgtype in HEAVY
        if heavy or self._token is not None or self._clock_due <= time.monotonic():
            self._send_clock(message.receive_ns)
        if self._token is not None:
            self._token.announce(message.topic, message.receive_ns)
        if heavy and self.config.trace_file:
            self.sent.add(message.topic, header_stamp(message.data), time.monotonic_ns())
        self._outlets[message.topic].publish(message.data)
        self.messages += 1
        if self._token is not None:
            resend = lambda: self._outlets[message.topic].publish(message.data)  # noqa: E731
            self._token.await_answer(executor, self._stop, resend)

    def _send_clock(self, bag_ns: int) -> None:
        self._clock.publish(Clock(clock=to_time(bag_ns)))
        self._clock_due = time.monotonic() + CLOCK_PERIOD_S

    def _on_start(self, request: Any, response: Any) -> Any:
        self._pace.start()
        response.success, response.message = True, "playing"
        return response

    def _on_pause(self, request: Any, response: Any) -> Any:
        (self._pace.pause if request.data else self._pace.start)()
        response.success, response.message = True, "paused" if request.data else "playing"
        return response

    def close(self) -> None:
        """Write the trace."""
        lag = self.worst_lag_ms if math.isfinite(self.worst_lag_ms) else 0.0
        self.get_logger().info(f"played {self.messages} messages, {self.loops} loops, largest delay {lag:.1f} ms")
        if self.config.trace_file:
            what = {"messages": self.messages, "loops": self.loops, "worst_lag_ms": lag, "sent": self.sent.rows()}
            write_json(Path(self.config.trace_file), what)


def main() -> int:
    """Entry point of the process."""
    try:
        return run(PlayerNode, lambda node, executor, stop: int(node.play(executor)))
    except (BagError, ConfigError) as e:
        rclpy.logging.get_logger("bag_player").error(str(e))
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
