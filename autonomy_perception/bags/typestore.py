"""Message types without ROS: the stock ROS 2 definitions plus the project's own ``.msg`` files."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from rosbags.serde import SerdeError
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


SPARE_BYTES = 12
"""What may follow a message: rclpy's ``serialize_message`` hands out its estimate of the size, which is up to 4 bytes too large
for every empty sequence of doubles (three in a JointState); rosbags allows 3 bytes of padding."""


def decode_cdr(store: Typestore, data: bytes | memoryview, msgtype: str) -> Any:
    """One message from its bytes on the wire, with up to ``SPARE_BYTES`` behind its last field.

    Raises:
        SerdeError: the bytes are not a message of that type.
    """
    try:
        return store.deserialize_cdr(data, msgtype)
    except SerdeError as e:
        if "size mismatch" not in str(e):
            raise
        for cut in range(4, SPARE_BYTES + 1, 4):
            with suppress(SerdeError):
                return store.deserialize_cdr(data[:-cut], msgtype)
        raise
