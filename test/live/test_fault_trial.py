"""How a trial judges: in a graph of fakes whose answers and whose clock are the test's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from autonomy_perception.faults.table import FAULTS, Fault, Outputs
from autonomy_perception.live.faults import trial
from autonomy_perception.live.faults.trial import LEAST_S, Trial, Verdict
from autonomy_perception.live.faults.witness import Seen
from autonomy_perception.types import Mode

STEP_S = 0.1


class Graph:
    """Player, witness and time at once: a status every tenth of a second, its data held while a fault acts if ``held``."""

    def __init__(self, said_s: float | None, held: bool) -> None:
        self.said_s, self.held, self.now, self.data_ns = said_s, held, 100.0, 0
        self.stalls: list[tuple[float, float]] = []
        self.active: set[str] = set()
        self.seen: list[Seen] = []
        self.outputs: list[float] = []
        self.texts: dict[Any, str] = {}

    def inject(self, name: str, mutator: Any, clock_ns: int) -> None:
        self.active.add(name)

    def heal(self, name: str) -> None:
        self.active.remove(name)

    def now_ns(self) -> int:
        return int(self.now * 1e9)

    def said(self, words: Any, since: float) -> float | None:
        return None if self.said_s is None or self.now < since + self.said_s else since + self.said_s

    def said_of(self, word: str, since: float) -> list[str]:
        return []

    def spin(self, done: Any, timeout_s: float) -> bool:
        end = self.now + timeout_s
        while not done() and self.now < end:
            self.now += STEP_S
            self.data_ns = self.data_ns if self.held and self.active else self.now_ns()
            self.seen.append(Seen(self.now, self.data_ns, Mode.GEOMETRIC, (), ()))
            self.outputs.append(self.now)
        return bool(done())


def judged(monkeypatch: pytest.MonkeyPatch, name: str, graph: Graph, least_s: float, slack: float = 1.0) -> Verdict:
    monkeypatch.setattr(trial, "time", SimpleNamespace(monotonic=lambda: graph.now))
    fault: Fault = next(f for f in FAULTS if f.name == name)
    rig: Any = SimpleNamespace(lidar="/points", camera="/image", jpeg="/image", raw="", info="/info", odometry="/odometry", rng=None)  # fmt: skip
    return Trial(graph, graph, graph.spin, rig).run([fault], least_s, slack)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["cloud padded", "camera stops", "two publishers"])
@pytest.mark.parametrize("slack", [1.0, 2.0])
def test_outputs_that_stand_still_are_found_where_they_should_go_on(
    monkeypatch: pytest.MonkeyPatch, name: str, slack: float
) -> None:
    least = LEAST_S[Outputs.GO_ON]
    assert least >= 2.5
    assert judged(monkeypatch, name, Graph(0.3, held=False), least, slack).passed
    (wrong,) = judged(monkeypatch, name, Graph(0.3, held=True), least, slack).wrong
    assert "expected fresh data" in wrong


def test_what_is_said_too_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that is only said after its end is not said within its time, however soon it recovers."""
    in_time = judged(monkeypatch, "camera stops", Graph(2.9, held=False), 2.5)
    assert in_time.passed and in_time.noticed_s["camera stops"] == pytest.approx(2.9)
    (wrong,) = judged(monkeypatch, "camera stops", Graph(3.05, held=False), 4.0).wrong
    assert "said after 3.0 s, allowed 3.0 s" in wrong or "said after 3.1 s, allowed 3.0 s" in wrong
    assert judged(monkeypatch, "camera stops", Graph(3.05, held=False), 4.0, slack=2.0).passed
    (wrong,) = judged(monkeypatch, "camera stops", Graph(None, held=False), 2.5).wrong
    assert "nothing said" in wrong
