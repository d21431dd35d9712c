"""The one loop: events and ROS time in, outputs out. Live nodes, lockstep, offline replay and simulation all drive it.

The same calls in the same order give the same outputs; no exception of a step leaves it unless ``strict``.
"""

from __future__ import annotations

import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.messages.events import CloudMsg, Event, ImageMsg
from autonomy_perception.ops.library import Library
from autonomy_perception.pipeline.build import make_pipeline
from autonomy_perception.pipeline.modes import Reason
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.platform import Platform
from autonomy_perception.runtime.gather import FramesAlone, Gather
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.types import Perception, SensorFrame

FAILURES_BEFORE_RESET = 3
REMEMBERED = 64


@dataclass(frozen=True)
class Output:
    """One result.

    Attributes:
        frame: what is behind it; None for a tick.
        sensors_ms, step_ms: milliseconds that the front end and the pipeline took.
        last_message: topic and header stamp of the frame's message that arrived last.
    """

    result: Perception
    frame: SensorFrame | None
    sensors_ms: float = 0.0
    step_ms: float = 0.0
    last_message: tuple[str, int] | None = None


@dataclass
class Failure:
    """Steps that raised: how many since start, how many in a row, the last one in one line and in full."""

    count: int = 0
    in_a_row: int = 0
    last: str = ""
    trace: str = ""

    def note(self, error: Exception) -> None:
        """One more."""
        self.count, self.in_a_row = self.count + 1, self.in_a_row + 1
        where = traceback.extract_tb(error.__traceback__)[-1]
        self.last = (
            f"{type(error).__name__} in {where.name} ({where.filename.rsplit('/', 1)[-1]}:{where.lineno}): {error}"
        )
        self.trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))


class Runner:
    """Front end, gathering and pipeline; used by one thread.

    Args:
        config, vehicle, lib: parameters, sensors, kernels.
        pipeline: what runs; all stages by default.
        gather: brings frames and results of other nodes together.
        strict: a step that raises ends the run (replay, benches), instead of being counted and left out (live).
    """

    def __init__(self, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library, pipeline: Pipeline | None = None,
                 gather: Callable[[SensorFrontEnd], Gather] = FramesAlone, *, strict: bool = False) -> None:  # fmt: skip
        self.config, self.vehicle, self.lib = config, vehicle, lib
        self.front = SensorFrontEnd(config, vehicle, lib)
        self.pipeline = pipeline if pipeline is not None else make_pipeline(config, vehicle, lib)
        self.failure = Failure()
        self._gather, self._strict = gather(self.front), strict
        self._quiet_since: int | None = None
        self._seen_ns = self.pipeline.seen_ns  # a pipeline that was loaded has worked off frames that come once more
        self._arrivals: OrderedDict[int, tuple[str, int]] = OrderedDict()

    def run(self, events: Iterable[Event]) -> Iterator[Output]:
        """Outputs of a recorded or simulated stream, whose times of reception also drive the ticks."""
        for event in events:
            yield from self.on_event(event, replayed=True)

    def frames(self, events: Iterable[Event]) -> Iterator[SensorFrame]:
        """The frames behind the outputs of :meth:`run`."""
        return (output.frame for output in self.run(events) if output.frame is not None)

    def on_event(self, event: Event, *, replayed: bool) -> Iterator[Output]:
        """Outputs of one message, to be taken one by one; where it is ``replayed``, its time also drives the ticks."""
        if isinstance(event, CloudMsg | ImageMsg):
            self._remember(event)
        start = time.perf_counter_ns()
        frames = [] if self._gather.takes(event) else self.front.feed(event)
        yield from self._steps(frames, (time.perf_counter_ns() - start) * 1e-6, event.receive_ns)
        if replayed and not frames:
            yield from self._tick(event.receive_ns)

    def on_time(self, now_ns: int) -> Iterator[Output]:
        """Nothing may have arrived: frames that waited long enough, and ticks (ROS time)."""
        deadline, start = self.front.deadline_ns, time.perf_counter_ns()
        frames = self.front.poll(now_ns) if deadline is not None and now_ns >= deadline else []
        yield from self._steps(frames, (time.perf_counter_ns() - start) * 1e-6, now_ns)
        if self._quiet_since is None or now_ns < self._quiet_since:
            self._quiet_since = now_ns
        if now_ns - self._quiet_since >= self.config.pipeline.tick_ms * 1e6 and self.pipeline.due(now_ns):
            self._quiet_since = now_ns  # also where the tick fails: it is not tried again at every turn of the loop
            yield from self._tick(now_ns)

    def _steps(self, frames: list[SensorFrame], sensors_ms: float, now_ns: int) -> Iterator[Output]:
        for step in self._gather.steps(frames, sensors_ms, now_ns):
            if self._seen_ns is not None and step.frame.stamp_ns <= self._seen_ns:
                continue
            self._seen_ns, self._quiet_since = None, None
            frame, start = step.frame, time.perf_counter_ns()
            result = self._guarded(frame.stamp_ns, lambda step=step: self.pipeline.step(step.frame, step.given))  # type: ignore[misc]
            if result is not None:
                self.failure.in_a_row = 0
                ms = (time.perf_counter_ns() - start) * 1e-6
                yield Output(result, frame, step.sensors_ms, ms, self._arrivals.get(frame.arrival_ns))

    def _tick(self, now_ns: int) -> Iterator[Output]:
        if not self.pipeline.due(now_ns):
            return
        health, start = self.front.health(now_ns), time.perf_counter_ns()
        result = self._guarded(now_ns, lambda: self.pipeline.tick(now_ns, health, self.front.motion))
        if result is not None:
            yield Output(result, None, step_ms=(time.perf_counter_ns() - start) * 1e-6)

    def _guarded(self, stamp_ns: int, work: Callable[[], Perception | None]) -> Perception | None:
        """None where a step raised: it is noted; after several in a row the maps themselves may be broken and go."""
        try:
            return work()
        except Exception as e:
            if self._strict:
                raise
            self.failure.note(e)
            if self.failure.in_a_row % FAILURES_BEFORE_RESET == 0:
                self.pipeline.reset(Reason.STEP_FAILED, stamp_ns)
            return None

    def _remember(self, event: CloudMsg | ImageMsg) -> None:
        self._arrivals[event.arrival_ns] = (event.topic, event.stamp_ns)
        if len(self._arrivals) > REMEMBERED:
            self._arrivals.popitem(last=False)


def sensing(config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> Runner:
    """The loop with no stage behind it: its ``frames`` are what a pipeline would be given."""
    return Runner(config, vehicle, lib, Pipeline([], Platform.of(vehicle), config.pipeline), strict=True)
