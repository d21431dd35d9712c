"""Segments that killed Fast DDS processes left in /dev/shm, and their removal (no rclpy here).

A living participant holds a lock on ``<segment>_el``; where nobody does, segment, lock file and mutex are garbage that
stays in RAM until the machine reboots. Of a port whose owner has gone only the lock file is removed by Fast DDS when a
writer to it was killed: such a port is garbage as soon as no process maps it.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

SHM = Path("/dev/shm")
_LOCK = re.compile(r"(fast(?:dds|rtps)_\w+)_el")
_PORT = re.compile(r"fast(?:dds|rtps)_port\d+")
_MIN_AGE_S = 2.0
"""A participant that is just starting has made the file and not locked it yet."""


def _abandoned(lock_file: Path) -> bool:
    try:
        with lock_file.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, or gone meanwhile
        return False
    return True


def _mapped() -> set[str]:
    """Names under /dev/shm that a process maps (as far as this user may look)."""
    names: set[str] = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            names.update(re.findall(r"/dev/shm/(fast\w+)", maps.read_text()))
        except OSError:  # another user's, or gone meanwhile
            continue
    return names


def _old_and_ours(path: Path) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return stat.st_uid == os.getuid() and time.time() - stat.st_mtime >= _MIN_AGE_S


def leaked(folder: Path = SHM) -> Iterator[Path]:
    """Files of participants and ports that no living process of this user holds."""
    if not folder.is_dir():
        return
    old = sorted(p.name for p in folder.iterdir() if p.name.startswith("fast") and _old_and_ours(p))
    dead = [m[1] for name in old if (m := _LOCK.fullmatch(name)) and _abandoned(folder / name)]
    ports = [name for name in old if _PORT.fullmatch(name) and not (folder / f"{name}_el").exists()]
    if ports:
        mapped = _mapped()
        dead += [name for name in ports if name not in mapped]
    for name in dead:
        yield from (p for p in (folder / name, folder / f"sem.{name}_mutex", folder / f"{name}_el") if p.exists())


def free_bytes(folder: Path = SHM) -> int | None:
    """Bytes that are still free; None where there is no such folder."""
    try:
        stat = os.statvfs(folder)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize


def clean(folder: Path = SHM) -> int:
    """Remove what :func:`leaked` finds; returns the number of bytes given back."""
    freed = 0
    for path in list(leaked(folder)):
        try:
            freed += path.stat().st_blocks * 512
            path.unlink()
        except FileNotFoundError:  # another process cleans as well
            continue
    return freed
