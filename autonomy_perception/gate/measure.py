"""Everything that the gate judges, measured on one bag without ROS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.replay import replay_offline
from autonomy_perception.config import ConfigError, PerceptionConfig, VehicleConfig
from autonomy_perception.gate.machine import Machine
from autonomy_perception.metrics.golden import Golden, GoldenFrame
from autonomy_perception.metrics.score import Score, Scorer
from autonomy_perception.ops.library import Library
from autonomy_perception.pipeline.digest import Digest

MAX_SUMMARIES = 300
"""Of a longer drive every second, third, ... output is kept, so that a baseline stays at a few MB."""
REPEATED_FRAMES = 300
"""The first so many frames are replayed a second time."""
MEMORY_FRAMES = 100
"""Growth of memory is not judged on fewer frames: caches fill, and the allocator keeps pages."""
MACHINE_EVERY = 10


@dataclass(frozen=True)
class Measured:
    """What a replay gave.

    Attributes:
        way: "offline" or "ros".
        golden: summaries of every ``every``-th output. frames: outputs of a lidar scan; scans: what the bag holds of them.
        latency_ms: per frame. machine_ms: of the fixed workload, meanwhile.
        rate_hz: outputs per second of the drive.
        digests: of the part that was replayed twice, or of the live and the offline replay; ``part`` says which.
        memory_mb: growth over 1,000 frames; None where there were too few.
    """

    way: str
    golden: Golden
    every: int
    frames: int
    scans: int
    score: Score | None
    latency_ms: tuple[float, ...]
    machine_ms: float
    rate_hz: float
    digests: tuple[str, str]
    part: str
    memory_mb: float | None


def measure_offline(
    bag: Path,
    vehicle: VehicleConfig,
    config: PerceptionConfig,
    lib: Library,
    wanted: Collection[int] | None = None,
    progress: Callable[[int], None] = lambda frames: None,
) -> Measured:
    """Replay a bag, and its first part a second time.

    Args:
        wanted: stamps [ns] of the outputs to summarise; None: evenly, at most MAX_SUMMARIES.
        progress: told the number of frames done, of ``work(scans)`` in all.

    Raises:
        BagError: the bag cannot be read.
        ConfigError: the grid has cells of another size than the truth in the bag.
    """
    scans = scans_of(bag, vehicle)
    every = max(1, -(-scans // MAX_SUMMARIES))
    scorer, machine, digest = Scorer.of(bag), Machine(), Digest()
    summaries: list[GoldenFrame] = []
    latency: list[float] = []
    stamps: list[int] = []
    done = swept = 0
    for step in replay_offline(bag, vehicle, config, lib):
        if done < REPEATED_FRAMES:
            digest.update(step.result)
        if wanted is None:
            keep = done % every == 0 if step.frame is not None else every == 1
        else:
            keep = step.result.stamp_ns in wanted
        if keep:
            summaries.append(GoldenFrame.of(step.frame, step.result))
        if scorer is not None:
            try:
                scorer.add(step.result, step.frame)
            except ValueError as e:
                raise ConfigError(f"accuracy cannot be judged: {e}") from e
        if step.frame is None:
            continue
        latency.append(step.sensors_ms + step.step_ms)
        stamps.append(step.result.stamp_ns)
        swept += bool(step.frame.scans)
        if done % MACHINE_EVERY == 0:
            machine.sample()
        done += 1
        progress(done)
    repeated, rss = _again(bag, vehicle, config, lib, lambda n: progress(done + n))
    return Measured(
        "offline", Golden({}, tuple(summaries)), every, swept, scans, scorer.score() if scorer else None, tuple(latency),
        machine.ms, rate_of(stamps), (digest.hexdigest(), repeated), f"first {min(done, REPEATED_FRAMES)} frames", growth_mb(rss),
    )  # fmt: skip


def work(scans: int) -> int:
    """Frames that :func:`measure_offline` replays of a bag with so many scans."""
    return scans + min(scans, REPEATED_FRAMES)


def scans_of(bag: Path, vehicle: VehicleConfig) -> int:
    """Messages of the reference lidar. Raises BagError."""
    with BagReader(bag) as reader:
        return reader.counts.get(next(iter(vehicle.lidars.values())).topic, 0)


def rate_of(stamps_ns: Sequence[int]) -> float:
    """Outputs per second of the drive; NaN with fewer than two."""
    if len(stamps_ns) < 2 or stamps_ns[-1] <= stamps_ns[0]:
        return float("nan")
    return (len(stamps_ns) - 1) / ((stamps_ns[-1] - stamps_ns[0]) * 1e-9)


def growth_mb(rss: Sequence[float]) -> float | None:
    """Growth [MB per 1,000 frames] of the memory (bytes, one per frame) over the second half; None with too few frames."""
    if len(rss) < MEMORY_FRAMES:
        return None
    half = np.asarray(rss[len(rss) // 2 :], np.float64) * 1e-6
    return float(1000.0 * np.polyfit(np.arange(len(half)), half, 1)[0])


def _again(
    bag: Path, vehicle: VehicleConfig, config: PerceptionConfig, lib: Library, progress: Callable[[int], None]
) -> tuple[str, list[float]]:
    """Digest of the first part, and memory [bytes] after each of its frames; nothing is kept meanwhile."""
    digest, process, rss = Digest(), psutil.Process(), list[float]()
    for step in replay_offline(bag, vehicle, config, lib, REPEATED_FRAMES):
        digest.update(step.result)
        if step.frame is not None:
            rss.append(float(process.memory_info().rss))
            progress(len(rss))
    return digest.hexdigest(), rss
