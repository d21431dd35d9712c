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


def _domain_of(port: str) -> int:
    """ROS domain of a port's file name (RTPS 2.5, 9.6.2: ports of a domain begin at 7400 + 250 domain)."""
    return (int(port.rpartition("port")[2]) - 7400) // 250


def _dead(folder: Path, domain: int | None) -> list[str]:
    """Names of participants and ports that no living process of this user holds; ports of one domain only, if given."""
    if not folder.is_dir():
        return []
    old = sorted(p.name for p in folder.iterdir() if p.name.startswith("fast") and _old_and_ours(p))
    dead = [m[1] for name in old if (m := _LOCK.fullmatch(name)) and _abandoned(folder / name)]
    ports = [name for name in old if _PORT.fullmatch(name) and not (folder / f"{name}_el").exists()]
    if ports:
        mapped = _mapped()
        dead += [name for name in ports if name not in mapped]
    return [name for name in dead if domain is None or not _PORT.fullmatch(name) or _domain_of(name) == domain]


def _files(folder: Path, name: str) -> list[Path]:
    return [p for p in (folder / name, folder / f"sem.{name}_mutex", folder / f"{name}_el") if p.exists()]


def leaked(folder: Path = SHM) -> Iterator[Path]:
    """Files of participants and ports that no living process of this user holds."""
    for name in _dead(folder, None):
        yield from _files(folder, name)


def free_bytes(folder: Path = SHM) -> int | None:
    """Bytes that are still free; None where there is no such folder."""
    try:
        stat = os.statvfs(folder)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize


def clean(folder: Path = SHM, domain: int | None = None) -> int:
    """Remove what no living process holds; returns the number of bytes given back.

    A port's number is used again: a node that starts in the meantime may already listen on what was dead a moment ago,
    and would hear nothing any more without its files. So each is locked while it is removed.

    Args:
        folder: where the segments are.
        domain: ROS domain whose ports are meant; None: all.
    """
    return sum(_remove(folder, name) for name in _dead(folder, domain))


def _remove(folder: Path, name: str) -> int:
    try:
        holder = (folder / f"{name}_el").open("rb")
    except FileNotFoundError:
        return _unlink(folder, name)
    with holder:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # somebody listens there again
            return 0
        return _unlink(folder, name)


def size(path: Path) -> int:
    """Bytes that a file takes; 0 if it is gone by now."""
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def _unlink(folder: Path, name: str) -> int:
    freed = 0
    for path in _files(folder, name):
        try:
            freed += path.stat().st_blocks * 512
            path.unlink()
        except FileNotFoundError:  # another process cleans as well
            continue
    return freed
