"""What a node remembers of a run for reports and benches: one JSON file, written at the end (no rclpy here)."""

from __future__ import annotations

import json
import sys
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the CLI reads traces without loading the pipeline
    from autonomy_perception.runtime.runner import Output


class Sendings:
    """Topic, header stamp and monotonic time of sending (all [ns]), 24 bytes each: runs may last for hours."""

    def __init__(self) -> None:
        self._topics: dict[str, int] = {}
        self._rows = array("q")

    def add(self, topic: str, stamp_ns: int, sent_ns: int) -> None:
        """Keep one."""
        self._rows.extend((self._topics.setdefault(topic, len(self._topics)), stamp_ns, sent_ns))

    def rows(self) -> list[tuple[str, int, int]]:
        """All of them, in order."""
        names, rows = list(self._topics), self._rows
        return [(names[rows[k]], rows[k + 1], rows[k + 2]) for k in range(0, len(rows), 3)]


@dataclass
class Trace:
    """Times of every frame. Monotonic times are comparable between processes of one machine.

    Each frame is written as ``[stamp_ns, arrival_ns, published_ns, [topic, header_stamp_ns], sweeps]``; topic and stamp
    are those of the frame's message that arrived last, by which its moment of sending is found in the player's trace.
    """

    path: Path
    frames: array[int] = field(default_factory=lambda: array("q"))
    stages: dict[str, array[float]] = field(default_factory=dict)
    last_messages: Sendings = field(default_factory=Sendings)

    def note(self, output: Output, published_ns: int, stage_ms: dict[str, float]) -> None:
        """Keep one frame's times; a tick has none."""
        if output.frame is None:
            return
        topic, stamp = output.last_message or ("", 0)
        self.last_messages.add(topic, stamp, published_ns)
        self.frames.extend((output.frame.stamp_ns, output.frame.arrival_ns, len(output.frame.scans)))
        for name, ms in stage_ms.items():
            self.stages.setdefault(name, array("f")).append(ms)

    def write(self, **more: Any) -> None:
        """Write the file with ``more`` beside the frames."""
        frames = [
            [
                self.frames[3 * k],
                self.frames[3 * k + 1],
                published,
                [topic, stamp] if topic else None,
                self.frames[3 * k + 2],
            ]
            for k, (topic, stamp, published) in enumerate(self.last_messages.rows())
        ]
        stages = {name: [round(ms, 3) for ms in samples] for name, samples in self.stages.items()}
        write_json(self.path, {**more, "frames": frames, "stages": stages})


def write_json(path: Path, what: dict[str, Any]) -> None:
    """Write a trace; where that fails a node must still end as it should, so the fault only goes to the log.

    A reader finds the whole file or none: it is written beside and renamed.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(what))
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        print(f"{path}: the trace cannot be written: {e.strerror}", file=sys.stderr)


def latencies_ms(perception: dict[str, Any], player: dict[str, Any], skip: int = 0) -> list[float]:
    """Milliseconds from the player's send of each frame's last message to the publication of its outputs.

    Args:
        perception, player: the two traces.
        skip: frames at the beginning that are left out (start-up).
    """
    return [(published - sent) * 1e-6 for sent, published in _ways(perception, player)[skip:]]


def known_after_ms(perception: dict[str, Any], player: dict[str, Any], topic: str) -> list[float]:
    """Milliseconds from each sending on a lidar's ``topic`` until outputs knew of that sweep or of a newer one.

    Here a message that was lost costs the wait for the next one that was not, where :func:`latencies_ms` leaves it out.
    """
    ways = sorted(_ways({"frames": [f for f in perception["frames"] if f[4]]}, player))
    starts = [sent for sent, _ in ways]
    out = []
    for name, _, at in player["sent"]:
        if name == topic and (k := bisect_left(starts, at)) < len(ways):
            out.append((ways[k][1] - at) * 1e-6)
    return out


def _ways(perception: dict[str, Any], player: dict[str, Any]) -> list[tuple[int, int]]:
    """When the last message of each frame was sent, and when the frame's outputs were published [ns]."""
    sent: dict[tuple[str, int], list[int]] = {}
    for topic, stamp, at in player["sent"]:
        sent.setdefault((topic, stamp), []).append(at)
    out = []
    for _, _, published, last, _ in perception["frames"]:
        at = _latest_before(sent.get((last[0], last[1]), []), published) if last else None
        if at is not None:
            out.append((at, published))
    return out


def _latest_before(times: list[int], limit: int) -> int | None:
    """The last sending before ``limit``: with a looping bag each stamp is sent many times."""
    before = [t for t in times if t <= limit]
    return max(before) if before else None
