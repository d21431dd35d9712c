"""Parts of shards, where several runs work in one folder: what another does between two calls of ours."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

import pytest

from autonomy_perception.simulation.io import claim


def test_a_part_that_becomes_whole_meanwhile_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, whole = tmp_path / ".shard-000000.tar.1", tmp_path / ".shard-000001.tar.2"
    dead.touch()
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter([whole, dead]))
    claim.remove_parts(tmp_path)
    assert not dead.exists()


def test_a_part_that_is_held_stays(tmp_path: Path) -> None:
    with claim.part_of(claim.shard_path(tmp_path, 0)) as file:
        claim.remove_parts(tmp_path)
        file.write(b"samples")
    assert claim.shard_path(tmp_path, 0).read_bytes() == b"samples"
    assert [p.name for p in tmp_path.iterdir()] == ["shard-000000.tar"]


def test_a_part_that_is_removed_before_it_is_locked_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, waiting = fcntl.flock, [True]

    def late(file: Any, operation: int) -> None:
        if waiting and operation == fcntl.LOCK_EX:
            waiting.clear()
            claim.remove_parts(tmp_path)  # by another run, which has just begun
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with claim.part_of(claim.shard_path(tmp_path, 0)) as file:
        file.write(b"samples")
    assert not waiting and claim.shard_path(tmp_path, 0).read_bytes() == b"samples"
