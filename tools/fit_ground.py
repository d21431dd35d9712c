"""Ground thresholds on labelled scans, beside those in use: ``python tools/fit_ground.py DATA [--seeds N]``.

Places: SemanticKITTI (``DATA/semantic_kitti_range``), RELLIS-3D (``DATA/rellis3d``), and simulated off-road terrain. Of a
grid around the values in use, the thresholds with the best mean F1 over all places but one are judged on the place left
out; the published figure is the mean of these. A place counts once, however many scans it has.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from autonomy_perception.bench import ground_scans
from autonomy_perception.bench.ground import CAR
from autonomy_perception.bench.ground_scans import LabelledScan
from autonomy_perception.config import GroundConfig
from autonomy_perception.metrics.binary import BinaryTally
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.terrain.ground import GroundSegmenter
from autonomy_perception.types import PointLabel

GRID = {"rough_height": (0.15, 0.2, 0.25, 0.3), "max_slope": (0.36, 0.46, 0.56)}
"""Of the parameters that decide between ground and not ground; ``obstacle_height`` follows from the vehicle."""


def f1(scans: list[LabelledScan], config: GroundConfig) -> float:
    """F1 of "this return is ground" over the scans of one place."""
    segmenter, tally = GroundSegmenter(config, CAR, CpuLibrary()), BinaryTally()
    for scan in scans:
        xyz = np.ascontiguousarray(scan.points[:, :3])
        label = segmenter.segment(xyz, np.zeros(3, np.float32), -scan.height).label
        tally += scan.tally(np.asarray(label == PointLabel.GROUND))
    return tally.f1


def scores(places: Mapping[str, list[LabelledScan]]) -> dict[GroundConfig, dict[str, float]]:
    """F1 by place for every point of the grid, the values in use first."""
    combinations = itertools.product(*GRID.values())
    tried = [GroundConfig(), *(GroundConfig(**dict(zip(GRID, values, strict=True))) for values in combinations)]
    return {config: {name: f1(scans, config) for name, scans in places.items()} for config in dict.fromkeys(tried)}


def leave_one_out(table: Mapping[GroundConfig, Mapping[str, float]]) -> dict[str, tuple[GroundConfig, float]]:
    """By place left out: thresholds that are best on the others, and their F1 on it."""
    out = {}
    for place in next(iter(table.values())):
        others = {c: [f for p, f in by.items() if p != place] for c, by in table.items()}
        best = max(others, key=lambda c: float(np.mean(others[c])))
        out[place] = best, table[best][place]
    return out


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the recordings")
    parser.add_argument("--seeds", type=int, default=4, help="simulated off-road terrains")
    given = parser.parse_args()
    places = {
        "SemanticKITTI": ground_scans.semantic_kitti(given.data),
        "RELLIS-3D": ground_scans.rellis(given.data),
        "off-road": ground_scans.simulated(range(given.seeds)),
    }
    table = scores({name: scans for name, scans in places.items() if scans})
    used = table[GroundConfig()]
    print("| place left out | best on the others: rough_height, max_slope | F1 on it | F1 of the values in use |")
    print("|---|---|---|---|")
    left = leave_one_out(table)
    for place, (best, value) in left.items():
        print(f"| {place} | {best.rough_height:g} m, {best.max_slope:g} rad | {value:.4f} | {used[place]:.4f} |")
    mean = np.mean([value for _, value in left.values()])
    now = GroundConfig()
    print(
        f"| mean | in use: {now.rough_height:g} m, {now.max_slope:g} rad | {mean:.4f} | {np.mean(list(used.values())):.4f} |"
    )


if __name__ == "__main__":
    main()
