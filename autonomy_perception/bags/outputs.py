"""Recorded outputs: ``Perception`` to bag messages (offline replay) and back (accuracy, reports)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autonomy_perception.bags.classes import STORE
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.messages import maps, objects
from autonomy_perception.messages.fields import Pool
from autonomy_perception.messages.parts import stamp_ns
from autonomy_perception.messages.status import Status, perception_status, status_of
from autonomy_perception.topics import OCCUPANCY_GRID, STATUS, TERRAIN_MAP, TRACKED_OBJECTS
from autonomy_perception.types import Mode, Occupancy, Perception, TerrainGrid, Tracks

_RECORDED = tuple(topic.name for topic in (OCCUPANCY_GRID, TRACKED_OBJECTS, STATUS))


@dataclass(frozen=True)
class RecordedOutput:
    """What was published for one stamp: grid and tracks, and what the status said."""

    stamp_ns: int
    data_stamp_ns: int
    mode: Mode
    reasons: tuple[str, ...]
    occupancy: Occupancy
    tracks: Tracks
    latency_ms: float
    stage_ms: dict[str, float] = field(default_factory=dict)


def write_outputs(writer: BagWriter, result: Perception) -> None:
    """Append grid, tracks and status of one step, as the perception node would have published them."""
    status = Status(
        result.stamp_ns, result.data_stamp_ns, result.mode, result.reasons, result.health, result.stage_ms, result.calibration_hash
    )  # fmt: skip
    made = (
        maps.published_occupancy(STORE, result, result.occupancy.wire),
        objects.tracked_objects(Pool(STORE), result.tracks, result.stamp_ns),
        perception_status(STORE, status, "base_link"),
    )
    for topic, message in zip((OCCUPANCY_GRID, TRACKED_OBJECTS, STATUS), made, strict=True):
        writer.write(topic.name, topic.msgtype, result.stamp_ns, message)


def read_outputs(path: Path) -> Iterator[RecordedOutput]:
    """Outputs of a recorded bag in order of their stamps; a stamp without grid, tracks or status is left out.

    Raises:
        BagError: the bag cannot be read.
    """
    parts: dict[int, dict[str, Any]] = {}
    with BagReader(path) as bag:
        for raw, message in bag.messages(_RECORDED):
            parts.setdefault(stamp_ns(message.header.stamp), {})[raw.topic] = message
    for stamp in sorted(parts):
        if len(parts[stamp]) == len(_RECORDED):
            yield _recorded(*(parts[stamp][topic] for topic in _RECORDED))


def read_terrain(path: Path) -> Iterator[tuple[int, TerrainGrid]]:
    """Recorded terrain maps with their stamps [ns], in order; nothing if the topic was not recorded.

    Raises:
        BagError: the bag cannot be read.
    """
    with BagReader(path) as bag:
        for _, message in bag.messages((TERRAIN_MAP.name,)):
            yield stamp_ns(message.header.stamp), maps.terrain_of(message)


def _recorded(grid: Any, tracks: Any, said: Any) -> RecordedOutput:
    world, wire = maps.occupancy_of(grid)
    p = np.clip(wire.astype(np.float32) / 100.0, 0.001, 0.999)
    log_odds = np.where(wire < 0, 0.0, np.log(p / (1 - p))).astype(np.float32)
    status = status_of(said)
    return RecordedOutput(
        status.stamp_ns, status.data_stamp_ns, status.mode, tuple(status.reasons), Occupancy(world, log_odds, wire),
        objects.recorded_tracks(tracks), status.latency_ms[0], dict(status.stage_ms),
    )  # fmt: skip
