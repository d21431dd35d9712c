"""The steps of the demo: drive, live graph, judgement, report."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from autonomy_perception.bags.outputs import RecordedOutput, read_outputs
from autonomy_perception.config import ConfigError, PerceptionConfig
from autonomy_perception.latency import TOTAL_P50_MS, TOTAL_P99_MS, Percentiles
from autonomy_perception.live.live_run import LiveOptions, LiveResult, LiveRunError, run_live
from autonomy_perception.live.replay_live import print_table
from autonomy_perception.metrics.score import score_bag
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.report.checks import Check, print_checks
from autonomy_perception.report.page import Report, write_report
from autonomy_perception.report.recorded import pictures_of
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.source import source_digest
from autonomy_perception.simulation.io.write_bag import write_bag
from autonomy_perception.simulation.sensors.rig import default_rig
from autonomy_perception.simulation.world.truck import CONFIG, demo_vehicle

MARKER = ".autonomy_perception_demo"
N_PICTURES = 6
MIN_RATE = 0.95
"""Share of the lidar scans that must have led to outputs in time."""
NODES = ("health_monitor", "markers")


def run_demo(seed: int, duration_s: float, folder: Path) -> list[Check]:
    """Run everything; prints progress and tables, writes ``folder/report.html``; returns the checks.

    Raises:
        BagError: a bag cannot be written or read.
        ConfigError: the folder holds something else than an earlier demo, or a node died.
    """
    console = Console()
    prepare(folder)
    drive = make_drive(seed, duration_s, folder, console)
    recording = folder / "outputs"
    try:
        with console.status(
            f"live graph on {duration_s:.0f} s of driving: player, perception, health monitor, markers, recorder"
        ):
            options = LiveOptions(drive, CONFIG, None, record=recording, nodes=NODES)
            result = run_live(options, lambda line: None)
    except LiveRunError as e:
        raise ConfigError(str(e)) from e
    if result.code != 0:
        raise ConfigError("a node died:\n" + "\n".join(result.log[-20:]))
    outputs = list(read_outputs(recording))
    checks = [*rate_checks(outputs, result, drive), *latency_checks(result)]
    score = score_bag(drive, outputs, demo_vehicle(), PerceptionConfig(), CpuLibrary())
    assert score is not None, "the simulator writes truth"
    checks += [Check.of(f) for f in score.figures]
    print_table(result, console)
    print_checks(checks, console)
    with console.status("pictures and report"):
        pictures = pictures_of(recording, drive, demo_vehicle(), PerceptionConfig(), CpuLibrary(), N_PICTURES)
        summary = {
            "drive": f"synthetic, seed {seed}, {duration_s:.0f} s",
            "graph": ", ".join(("bag_player", "perception", *NODES, "bag_recorder")) + " as processes over DDS",
            "frames": f"{result.frames} processed, {result.replaced} replaced by newer ones, {result.errors} failed",
        }
        report = Report("Demo drive", summary, checks, result.stages_ms, result.latency_ms, pictures)
        path = write_report(report, folder / "report.html")
    console.print(f"report: {path}")
    return checks


def prepare(folder: Path) -> None:
    """Make the folder, or clear what an earlier demo left in it; never touches anything else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise ConfigError(f"{folder}: is not empty and was not made by the demo; choose another folder with -o")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("made by autonomy-perception demo; the next demo replaces what is here\n")
    shutil.rmtree(folder / "outputs", ignore_errors=True)
    (folder / "report.html").unlink(missing_ok=True)


def make_drive(seed: int, duration_s: float, folder: Path, console: Console) -> Path:
    """The drive's bag; one that an earlier demo made from the same code, seed and length is used again."""
    path, key_file = folder / "drive", folder / "drive.key"
    rig = default_rig().model_dump_json()
    key = hashlib.sha256(f"{source_digest()} {rig} {seed} {duration_s}".encode()).hexdigest()
    if path.exists() and key_file.exists() and key_file.read_text() == key:
        console.print(f"drive: {path} (made before from the same seed)")
        return path
    shutil.rmtree(path, ignore_errors=True)
    key_file.unlink(missing_ok=True)
    start = time.perf_counter()
    drive = SyntheticDrive(seed, duration_s)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("synthetic drive", total=len(drive))
        write_bag(drive, path, progress=lambda done: progress.update(task, completed=done))
    key_file.write_text(key)
    console.print(f"drive: {path}, {len(drive)} sweeps made in {time.perf_counter() - start:.0f} s")
    return path


def rate_checks(outputs: Sequence[RecordedOutput], result: LiveResult, drive: Path) -> list[Check]:
    """Whether an output came for (nearly) every scan, and no step failed."""
    from autonomy_perception.bags.reader import BagReader

    lidar = next(iter(demo_vehicle().lidars.values())).topic
    with BagReader(drive) as bag:
        scans = bag.counts.get(lidar, 0)
    share = len(outputs) / max(scans, 1)
    return [
        Check("scans with recorded outputs", f"{100 * share:.1f} %", f">= {100 * MIN_RATE:.0f} %", share >= MIN_RATE),
        Check("failed steps", str(result.errors), "0", result.errors == 0),
    ]


def latency_checks(result: LiveResult) -> list[Check]:
    """p50 and p99 against their budgets; three times as much is allowed where CI=true."""
    slack = 3.0 if os.environ.get("CI") == "true" else 1.0
    p = Percentiles.of(result.latency_ms)
    return [
        Check(f"latency {name}", f"{value:.1f} ms", f"< {slack * budget:.0f} ms", value < slack * budget)
        for name, value, budget in (("p50", p.p50, TOTAL_P50_MS), ("p99", p.p99, TOTAL_P99_MS))
    ]
