"""Work on several lidars at once: CPU kernels let go of the interpreter's lock while they run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from autonomy_perception.ops.library import Library

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST_THREADS = 4


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), "lidar")


def side_by_side(lib: Library, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """``work`` of every item, in order; on the CPU in threads where there are several (a GPU belongs to one thread).

    The items' work must not depend on each other; an exception of one is raised here.
    """
    if lib.device != "cpu" or len(items) < 2:
        return [work(item) for item in items]
    return list(_threads().map(work, items))
