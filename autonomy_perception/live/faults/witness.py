"""What comes out of the graph while faults act: outputs, status and diagnostics with their times (rclpy only here)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from autonomy_perception import topics
from autonomy_perception.messages.parts import stamp_ns
from autonomy_perception.nodes.qos import message_class, profile
from autonomy_perception.pipeline.modes import Reason
from autonomy_perception.topics import QosSpec
from autonomy_perception.types import Mode, SensorState

KEPT = 5_000
"""Of every kind; minutes of the graph."""
Key = tuple[str, str]


@dataclass(frozen=True)
class Seen:
    """One status message: when it came (monotonic [s]), data stamp [ns], mode, reasons, sensors that are not OK."""

    at: float
    data_stamp_ns: int
    mode: Mode
    reasons: tuple[str, ...]
    troubled: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Fresh data of all sensors stands behind it."""
        return (
            self.mode not in (Mode.STALE, Mode.STOPPED)
            and not self.troubled
            and Reason.NO_EGO_MOTION not in self.reasons
        )


class Witness:
    """Listens to grids, tracks, status and diagnostics.

    ``texts`` holds the newest text by place: ("status", sensor), ("status", "reasons"), (diagnostic name, "message") or (diagnostic name, key).
    """

    def __init__(self, node: Any) -> None:
        self.seen: deque[Seen] = deque(maxlen=KEPT)
        self.outputs: deque[float] = deque(maxlen=KEPT)
        """When grids were sent (monotonic [s])."""
        self.texts: dict[Key, str] = {}
        self._said: deque[tuple[float, Key, str]] = deque(maxlen=KEPT)
        reliable = profile(QosSpec("reliable", 10))
        for topic, callback, raw in (
            (topics.STATUS, self._on_status, False),
            (topics.DIAGNOSTIC_ARRAY, self._on_diagnostics, False),
            (topics.OCCUPANCY_GRID, self._on_grid, True),
            (topics.TRACKED_OBJECTS, lambda data: None, True),
        ):
            node.create_subscription(message_class(topic.msgtype), topic.name, callback, reliable, raw=raw)

    def _on_grid(self, data: bytes, info: Any) -> None:
        age = time.time() - info["source_timestamp"] * 1e-9  # by the sender: this process may have been busy
        self.outputs.append(time.monotonic() - age)

    def _on_status(self, message: Any) -> None:
        troubled = tuple(s.name for s in message.sensors if s.state != SensorState.OK)
        self.seen.append(
            Seen(time.monotonic(), stamp_ns(message.data_stamp), Mode(message.mode), tuple(message.reasons), troubled)
        )
        self._note(("status", "reasons"), " ".join(message.reasons))
        for sensor in message.sensors:
            self._note(("status", sensor.name), sensor.message)

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            self._note((status.name, "message"), status.message)
            for pair in status.values:
                self._note((status.name, pair.key), pair.value)

    def _note(self, key: Key, text: str) -> None:
        """Keep what is new; the message of a status is a state of now, so it counts each time, unless it is a history."""
        state = key[1] == "message" and key[0] != "perception: inputs" and text != "ok"
        if state or self.texts.get(key) != text:
            self.texts[key] = text
            self._said.append((time.monotonic(), key, text))

    def said(self, words: Sequence[str], since: float) -> float | None:
        """When a text that holds all words was new after ``since`` (monotonic [s]); None: never."""
        return next((at for at, key, text in self._since(since) if _holds(key, text, words)), None)

    def _since(self, since: float) -> Iterator[tuple[float, Key, str]]:
        return reversed(list(takewhile(lambda row: row[0] >= since, reversed(self._said))))

    def said_of(self, word: str, since: float) -> list[str]:
        """New texts after ``since`` that name ``word``."""
        return [text for _, _, text in self._since(since) if word in text]


def _holds(key: Key, text: str, words: Sequence[str]) -> bool:
    whole = " ".join((*key, text))
    return all(word in whole for word in words)
