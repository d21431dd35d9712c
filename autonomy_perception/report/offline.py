"""``replay --offline``: run, show progress, write report and outputs, print the table."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from autonomy_perception.bags.outputs import write_outputs
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.replay import cloud_layouts, replay_offline
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.latency import Percentiles
from autonomy_perception.metrics.score import Scorer
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.digest import Digest
from autonomy_perception.report.checks import print_score
from autonomy_perception.report.page import Report, write_report
from autonomy_perception.report.render import render_step
from autonomy_perception.report.times import print_times
from autonomy_perception.runtime.runner import Output

N_PICTURES = 8


@dataclass
class Tally:
    """Figures gathered over a replay."""

    stages_ms: dict[str, list[float]] = field(default_factory=dict)
    latency_ms: list[float] = field(default_factory=list)
    ticks: int = 0
    tracks: int = 0
    problems: dict[str, int] = field(default_factory=dict)

    def add(self, step: Output) -> None:
        """Take in one step."""
        if step.frame is None:
            self.ticks += 1
            return
        self.latency_ms.append(step.sensors_ms + step.step_ms)
        for name, ms in {"sensors": step.sensors_ms, **step.result.stage_ms}.items():
            self.stages_ms.setdefault(name, []).append(ms)
        self.tracks += int(step.result.tracks.confirmed.sum())
        for health in step.result.health:
            if health.message:
                self.problems[f"{health.sensor}: {health.message}"] = (
                    self.problems.get(f"{health.sensor}: {health.message}", 0) + 1
                )


def run_offline(
    bag: Path, vehicle: VehicleConfig, config: PerceptionConfig, output: Path | None, max_frames: int | None
) -> tuple[dict[str, Any], str]:
    """Replay ``bag``; returns the figures and the hash of all outputs.

    If the bag has truth, the outputs are scored: ``accuracy`` among the figures holds ``Score.as_dict()``. With ``output`` a
    new folder receives ``report.html`` and the outputs as bag ``outputs``.

    Raises:
        BagError: the bag cannot be read, or the outputs cannot be written.
    """
    console = Console(stderr=True)
    total = _total(bag, vehicle, max_frames, console)
    layouts = [f"{topic}: {about}" for topic, about in cloud_layouts(bag, vehicle).items()]
    for line in layouts:
        console.print(line, highlight=False, soft_wrap=True)
    digest, tally, scorer = Digest(), Tally(), Scorer.of(bag)
    album = Album(max(1, total // N_PICTURES))
    start = time.perf_counter()
    aside_s = 0.0  # spent on truth, outputs and pictures
    with BagWriter(output / "outputs") if output else nullcontext() as writer:
        steps = replay_offline(bag, vehicle, config, CpuLibrary(), max_frames)
        for step in track(steps, "replay", total, console=console, transient=True):
            digest.update(step.result)
            tally.add(step)
            pause = time.perf_counter()
            if scorer and step.frame is not None:  # an aged output is of a moment that has no truth
                scorer.add(step.result, step.frame)
            if writer:
                write_outputs(writer, step.result)
                album.add(step)
            aside_s += time.perf_counter() - pause
    figures = summarise(tally, time.perf_counter() - start - aside_s)
    print_table(tally, figures, Console())
    score = scorer.score() if scorer else None
    checks = print_score(score, Console())
    if output:
        summary = {k: f"{v:.1f}" for k, v in figures.items()} | {"hash": digest.hexdigest()}
        notes = layouts + [f"{count} x {text}" for text, count in tally.problems.items()]
        title = f"Replay of {bag.name} (offline)"
        report = Report(title, summary, checks, tally.stages_ms, tally.latency_ms, album.pictures, notes)
        Console().print(f"report: {write_report(report, output / 'report.html')}")
    return figures | ({"accuracy": score.as_dict()} if score else {}), digest.hexdigest()


def _total(bag: Path, vehicle: VehicleConfig, max_frames: int | None, console: Console) -> int:
    """How many frames to expect; says so if there will be none."""
    lidar_topic = next(iter(vehicle.lidars.values())).topic
    with BagReader(bag) as reader:
        total = reader.counts.get(lidar_topic, 0)
    if total == 0:
        console.print(f"[yellow]{bag}: no message on the reference lidar's topic {lidar_topic}[/yellow]")
    return min(total, max_frames) if max_frames else total


@dataclass
class Album:
    """Pictures of every so many frames, from the middle of each such stretch."""

    every: int
    pictures: list[tuple[str, NDArray[np.uint8]]] = field(default_factory=list)
    frames: int = 0

    def add(self, step: Output) -> None:
        """Take in one step."""
        if step.frame is None:
            return
        if self.frames % self.every == self.every // 2 and len(self.pictures) < N_PICTURES:
            self.pictures.append((f"frame {self.frames}", render_step(step.frame, step.result)))
        self.frames += 1


def summarise(tally: Tally, seconds: float) -> dict[str, float]:
    """Named figures of a replay that took ``seconds`` without truth, outputs and pictures."""
    total = Percentiles.of(tally.latency_ms)
    frames = max(1, total.count)
    return {
        "frames": total.count, "ticks": tally.ticks, "seconds": seconds, "frames_per_s": total.count / max(seconds, 1e-9),
        "p50_ms": total.p50, "p95_ms": total.p95, "p99_ms": total.p99, "max_ms": total.max, "tracks_per_frame": tally.tracks / frames,
    }  # fmt: skip


def print_table(tally: Tally, figures: dict[str, float], console: Console) -> None:
    """Milliseconds per stage and the problems that were met."""
    title = f"{figures['frames']:.0f} frames, {figures['frames_per_s']:.1f} frames/s, {figures['ticks']:.0f} ticks"
    print_times(title, {**tally.stages_ms, "whole way": tally.latency_ms}, console)
    for text, count in sorted(tally.problems.items()):
        console.print(f"[yellow]{count} x {text}[/yellow]")
