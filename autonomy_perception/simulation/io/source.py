"""Which version of the simulator made something."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import zlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import scipy

ROOT = Path(__file__).parents[2]
SHARED = (
    "bags/classes.py", "bags/importers/base.py", "bags/messages.py", "bags/typestore.py", "bags/writer.py",
    "config/base.py", "config/files.py", "config/vehicle.py", "geometry.py", "grid.py", "messages/checks.py", "messages/classes.py", "messages/classification.py", "messages/events.py",
    "messages/fields.py", "messages/maps.py", "messages/objects.py", "messages/parts.py",
    "messages/sensors_out.py", "paths.py", "road_users.py", "types/objects.py", "types/sensing.py", "types/trajectory.py", "wrong_fields.py",
)  # fmt: skip
"""Files of the package beside the simulator's own that a bag follows from."""
SEEN_THROUGH = (
    "bags/events.py", "config/pipeline.py", "config/sensors.py", "messages/sensors_in.py", "ops/library.py", "ops/unpack.py",
    "runtime/runner.py",
)  # fmt: skip
"""Files that training samples follow from besides, beside the whole front end (``sensors/``): they go through it."""


@functools.lru_cache(maxsize=1)
def libraries() -> dict[str, str]:
    """Versions of the libraries that compute or encode, by name."""
    return {
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "opencv": cv2.__version__,
        "embreex": importlib.metadata.version("embreex"),
        "rosbags": importlib.metadata.version("rosbags"),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
    }


@functools.lru_cache(maxsize=1)
def source_digest() -> str:
    """SHA-256 over source files and library versions: on one kind of processor, what was made with the same digest,
    seed and arguments is the same."""
    return _digest([*(ROOT / "simulation").rglob("*.py"), *(ROOT / name for name in SHARED)])


@functools.lru_cache(maxsize=1)
def sample_digest() -> str:
    """As :func:`source_digest`, of what training samples follow from."""
    through = [*(ROOT / "sensors").rglob("*.py"), *(ROOT / name for name in SEEN_THROUGH)]
    return _digest([*(ROOT / "simulation").rglob("*.py"), *(ROOT / name for name in SHARED), *through])


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256(json.dumps(libraries(), sort_keys=True).encode())
    for path in sorted(files):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
