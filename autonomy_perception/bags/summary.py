"""What is in a bag: rates, gaps, layouts, frames; one pass over the headers of its messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.reader import BagReader, RawMessage
from autonomy_perception.messages import sensors_in as convert
from autonomy_perception.messages.parts import stamp_ns
from autonomy_perception.sensors.tf import TfBuffer

DATATYPES = {1: "int8", 2: "uint8", 3: "int16", 4: "uint16", 5: "int32", 6: "uint32", 7: "float32", 8: "float64"}
DECODED = 200
"""Messages per topic that are decoded; beyond, only times of reception are read (and all of TF)."""
GAP_FACTOR = 2.5
"""An interval longer than this many usual ones is a gap."""
MOST_FAULTS = 3


@dataclass
class TopicSummary:
    """One topic: type, count, rate by time of reception, gaps, header frame, layout in words, stamp delay.

    Attributes:
        rate_hz: from the median interval; 0 with fewer than two messages.
        gaps: (time since the bag's start [s], length [s]) of intervals beyond 2.5 times the usual.
        delay_ms: median of reception minus header stamp [ms]; None without a header.
        faults: what was wrong, e.g. stamps going back.
    """

    topic: str
    msgtype: str
    count: int = 0
    rate_hz: float = 0.0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    frames: set[str] = field(default_factory=set)
    layouts: list[str] = field(default_factory=list)
    delay_ms: float | None = None
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BagSummary:
    """All topics, the TF tree ((parent, static) by child), the notes of whoever wrote the bag."""

    path: Path
    start_ns: int
    duration_s: float
    topics: list[TopicSummary]
    tf: dict[str, tuple[str, bool]]
    tf_faults: list[str]
    notes: dict[str, str]


class _Collected:
    def __init__(self) -> None:
        self.received: list[int] = []
        self.stamps: list[int] = []
        self.delays: list[int] = []
        self.frames: set[str] = set()
        self.layouts: dict[str, None] = {}
        self.faults: dict[str, None] = {}

    def add(self, message: RawMessage, decoded: Any) -> None:
        header = getattr(decoded, "header", None)
        if header is not None:
            stamp = stamp_ns(header.stamp)
            self.stamps.append(stamp)
            self.delays.append(message.receive_ns - stamp)
            self.frames.add(header.frame_id)
        if (layout := _layout(message.msgtype, decoded)) is not None:
            self.layouts[layout] = None


def _layout(msgtype: str, m: Any) -> str | None:
    if msgtype == "sensor_msgs/msg/PointCloud2":
        fields = " ".join(f"{f.name}:{DATATYPES.get(f.datatype, '?')}@{f.offset}" for f in m.fields)
        order = " big-endian" if m.is_bigendian else ""
        organised = f"organised, {m.height} rows" if m.height > 1 else "unorganised"
        return f"{fields}, {m.point_step} bytes a point, {organised}{order}"
    if msgtype == "sensor_msgs/msg/CompressedImage":
        return str(m.format)
    if msgtype == "sensor_msgs/msg/Image":
        return f"{m.encoding} {m.width}x{m.height}"
    if msgtype == "sensor_msgs/msg/CameraInfo":
        return f"{m.width}x{m.height}, fx {m.k[0]:.1f} fy {m.k[4]:.1f} cx {m.k[2]:.1f} cy {m.k[5]:.1f}, {m.distortion_model}"
    if msgtype == "nav_msgs/msg/Odometry":
        return f"{m.header.frame_id} -> {m.child_frame_id}"
    if msgtype == "nav_msgs/msg/OccupancyGrid":
        return f"{m.info.width}x{m.info.height} cells of {m.info.resolution:.3g} m"
    return None


def summarise(path: Path) -> BagSummary:
    """Read a bag once. Raises BagError if it cannot be read."""
    with BagReader(path) as bag:
        tf, tf_faults = TfBuffer(forgets=False), list[str]()
        found = {topic: _Collected() for topic in bag.topics}
        for message in bag.raw():
            topic = found[message.topic]
            topic.received.append(message.receive_ns)
            is_tf = message.msgtype == "tf2_msgs/msg/TFMessage"
            if not is_tf and len(topic.received) > DECODED:
                continue
            try:
                decoded = bag.decode(message)
            except BagError as e:
                topic.faults[str(e).partition(": ")[2]] = None
                continue
            topic.add(message, decoded)
            if is_tf:
                tf_faults += [
                    f for f in tf.add(convert.tf(message.topic, decoded, message.receive_ns)) if f not in tf_faults
                ]
        start, end = bag.span_ns
        topics = [_summary(name, bag.topics[name], found[name], start) for name in sorted(found)]
        return BagSummary(path, start, (end - start) * 1e-9, topics, tf.tree(), tf_faults, dict(bag.notes))


def _summary(topic: str, msgtype: str, found: _Collected, start_ns: int) -> TopicSummary:
    out = TopicSummary(topic, msgtype, len(found.received), frames=found.frames, layouts=list(found.layouts),
                       faults=list(found.faults)[:MOST_FAULTS])  # fmt: skip
    intervals = np.asarray(np.diff(np.array(found.received, np.int64)) * 1e-9, np.float64)
    usual = float(np.median(intervals)) if len(intervals) else 0.0
    if usual > 0.0:
        out.rate_hz = 1.0 / usual
        for i in np.flatnonzero(intervals > GAP_FACTOR * usual):
            out.gaps.append(((found.received[i] - start_ns) * 1e-9, float(intervals[i])))
    if found.delays:
        out.delay_ms = float(np.median(found.delays)) * 1e-6
    back = int(np.sum(np.diff(np.array(found.stamps, np.int64)) < 0))
    if back:
        out.faults.append(f"{back} header stamps go back in time")
    if not found.received:
        out.faults.append("declared, but no message")
    return out
