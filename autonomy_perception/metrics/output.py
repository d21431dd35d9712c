"""What is judged."""

from __future__ import annotations

from typing import Protocol

from autonomy_perception.types import Occupancy, Tracks


class Output(Protocol):
    """What is judged: a ``Perception``, or an output read back from a bag."""

    @property
    def stamp_ns(self) -> int: ...
    @property
    def tracks(self) -> Tracks: ...
    @property
    def occupancy(self) -> Occupancy: ...
