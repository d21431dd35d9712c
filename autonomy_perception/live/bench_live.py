"""``bench live``: the live graph with the tuned transport, and for half a minute with the stock one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import yaml
from rich.console import Console

from autonomy_perception import paths
from autonomy_perception.bags.importers.base import Drive, ImportOptions, write_drive
from autonomy_perception.bench.result import BenchResult, Figures
from autonomy_perception.config import VehicleConfig, load_vehicle
from autonomy_perception.latency import Percentiles
from autonomy_perception.live.live_run import LiveOptions, LiveResult, LiveRunError, run_live
from autonomy_perception.nodes import environment

KITTI = Path("kitti_raw/2011_09_26/2011_09_26_drive_sfnd_sync")
STOCK_S = 30.0
SETTLED_S = 120.0
"""Memory is judged from here on; a run that ends less than a minute later says nothing about its growth."""
WATCHERS = ("health_monitor", "markers")


def run(minutes: float, rig: Literal["plain", "heavy"] = "plain") -> BenchResult:
    """Loop a drive through the graph; the KITTI recording if AUTONOMY_PERCEPTION_DATA has it, else a synthetic drive.

    Args:
        rig: "heavy" makes two lidars of 120k points and two 1280x720 cameras of the drive's lidar and camera.

    Raises:
        RuntimeError: a node died, or no frame came through the tuned transport.
    """
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="autonomy_perception_bench_") as folder:
        bag, vehicle = drive(Path(folder) / "drive", console, rig)
        topic = next(iter(load_vehicle(vehicle).lidars.values())).topic
        console.print(f"tuned transport, {minutes:g} min")
        tuned = run_live(LiveOptions(bag, vehicle, seconds=minutes * 60, nodes=WATCHERS))
        seconds = min(STOCK_S, minutes * 60)
        console.print(f"stock transport, {seconds:.0f} s")
        env = dict(os.environ) | {environment.TRANSPORT_VARIABLE: "stock"}
        stock = run_live(LiveOptions(bag, vehicle, seconds=seconds, nodes=WATCHERS, env=env))
    if tuned.code or not tuned.latency_ms:
        raise LiveRunError("no frame came through:\n" + "\n".join(tuned.log[-20:]))
    ours, peer = figures(tuned, topic), figures(stock, topic)
    ours |= slopes(tuned)
    if "known_ms" not in peer:
        raise LiveRunError("no frame came through the stock transport: there is nothing to compare with")
    return BenchResult("live", ours, peer, ours["known_ms"] / peer["known_ms"])


def drive(path: Path, console: Console, rig: Literal["plain", "heavy", "raw"] = "plain") -> tuple[Path, Path]:
    """A bag to loop over, made at ``path``, and the vehicle file that belongs to it.

    Args:
        rig: as for :func:`run`; "raw" has a raw camera beside the compressed one.
    """
    source, vehicle = _kitti() or _synthetic(console)
    if rig != "plain":
        source, wide = _widened(source, load_vehicle(vehicle), rig)
        vehicle = path.with_name(f"{rig}.yaml")
        vehicle.write_text(yaml.safe_dump(wide.model_dump(mode="json"), sort_keys=False))
    write_drive(source, path)
    return path, vehicle


def _widened(source: Drive, vehicle: VehicleConfig, rig: Literal["heavy", "raw"]) -> tuple[Drive, VehicleConfig]:
    if rig == "heavy":
        from autonomy_perception.bench.heavy_rig import heavy_drive, heavy_vehicle

        return heavy_drive(source, vehicle), heavy_vehicle(vehicle)
    from autonomy_perception.faults.raw_camera import raw_drive, raw_vehicle

    return raw_drive(source, vehicle), raw_vehicle(vehicle)


def _kitti() -> tuple[Drive, Path] | None:
    data = os.environ.get("AUTONOMY_PERCEPTION_DATA", "")
    if not data or not (Path(data) / KITTI).is_dir():
        return None
    from autonomy_perception.bags.importers.sources import SOURCES

    options = ImportOptions(derive_stamps=True, derive_times=True)
    return SOURCES["kitti-raw"](Path(data) / KITTI, options), paths.vehicle_file("kitti")


def _synthetic(console: Console) -> tuple[Drive, Path]:
    from autonomy_perception.simulation.drive import SyntheticDrive
    from autonomy_perception.simulation.io.write_bag import drive_records

    console.print("AUTONOMY_PERCEPTION_DATA is not set: a synthetic drive is made")
    file = paths.vehicle_file("demo_truck")
    made = SyntheticDrive(0, 8.0)
    return Drive(len(made), {}, lambda: ([r] for r in drive_records(made, made.samples()))), file


def figures(result: LiveResult, lidar_topic: str) -> Figures:
    """Latency from the player's send, frames, and what got lost on the way.

    ``ms`` is over the frames that arrived; ``known_ms`` runs from the sending of every sweep until outputs knew of it
    or of a newer one, so that a lost sweep costs the wait for the next. The ratio compares the latter.
    """
    whole, sent = Percentiles.of(result.latency_ms), result.sent.get(lidar_topic, 0)
    out = {"frames": float(result.swept), "replaced": float(result.replaced), "failed": float(result.errors)}
    out["lost"] = float(max(0, sent - result.swept - result.replaced))
    if whole.count:
        inner = Percentiles.of(result.inner_ms)
        out |= {
            "ms": whole.p50,
            "p99_ms": whole.p99,
            "max_ms": whole.max,
            "inner_ms": inner.p50,
            "inner_p99_ms": inner.p99,
        }
    known = Percentiles.of(result.known_ms.get(lidar_topic, []))
    if known.count:
        out |= {"known_ms": known.p50, "known_p99_ms": known.p99}
    for name, samples in result.stages_ms.items():
        out[f"{name}_ms"] = float(np.median(samples))
    return out


def slopes(result: LiveResult) -> Figures:
    """Growth of each process's proportional set size [MB/min] after it has settled."""
    out: Figures = {}
    for name, rows in result.pss_mb.items():
        samples = np.array(rows).reshape(-1, 2)
        if len(samples):
            out[f"{name}_pss_mb"] = float(samples[-1, 1])
        late = samples[samples[:, 0] > SETTLED_S]
        if len(late) > 2 and late[-1, 0] > SETTLED_S + 60.0:
            out[f"{name}_pss_mb_per_min"] = float(np.polyfit(late[:, 0] / 60.0, late[:, 1], 1)[0])
    return out
