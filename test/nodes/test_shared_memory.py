"""What killed participants leave is found and removed; what is in use is not touched."""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from pathlib import Path

import pytest

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


def test_a_port_without_owner_is_removed_when_nobody_maps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for port in ("fastdds_port7411", "fastdds_port7413"):
        make(tmp_path, port, 60).unlink()
    monkeypatch.setattr(shared_memory, "_mapped", lambda: {"fastdds_port7413"})
    shared_memory.clean(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"fastdds_port7413", "sem.fastdds_port7413_mutex"}


def test_ports_of_other_domains_and_those_taken_again_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "fastdds_port7411", 60)
    make(tmp_path, "fastdds_port17411", 60)
    again = make(tmp_path, "fastdds_port17413", 60)
    dead = shared_memory._dead(tmp_path, 40)
    assert dead == ["fastdds_port17411", "fastdds_port17413"]
    monkeypatch.setattr(shared_memory, "_dead", lambda folder, domain: dead)
    with again.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # a node has started and listens there
        shared_memory.clean(tmp_path, 40)
    assert {p.name for p in tmp_path.glob("fastdds_port*") if not p.name.endswith("_el")} == {"fastdds_port7411", "fastdds_port17413"}  # fmt: skip


def test_a_file_that_is_gone_by_now_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "segment").write_bytes(bytes(4096))
    assert (shared_memory.size(tmp_path / "segment"), shared_memory.size(tmp_path / "gone")) == (4096, 0)


def test_mapped_names_are_seen() -> None:
    path = Path(f"/dev/shm/fast_autonomy_perception_test_{os.getpid()}")
    path.write_bytes(bytes(4096))
    try:
        assert path.name not in shared_memory._mapped()
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0):
            assert path.name in shared_memory._mapped()
    finally:
        path.unlink()
