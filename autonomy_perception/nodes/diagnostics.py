"""Diagnostic messages: statuses from facts, levels from rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from autonomy_perception.calibration.report import CalibrationReport, Verdict
from autonomy_perception.nodes.messages import to_time
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


FLOOD = 1.5
"""A sensor that sends so many times faster than stated is named."""


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


@dataclass(frozen=True)
class Stream:
    """A sensor's topic as the node sees it: messages since start, messages a second, the rate that the vehicle file
    states (None: none), publishers (None: not known)."""

    topic: str
    received: int
    rate_hz: float
    stated_hz: float | None
    publishers: int | None

    @property
    def trouble(self) -> str:
        """All that is wrong with it; empty if nothing."""
        found = []
        if self.publishers is not None and self.publishers > 1:
            found.append(f"{self.topic}: publishers: expected 1, found {self.publishers}")
        if self.stated_hz is not None and self.rate_hz > FLOOD * self.stated_hz:
            found.append(
                f"{self.topic}: rate: expected {self.stated_hz:.1f} Hz (period_ms), found {self.rate_hz:.1f} Hz"
            )
        return "; ".join(found)


def mode_status(mode: int, reasons: Sequence[str]) -> Status:
    """``health: mode`` of a status message; a number that is no mode is named."""
    if mode not in MODE_LEVEL:
        known = ", ".join(f"{m.value} {m.name}" for m in Mode)
        return Status("health: mode", ERROR, f"status.mode: expected one of {known}, found {mode}")
    known_mode = Mode(mode)
    return Status("health: mode", MODE_LEVEL[known_mode], " ".join((known_mode.name, *reasons)))


def sensor_status(health: SensorHealth, stream: Stream) -> Status:
    """State of one sensor; a topic with more than one publisher, or without any, is said to be that."""
    message, publishers = "; ".join(filter(None, (health.message, stream.trouble))) or "ok", stream.publishers
    if health.state == SensorState.MISSING and publishers == 0:
        message += " (no publisher)"
    elif health.state == SensorState.MISSING and publishers:
        message += f" ({publishers} publisher(s): silent, or of incompatible quality of service)"
    level = max(SENSOR_LEVEL[health.state], WARN if stream.trouble else OK)
    return Status(f"perception: sensor {health.sensor}", level, message, {
        "state": health.state.name, "age_ms": health.age_ns * 1e-6, "received": stream.received,
        "rate_hz": stream.rate_hz, "publishers": stream.publishers,
    })  # fmt: skip


def calibration_status(report: CalibrationReport, failures: int) -> Status:
    """What the checks of the calibration found; an error while one of them fails."""
    out = Status("perception: calibration", values={"version": report.version or "none yet", "failed_looks": failures})
    out.values |= {check.name: f"{check.verdict.name}: {check.text}" for check in report.checks}
    if report.wrong:
        out.level, first = ERROR, report.wrong[0]
        more = f" (and {len(report.wrong) - 1} more)" if len(report.wrong) > 1 else ""
        out.message = f"{first.name}: {first.text}{more}"
    elif not any(check.verdict == Verdict.OK for check in report.checks):
        out.message = "not judged yet"
    return out


def fault_status(faults: Sequence[Counted], recent_ns: int, now_ns: int) -> Status:
    """Messages that could not be used; a warning while one was seen within ``recent_ns``."""
    fresh = [f for f in faults if now_ns - f.at_ns <= recent_ns]
    out = Status("perception: inputs", WARN if fresh else OK, str(fresh[-1].newest) if fresh else "ok")
    out.values = {f"{f.newest.sensor} {f.newest.field}": f"{f.count}x, last: {f.newest}" for f in faults}
    return out


def shared_memory_status(free_bytes: int, needed_bytes: int) -> Status:
    """Whether another process could still join the fast transport."""
    out = Status("perception: shared memory", values={"free_mb": free_bytes * 1e-6})
    if free_bytes < needed_bytes:
        out.level = WARN
        out.message = (
            f"/dev/shm: free: expected >= {needed_bytes * 1e-6:.0f} MB, found {free_bytes * 1e-6:.0f} MB: "
            "processes that start now fall back to slow transport"
        )
    return out


def outputs_status(publishers: Mapping[str, int]) -> Status:
    """Outputs of which there is more than one publisher: a second perception node runs."""
    found = [f"{topic}: publishers: expected 1, found {n}" for topic, n in publishers.items() if n > 1]
    return Status("perception: outputs", ERROR if found else OK, "; ".join(found) or "ok", dict(publishers))


def qos_status(incompatible: Mapping[str, str], missed_deadlines: Mapping[str, int]) -> Status:
    """What the middleware complained about."""
    values: dict[str, Any] = {f"incompatible {topic}": text for topic, text in incompatible.items()}
    values |= {f"missed deadlines {topic}": count for topic, count in missed_deadlines.items()}
    message = f"incompatible quality of service on {', '.join(incompatible)}" if incompatible else "ok"
    return Status("perception: quality of service", ERROR if incompatible else OK, message, values)
