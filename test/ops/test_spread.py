"""Where the kernels' helper threads run."""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autonomy_perception.ops.cluster import N_FEATURES
from autonomy_perception.ops.library import CpuLibrary


def cores() -> dict[int, set[int]]:
    """Cores allowed to each thread of this process by its id; one that ends between listing and asking is left out."""
    out = {}
    for task in (int(p.name) for p in Path("/proc/self/task").iterdir()):
        with suppress(ProcessLookupError):
            out[task] = os.sched_getaffinity(task)
    return out


def in_a_thread(spread: bool) -> dict[str, Any]:
    """Cores allowed to a thread and to the helpers that its kernel got, and the other threads (of other tests too) whose
    cores changed meanwhile, after a kernel with a loop in parallel."""
    lib, seen = CpuLibrary(), dict[str, Any]()
    grouped = np.random.default_rng(0).uniform(5.0, 8.0, (400, 4)).astype(np.float32)
    offsets, table = np.array([0, 200, 400], np.int32), np.zeros((2, N_FEATURES), np.float32)

    def work() -> None:
        before, me = cores(), threading.get_native_id()
        lib.spread(spread)
        where = {"grouped": grouped, "offsets": offsets, "table": table}
        lib.call("ap_cluster_fit", **where, ox=0.0, oy=0.0, smallest=0.05, max_length=20.0)
        after = cores()
        seen["own"] = after[me]
        seen["helpers"] = [after[t] for t in after.keys() - before.keys()]
        seen["rebound"] = [t for t in (after.keys() & before.keys()) - {me} if after[t] != before[t]]

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert table.any()
    return seen


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is set on Linux only")
def test_helpers_get_the_cores_beside_the_caller_and_nobody_else_is_bound() -> None:
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("one core alone: nothing to share out")
    free, spread = in_a_thread(False), in_a_thread(True)
    assert free["helpers"] and all(c == allowed for c in free["helpers"])
    assert spread["helpers"] and all(c < allowed and len(c) == len(allowed) - 1 for c in spread["helpers"])
    for seen in (free, spread):
        assert seen["own"] == allowed and not seen["rebound"]
