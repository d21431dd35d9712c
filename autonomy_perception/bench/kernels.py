"""``bench kernels``: the CPU build of each kernel beside NumPy, OpenCV or Numba on the same data, in turn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bench.kernel_cases import CASES
from autonomy_perception.bench.kernel_peers import PEERS
from autonomy_perception.bench.kernel_scene import kernel_scene
from autonomy_perception.bench.result import BenchResult, Figures, Timing, time_pair
from autonomy_perception.ops.library import CpuLibrary

# Values that may differ although both are right: OpenCV interpolates in steps of 1/32 pixel (noise image, units of
# one standard deviation), points on a border round differently in float64.
TOLERANCE = {"preprocess": 0.2}


def run(runs: int = 15, columns: int = 1875) -> BenchResult:
    """Time all kernels that have a peer.

    Args:
        runs: timed runs of each.
        columns: the sweep has 64 points per column (1875: 120,000 points).

    Returns:
        ``ms`` and ``p99_ms`` of all kernels together, ``<kernel>_ms`` medians, and ``agreement``: the share of
        result values that equal the peer's within 1e-3 (images: OpenCV's fixed-point interpolation).
    """
    scene, lib = kernel_scene(columns), CpuLibrary()
    ours: Figures = {"ms": 0.0, "p99_ms": 0.0}
    peer: Figures = {"ms": 0.0, "p99_ms": 0.0}
    sums: list[tuple[Timing, Timing]] = []
    equal = total = 0
    for name, make_peer in PEERS.items():
        case, other = CASES[name](lib, scene), make_peer(scene)
        same, values = agreement(case.run(), other(), TOLERANCE.get(name, 1e-3))
        equal, total = equal + same, total + values
        pair = time_pair(case.run, other, runs)
        sums.append(pair)
        ours[f"{name}_ms"], peer[f"{name}_ms"] = pair[0].ms, pair[1].ms
    for figures, side in ((ours, 0), (peer, 1)):
        per_run = Timing(tuple(np.sum([pair[side].runs_ms for pair in sums], axis=0).tolist()))
        figures["ms"], figures["p99_ms"] = per_run.ms, per_run.p99_ms
    ours["agreement"] = equal / total
    return BenchResult("kernels", ours, peer, ours["ms"] / peer["ms"])


def agreement(ours: dict[str, Any], peer: dict[str, NDArray[Any]], tolerance: float) -> tuple[int, int]:
    """How many values of the common results are equal within ``tolerance`` (NaN equals NaN), and how many there are."""
    if "coords" in ours:  # pillars come in another order: sort both by cell
        ours, peer = _by_cell(ours), _by_cell(peer)
    equal = total = 0
    for name in ours.keys() & peer.keys():
        a, b = np.asarray(ours[name], np.float64), np.asarray(peer[name], np.float64)
        total += max(a.size, b.size)
        if a.shape == b.shape:
            equal += int(np.isclose(a, b, rtol=1e-4, atol=tolerance, equal_nan=True).sum())
    return equal, total


def _by_cell(pillars: dict[str, Any]) -> dict[str, Any]:
    order = np.lexsort((pillars["coords"][:, 1], pillars["coords"][:, 0]))
    return {n: pillars[n][order] for n in ("coords", "counts", "features")}
