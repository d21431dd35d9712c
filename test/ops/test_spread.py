"""Where the kernels' helper threads run."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from autonomy_perception.ops.library import CpuLibrary


def cores(tasks: set[str]) -> dict[str, set[int]]:
    return {t: os.sched_getaffinity(int(t)) for t in tasks}


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is set on Linux only")
def test_helpers_stay_off_the_core_of_the_caller_until_the_end_of_its_work() -> None:
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("one core alone: nothing to share out")
    lib, seen = CpuLibrary(), {}

    def work() -> None:
        before = set(os.listdir("/proc/self/task"))
        lib.spread(True)
        seen["own"] = os.sched_getaffinity(0)
        helpers = set(os.listdir("/proc/self/task")) - before
        seen["helpers"] = cores(helpers)
        seen["others"] = cores(before - {str(threading.get_native_id())})
        lib.spread(False)
        seen["after"] = os.sched_getaffinity(0)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(seen["own"]) == 1
    assert seen["helpers"] and all(c == allowed - seen["own"] for c in seen["helpers"].values())
    assert all(c == allowed for c in seen["others"].values()), "other threads go where they like"
    assert seen["after"] == allowed
