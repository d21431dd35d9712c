"""What every importer gives: a :class:`Drive` of records by frame; writing it as a bag is done here once.

To widen it: write a file that builds a ``Drive`` from a folder and name it in :data:`autonomy_perception.bags.importers.sources.SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags import messages
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.writer import BagWriter

F64 = NDArray[np.float64]
TRUTH_TOPIC = "/ground_truth/objects"
TRUTH_POINTS_TOPIC = "/ground_truth/points"


@dataclass(frozen=True)
class ImportOptions:
    """What the user chose; see ``autonomy-perception import --help``.

    Attributes:
        ego: where ego motion comes from: "poses", "oxts" or "none".
        derive_stamps: number frames at ``period_s`` where the source has no timestamps.
        derive_times: give every point a time from its azimuth.
        derive_mounting: fit the lidar's height, roll and pitch to the ground, where the source does not say them.
        derive_cloud: make the lidar's points from depth images, where the source has no scans.
        sequence: which sequence (or log, scene, frame), for sources that hold several.
        limit: at most this many frames (0: all).
    """

    ego: str = "poses"
    derive_stamps: bool = False
    derive_times: bool = False
    derive_mounting: bool = False
    derive_cloud: bool = False
    period_s: float = 0.1035
    sequence: str = ""
    limit: int = 0


@dataclass(frozen=True)
class Record:
    """One message to write: topic, type, time of reception [ns], message object."""

    topic: str
    msgtype: str
    receive_ns: int
    message: Any


@dataclass(frozen=True)
class Drive:
    """A source opened: how many frames, what the bag shall say of itself, and the records frame by frame."""

    frames: int
    notes: Mapping[str, str]
    records: Callable[[], Iterator[Sequence[Record]]]
    empty_topics: Sequence[tuple[str, str]] = field(default_factory=tuple)


class Source(Protocol):
    """Opens a folder; raises BagError (path, expected, found) if it is not what it should be."""

    def __call__(self, folder: Path, options: ImportOptions) -> Drive: ...


def write_drive(drive: Drive, path: Path, progress: Callable[[int], None] = lambda done: None) -> int:
    """Write a drive as a bag, in order of reception; returns the number of messages.

    Records of one frame may be received after the next frame's first ones, so a frame is held back until the
    next is known.

    Raises:
        BagError: the bag exists, the disk refuses, or a source file is broken.
    """
    if drive.frames == 0:
        raise BagError(f"{path}: nothing to import: the source holds no frame")
    count, held = 0, list[Record]()
    with BagWriter(path, drive.notes) as bag:
        for topic, msgtype in drive.empty_topics:
            bag.add_topic(topic, msgtype)
        for done, records in enumerate(drive.records(), start=1):
            first = min(r.receive_ns for r in records)
            held.sort(key=lambda r: r.receive_ns)
            while held and held[0].receive_ns < first:
                record = held.pop(0)
                bag.write(record.topic, record.msgtype, record.receive_ns, record.message)
                count += 1
            held.extend(records)
            progress(min(done, drive.frames))
        for record in sorted(held, key=lambda r: r.receive_ns):
            bag.write(record.topic, record.msgtype, record.receive_ns, record.message)
            count += 1
    return count


def odometry_records(frame: str, base: str, stamp_ns: int, T: F64, twist: F64, pose_cov: F64) -> list[Record]:
    """Odometry and the same pose on /tf."""
    odom = messages.odometry(frame, base, stamp_ns, T, twist, pose_cov, np.zeros(6))
    tf = messages.transforms(stamp_ns, [(frame, base, T)])
    return [Record("/odometry", messages.ODOMETRY, stamp_ns, odom), Record("/tf", messages.TF, stamp_ns, tf)]
