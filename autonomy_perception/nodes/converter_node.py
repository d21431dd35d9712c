"""Tracks republished as other suites' messages, each while somebody subscribes (rclpy only under nodes/)."""

from __future__ import annotations

from typing import Any

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from autonomy_perception import topics
from autonomy_perception.config import ConfigError
from autonomy_perception.nodes import convert_objects
from autonomy_perception.nodes.process import StopFlag, run
from autonomy_perception.nodes.qos import message_class, profile

LOOK_S = 0.5
MAKERS = ((topics.AUTOWARE_OBJECTS, convert_objects.autoware), (topics.VISION_DETECTIONS, convert_objects.vision))


class ConverterNode(Node):
    """One publisher for each installed message package.

    Raises:
        ConfigError: none is installed.
    """

    def __init__(self, stop: StopFlag) -> None:
        super().__init__("converter")
        self._made: list[tuple[Any, convert_objects.Maker]] = []
        for topic, maker in MAKERS:
            try:
                make = maker()
            except ModuleNotFoundError as e:
                self.get_logger().info(f"{topic.name} is not published: {e.name} is not installed")
                continue
            self._made.append(
                (self.create_publisher(message_class(topic.msgtype), topic.name, profile(topic.qos)), make)
            )
        if not self._made:
            packages = " or ".join(topic.msgtype.split("/")[0] for topic, _ in MAKERS)
            raise ConfigError(f"converter: nothing to convert to: expected {packages} to be installed, found neither")
        self._tracks: Any = None
        self.create_timer(LOOK_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _look(self) -> None:
        """Listen to tracks only while somebody listens here."""
        wanted = any(publisher.get_subscription_count() > 0 for publisher, _ in self._made)
        if wanted and self._tracks is None:
            kind = message_class(topics.TRACKED_OBJECTS.msgtype)
            self._tracks = self.create_subscription(
                kind, topics.TRACKED_OBJECTS.name, self._on_tracks, profile(topics.OBJECTS)
            )
        elif not wanted and self._tracks is not None:
            self.destroy_subscription(self._tracks)
            self._tracks = None

    def _on_tracks(self, message: Any) -> None:
        for publisher, make in self._made:
            if publisher.get_subscription_count() > 0:
                publisher.publish(make(message))


def main() -> int:
    """Entry point of the process."""
    try:
        return run(ConverterNode)
    except ConfigError as e:
        rclpy.logging.get_logger("converter").error(str(e))
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
