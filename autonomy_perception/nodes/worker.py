"""The one worker thread: takes events from the inbox, runs the loop, publishes (and owns the kernels' device)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autonomy_perception.messages.events import CloudMsg, ImageMsg
from autonomy_perception.messages.status import Counters
from autonomy_perception.nodes.calibration_thread import CalibrationThread
from autonomy_perception.nodes.heap import HeapCare
from autonomy_perception.nodes.outputs import Outputs
from autonomy_perception.pipeline.digest import Digest
from autonomy_perception.pipeline.modes import Reason
from autonomy_perception.runtime.inbox import Inbox
from autonomy_perception.runtime.runner import Output, Runner
from autonomy_perception.runtime.trace import Trace
from autonomy_perception.sensors.frontend import Diagnostics
from autonomy_perception.types import Mode, SensorHealth

IDLE_S = 0.02
SNAPSHOT_S = 0.5
HEARTBEAT_S = 0.18
"""Before the first output a status goes out this often [s]."""
SILENCE_S = 0.45
"""No output for so long, although there were some: every step fails, or ROS time stands still. A status says so [s]."""


@dataclass(frozen=True)
class Snapshot:
    """What the worker lets the ROS thread see: made by the worker, never changed."""

    made_ns: int
    front: Diagnostics
    health: Sequence[SensorHealth]
    mode: Mode
    reasons: Sequence[str]
    data_stamp_ns: int
    last_transition: str
    resets: int
    last_reset: str
    counters: Mapping[str, int]


class Worker:
    """Runs until :meth:`stop`; an exception of one round is noted and the next round goes on.

    Args:
        runner: the loop; its outputs are published here.
        now: ROS time [ns].
        answer: called with the token of a job when its work is done (lockstep), else None.
        on_failure: called with a text that is worth the log.

    ``spread``: kernels spread their threads over the cores (not for several workers beside each other, which would
    hold each other's).
    """

    def __init__(self, runner: Runner, inbox: Inbox, outputs: Outputs, counters: Counters, now: Callable[[], int],
                 answer: Callable[[str, int], None] | None, on_failure: Callable[[str], None]) -> None:  # fmt: skip
        self.runner, self._inbox, self._outputs, self.counters = runner, inbox, outputs, counters
        self._now, self._answer, self._on_failure = now, answer, on_failure
        self.digest: Digest | None = None
        self.trace: Trace | None = None
        self.spread = True
        self.calibration: CalibrationThread | None = None
        self.snapshot: Snapshot | None = None
        self.round_began_ns = time.monotonic_ns()
        self._last: Output | None = None
        self._failures_told = 0
        self._snapshot_due = self._heartbeat_due = 0.0
        self._heap = HeapCare()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="perception worker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the current round and end the thread."""
        self._stopping = True
        self._inbox.put(None)
        self._thread.join(timeout=5.0)
        if self.calibration is not None:
            self.calibration.stop()

    def _run(self) -> None:
        self.runner.lib.spread(self.spread)
        if self.calibration is not None:
            self.calibration.start()
        while not self._stopping:
            self.round_began_ns = time.monotonic_ns()
            try:
                self._round()
            except Exception as e:  # data must not end the node, whatever it contains
                self.runner.failure.note(e)
            self._tell_failures()

    def _round(self) -> None:
        job = self._inbox.get(IDLE_S)
        self.round_began_ns = time.monotonic_ns()
        if job is not None and job.event is not None:
            if isinstance(job.event, CloudMsg | ImageMsg):
                self._heap.on_message(job.event.topic, len(job.event.data))
            try:
                for output in self.runner.on_event(job.event, replayed=job.token is not None):
                    self._publish(output)
            finally:
                if job.token is not None and self._answer is not None:
                    self._answer(*job.token)
        if self._answer is None:
            for output in self.runner.on_time(self._now()):
                self._publish(output)
        self._housekeeping()

    def _publish(self, output: Output) -> None:
        now = self._now()
        health = output.result.health if output.frame is not None else self.runner.front.health(now)
        self.counters.replaced = self._inbox.replaced
        self._outputs.calibration_hash = self.runner.front.rig().version
        if self.calibration is not None:
            self._outputs.suspicions = (Reason.CALIBRATION_SUSPECT,) if self.calibration.report.wrong else ()
        published, stage_ms = self._outputs.publish(output, health, self.counters, now)
        self._last = output
        self._heartbeat_due = time.monotonic() + SILENCE_S
        if self.digest is not None:
            self.digest.update(output.result)
        if self.trace is not None:
            self.trace.note(output, published, stage_ms)
        if output.frame is not None:
            if self.calibration is not None:
                self.calibration.offer(output.frame)
            self._heap.on_disorder(self._inbox.replaced + self._inbox.dropped + self.runner.pipeline.modes.resets)
            self._heap.when_free(self.runner.pipeline.release)

    def _housekeeping(self) -> None:
        mono = time.monotonic()
        if mono >= self._snapshot_due:
            self._snapshot_due = mono + SNAPSHOT_S
            self.snapshot = self._look()
        if mono >= self._heartbeat_due:
            self._heartbeat_due = mono + HEARTBEAT_S
            now = self._now()
            self._outputs.calibration_hash = self.runner.front.rig().version
            reason = Reason.STEP_FAILED if self.runner.failure.in_a_row else Reason.NO_DATA
            self._outputs.silence(now, self.runner.front.health(now), self.counters, reason)

    def _look(self) -> Snapshot:
        now, result = self._now(), self._last.result if self._last else None
        changes = self.runner.pipeline.modes.transitions
        last = f"{changes[-1].before.name} -> {changes[-1].after.name}: {changes[-1].reason}" if changes else "none"
        return Snapshot(
            now, self.runner.front.diagnostics(), self.runner.front.health(now), result.mode if result else Mode.STOPPED,
            result.reasons if result else (Reason.NO_DATA,), result.data_stamp_ns if result else 0, last,
            self.runner.pipeline.modes.resets, self.runner.pipeline.modes.last_reset, self.runner.pipeline.counters(),
        )  # fmt: skip

    def _tell_failures(self) -> None:
        failure = self.runner.failure
        if failure.count != self._failures_told:
            self._failures_told = failure.count
            self.counters.errors = failure.count
            self._on_failure(failure.trace)
