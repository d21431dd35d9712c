#!/usr/bin/env python3
"""What a call of a small kernel costs in two trees of this project, taken in turns in one process.

    python tools/kernel_calls.py OLD_TREE NEW_TREE

Both trees need their built libap_cpu.so. Prints the lowest and the median time of 300 runs of 300 calls each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module

import numpy as np

RUNS, CALLS = 300, 300


def calls_of(tree: str) -> dict[str, Callable[[], object]]:
    """Small calls of the operations of one tree; a later call for another tree leaves these as they are."""
    for name in [m for m in sys.modules if m.split(".")[0] == "autonomy_perception"]:
        del sys.modules[name]
    sys.path.insert(0, tree)
    ops = {m: import_module(f"autonomy_perception.ops.{m}") for m in ("library", "iou", "transform", "tracks", "pairs")}
    sys.path.pop(0)
    if not str(ops["library"].__file__).startswith(tree):
        raise SystemExit(f"{tree}: expected a tree with autonomy_perception/ops, found {ops['library'].__file__}")
    lib, ones = ops["library"].CpuLibrary(), np.ones
    box, points, T = ones((1, 5), np.float32), ones((10, 3), np.float32), np.eye(4)
    tracks = [ones((10, 9)), ones(10), ones((10, 2)), ones((10, 2)), ones(10), ones(10), ones(10), ones((9, 7))]
    return {
        "ap_iou_bev, 1 x 1 boxes": lambda: ops["iou"].iou_bev(lib, box, box),
        "ap_transform, 10 points": lambda: ops["transform"].transform(lib, points, T),
        "ap_class_posterior, 10 tracks": lambda: ops["tracks"].class_posterior(lib, *tracks),
        "ap_pair_along, 3 x 0 boxes": lambda: ops["pairs"].along(lib, ones((3, 21)), ones((0, 21))),
    }


def main(old: str, new: str) -> None:
    """Measure and print."""
    trees = calls_of(old), calls_of(new)
    for name in trees[0]:
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(RUNS):
            for tree, own in zip(trees, times, strict=True):
                start = time.perf_counter_ns()
                for _ in range(CALLS):
                    tree[name]()
                own.append((time.perf_counter_ns() - start) * 1e-3 / CALLS)
        low, middle = [min(t) for t in times], [float(np.median(t)) for t in times]
        print(f"{name:30} lowest {low[0]:.2f} -> {low[1]:.2f} us ({low[1] / low[0]:.2f}), "
              f"median {middle[0]:.2f} -> {middle[1]:.2f} us ({middle[1] / middle[0]:.2f})")  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
