"""Diagnostics of the perception node: from the worker's snapshot, the subscriptions and the middleware's events."""

from __future__ import annotations

import time

from autonomy_perception.config import VehicleConfig
from autonomy_perception.nodes import diagnostics as diag
from autonomy_perception.nodes.diagnostics import Status
from autonomy_perception.nodes.inputs import Inputs
from autonomy_perception.nodes.qos_events import QosWatch
from autonomy_perception.nodes.worker import Snapshot, Worker
from autonomy_perception.sensors.frontend import ODOMETRY

RECENT_NS = 5_000_000_000
HANGS_AFTER_S = 2.0


def report(
    vehicle: VehicleConfig, worker: Worker, inputs: Inputs, publishers: dict[str, int], watch: QosWatch
) -> list[Status]:
    """All statuses of the node.

    Args:
        publishers: number of publishers by input topic.
    """
    look = worker.snapshot
    statuses = [_worker_status(worker)]
    if look is not None:
        statuses += [_pipeline_status(look, worker), *_sensors(vehicle, look, inputs, publishers)]
        statuses.append(diag.fault_status(look.front.faults, RECENT_NS, look.made_ns))
    statuses += [_unreadable(inputs), diag.qos_status(watch.incompatible, watch.missed_deadlines)]
    return statuses


def _worker_status(worker: Worker) -> Status:
    busy = (time.monotonic_ns() - worker.round_began_ns) * 1e-9
    failure = worker.core.failure
    out = Status("perception: worker", values={"failed_steps": failure.count, "last_failure": failure.last or "none"})
    if busy > HANGS_AFTER_S:
        out.level, out.message = diag.ERROR, f"one round has been running for {busy:.1f} s"
    elif failure.in_a_row:
        out.level, out.message = diag.ERROR, f"{failure.in_a_row} step(s) in a row failed: {failure.last}"
    elif failure.count:
        out.level, out.message = diag.WARN, f"{failure.count} step(s) failed since start: {failure.last}"
    return out


def _pipeline_status(look: Snapshot, worker: Worker) -> Status:
    counters = worker.counters
    last, p50, p95, p99, worst = counters.percentiles()
    age = f"{(look.made_ns - look.data_stamp_ns) * 1e-6:.0f}" if look.data_stamp_ns else "none"
    message = " ".join((look.mode.name, *look.reasons))
    return Status("perception: pipeline", diag.MODE_LEVEL[look.mode], message, {
        "mode": look.mode.name, "reasons": " ".join(look.reasons), "last_transition": look.last_transition,
        "data_age_ms": age, "frames_processed": counters.processed, "frames_replaced": counters.replaced,
        "frames_partial": look.front.partial, "frames_late": look.front.late, "time_jumps": look.front.jumps,
        "latency_last_ms": last, "latency_p50_ms": p50, "latency_p95_ms": p95, "latency_p99_ms": p99, "latency_max_ms": worst,
    })  # fmt: skip


def _sensors(vehicle: VehicleConfig, look: Snapshot, inputs: Inputs, publishers: dict[str, int]) -> list[Status]:
    topics = {name: c.topic for name, c in vehicle.lidars.items()} | {
        name: c.topic for name, c in vehicle.cameras.items()
    }
    topics[ODOMETRY] = vehicle.odometry.topic
    return [
        diag.sensor_status(h, inputs.received.get(topics[h.sensor], 0), publishers.get(topics[h.sensor]))
        for h in look.health
        if h.sensor in topics
    ]


def _unreadable(inputs: Inputs) -> Status:
    failures = inputs.failures
    level = diag.ERROR if failures else diag.OK
    message = f"messages that cannot be read on {', '.join(failures)}" if failures else "ok"
    return Status("perception: messages", level, message, dict(failures))
