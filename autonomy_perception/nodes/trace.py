"""What a node remembers of a run for reports and benches: one JSON file, written at the end (no rclpy here)."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the CLI reads traces without loading the pipeline
    from autonomy_perception.nodes.core import Output


@dataclass
class Trace:
    """Times of every frame. Monotonic times are comparable between processes of one machine.

    Each frame is ``[stamp_ns, arrival_ns, published_ns, [topic, header_stamp_ns], sweeps]``; topic and stamp are those of
    the frame's message that arrived last, by which its moment of sending is found in the player's trace.
    """

    path: Path
    frames: list[list[Any]] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)

    def note(self, output: Output, published_ns: int, stage_ms: dict[str, float]) -> None:
        """Keep one frame's times; a tick has none."""
        if output.frame is None:
            return
        self.frames.append(
            [output.frame.stamp_ns, output.frame.arrival_ns, published_ns, output.last_message, len(output.frame.scans)]
        )
        for name, ms in stage_ms.items():
            self.stages.setdefault(name, []).append(round(ms, 3))

    def write(self, **more: Any) -> None:
        """Write the file with ``more`` beside the frames."""
        self.path.write_text(json.dumps({**more, "frames": self.frames, "stages": self.stages}))


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
