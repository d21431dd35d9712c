"""The folder that shards are made in: claimed for one setup, and rid of what killed runs left."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from autonomy_perception.config import ConfigError

MANIFEST = "dataset.json"


def shard_path(folder: Path, shard: int) -> Path:
    """Where a shard lies."""
    return folder / f"shard-{shard:06d}.tar"


@contextmanager
def claimed(folder: Path, manifest: dict[str, Any]) -> Iterator[None]:
    """The folder with this manifest, which nobody writes anew meanwhile.

    A manifest of another setup is replaced where nobody made a shard by it, nor is about to: each run holds a lock.

    Raises:
        ConfigError: the folder holds something else, or shards of another setup or version of the simulator.
    """
    path, wanted = folder / MANIFEST, json.loads(json.dumps(manifest))
    if not path.exists() and folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: expected an empty folder or a dataset ({MANIFEST}), found other files")
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        if not path.exists() or (_alone(lock) and _replaceable(path, wanted)):
            part = folder / f".{MANIFEST}.{os.getpid()}"
            part.write_text(json.dumps(wanted, indent=1))
            part.rename(path)
        fcntl.flock(lock, fcntl.LOCK_SH)
        _compare(path, "", wanted, _found(path))
        yield
    finally:
        os.close(lock)


@contextmanager
def part_of(path: Path) -> Iterator[BinaryIO]:
    """A file beside a shard that becomes it when it is whole; if its writing fails, it stays for :func:`remove_parts`."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with _held(part) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
        part.rename(path)


def _held(part: Path) -> BinaryIO:
    """The file, new and locked: held by the living (see :func:`remove_parts`). Another run may take it for a dead one's,
    and remove it, before it is locked: then once more."""
    while True:
        file = part.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), part.stat()):
                return file
        file.close()


def remove_parts(folder: Path) -> None:
    """Remove what killed runs left: parts of shards that nobody holds a lock on."""
    for part in folder.glob(".shard-*.tar.*"):
        with suppress(FileNotFoundError, BlockingIOError), part.open("rb") as file:  # whole by now, or being written
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


def _alone(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _replaceable(path: Path, wanted: dict[str, Any]) -> bool:
    return _found(path).get("format") == wanted["format"] and not any(path.parent.glob("shard-*.tar"))


def _found(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as e:
        raise ConfigError(f"{path}: not a manifest: {e}") from e
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: not a manifest")
    return found


def _compare(path: Path, field: str, wanted: Any, found: Any) -> None:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in {**wanted, **found}:
            _compare(path, f"{field}.{key}".lstrip("."), wanted.get(key), found.get(key))
    elif field == "format" and wanted != found:
        raise ConfigError(
            f"{path}: the samples here are of another format ({found!r}) than this version makes ({wanted!r}); "
            "name another folder, or remove this one"
        )
    elif wanted != found:
        raise ConfigError(f"{path}: {field}: the shards here were made with {found!r}, now asked for {wanted!r}")
