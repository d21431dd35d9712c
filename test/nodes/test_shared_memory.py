"""What killed participants leave is found and removed; what is in use is not touched."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from autonomy_perception.nodes import shared_memory


def make(folder: Path, name: str, age_s: float) -> Path:
    for file in (name, f"{name}_el", f"sem.{name}_mutex"):
        (folder / file).write_bytes(bytes(4096))
        os.utime(folder / file, (time.time() - age_s,) * 2)
    return folder / f"{name}_el"


def test_only_abandoned_segments_are_removed(tmp_path: Path) -> None:
    make(tmp_path, "fastdds_dead", 60)
    make(tmp_path, "fastdds_starting", 0)
    held = make(tmp_path, "fastdds_alive", 60)
    (tmp_path / "fastdds_unknown").write_bytes(b"x")
    with held.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        found = {p.name for p in shared_memory.leaked(tmp_path)}
        assert found == {"fastdds_dead", "fastdds_dead_el", "sem.fastdds_dead_mutex"}
        assert shared_memory.clean(tmp_path) >= 3 * 4096
        assert shared_memory.clean(tmp_path) == 0
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {f"{p}{n}{s}" for n in ("fastdds_starting", "fastdds_alive")
                    for p, s in (("", ""), ("", "_el"), ("sem.", "_mutex"))} | {"fastdds_unknown"}  # fmt: skip
