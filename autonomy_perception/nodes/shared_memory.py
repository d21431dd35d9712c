"""Segments that killed Fast DDS processes left in /dev/shm, and their removal (no rclpy here).

A living participant holds a lock on ``<segment>_el``; where nobody does, segment, lock file and mutex are garbage that
stays in RAM until the machine reboots.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

SHM = Path("/dev/shm")
_PATTERNS = ("fastdds_*_el", "fastrtps_*_el")
_MIN_AGE_S = 2.0
"""A participant that is just starting has made the file and not locked it yet."""


def _abandoned(lock_file: Path) -> bool:
    try:
        stat = lock_file.stat()
        if stat.st_uid != os.getuid() or time.time() - stat.st_mtime < _MIN_AGE_S:
            return False
        with lock_file.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, or gone meanwhile
        return False
    return True


def leaked(folder: Path = SHM) -> Iterator[Path]:
    """Files of participants and ports that no living process of this user holds."""
    for lock_file in (p for pattern in _PATTERNS for p in sorted(folder.glob(pattern))):
        if _abandoned(lock_file):
            name = lock_file.name.removesuffix("_el")
            yield from (p for p in (folder / name, folder / f"sem.{name}_mutex", lock_file) if p.exists())


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
