"""Health monitor: watches the outputs from outside and only reports (rclpy only under nodes/)."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from autonomy_perception import topics
from autonomy_perception.config import ConfigError
from autonomy_perception.nodes import diagnostics as diag
from autonomy_perception.nodes.diagnostics import Status
from autonomy_perception.nodes.parameters import HealthConfig
from autonomy_perception.nodes.process import StopFlag, run
from autonomy_perception.nodes.qos import message_class, profile
from autonomy_perception.nodes.qos_events import QosWatch, with_events
from autonomy_perception.nodes.ros_parameters import read

WATCHED = (topics.OCCUPANCY_GRID, topics.TRACKED_OBJECTS, topics.STATUS)
WINDOW = 50
"""Arrivals over which a rate is taken."""


class Arrivals:
    """When the last messages of a topic came (monotonic seconds)."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=WINDOW)
        self.count = 0

    def note(self, now: float) -> None:
        """One message."""
        self._times.append(now)
        self.count += 1

    def age_s(self, now: float) -> float | None:
        """Seconds since the last message; None before the first."""
        return now - self._times[-1] if self._times else None

    def rate_hz(self) -> float:
        """Messages a second over the window; 0 with fewer than two."""
        span = self._times[-1] - self._times[0] if len(self._times) > 1 else 0.0
        return (len(self._times) - 1) / span if span > 0 else 0.0


class HealthNode(Node):
    """Rates, ages, mode and latency against thresholds, in /diagnostics once a second."""

    def __init__(self, stop: StopFlag) -> None:
        super().__init__("health_monitor")
        self.config = read(self, HealthConfig)
        self._arrivals = {t.name: Arrivals() for t in WATCHED}
        self._status: Any = None
        self._watch = QosWatch(self.get_logger())
        for topic in WATCHED:
            is_status = topic is topics.STATUS
            callback = self._on_status if is_status else self._counter(topic.name)
            with_events(self.create_subscription, message_class(topic.msgtype), topic.name, callback, profile(topic.qos), raw=not is_status,
                                     events=self._watch.for_subscription(topic.name))  # fmt: skip
        kind = message_class(topics.DIAGNOSTIC_ARRAY.msgtype)
        self._publisher = self.create_publisher(kind, topics.DIAGNOSTIC_ARRAY.name, profile(topics.DIAGNOSTICS))
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _counter(self, topic: str) -> Any:
        def note(data: bytes) -> None:
            self._arrivals[topic].note(time.monotonic())

        return note

    def _on_status(self, message: Any) -> None:
        self._arrivals[topics.STATUS.name].note(time.monotonic())
        self._status = message

    def _report(self) -> None:
        now = time.monotonic()
        statuses = [*(self._output(name, a, now) for name, a in self._arrivals.items()), *self._from_status()]
        incompatible = self._watch.incompatible
        if incompatible:
            text = "; ".join(f"{topic}: {why}" for topic, why in incompatible.items())
            statuses.append(Status("health: quality of service", diag.ERROR, text))
        self._publisher.publish(diag.array(statuses, int(self.get_clock().now().nanoseconds), "autonomy_perception"))

    def _output(self, name: str, arrivals: Arrivals, now: float) -> Status:
        age, rate = arrivals.age_s(now), arrivals.rate_hz()
        out = Status(f"health: {name}", values={"count": arrivals.count, "rate_hz": rate})
        if age is None:
            publishers = self.count_publishers(name)
            out.level, out.message = diag.STALE, f"nothing received ({publishers} publisher(s))"
            return out
        out.values["age_ms"] = age * 1e3
        if age * 1e3 > self.config.max_age_ms:
            out.level, out.message = diag.ERROR, f"silent for {age * 1e3:.0f} ms, allowed {self.config.max_age_ms:.0f}"
        elif arrivals.count >= WINDOW and rate < self.config.min_rate_hz:
            out.level, out.message = diag.WARN, f"{rate:.1f} Hz, expected at least {self.config.min_rate_hz:.1f}"
        return out

    def _from_status(self) -> list[Status]:
        s = self._status
        if s is None:
            return []
        values = {
            "p50_ms": s.latency_p50,
            "p99_ms": s.latency_p99,
            "max_ms": s.latency_max,
            "stamp_age_ms": s.stamp_age,
        }
        latency = Status(
            "health: latency", values=values | {"frames": s.frames_processed, "replaced": s.frames_replaced}
        )
        if s.latency_p99 > self.config.max_latency_ms:
            latency.level, latency.message = (
                diag.WARN,
                f"p99 {s.latency_p99:.0f} ms, allowed {self.config.max_latency_ms:.0f}",
            )
        mode = diag.mode_status(s.mode, s.reasons)
        age = self._arrivals[topics.STATUS.name].age_s(time.monotonic()) or 0.0
        if age * 1e3 > self.config.max_age_ms:
            return [Status("health: mode", diag.ERROR, f"no status for {age:.1f} s; it was {mode.message}"), latency]
        return [mode, latency]


def main() -> int:
    """Entry point of the process."""
    try:
        return run(HealthNode)
    except ConfigError as e:
        rclpy.logging.get_logger("health_monitor").error(str(e))
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
