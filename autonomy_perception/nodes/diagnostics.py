"""Diagnostic messages: statuses from facts, levels from rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from autonomy_perception.nodes.conversions import to_time
from autonomy_perception.sensors.faults import Counted
from autonomy_perception.types import Mode, SensorHealth, SensorState

OK, WARN, ERROR, STALE = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.STALE

MODE_LEVEL = {
    Mode.FUSED: OK,
    Mode.LIDAR_ONLY: WARN,
    Mode.CAMERA_ONLY: WARN,
    Mode.GEOMETRIC: OK,
    Mode.STALE: ERROR,
    Mode.STOPPED: ERROR,
}
SENSOR_LEVEL = {SensorState.OK: OK, SensorState.LATE: WARN, SensorState.MISSING: ERROR, SensorState.INVALID: ERROR}


@dataclass
class Status:
    """One DiagnosticStatus in the making."""

    name: str
    level: bytes = OK
    message: str = "ok"
    values: dict[str, Any] = field(default_factory=dict)

    def message_of(self, hardware_id: str) -> DiagnosticStatus:
        """The ROS message."""
        pairs = [KeyValue(key=str(k), value=_text(v)) for k, v in self.values.items()]
        return DiagnosticStatus(
            level=self.level, name=self.name, message=self.message, hardware_id=hardware_id, values=pairs
        )


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def array(statuses: Sequence[Status], stamp_ns: int, hardware_id: str) -> DiagnosticArray:
    """diagnostic_msgs/DiagnosticArray."""
    message = DiagnosticArray(status=[s.message_of(hardware_id) for s in statuses])
    message.header.stamp = to_time(stamp_ns)
    return message


def sensor_status(health: SensorHealth, received: int, publishers: int | None) -> Status:
    """State of one sensor; a topic without any publisher is said to be that."""
    message = health.message or "ok"
    if health.state == SensorState.MISSING and publishers == 0:
        message += " (no publisher)"
    elif health.state == SensorState.MISSING and publishers:
        message += f" ({publishers} publisher(s): silent, or of incompatible quality of service)"
    return Status(f"perception: sensor {health.sensor}", SENSOR_LEVEL[health.state], message,
                  {"state": health.state.name, "age_ms": health.age_ns * 1e-6, "received": received})  # fmt: skip


def fault_status(faults: Sequence[Counted], recent_ns: int, now_ns: int) -> Status:
    """Messages that could not be used; a warning while one was seen within ``recent_ns``."""
    fresh = [f for f in faults if now_ns - f.at_ns <= recent_ns]
    out = Status("perception: inputs", WARN if fresh else OK, str(fresh[-1].newest) if fresh else "ok")
    out.values = {f"{f.newest.sensor} {f.newest.field}": f"{f.count}x, last: {f.newest}" for f in faults}
    return out


def qos_status(incompatible: Mapping[str, str], missed_deadlines: Mapping[str, int]) -> Status:
    """What the middleware complained about."""
    values: dict[str, Any] = {f"incompatible {topic}": text for topic, text in incompatible.items()}
    values |= {f"missed deadlines {topic}": count for topic, count in missed_deadlines.items()}
    message = f"incompatible quality of service on {', '.join(incompatible)}" if incompatible else "ok"
    return Status("perception: quality of service", ERROR if incompatible else OK, message, values)
