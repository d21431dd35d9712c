"""``bench ground``: ground segmentation on labelled scans beside Patchwork++ in the same process.

Counted as ground: returns labelled GROUND. LOW (above the ground, below the obstacle height, at the foot of
something), OBSTACLE, OVERHANG and IGNORED count as not ground.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from autonomy_perception.bench.ground_scans import LabelledScan, rellis, semantic_kitti, simulated
from autonomy_perception.bench.result import BenchResult, Figures, Timing, time_pair
from autonomy_perception.config import Dimensions, GroundConfig
from autonomy_perception.metrics.binary import BinaryTally
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.terrain.ground import GroundSegmenter
from autonomy_perception.types import PointLabel

CAR = Dimensions(front=3.8, rear=1.0, width=1.8, height=1.6, wheelbase=2.7)
SEEDS = range(100, 103)


class Ours:
    """The suite's segmentation with its defaults."""

    def __init__(self) -> None:
        self._segmenter = GroundSegmenter(GroundConfig(), CAR, CpuLibrary())
        self._origin = np.zeros(3, np.float32)

    def __call__(self, points: NDArray[np.float32], height: float) -> NDArray[np.bool_]:
        """Ground mask (N,) of points (N,4)."""
        xyz = np.ascontiguousarray(points[:, :3])
        return np.asarray(self._segmenter.segment(xyz, self._origin, -height).label == PointLabel.GROUND)


class PatchworkPP:
    """Patchwork++ (pypatchworkpp) with its defaults and the sensor height of the scan."""

    def __init__(self) -> None:
        try:
            self._module: Any = importlib.import_module("pypatchworkpp")
        except ImportError as e:
            raise RuntimeError("the peer needs the package pypatchworkpp: pip install pypatchworkpp") from e
        self._models: dict[float, Any] = {}

    def _model(self, height: float) -> Any:
        """The estimator for a sensor height [m]."""
        if height not in self._models:
            parameters = self._module.Parameters()
            parameters.sensor_height, parameters.verbose = height, False
            self._models[height] = self._module.patchworkpp(parameters)
        return self._models[height]

    def __call__(self, points: NDArray[np.float32], height: float) -> NDArray[np.bool_]:
        """Ground mask (N,) of points (N,4)."""
        model = self._model(height)
        model.estimateGround(points)
        mask = np.zeros(len(points), np.bool_)
        mask[model.getGroundIndices()] = True
        return mask


def run(data: Path | None = None, against: str = "patchworkpp", runs: int = 5) -> BenchResult:
    """Score and time both on every labelled scan at hand.

    Args:
        data: folder with semantic_kitti_range/ (and rellis3d/); default: environment AUTONOMY_PERCEPTION_DATA.
        against: the peer; only ``patchworkpp`` is known.
        runs: timed runs per SemanticKITTI scan, ours and the peer's in turn.

    Raises:
        ValueError: no data, or an unknown peer.
        RuntimeError: the peer is not installed.
    """
    if against != "patchworkpp":
        raise ValueError(f"--against: patchworkpp expected, got {against}")
    folder = data or (Path(given) if (given := os.environ.get("AUTONOMY_PERCEPTION_DATA")) else None)
    if folder is None:
        raise ValueError("--data DIR expected (folder with semantic_kitti_range/), or AUTONOMY_PERCEPTION_DATA")
    ours, peer = Ours(), PatchworkPP()
    kitti = semantic_kitti(folder)
    groups = {"": kitti, "rellis_": rellis(folder), "offroad_": simulated(SEEDS)}
    table = _table()
    figures: tuple[Figures, Figures] = ({}, {})
    for prefix, scans in groups.items():
        totals = _score(scans, ours, peer, table)
        for total, named in zip(totals, figures, strict=True):
            if scans:
                named |= {
                    f"{prefix}f1": total.f1,
                    f"{prefix}precision": total.precision,
                    f"{prefix}recall": total.recall,
                }
    times = _times(kitti, ours, peer, runs)
    for timing, named in zip(times, figures, strict=True):
        named |= {"ms": timing.ms, "p99_ms": timing.p99_ms}
    Console(width=100).print(table)
    return BenchResult("ground", *figures, times[0].ms / times[1].ms)


def _score(scans: list[LabelledScan], ours: Ours, peer: PatchworkPP, table: Table) -> tuple[BinaryTally, BinaryTally]:
    totals = BinaryTally(), BinaryTally()
    for scan in scans:
        a, b = (scan.tally(one(scan.points, scan.height)) for one in (ours, peer))
        cells = [f"{v:.4f}" for s in (a, b) for v in (s.f1, s.precision, s.recall)]
        table.add_row(scan.name, str(len(scan.points)), *cells, f"{a.f1 - b.f1:+.4f}")
        totals = totals[0] + a, totals[1] + b
    return totals


def _times(scans: list[LabelledScan], ours: Ours, peer: PatchworkPP, runs: int) -> tuple[Timing, Timing]:
    taken: tuple[list[float], list[float]] = ([], [])
    for scan in scans:

        def one(scan: LabelledScan = scan) -> object:
            return ours(scan.points, scan.height)

        def other(scan: LabelledScan = scan) -> object:
            return peer(scan.points, scan.height)

        for timing, all_ms in zip(time_pair(one, other, runs, warmup=1), taken, strict=True):
            all_ms.extend(timing.runs_ms)
    return Timing(tuple(taken[0])), Timing(tuple(taken[1]))


def _table() -> Table:
    table = Table(title="ground segmentation per scan")
    for heading in ("scan", "points", "F1", "prec.", "recall", "peer F1", "prec.", "recall", "F1 gain"):
        table.add_column(heading, justify="left" if heading == "scan" else "right")
    return table
