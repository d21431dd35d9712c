"""``gate --ros``: what the gate judges, measured through the live nodes in lockstep (no rclpy here)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console

from autonomy_perception.bags.outputs import read_outputs
from autonomy_perception.bags.replay import replay_offline
from autonomy_perception.config import ConfigError, PerceptionConfig, load_perception, load_vehicle
from autonomy_perception.gate.machine import Machine
from autonomy_perception.gate.measure import Measured, rate_of, scans_of
from autonomy_perception.gate.published import golden_of
from autonomy_perception.live.live_run import LiveOptions, LiveResult, LiveRunError, run_live
from autonomy_perception.metrics.golden import Golden
from autonomy_perception.metrics.score import score_bag
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.digest import Digest

MEMORY_SAMPLES = 10
MACHINE_SAMPLES = 15


def measure_live(bag: Path, vehicle: Path, params: Path | None, golden: Golden, console: Console) -> Measured:
    """Play a bag through perception as a process of its own, and replay it offline for the digest.

    Raises:
        BagError: the bag cannot be read.
        ConfigError: an argument is wrong, or a node died or failed in a step.
    """
    car, config = load_vehicle(vehicle), load_perception(params) if params else PerceptionConfig()
    machine, digest = Machine(), Digest()
    wanted = frozenset(f.stamp_ns for f in golden.frames)
    with tempfile.TemporaryDirectory(prefix="autonomy_perception_gate_") as folder:
        record = Path(folder) / "outputs"
        result = _play(LiveOptions(bag, vehicle, params, lockstep=True, record=record, hash=True), machine, console)
        with console.status("comparing"):
            stamps = [o.stamp_ns for o in read_outputs(record) if o.stamp_ns == o.data_stamp_ns]
            outputs = golden_of(read_outputs(record), wanted)
            score = score_bag(bag, read_outputs(record), car, config, CpuLibrary())
    with console.status("offline replay for the digest"):
        for step in replay_offline(bag, car, config, CpuLibrary()):
            digest.update(step.result)
    return Measured(
        "ros", outputs, 1, result.swept, scans_of(bag, car), score, tuple(result.latency_ms), machine.ms, rate_of(stamps),
        (result.digest, digest.hexdigest()), "live nodes and offline replay", _growth_mb(result),
    )  # fmt: skip


def _play(options: LiveOptions, machine: Machine, console: Console) -> LiveResult:
    """The run; the machine is timed before and after, not meanwhile: it would take the nodes' cores."""
    for _ in range(MACHINE_SAMPLES):
        machine.sample()
    try:
        with console.status(f"playing {options.bag.name} through the live nodes"):
            result = run_live(options, lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True))
    except LiveRunError as e:
        raise ConfigError(str(e)) from e
    if result.code != 0 or result.errors:
        raise ConfigError(f"a node died or failed ({result.errors} failed steps; its last lines are above)")
    for _ in range(MACHINE_SAMPLES):
        machine.sample()
    return result


def _growth_mb(result: LiveResult) -> float | None:
    """Growth of perception's memory over 1,000 frames [MB], second half of the run; None with too few samples."""
    samples = np.array(result.pss_mb.get("perception", []), np.float64).reshape(-1, 2)
    if len(samples) < MEMORY_SAMPLES or not result.frames:
        return None
    half = samples[len(samples) // 2 :]
    per_frame_s = (samples[-1, 0] - samples[0, 0]) / result.frames
    return float(1000.0 * per_frame_s * np.polyfit(half[:, 0], half[:, 1], 1)[0])
