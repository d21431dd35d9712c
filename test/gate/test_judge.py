"""Figures that no small drive shows: growth of memory, other digests, lost scans, figures that are not measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy_perception.gate.baseline import VERSION, AccuracyFigure, BagIdentity, Baseline, accuracy_of, timing_of
from autonomy_perception.gate.judge import Verdict, judge
from autonomy_perception.gate.limits import FieldLimit, Limits
from autonomy_perception.gate.machine import WORKLOAD, Machine
from autonomy_perception.gate.measure import MEMORY_FRAMES, Measured, growth_mb, rate_of
from autonomy_perception.metrics.figure import Figure
from autonomy_perception.metrics.golden import Golden
from autonomy_perception.metrics.score import Score


def measured(**change: object) -> Measured:
    figures = (
        Figure("recall", 0.9, limit=0.8, at_least=True),
        Figure("error", 0.3, "m"),
        Figure("scans", 7, counted=True),
    )
    whole: dict[str, object] = {
        "way": "offline", "golden": Golden({}, ()), "every": 1, "frames": 100, "scans": 101,
        "score": Score("synthetic", figures), "latency_ms": (10.0, 12.0, 20.0), "machine_ms": 5.0, "rate_hz": 10.0,
        "digests": ("a", "a"), "part": "first 100 frames", "memory_mb": 1.0,
    }  # fmt: skip
    return Measured(**(whole | change))  # type: ignore[arg-type]


def verdicts(now: Measured, was: Measured | None = None, limits: Limits | None = None) -> dict[str, Verdict]:
    was = was or measured()
    old = Baseline(
        version=VERSION, suite="1", workload=WORKLOAD, bag=BagIdentity(messages={}, seconds=1.0), outputs="o", sha256="s",
        accuracy=accuracy_of(was), ways={was.way: timing_of(was)}, limits=limits or Limits(),
    )  # fmt: skip
    return {v.name: v for v in judge(old, was.golden, now)[0]}


def bad(found: dict[str, Verdict]) -> set[str]:
    return {name for name, v in found.items() if v.ok is False}


def test_the_same_is_good() -> None:
    assert bad(verdicts(measured())) == set()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"memory_mb": 41.0}, "memory"),
        ({"digests": ("a", "b")}, "determinism"),
        ({"frames": 99}, "lost scans"),
        ({"rate_hz": 9.7}, "rate"),
        ({"rate_hz": float("nan")}, "rate"),
        ({"latency_ms": (10.0, 18.1, 20.0)}, "latency p50"),
        ({"latency_ms": (10.0, 12.0, 41.0)}, "latency p95"),
    ],
)
def test_each_is_judged_alone(change: dict[str, object], named: str) -> None:
    assert bad(verdicts(measured(**change))) == {named}


@given(st.floats(0.05, 20.0))
def test_latency_is_judged_relative_to_the_machine(factor: float) -> None:
    slower = measured(latency_ms=tuple(factor * ms for ms in measured().latency_ms), machine_ms=factor * 5.0)
    assert bad(verdicts(slower)) == set()


@pytest.mark.parametrize(
    ("recall", "error", "named"),
    [
        (0.836, 0.334, set()), (0.83, 0.3, {"accuracy: recall"}), (0.9, 0.336, {"accuracy: error"}), (1.0, 0.0, set()),
        (float("nan"), 0.3, {"accuracy: recall"}),
    ],
)  # fmt: skip
def test_accuracy_may_be_better_and_a_little_worse(recall: float, error: float, named: set[str]) -> None:
    figures = (Figure("recall", recall, limit=0.8, at_least=True), Figure("error", error, "m"))
    assert bad(verdicts(measured(score=Score("synthetic", figures)))) == named


def test_truth_that_is_missing_is_not_good() -> None:
    assert bad(verdicts(measured(score=None))) == {"accuracy: recall", "accuracy: error"}
    nothing = verdicts(measured(score=None), measured(score=None))
    assert nothing["accuracy"].ok is None and bad(nothing) == set()


def test_counts_are_no_accuracy() -> None:
    assert accuracy_of(measured()) == {
        "recall": AccuracyFigure(value=0.9, unit="", more_is_better=True),
        "error": AccuracyFigure(value=0.3, unit="m", more_is_better=False),
    }


def test_memory_that_grows_is_told_from_memory_that_settles() -> None:
    n = 3 * MEMORY_FRAMES
    leak = 200e6 + 50e3 * np.arange(n)
    warm = 200e6 + 40e6 * (1.0 - np.exp(-np.arange(n) / 20.0)) + 1e5 * np.sin(np.arange(n))
    assert growth_mb(leak.tolist()) == pytest.approx(50.0)
    assert abs(growth_mb(warm.tolist()) or np.inf) < 5.0
    assert growth_mb(leak[: MEMORY_FRAMES - 1].tolist()) is None


def test_rate_is_that_of_the_drive() -> None:
    assert rate_of([0, 100_000_000, 200_000_000]) == pytest.approx(10.0)
    assert np.isnan(rate_of([5])) and np.isnan(rate_of([5, 5]))


def test_the_machine_is_timed() -> None:
    machine = Machine()
    assert np.isnan(machine.ms)
    machine.sample()
    assert 0.05 < machine.ms < 5000.0


def test_tolerances_of_outputs_can_be_widened_not_faked() -> None:
    wide = Limits(outputs={"tracks.yaw": FieldLimit(absolute=0.1)}).tolerances()
    assert wide["tracks.yaw"].absolute == 0.1 and wide["tracks.yaw"].angle and wide["yaw"].absolute != 0.1
    with pytest.raises(ValueError, match=r"outputs\.yaw: expected at least 0.0005"):
        Limits(outputs={"yaw": FieldLimit(absolute=1e-6)}).tolerances()
