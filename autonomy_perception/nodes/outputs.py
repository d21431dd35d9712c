"""Publishers of the perception node: what is made, when, and for whom (nothing is built that nobody receives)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from autonomy_perception import topics
from autonomy_perception.messages.fields import Pool
from autonomy_perception.messages.objects import detected_objects, tracked_objects
from autonomy_perception.messages.status import Counters, Status
from autonomy_perception.nodes import messages
from autonomy_perception.nodes.qos import message_class, profile
from autonomy_perception.nodes.qos_events import QosWatch, with_events
from autonomy_perception.occupancy.grid import to_autoware
from autonomy_perception.runtime.runner import Output
from autonomy_perception.types import Mode, SensorHealth

TERRAIN_PERIOD_NS = 500_000_000


class Outputs:
    """All publishers. Made in the ROS thread, used by the worker.

    Args:
        node: the node that owns the publishers.
        watch: receives quality-of-service events.
        base_frame: of the vehicle; status messages are in it.
        encoding: ``occupancy.encoding`` of the configuration.
        offered: what this node publishes.
    """

    def __init__(
        self, node: Any, watch: QosWatch, base_frame: str, encoding: Literal["ros", "autoware"],
        offered: Sequence[topics.Topic],
    ) -> None:  # fmt: skip
        self._base, self._node, self._encoding = base_frame, node, encoding
        self._publishers = {t.name: self._open(t, watch) for t in offered}
        self._terrain_due, self._pool, self._tentative = 0, Pool(messages.ROS), Pool(messages.ROS)
        self.calibration_hash = ""
        """Version of the calibration that is known now; outputs made with another one carry that."""
        self.suspicions: tuple[str, ...] = ()
        """Reasons beside those of the pipeline."""
        self.published: dict[str, int] = dict.fromkeys(self._publishers, 0)

    def _open(self, topic: topics.Topic, watch: QosWatch) -> Any:
        return with_events(
            self._node.create_publisher,
            message_class(topic.msgtype),
            topic.name,
            profile(topic.qos),
            events=watch.for_publisher(topic.name),
        )

    def publish(
        self, output: Output, health: Sequence[SensorHealth], counters: Counters, ros_now_ns: int
    ) -> tuple[int, dict[str, float]]:
        """Send one output; returns the monotonic time [ns] at which grid, tracks and detections were out, and the
        milliseconds of all stages (empty but for ``publish`` after a tick)."""
        result, start = output.result, time.perf_counter_ns()
        if topics.TRACKED_OBJECTS.name in self._publishers:
            self._send(topics.TRACKED_OBJECTS, tracked_objects(self._pool, result.tracks, result.stamp_ns))
        if topics.OCCUPANCY_GRID.name in self._publishers:
            wire = result.occupancy.wire
            layer = wire if self._encoding == "ros" else to_autoware(wire)
            self._send(topics.OCCUPANCY_GRID, messages.published_occupancy(result, layer))
        if output.frame is not None and self._wanted(topics.DETECTED_OBJECTS):
            self._send(topics.DETECTED_OBJECTS, detected_objects(self._pool, result.detections, result.stamp_ns))
        if output.frame is not None and self._wanted(topics.TENTATIVE_OBJECTS):
            rest = replace(result.tracks, confirmed=~result.tracks.confirmed)
            self._send(topics.TENTATIVE_OBJECTS, tracked_objects(self._tentative, rest, result.stamp_ns))
        done_ns = time.monotonic_ns()
        if output.frame is not None:
            counters.processed += 1
            if output.frame.arrival_ns:
                counters.latencies.append((done_ns - output.frame.arrival_ns) * 1e-6)
        stages = {"sensors": output.sensors_ms, **result.stage_ms} if output.frame is not None else {}
        stages["publish"] = (time.perf_counter_ns() - start) * 1e-6
        self.status(Status(result.stamp_ns, result.data_stamp_ns, result.mode, (*result.reasons, *self.suspicions), health, stages,
                           result.calibration_hash or self.calibration_hash, (ros_now_ns - result.data_stamp_ns) * 1e-6), counters)  # fmt: skip
        self._terrain(output)
        return done_ns, stages

    def status(self, status: Status, counters: Counters) -> None:
        """Send a status with what was counted, where this node has that topic."""
        if topics.STATUS.name in self._publishers:
            counted = replace(
                status, processed=counters.processed, replaced=counters.replaced, latency_ms=counters.percentiles()
            )
            self._send(topics.STATUS, messages.perception_status(counted, self._base))

    def silence(self, now_ns: int, health: Sequence[SensorHealth], counters: Counters, reason: str) -> None:
        """A status without outputs: nothing has come yet, or the node stops."""
        status = Status(now_ns, 0, Mode.STOPPED, (reason,), health, calibration_hash=self.calibration_hash)
        self.status(status, counters)

    def _terrain(self, output: Output) -> None:
        if not self._wanted(topics.TERRAIN_MAP) or not output.result.terrain.layers:
            return
        now = output.result.stamp_ns
        if 0 <= now - self._terrain_due < TERRAIN_PERIOD_NS:
            return
        self._terrain_due = now
        self._send(topics.TERRAIN_MAP, messages.published_terrain(output.result))

    def _wanted(self, topic: topics.Topic) -> bool:
        publisher = self._publishers.get(topic.name)
        return publisher is not None and bool(publisher.get_subscription_count() > 0)

    def _send(self, topic: topics.Topic, message: Any) -> None:
        self._publishers[topic.name].publish(message)
        self.published[topic.name] += 1

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers = {}
