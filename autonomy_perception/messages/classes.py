"""What the codecs need of a family of message classes: rclpy's, or those of a bag's type store."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray


class Classes(Protocol):
    """A family of message classes. Types are named ``package/msg/Name``."""

    def make(self, msgtype: str, **fields: Any) -> Any:
        """A message; fields that are not given have the definition's default, else zero or nothing."""

    def sequence(self, values: NDArray[Any]) -> Any:
        """Numbers (N,) as the value of an unbounded array field of the same type, without an element-wise check."""
