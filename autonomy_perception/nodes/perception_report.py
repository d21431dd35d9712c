"""Diagnostics of the perception node: from the worker's snapshot, the subscriptions and the middleware's events."""

from __future__ import annotations

import time
from collections.abc import Mapping

from autonomy_perception import topics
from autonomy_perception.config import VehicleConfig
from autonomy_perception.nodes import diagnostics as diag
from autonomy_perception.nodes import environment, shared_memory
from autonomy_perception.nodes.diagnostics import Status, Stream
from autonomy_perception.nodes.inputs import Inputs
from autonomy_perception.nodes.qos_events import QosWatch
from autonomy_perception.nodes.worker import Snapshot, Worker
from autonomy_perception.sensors.articulation import HITCH
from autonomy_perception.sensors.ego import ego_topics

RECENT_NS = 5_000_000_000
HANGS_AFTER_S = 2.0
WATCHED_OUTPUTS = (topics.OCCUPANCY_GRID, topics.TRACKED_OBJECTS, topics.STATUS)


class Rates:
    """Messages a second by topic, between one report and the next."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        self._at = time.monotonic()

    def take(self, received: Mapping[str, int]) -> dict[str, float]:
        """Rates since the last call [Hz]."""
        now = time.monotonic()
        span, self._at = max(now - self._at, 1e-3), now
        rates = {topic: (n - self._before.get(topic, n)) / span for topic, n in received.items()}
        self._before = dict(received)
        return rates


def report(
    vehicle: VehicleConfig, worker: Worker, inputs: Inputs, publishers: dict[str, int], watch: QosWatch, rates: Rates
) -> list[Status]:
    """All statuses of the node.

    Args:
        publishers: number of publishers by topic, of inputs and outputs.
        rates: state between reports.
    """
    look, rate_hz = worker.snapshot, rates.take(inputs.received)
    statuses = [_worker_status(worker)]
    if look is not None:
        statuses += [_pipeline_status(look, worker), *_sensors(vehicle, look, inputs, publishers, rate_hz)]
        statuses.append(diag.fault_status(look.front.faults, RECENT_NS, look.made_ns))
    if worker.calibration is not None:
        statuses.append(diag.calibration_status(worker.calibration.report, worker.calibration.failures))
    statuses += [_unreadable(inputs), diag.qos_status(watch.incompatible, watch.missed_deadlines)]
    statuses.append(diag.outputs_status({t.name: publishers.get(t.name, 0) for t in WATCHED_OUTPUTS}))
    if (free := shared_memory.free_bytes()) is not None:
        statuses.append(diag.shared_memory_status(free, environment.SEGMENT_BYTES))
    return statuses


def _worker_status(worker: Worker) -> Status:
    busy = (time.monotonic_ns() - worker.round_began_ns) * 1e-9
    failure = worker.runner.failure
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
        "resets": f"{look.resets}x, last: {look.last_reset or 'none'}",
        "data_age_ms": age, "frames_processed": counters.processed, "frames_replaced": counters.replaced,
        "frames_partial": look.front.partial, "frames_late": look.front.late, "time_jumps": look.front.jumps,
        **look.counters, **({"trailer": look.front.trailer} if look.front.trailer else {}),
        "latency_last_ms": last, "latency_p50_ms": p50, "latency_p95_ms": p95, "latency_p99_ms": p99, "latency_max_ms": worst,
    })  # fmt: skip


def _sensors(
    vehicle: VehicleConfig, look: Snapshot, inputs: Inputs, publishers: dict[str, int], rate_hz: dict[str, float]
) -> list[Status]:
    topic_of = {name: c.topic for name, c in vehicle.lidars.items()} | {n: c.topic for n, c in vehicle.cameras.items()}
    topic_of |= ego_topics(vehicle)
    topic_of |= {HITCH: vehicle.hitch.topic} if vehicle.hitch is not None and vehicle.hitch.topic else {}
    out = []
    for health in (h for h in look.health if h.sensor in topic_of):
        lidar, topic = vehicle.lidars.get(health.sensor), topic_of[health.sensor]
        stream = Stream(topic, inputs.received.get(topic, 0), rate_hz.get(topic, 0.0),
                        1000.0 / lidar.period_ms if lidar else None, publishers.get(topic))  # fmt: skip
        status = diag.sensor_status(health, stream)
        if about := look.front.layouts.get(health.sensor):
            status.values["layout"] = about
        out.append(status)
    return out


def _unreadable(inputs: Inputs) -> Status:
    failures = inputs.failures
    level = diag.ERROR if failures else diag.OK
    message = f"messages that cannot be read on {', '.join(failures)}" if failures else "ok"
    return Status("perception: messages", level, message, dict(failures))
