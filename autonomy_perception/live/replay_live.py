"""``replay --ros``: the bag through the live nodes, then figures, report and hash (no rclpy here)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from autonomy_perception.bags.outputs import read_outputs
from autonomy_perception.config import ConfigError, PerceptionConfig, load_perception, load_vehicle
from autonomy_perception.latency import Percentiles
from autonomy_perception.live.live_run import LiveOptions, LiveResult, LiveRunError, run_live
from autonomy_perception.metrics.score import Scorer, score_bag
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.report.checks import print_score
from autonomy_perception.report.page import Report, write_report
from autonomy_perception.report.recorded import pictures_of
from autonomy_perception.report.times import print_times

N_PICTURES = 8


def run_live_replay(
    bag: Path, vehicle: Path, params: Path | None, output: Path | None, rate: float, lockstep: bool
) -> tuple[dict[str, Any], str]:
    """Replay ``bag`` through perception as a process of its own; returns the figures and the hash of all outputs.

    If the bag has truth, the outputs are recorded and scored: ``accuracy`` among the figures holds ``Score.as_dict()``.
    With ``output`` a new folder receives ``report.html`` and the recorded outputs as bag ``outputs``.

    Raises:
        BagError: the bag or its truth cannot be read.
        ConfigError: an argument is wrong, or a node died.
    """
    console = Console(stderr=True)
    car, config = load_vehicle(vehicle), load_perception(params) if params else PerceptionConfig()
    with tempfile.TemporaryDirectory(prefix="autonomy_perception_outputs_") as folder:
        record = (output or Path(folder)) / "outputs" if output or Scorer.of(bag) else None
        result = _run(LiveOptions(bag, vehicle, params, rate, lockstep, record=record, hash=True), console)
        figures = figures_of(result)
        print_table(result, Console())
        score = score_bag(bag, read_outputs(record), car, config, CpuLibrary()) if record else None
        checks = print_score(score, Console())
        if output and record:
            with console.status("pictures"):
                pictures = pictures_of(record, bag, car, config, CpuLibrary(), N_PICTURES)
            summary = {k: f"{v:.1f}" for k, v in figures.items()} | {"hash": result.digest}
            title = f"Replay of {bag.name} (live nodes)"
            page = Report(title, summary, checks, result.stages_ms, result.latency_ms, pictures)
            Console().print(f"report: {write_report(page, output / 'report.html')}")
    return figures | ({"accuracy": score.as_dict()} if score else {}), result.digest


def _run(options: LiveOptions, console: Console) -> LiveResult:
    """The run, with what the nodes say. Raises ConfigError if one died."""
    try:
        with console.status(f"playing {options.bag.name} through the live nodes"):
            result = run_live(options, lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True))
    except LiveRunError as e:
        raise ConfigError(str(e)) from e
    if result.code != 0:
        raise ConfigError("a node died during the replay (its last lines are above)")
    return result


def figures_of(result: LiveResult) -> dict[str, float]:
    """Named figures of a run."""
    whole, inner = Percentiles.of(result.latency_ms), Percentiles.of(result.inner_ms)
    return {
        "frames": result.frames, "steps": result.steps, "replaced": result.replaced, "errors": result.errors,
        "p50_ms": whole.p50, "p95_ms": whole.p95, "p99_ms": whole.p99, "max_ms": whole.max,
        "inner_p50_ms": inner.p50, "inner_p99_ms": inner.p99, "player_lag_ms": result.worst_lag_ms,
    }  # fmt: skip


def print_table(result: LiveResult, console: Console) -> None:
    """Milliseconds per stage, the whole way, and what was lost."""
    title = f"{result.frames} frames, {result.replaced} replaced, {result.errors} failed steps"
    whole = {"send to publish": result.latency_ms, "arrival to publish": result.inner_ms}
    print_times(title, {**result.stages_ms, **whole}, console)
