"""Front end and pipeline as the worker drives them: events and time in, outputs out; no exception leaves it.

The same calls in the same order as offline replay, so that lockstep gives the same outputs.
"""

from __future__ import annotations

import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.messages.events import CloudMsg, Event, ImageMsg
from autonomy_perception.ops.library import Library
from autonomy_perception.pipeline.modes import Reason
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.types import Perception, SensorFrame

FAILURES_BEFORE_RESET = 3
REMEMBERED = 64


@dataclass(frozen=True)
class Output:
    """One result: the frame behind it (None: a tick), the milliseconds that the front end took, and topic and header
    stamp of the frame's message that arrived last."""

    result: Perception
    frame: SensorFrame | None
    sensors_ms: float
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


@dataclass
class Core:
    """Owns the front end and the pipeline; used by one thread.

    Args:
        emit: called with each output.
        pipeline_class: the whole pipeline, or one that leaves stages to other nodes.
    """

    config: PerceptionConfig
    vehicle: VehicleConfig
    lib: Library
    emit: Callable[[Output], None]
    failure: Failure = field(default_factory=Failure)
    pipeline_class: type[Pipeline] = Pipeline

    def __post_init__(self) -> None:
        self.front = SensorFrontEnd(self.config, self.vehicle, self.lib)
        self.pipeline = self.pipeline_class(self.config, self.vehicle, self.lib)
        self.outputs = 0
        self._quiet_since: int | None = None
        self._arrivals: OrderedDict[int, tuple[str, int]] = OrderedDict()

    def on_event(self, event: Event, *, replayed: bool) -> None:
        """Take in a message; in a replay in lockstep (``replayed``) its time also drives the ticks."""
        if isinstance(event, CloudMsg | ImageMsg):
            self._remember(event)
        start = time.perf_counter_ns()
        frames = self.front.feed(event)
        self._run(frames, (time.perf_counter_ns() - start) * 1e-6, event.receive_ns)
        if replayed and not frames:
            self._tick(event.receive_ns)

    def on_time(self, now_ns: int) -> None:
        """Nothing may have arrived: frames that waited long enough, and ticks (ROS time)."""
        deadline = self.front.deadline_ns
        if deadline is not None and now_ns >= deadline:
            start = time.perf_counter_ns()
            self._run(self.front.poll(now_ns), (time.perf_counter_ns() - start) * 1e-6, now_ns)
        if self._quiet_since is None or now_ns < self._quiet_since:
            self._quiet_since = now_ns
        if now_ns - self._quiet_since >= self.config.pipeline.tick_ms * 1e6 and self._tick(now_ns):
            self._quiet_since = now_ns

    def _run(self, frames: list[SensorFrame], sensors_ms: float, now_ns: int) -> None:
        for frame in frames:
            self._quiet_since = None
            try:
                result = self.pipeline.step(frame)
            except Exception as e:
                self._failed(e, frame.stamp_ns)
                continue
            self.failure.in_a_row = 0
            self.outputs += 1
            self.emit(Output(result, frame, sensors_ms, self._arrivals.get(frame.arrival_ns)))
            sensors_ms = 0.0

    def _tick(self, now_ns: int) -> bool:
        try:
            result = self.pipeline.tick(now_ns, self.front.health(now_ns)) if self.pipeline.due(now_ns) else None
        except Exception as e:
            self._failed(e, now_ns)
            return True
        if result is None:
            return False
        self.outputs += 1
        self.emit(Output(result, None, 0.0))
        return True

    def _remember(self, event: CloudMsg | ImageMsg) -> None:
        self._arrivals[event.arrival_ns] = (event.topic, event.stamp_ns)
        if len(self._arrivals) > REMEMBERED:
            self._arrivals.popitem(last=False)

    def _failed(self, error: Exception, stamp_ns: int) -> None:
        """A step raised: note it; after several in a row the maps themselves may be broken, so they are dropped."""
        self.failure.note(error)
        if self.failure.in_a_row % FAILURES_BEFORE_RESET == 0:
            self.pipeline.reset(Reason.STEP_FAILED, stamp_ns)
