"""Write a synthetic drive as the bag a vehicle would have recorded, with its truth on topics beside it.

What the truth topics hold: docs/simulation.md and :mod:`autonomy_perception.simulation.io.truth_messages`.
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags import messages as m
from autonomy_perception.bags.importers.base import Record
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.simulation.drive import DriveSample, SyntheticDrive
from autonomy_perception.simulation.io import truth_messages as truth
from autonomy_perception.simulation.io.landmark_messages import landmark_record, structure_record
from autonomy_perception.simulation.io.sensor_messages import (
    hitch_records,
    imu_records,
    odometry_records,
    sensor_records,
)
from autonomy_perception.simulation.io.source import source_digest
from autonomy_perception.simulation.sensors.clock import stamp
from autonomy_perception.simulation.sensors.imu import Imu
from autonomy_perception.simulation.world.truck import mounting

TERRAIN_EVERY = 5
"""Sweeps from one terrain truth to the next: it does not change, only the part of it that is around the vehicle."""


def write_bag(
    drive: SyntheticDrive, path: Path, workers: int = 2, progress: Callable[[int], None] = lambda done: None
) -> int:
    """Make and write all sweeps; returns the number of messages. ``progress`` is told the sweeps done so far.

    Raises:
        BagError: the bag exists already, or the disk refuses.
    """
    notes = {
        "source": f"synthetic drive, scenario {drive.world.scenario.name}, seed {drive.seed}, "
        f"{drive.duration_s:g} s from {drive.start_s:g} s, {drive.weather}, {drive.time_of_day}",
        "vehicle": drive.vehicle.name,
        "faults": json.dumps(_faults(drive)),
        "simulator": source_digest(),
    }
    count = 0
    with BagWriter(path, notes) as bag:
        for record in drive_records(drive, drive.samples(workers), progress):
            bag.write(record.topic, record.msgtype, record.receive_ns, record.message)
            count += 1
    return count


def drive_records(
    drive: SyntheticDrive, samples: Iterable[DriveSample], progress: Callable[[int], None] = lambda done: None
) -> Iterator[Record]:
    """All messages of a drive in order of reception."""
    order = itertools.count()  # of messages received at the same time
    waiting: list[tuple[int, int, Record]] = []

    def add(records: Iterable[Record]) -> None:
        for record in records:
            heapq.heappush(waiting, (record.receive_ns, next(order), record))

    add(motion_records(drive))
    yield from start_records(drive, waiting[0][0])
    for done, sample in enumerate(samples, start=1):
        add(sensor_records(drive, sample))
        add(truth_records(drive, sample))
        while waiting and waiting[0][0] <= stamp(sample.t):  # what follows was not even measured by then
            yield heapq.heappop(waiting)[2]
        progress(done)
    while waiting:
        yield heapq.heappop(waiting)[2]


def start_records(drive: SyntheticDrive, at: int) -> list[Record]:
    """What is said once: mounts as the vehicle believes them and as they are, landmarks, what stands there, what was drawn."""
    vehicle = drive.vehicle
    about = {
        "scenario": drive.world.scenario.name, "seed": drive.seed, "weather": drive.weather, "time_of_day": drive.time_of_day,
        "faults": _faults(drive),
    }  # fmt: skip
    true = {s.frame: s.T_base_lidar for s in drive.lidars} | {s.frame: s.T_base_camera for s in drive.cameras}
    return [
        Record("/tf_static", m.TF, at, m.transforms(at, static_edges(drive))),
        truth.mount_record(vehicle, true, at),
        landmark_record(drive.world, at),
        structure_record(drive.world, at),
        Record(truth.ABOUT, "std_msgs/msg/String", at, m.make("std_msgs/msg/String", data=json.dumps(about))),
    ]


def _faults(drive: SyntheticDrive) -> dict[str, Any]:
    return {
        name: {
            "T_stated_true": fault.T_stated_true.tolist(),
            "time_offset_s": fault.time_offset_s,
            "drift_ppm": fault.drift_ppm,
        }
        for name, fault in drive.rig.faults().items()
    }


def static_edges(drive: SyntheticDrive) -> list[tuple[str, str, NDArray[np.float64]]]:
    """Where the vehicle believes its sensors to sit: (parent, child, T_parent_child)."""
    v, imu = drive.vehicle, drive.rig.imu
    edges = [(v.base_frame, c.frame, mounting(c.extrinsics, name)) for name, c in v.lidars.items()]
    edges += [(v.base_frame, c.frame, mounting(c.extrinsics, name)) for name, c in v.cameras.items()]
    return edges if imu is None else [*edges, (v.base_frame, imu.frame, Imu(imu, drive.world.ego, 0).T_base_imu)]


def motion_records(drive: SyntheticDrive) -> list[Record]:
    """Odometry with /tf, IMU and hitch angle of the whole drive."""
    motion, ticks = drive.trajectory, drive.odometry_ticks
    out = [r for k in range(len(ticks)) for r in odometry_records(drive.vehicle, motion, k, int(ticks.receive_ns[k]))]
    out += imu_records(drive)
    if drive.world.trailer is not None:
        out += hitch_records(drive, ticks)
    return out


def truth_records(drive: SyntheticDrive, sample: DriveSample) -> list[Record]:
    """Truth of one sample, received with the data that it belongs to."""
    at, vehicle = sample.sweeps[0].receive_ns, drive.vehicle
    out = truth.moment_records(vehicle, sample.truth, drive.twist(sample.t), at)
    if sample.index % TERRAIN_EVERY == 0:
        out.append(truth.terrain_record(vehicle.odom_frame, sample.stamp_ns, sample.truth.terrain, at))
    reference = sample.sweeps[0].sensor
    for reading in sample.sweeps:
        topic = truth.POINTS if reading.sensor == reference else f"{truth.POINTS}/{reading.sensor}"
        out.append(truth.point_record(topic, reading.data, reading.receive_ns))
    if drive.pixel_labels:
        for shot in sample.shots:
            frame = vehicle.cameras[shot.sensor].frame
            out += truth.pixel_records(f"/ground_truth/{shot.sensor}", frame, shot.data, shot.receive_ns)
    return out
