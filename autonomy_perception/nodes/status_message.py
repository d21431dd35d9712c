"""PerceptionStatus from a result and the node's counters."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from autonomy_perception_msgs.msg import PerceptionStatus, SensorStatus, StageTime

from autonomy_perception.latency import Percentiles
from autonomy_perception.nodes.conversions import to_time
from autonomy_perception.types import Mode, SensorHealth


@dataclass
class Counters:
    """What the node counts since start, and the latencies [ms] of the most recent frames (up to 1000)."""

    processed: int = 0
    replaced: int = 0
    errors: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    def percentiles(self) -> tuple[float, float, float, float, float]:
        """Last, p50, p95, p99 and maximum [ms]; zeros before the first frame."""
        if not self.latencies:
            return (0.0,) * 5
        p = Percentiles.of(self.latencies)
        return self.latencies[-1], p.p50, p.p95, p.p99, p.max


@dataclass(frozen=True)
class StatusFacts:
    """What a status message says of one output."""

    stamp_ns: int
    data_stamp_ns: int
    mode: Mode
    reasons: Sequence[str]
    health: Sequence[SensorHealth]
    stage_ms: dict[str, float]
    calibration_hash: str
    stamp_age_ms: float


def status_message(facts: StatusFacts, counters: Counters, base_frame: str) -> PerceptionStatus:
    """autonomy_perception_msgs/PerceptionStatus."""
    message = PerceptionStatus()
    message.header.stamp = to_time(facts.stamp_ns)
    message.header.frame_id = base_frame
    message.data_stamp = to_time(facts.data_stamp_ns)
    message.mode = int(facts.mode)
    message.reasons = list(facts.reasons)
    message.sensors = [
        SensorStatus(
            name=h.sensor, state=int(h.state), age=h.age_ns * 1e-9 if h.age_ns >= 0 else -1.0, message=h.message
        )
        for h in facts.health
    ]
    message.stages = [StageTime(name=name, milliseconds=float(ms)) for name, ms in facts.stage_ms.items()]
    message.calibration_hash = facts.calibration_hash
    message.frames_processed, message.frames_replaced = counters.processed, counters.replaced
    last, p50, p95, p99, worst = counters.percentiles()
    message.latency_last, message.latency_p50, message.latency_p95 = last, p50, p95
    message.latency_p99, message.latency_max = p99, worst
    message.stamp_age = facts.stamp_age_ms
    return message
