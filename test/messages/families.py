"""Both families of message classes, and objects to send through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autonomy_perception.bags.classes import STORE
from autonomy_perception.bags.typestore import typestore
from autonomy_perception.messages.classes import Classes
from autonomy_perception.types import N_CLASSES, Detections, Tracks

STAMP = 1_700_000_000_123_456_789


@dataclass(frozen=True)
class Family:
    """Message classes with their own serialiser."""

    name: str
    classes: Classes

    def wire(self, message: Any, msgtype: str) -> bytes:
        """CDR bytes. rclpy leaves what lies between fields and behind the last one as it was; here that is zero and gone."""
        if self.name == "store":
            return bytes(typestore().serialize_cdr(message, msgtype))
        from rclpy.serialization import serialize_message

        store, definition = typestore(), typestore().get_msgdef(msgtype)
        data = bytes(serialize_message(message))
        plain, _ = definition.deserialize_cdr_le(data[4:], 0, definition.cls, store)
        return bytes(store.serialize_cdr(plain, msgtype))

    def back(self, data: bytes, msgtype: str) -> Any:
        """The message of CDR bytes."""
        if self.name == "store":
            return typestore().deserialize_cdr(data, msgtype)
        from rclpy.serialization import deserialize_message

        from autonomy_perception.nodes.qos import message_class

        return deserialize_message(data, message_class(msgtype))


def families() -> list[Family]:
    """The type store's, and rclpy's where that is installed."""
    out = [Family("store", STORE)]
    try:
        from autonomy_perception.nodes.messages import ROS
    except ModuleNotFoundError:
        return out
    return [*out, Family("ros", ROS)]


def numbers(shape: Any, low: float, high: float, seed: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """float32 arrays of numbers in a range."""
    span = {"min_value": float(np.float32(low)), "max_value": float(np.float32(high)), "width": 32}
    return hnp.arrays(np.float32, shape, elements=st.floats(allow_subnormal=False, **span))


@st.composite
def spreads(draw: st.DrawFn, n: int, k: int) -> Any:
    """Covariances float32 (n,k,k), symmetric, none of the variances below zero."""
    half = draw(numbers((n, k, k), -3, 3))
    return (half @ np.swapaxes(half, 1, 2) + 0.01 * np.eye(k)).astype(np.float32)


@st.composite
def class_distributions(draw: st.DrawFn, n: int) -> Any:
    """float32 (n, classes), rows sum to 1."""
    weight = draw(numbers((n, N_CLASSES), 0, 1)) + np.eye(N_CLASSES, dtype=np.float32)[draw(st.integers(0, 8))] * 0.1
    return weight / weight.sum(axis=1, keepdims=True)


@st.composite
def tracks(draw: st.DrawFn) -> Tracks:
    n = draw(st.integers(0, 4))
    return Tracks(
        draw(hnp.arrays(np.uint8, (n, 16))), draw(numbers((n, 3), -1e4, 1e4)), draw(numbers((n, 3), 0.1, 30)),
        draw(numbers(n, -3.14, 3.14)), draw(numbers((n, 2), -60, 60)), draw(numbers((n, 2), -9, 9)), draw(numbers(n, -2, 2)),
        draw(spreads(n, 6)), draw(class_distributions(n)), draw(numbers(n, 0, 1)), draw(hnp.arrays(np.uint8, n, elements=st.integers(0, 2))),
        draw(hnp.arrays(np.bool_, n)), draw(numbers(n, 0, 500)), draw(numbers(n, 0, 3)), draw(hnp.arrays(np.bool_, n)), "odom",
    )  # fmt: skip


@st.composite
def detections(draw: st.DrawFn) -> Detections:
    n = draw(st.integers(0, 4))
    velocity = draw(numbers((n, 2), -60, 60))
    velocity[draw(hnp.arrays(np.bool_, n))] = np.nan
    return Detections(
        draw(numbers((n, 3), -1e4, 1e4)), draw(numbers((n, 3), 0.1, 30)), draw(numbers(n, -3.14, 3.14)), velocity,
        draw(spreads(n, 4)), draw(class_distributions(n)), draw(numbers(n, 0, 1)),
        draw(hnp.arrays(np.int32, n, elements=st.integers(0, 2**31 - 1))), draw(hnp.arrays(np.bool_, n)),
        draw(hnp.arrays(np.uint8, n, elements=st.integers(0, 2))), "lidar",
    )  # fmt: skip
