"""The loop goes on whatever a step does, ticks in ROS time, and the worker publishes what it must."""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autonomy_perception.bags.events import events
from autonomy_perception.config import PerceptionConfig, load_vehicle
from autonomy_perception.messages.events import CloudMsg, Event
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.runtime.inbox import Inbox
from autonomy_perception.runtime.runner import FAILURES_BEFORE_RESET, Output, Runner
from autonomy_perception.types import Mode

TICK = round(PerceptionConfig().pipeline.tick_ms * 1e6)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Event]]:
    spec = importlib.util.spec_from_file_location("drive", Path(__file__).parents[1] / "nodes" / "drive.py")
    assert spec is not None and spec.loader is not None
    drive = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drive)
    folder = tmp_path_factory.mktemp("runner")
    vehicle = load_vehicle(drive.write_vehicle(folder / "test.yaml"))
    return vehicle, list(events(drive.write_drive(folder / "drive", 8), vehicle))


def make(vehicle: Any) -> Runner:
    return Runner(PerceptionConfig(), vehicle, CpuLibrary())


def test_failed_steps_are_counted_named_and_survived(recorded: tuple[Any, list[Event]]) -> None:
    vehicle, stream = recorded
    runner, out = make(vehicle), list[Output]()
    step, calls, resets = runner.pipeline.step, [0], []
    runner.pipeline.reset = lambda reason, stamp_ns=0: resets.append(reason)  # type: ignore[method-assign]

    def sometimes(frame: Any, given: Any = None) -> Any:
        calls[0] += 1
        if 3 <= calls[0] <= 5:
            raise ZeroDivisionError("broken on purpose")
        return step(frame)

    runner.pipeline.step = sometimes  # type: ignore[method-assign]
    for event in stream:
        out += runner.on_event(event, replayed=False)
    assert [o.frame is not None for o in out] == [True] * 5
    assert runner.failure.count == 3 == FAILURES_BEFORE_RESET and runner.failure.in_a_row == 0
    assert (
        "ZeroDivisionError" in runner.failure.last
        and "broken on purpose" in runner.failure.last
        and "sometimes" in runner.failure.last
    )
    assert resets == ["STEP_FAILED"]


def test_ticks_come_in_ros_time_only_while_it_is_quiet(recorded: tuple[Any, list[Event]]) -> None:
    vehicle, stream = recorded
    runner, out = make(vehicle), list[Output]()
    for event in stream:
        out += runner.on_event(event, replayed=False)
        out += runner.on_time(event.receive_ns)
    last = max(e.receive_ns for e in stream if isinstance(e, CloudMsg))
    frames = [o for o in out if o.frame is not None]
    assert len(frames) == 8 and all(o.last_message is not None for o in frames)
    before = len(out)
    for k in range(1, 101):
        out += runner.on_time(last + TICK + k * 10_000_000)
    ticks = out[before:]
    assert runner.failure.count == 0, runner.failure.trace
    assert len(ticks) in (4, 5) and all(t.frame is None for t in ticks), [t.result.stamp_ns for t in ticks]
    assert ticks[-1].result.mode == Mode.STALE and ticks[-1].result.data_stamp_ns == frames[-1].result.stamp_ns
    stamps = [t.result.stamp_ns for t in ticks]
    assert all(b - a >= TICK for a, b in itertools.pairwise(stamps))
    count = len(out)
    out += runner.on_time(last - 10 * TICK)
    assert len(out) == count, "a clock that goes back makes no tick"


def test_a_tick_that_fails_is_tried_again_at_the_rate_of_ticks(recorded: tuple[Any, list[Event]]) -> None:
    vehicle, stream = recorded
    runner, out = make(vehicle), list[Output]()
    for event in stream:
        out += runner.on_event(event, replayed=False)

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("broken on purpose")

    runner.pipeline.tick = broken  # type: ignore[method-assign]
    last = max(e.receive_ns for e in stream)
    for k in range(30):  # 0.3 s, a turn of the loop every 10 ms: three failures in a row would drop the maps
        out += runner.on_time(last + TICK + k * 10_000_000)
    assert 1 <= runner.failure.count <= 300_000_000 // TICK + 1


class FakeOutputs:
    """Stands for the publishers."""

    def __init__(self) -> None:
        self.published: list[Output] = []
        self.silences: list[str] = []

    def publish(self, output: Output, health: Any, counters: Any, now: int) -> tuple[int, dict[str, float]]:
        self.published.append(output)
        if len(self.published) == 2:
            raise RuntimeError("the middleware refuses")
        return time.monotonic_ns(), {"publish": 1.0}

    def silence(self, now: int, health: Any, counters: Any, reason: str) -> None:
        self.silences.append(reason)


def wait(done: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not done() and time.monotonic() < end:
        time.sleep(0.01)
    return done()


def test_worker_says_that_there_is_no_data_then_works_and_survives(recorded: tuple[Any, list[Event]]) -> None:
    pytest.importorskip("rclpy", reason="ROS is not installed: make setup")
    from autonomy_perception.messages.status import Counters
    from autonomy_perception.nodes.worker import Worker

    vehicle, stream = recorded
    runner = make(vehicle)
    outputs, told, answers = FakeOutputs(), [], []
    inbox, clock = Inbox({"/lidar/points": 0}, 20_000_000), SimpleNamespace(now=stream[0].receive_ns)
    worker = Worker(
        runner, inbox, outputs, Counters(), lambda: clock.now, lambda *token: answers.append(token), told.append
    )  # type: ignore[arg-type]
    worker.start()
    assert wait(lambda: bool(outputs.silences)) and set(outputs.silences) == {"NO_DATA"}
    for k, event in enumerate(stream):
        inbox.put(event, ("token", k))
    assert wait(lambda: len(answers) == len(stream)), "every token is answered, in order"
    assert wait(lambda: worker.snapshot is not None and worker.snapshot.mode == Mode.GEOMETRIC)
    worker.stop()
    assert [k for _, k in answers] == list(range(len(stream)))
    assert len([o for o in outputs.published if o.frame is not None]) == 8
    assert worker.counters.errors == 1 and "the middleware refuses" in told[0]


def test_a_worker_whose_every_step_fails_says_so(recorded: tuple[Any, list[Event]]) -> None:
    pytest.importorskip("rclpy", reason="ROS is not installed: make setup")
    from autonomy_perception.messages.status import Counters
    from autonomy_perception.nodes.worker import Worker

    vehicle, stream = recorded
    runner = make(vehicle)
    step, calls = runner.pipeline.step, [0]

    def once(frame: Any, given: Any = None) -> Any:
        calls[0] += 1
        if calls[0] > 1:
            raise ZeroDivisionError("broken on purpose")
        return step(frame)

    runner.pipeline.step = once  # type: ignore[method-assign]
    outputs, inbox, clock = FakeOutputs(), Inbox({"/lidar/points": 0}, 20_000_000), SimpleNamespace(now=0)
    answers: list[int] = []
    worker = Worker(
        runner, inbox, outputs, Counters(), lambda: clock.now, lambda _, k: answers.append(k), lambda text: None
    )  # type: ignore[arg-type]
    worker.start()
    for k, event in enumerate(stream):
        clock.now = event.receive_ns
        inbox.put(event, ("token", k))  # every sweep is worked on, however slow this machine is now
        assert wait(lambda done=k + 1: len(answers) == done)  # type: ignore[misc]
    assert wait(lambda: "STEP_FAILED" in outputs.silences)
    worker.stop()
