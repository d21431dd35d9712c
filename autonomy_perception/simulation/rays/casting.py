"""Rays through one scene of the ray-casting library, on every core: the library lets go of Python's lock while it works.

Every ray is cast alone, so what it meets does not depend on how the rays are shared out.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

F32 = NDArray[np.float32]

LEAST = 16384
"""A part of fewer rays is not worth a thread."""
PARTS = 2
"""Parts per core: one side of a world may take longer than the other."""


def first_hits(scene: EmbreeScene, origins: F32, directions: F32, reach: F32 | None = None) -> dict[str, NDArray[Any]]:
    """What the library says of the first hit of every ray: tfar, primID, geomID (-1 = none), Ng, u, v, each (N,...).

    Worker processes keep to one core: their neighbours have the others.

    Args:
        origins, directions: (N,3) [m].
        reach: float32 (N,) how far to look along each ray, in multiples of its direction; overwritten.
    """
    origins, directions = np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32)
    reach = np.full(len(origins), 1e37, np.float32) if reach is None else reach

    def cast(part: slice) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = scene.run(
            origins[part], directions[part], reach[part], query="INTERSECT", output=True
        )
        return found

    parts = _parts(len(origins))
    if len(parts) == 1:
        return cast(parts[0])
    found = list(_threads().map(cast, parts))
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


def _parts(rays: int) -> list[slice]:
    cores = len(os.sched_getaffinity(0)) if multiprocessing.parent_process() is None else 1
    count = max(1, min(PARTS * cores, rays // LEAST)) if cores > 1 else 1
    edges = [rays * k // count for k in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)), "rays")


os.register_at_fork(after_in_child=_threads.cache_clear)  # a child has none of its parent's threads
