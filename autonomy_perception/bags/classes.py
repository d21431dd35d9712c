"""Message classes of the type store, for the codecs of :mod:`autonomy_perception.messages`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import Nodetype
from rosbags.interfaces.typing import FieldDesc

from autonomy_perception.bags.typestore import typestore

_DEFAULTS = {("geometry_msgs/msg/Quaternion", "w"): 1.0}
"""Defaults of message definitions, which the type store does not keep."""


class StoreClasses:
    """Message classes of the type store; see :class:`autonomy_perception.messages.classes.Classes`."""

    def make(self, msgtype: str, **fields: Any) -> Any:
        """A message. Raises TypeError for a field that its definition does not have."""
        rest = {name: blank() for name, blank in _blanks(msgtype) if name not in fields}
        return typestore().types[msgtype](**rest, **fields)

    def sequence(self, values: NDArray[Any]) -> NDArray[Any]:
        """The array itself."""
        return values


STORE = StoreClasses()


@functools.cache
def _blanks(msgtype: str) -> list[tuple[str, Callable[[], Any]]]:
    """Makers of the fields' values in a message that nobody has filled, by name."""
    _, definitions = typestore().fielddefs[msgtype]
    return [(name, _blank(kind, _DEFAULTS.get((msgtype, name)))) for name, kind in definitions]


def _blank(kind: FieldDesc, default: Any) -> Callable[[], Any]:
    if kind[0] is Nodetype.NAME:
        return partial(STORE.make, kind[1])
    if kind[0] is Nodetype.BASE:
        name = kind[1][0]
        value = "" if name == "string" else False if name == "bool" else 0.0 if name.startswith("float") else 0
        return lambda: value if default is None else default
    item, length = kind[1] if kind[0] is Nodetype.ARRAY else (kind[1][0], 0)
    if item[0] is Nodetype.BASE and item[1][0] != "string":
        return partial(
            np.zeros, length, {"octet": "uint8", "byte": "uint8", "char": "uint8"}.get(item[1][0], item[1][0])
        )
    one = _blank(item, None)
    return lambda: [one() for _ in range(length)]
