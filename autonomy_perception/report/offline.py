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
from autonomy_perception.pipeline.build import make_pipeline
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


@dataclass(frozen=True)
class Part:
    """Which part of a bag is replayed: ``duration_s`` from ``start_s`` on, ``max_frames`` at most.

    ``load_state`` is the pipeline's state to go on from (then the part begins behind it), ``save_state`` a file to write it to
    in the end.
    """

    max_frames: int | None = None
    start_s: float | None = None
    duration_s: float | None = None
    load_state: Path | None = None
    save_state: Path | None = None


WHOLE_BAG = Part()


def run_offline(
    bag: Path, vehicle: VehicleConfig, config: PerceptionConfig, output: Path | None = None, part: Part = WHOLE_BAG
) -> tuple[dict[str, Any], str]:
    """Replay ``bag`` or a part of it; returns the figures and the hash of all outputs.

    If the bag has truth, the outputs are scored: ``accuracy`` among the figures holds ``Score.as_dict()``. With ``output`` a
    new folder receives ``report.html`` and the outputs as bag ``outputs``.

    Raises:
        BagError: the bag cannot be read or does not reach to the start, or the outputs cannot be written.
        PipelineError: the state to go on from cannot be read, or is of another pipeline.
    """
    console, lib = Console(stderr=True), CpuLibrary()
    pipeline = make_pipeline(config, vehicle, lib)
    if part.load_state is not None:
        pipeline.load(part.load_state)
    total = _total(bag, vehicle, part, console)
    layouts = [f"{topic}: {about}" for topic, about in cloud_layouts(bag, vehicle).items()]
    for line in layouts:
        console.print(line, highlight=False, soft_wrap=True)
    digest, tally, scorer = Digest(), Tally(), Scorer.of(bag)
    album = Album(max(1, total // N_PICTURES))
    start = time.perf_counter()
    aside_s = 0.0  # spent on truth, outputs and pictures
    with BagWriter(output / "outputs") if output else nullcontext() as writer:
        steps = replay_offline(
            bag,
            vehicle,
            config,
            lib,
            part.max_frames,
            start_s=part.start_s,
            duration_s=part.duration_s,
            pipeline=pipeline,
        )
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
    if part.save_state is not None:
        pipeline.save(part.save_state)
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


def _total(bag: Path, vehicle: VehicleConfig, part: Part, console: Console) -> int:
    """How many frames to expect, by the index of the bag and as if they came evenly; says so if there will be none."""
    lidar_topic = next(iter(vehicle.lidars.values())).topic
    with BagReader(bag) as reader:
        begin, end = reader.span_ns
        start, stop = reader.window_ns(part.start_s, part.duration_s)
        start, stop = start or begin, min(stop or end, end)
        total = round(reader.counts.get(lidar_topic, 0) * (stop - start + 1) / (end - begin + 1))
    if total == 0:
        console.print(f"[yellow]{bag}: no message on the reference lidar's topic {lidar_topic}[/yellow]")
    return min(total, part.max_frames) if part.max_frames else total


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
