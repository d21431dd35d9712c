"""PerceptionStatus: what stands behind the outputs of one stamp, both ways."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autonomy_perception.latency import Percentiles
from autonomy_perception.messages.classes import Classes
from autonomy_perception.messages.parts import set_time, stamp_ns, stamped
from autonomy_perception.types import Mode, SensorHealth, SensorState

STATUS = "autonomy_perception_msgs/msg/PerceptionStatus"
_LATENCIES = ("latency_last", "latency_p50", "latency_p95", "latency_p99", "latency_max")


@dataclass
class Counters:
    """What a node counts since start, and the latencies [ms] of the most recent frames (up to 1000)."""

    processed: int = 0
    replaced: int = 0
    errors: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    def percentiles(self) -> tuple[float, ...]:
        """Last, p50, p95, p99 and maximum [ms]; zeros before the first frame."""
        if not self.latencies:
            return (0.0,) * len(_LATENCIES)
        p = Percentiles.of(self.latencies)
        return self.latencies[-1], p.p50, p.p95, p.p99, p.max


@dataclass(frozen=True)
class Status:
    """What a status message says of one output; ``latency_ms`` as :meth:`Counters.percentiles`."""

    stamp_ns: int
    data_stamp_ns: int
    mode: Mode
    reasons: Sequence[str] = ()
    health: Sequence[SensorHealth] = ()
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    calibration_hash: str = ""
    stamp_age_ms: float = 0.0
    processed: int = 0
    replaced: int = 0
    latency_ms: tuple[float, ...] = (0.0,) * len(_LATENCIES)


def perception_status(classes: Classes, status: Status, frame_id: str) -> Any:
    """autonomy_perception_msgs/PerceptionStatus."""
    make, package = classes.make, "autonomy_perception_msgs/msg"
    sensors = [
        make(f"{package}/SensorStatus", name=h.sensor, state=int(h.state), message=h.message,
             age=h.age_ns * 1e-9 if h.age_ns >= 0 else -1.0)
        for h in status.health
    ]  # fmt: skip
    stages = [make(f"{package}/StageTime", name=name, milliseconds=float(ms)) for name, ms in status.stage_ms.items()]
    message = stamped(
        classes, STATUS, frame_id, status.stamp_ns, mode=int(status.mode), reasons=list(status.reasons), sensors=sensors,
        stages=stages, calibration_hash=status.calibration_hash, frames_processed=status.processed,
        frames_replaced=status.replaced, stamp_age=status.stamp_age_ms, **dict(zip(_LATENCIES, status.latency_ms, strict=True)),
    )  # fmt: skip
    set_time(message.data_stamp, status.data_stamp_ns)
    return message


def status_of(message: Any) -> Status:
    """The way back of :func:`perception_status`; ages come back to a float32 of seconds."""
    health = [
        SensorHealth(s.name, SensorState(s.state), round(s.age * 1e9) if s.age >= 0 else -1, s.message)
        for s in message.sensors
    ]
    return Status(
        stamp_ns(message.header.stamp), stamp_ns(message.data_stamp), Mode(message.mode), tuple(message.reasons), tuple(health),
        {s.name: float(s.milliseconds) for s in message.stages}, message.calibration_hash, float(message.stamp_age),
        int(message.frames_processed), int(message.frames_replaced),
        tuple(float(getattr(message, name)) for name in _LATENCIES),
    )  # fmt: skip
