"""Message types without ROS: the stock ROS 2 definitions plus the project's own ``.msg`` files."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from autonomy_perception.bags.errors import BagError

PACKAGES = ("autonomy_perception_msgs", "grid_map_msgs", "autoware_perception_msgs", "vision_msgs")


def _message_folders(package: str) -> Iterator[Path]:
    """Where a package's ``.msg`` files may lie: the source tree, then every ament prefix."""
    root = Path(__file__).resolve().parents[2]
    yield root / package / "msg"
    yield root / "interfaces" / package / "msg"
    for prefix in (*filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)), sys.prefix):
        yield Path(prefix) / "share" / package / "msg"


def message_files(package: str) -> list[Path]:
    """The package's ``.msg`` files, sorted; empty if it is nowhere to be found."""
    for folder in _message_folders(package):
        if files := sorted(folder.glob("*.msg")):
            return files
    return []


@functools.lru_cache(maxsize=1)
def typestore() -> Typestore:
    """Type store of ROS 2 with our messages, grid_map_msgs and what the converter publishes registered.

    Raises:
        BagError: one of our ``.msg`` files cannot be parsed.
    """
    store = get_typestore(Stores.ROS2_KILTED)
    for package in PACKAGES:
        types = {}
        for path in message_files(package):
            name = f"{package}/msg/{path.stem}"
            try:
                types.update(get_types_from_msg(path.read_text(), name))
            except Exception as e:  # the parser's own errors share no base class
                raise BagError(f"{path}: not a valid message definition: {e}") from e
        store.register({k: v for k, v in types.items() if k not in store.fielddefs})
    return store
