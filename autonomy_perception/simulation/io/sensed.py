"""Sweeps of a drive as the vehicle's own front end hands them to the pipeline, each return still with its truth.

The front end gets the messages that a bag of the drive would hold: what it takes for the own body, deskews by measured
odometry or leaves out is so in a sample too. A return is known again by the beam and the moment it was fired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags import messages as m
from autonomy_perception.bags.events import input_topics
from autonomy_perception.bags.importers.base import Record
from autonomy_perception.config import PerceptionConfig
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.runtime.runner import sensing
from autonomy_perception.simulation.drive import Reading, SyntheticDrive
from autonomy_perception.simulation.io.sensor_messages import cloud_record, hitch_records, odometry_records
from autonomy_perception.simulation.io.write_bag import static_edges
from autonomy_perception.simulation.sensors.clock import Ticks
from autonomy_perception.simulation.sensors.lidar import Lidar, Sweep
from autonomy_perception.types import LidarScan, SensorFrame

BEFORE_S, AFTER_S = 0.5, 0.2
"""Odometry is heard from so long before the first sweep's end until so long after the last one's [s]."""
FEW = 500
"""Points of a sign of life."""


@dataclass(frozen=True)
class SeenScan:
    """One lidar's part of a frame.

    Attributes:
        scan: what the front end made of it. reading: the sweep behind it. rows: int64 (P,) of each of the scan's points in it.
    """

    scan: LidarScan
    reading: Reading[Sweep]
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class SeenFrame:
    """One frame with the truth of its points."""

    frame: SensorFrame
    scans: tuple[SeenScan, ...]


def seen(drive: SyntheticDrive, moments: Sequence[tuple[int, Sequence[Reading[Sweep]]]]) -> list[SeenFrame]:
    """Frames of some sweeps of a drive.

    Args:
        moments: number of a sweep of the reference lidar, in ascending order, and the sweeps of all lidars around its end.

    Raises:
        RuntimeError: the front end gave no frame for one of them, or a return that was never sent.
    """
    stamps = [drive.stamp_of(index) for index, _ in moments]
    runner = sensing(PerceptionConfig(), drive.vehicle, CpuLibrary())
    wanted = set(input_topics(drive.vehicle))
    events = [
        CONVERTERS[r.msgtype](r.topic, r.message, r.receive_ns, 0)
        for r in _records(drive, moments)
        if r.topic in wanted
    ]
    frames = {frame.stamp_ns: frame for frame in runner.frames(events)}
    for k, stamp in enumerate(stamps):
        if stamp not in frames:
            raise RuntimeError(
                f"{drive.vehicle.name}, sweep {moments[k][0]}: the front end gave frames {sorted(frames)}, not {stamp}"
            )
    lidars = {lidar.name: lidar for lidar in drive.lidars}
    return [
        SeenFrame(frames[stamp], tuple(_matched(lidars[s.sensor], s, stamp, readings) for s in frames[stamp].scans))
        for stamp, (_, readings) in zip(stamps, moments, strict=True)
    ]


def _records(drive: SyntheticDrive, moments: Sequence[tuple[int, Sequence[Reading[Sweep]]]]) -> list[Record]:
    """What the vehicle hears around the moments, in order of reception.

    A period before each of them all lidars are heard with few points: a front end that has just been started waits for no
    lidar that it never heard, and after a longer silence takes another one for the reference.
    """
    ends = [drive.end_of(index) for index, _ in moments]
    motion, every = drive.trajectory, drive.odometry_ticks
    near = np.flatnonzero((every.t > ends[0] - drive.lidar.period - BEFORE_S) & (every.t < ends[-1] + AFTER_S))
    ticks = Ticks(every.t[near], every.stamp_ns[near], every.receive_ns[near])
    out = [r for k in near for r in odometry_records(drive.vehicle, motion, int(k), int(every.receive_ns[k]))]
    if drive.world.trailer is not None:
        out += hitch_records(drive, ticks)
    for _, readings in moments:
        out += [cloud_record(drive.vehicle, r, r.receive_ns) for r in readings]
        out += [cloud_record(drive.vehicle, r, r.receive_ns) for r in _earlier(drive, readings, moments)]
    start = min(r.receive_ns for r in out)
    out.append(Record("/tf_static", m.TF, start - 1, m.transforms(start - 1, static_edges(drive))))
    return sorted(out, key=lambda r: r.receive_ns)


def _earlier(
    drive: SyntheticDrive, readings: Sequence[Reading[Sweep]], moments: Sequence[tuple[int, Sequence[Reading[Sweep]]]]
) -> list[Reading[Sweep]]:
    """Signs of life of each lidar one period before the sweeps of a moment, where no sweep of a moment is about then."""
    out = []
    for first in {r.sensor: r for r in reversed(readings)}.values():
        period, cloud = drive.vehicle.lidars[first.sensor].period_ms * 1e-3, first.data.cloud
        others = [r.t for _, rs in moments for r in rs if r.sensor == first.sensor]
        if any(abs(t - first.t + period) < 0.5 * period for t in others):
            continue
        few = slice(None, None, max(1, len(cloud) // FEW))
        back = round(period * 1e9)
        sparse = replace(
            cloud, xyz=cloud.xyz[few], intensity=cloud.intensity[few], time=cloud.time[few], ring=cloud.ring[few],
            stamp_ns=cloud.stamp_ns - back,
        )  # fmt: skip
        out.append(replace(first, receive_ns=first.receive_ns - back, data=replace(first.data, cloud=sparse)))
    return out


def _matched(lidar: Lidar, scan: LidarScan, stamp_ns: int, readings: Sequence[Reading[Sweep]]) -> SeenScan:
    """The sweep and its returns that a scan consists of."""
    slot, period = lidar.period / lidar.columns, lidar.period
    early = {"start": period, "mid": 0.5 * period, "end": 0.0}[lidar.config.stamp_at]
    for reading in readings:
        if reading.sensor != lidar.name:
            continue
        sweep = reading.data
        end_s = (sweep.cloud.stamp_ns + round(lidar.config.offset_ms * 1e6) - stamp_ns) * 1e-9 + early
        column, sent = (
            np.rint((time - lidar.column_time[0]) / slot).astype(np.int64)
            for time in (scan.cloud.time - end_s, sweep.time)
        )
        key, known = column * lidar.beams + scan.cloud.ring, sent * lidar.beams + sweep.cloud.ring
        rows = np.minimum(np.searchsorted(known, key), len(known) - 1)
        if (known[rows] == key).all():
            return SeenScan(scan, reading, rows)
    raise RuntimeError(f"{lidar.name}: the front end gave returns that belong to none of the sweeps that were sent")
