"""Falsified calibrations: which check notices an error of 2 degrees or 0.2 m, and after how many seconds of driving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.calibration.alignment import AXES, corrections_of
from autonomy_perception.calibration.monitor import CalibrationMonitor
from autonomy_perception.calibration.report import CheckResult, in_words
from autonomy_perception.config import Extrinsics, PerceptionConfig, VehicleConfig
from autonomy_perception.messages.events import Event
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.runtime.runner import sensing
from autonomy_perception.vehicle_check.check import usable_events

F64 = NDArray[np.float64]

ANGLE_RAD, OFFSET_M = float(np.deg2rad(2.0)), 0.2


@dataclass(frozen=True)
class Error:
    """An error of the calibration: the sensors that it moves, and by how much (6,) roll, pitch, yaw [rad], x, y, z [m]
    in axes of base_link, each sensor about itself, or all about the first of them (``together``)."""

    sensors: tuple[str, ...]
    vector: tuple[float, ...]
    together: bool = False

    def __str__(self) -> str:
        moved = " + ".join(self.sensors)
        return f"{moved}: {in_words(np.where(np.array(self.vector) == 0.0, np.nan, self.vector)) or 'nothing'}"


@dataclass(frozen=True)
class Detection:
    """What was reported of an error: the checks that failed, and after how many seconds of the drive each."""

    error: Error
    after_s: dict[str, float]
    checks: tuple[CheckResult, ...]

    @property
    def first_s(self) -> float | None:
        """Seconds until the first report; None: there was none."""
        return min(self.after_s.values(), default=None)


def errors_of(vehicle: VehicleConfig) -> list[Error]:
    """Nothing; then every axis in both directions of each lidar, of each camera, and of all sensors together."""
    everything = (*vehicle.lidars, *vehicle.cameras)
    out = [Error(everything[:1], (0.0,) * 6)]
    groups: list[tuple[tuple[str, ...], bool]] = [((name,), False) for name in everything]
    groups += [(everything, True)] if len(everything) > 1 else []
    for sensors, together in groups:
        for axis in range(len(AXES)):
            for sign in (1.0, -1.0):
                vector = [0.0] * 6
                vector[axis] = sign * (ANGLE_RAD if axis < 3 else OFFSET_M)
                out.append(Error(sensors, tuple(vector), together))
    return out


def recorded(vehicle: VehicleConfig, bag: Path, seconds: float) -> list[Event]:
    """Inputs of the vehicle from the first seconds of a recording. Raises BagError."""
    with BagReader(bag) as reader:
        return list(usable_events(reader, vehicle, seconds, lambda done, total: None, {}))


def known_poses(vehicle: VehicleConfig, events: Sequence[Event]) -> dict[str, F64]:
    """``T_base_sensor`` (4,4) of all sensors as the recording says.

    Raises:
        BagError: a sensor's place is not known.
    """
    runner = sensing(PerceptionConfig(), vehicle, CpuLibrary())
    wanted = {*vehicle.lidars, *vehicle.cameras}
    for event in events:
        list(runner.frames([event]))
        if wanted <= runner.front.rig().T_base_sensor.keys():
            return dict(runner.front.rig().T_base_sensor)
    missing = ", ".join(sorted(wanted - runner.front.rig().T_base_sensor.keys()))
    raise BagError(f"{missing}: no transform to {vehicle.base_frame} in the recording")


def falsified(vehicle: VehicleConfig, poses: dict[str, F64], error: Error) -> VehicleConfig:
    """The vehicle file with all extrinsics written into it, those of the error's sensors wrong."""
    vector = np.array([error.vector])

    def place(name: str) -> Extrinsics:
        T = poses[name]
        if name in error.sensors:
            about = poses[error.sensors[0] if error.together else name][:3, 3]
            T = corrections_of(vector, about)[0] @ T
        return Extrinsics(xyz=T[:3, 3].tolist(), rpy=list(geometry.rpy_of(T)))

    lidars = {n: c.model_copy(update={"extrinsics": place(n)}) for n, c in vehicle.lidars.items()}
    cameras = {n: c.model_copy(update={"extrinsics": place(n)}) for n, c in vehicle.cameras.items()}
    return vehicle.model_copy(update={"extrinsics_from": "file", "lidars": lidars, "cameras": cameras})


def detect(vehicle: VehicleConfig, events: Sequence[Event], poses: dict[str, F64], error: Error) -> Detection:
    """Drive with a falsified calibration and note what is reported when."""
    lib, config, car = CpuLibrary(), PerceptionConfig(), falsified(vehicle, poses, error)
    monitor = CalibrationMonitor(config.calibration, car, lib)
    first: int | None = None
    after: dict[str, float] = {}
    checks: tuple[CheckResult, ...] = ()
    for frame in sensing(config, car, lib).frames(events):
        first = frame.stamp_ns if first is None else first
        report = monitor.observe(frame)
        checks = report.checks
        for check in report.wrong:
            after.setdefault(check.name, (frame.stamp_ns - first) * 1e-9)
    return Detection(error, after, checks)


def detections(vehicle: VehicleConfig, bag: Path, seconds: float) -> Iterator[Detection]:
    """All errors of :func:`errors_of`, one after the other. Raises BagError."""
    events = recorded(vehicle, bag, seconds)
    poses = known_poses(vehicle, events)
    for error in errors_of(vehicle):
        yield detect(vehicle, events, poses, error)


def print_injections(vehicle: VehicleConfig, bag: Path, seconds: float) -> None:
    """A table of all errors: when the first check failed, which one, and what it would correct. Raises BagError."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    table = Table(title=f"{bag.name}: calibration falsified, {seconds:.0f} s at most")
    for column in ("error", "reported after", "by", "says it must be moved by"):
        table.add_column(column, overflow="fold")
    total = len(errors_of(vehicle))
    for found in track(
        detections(vehicle, bag, seconds), "driving", total, console=Console(stderr=True), transient=True
    ):
        if found.first_s is None:
            table.add_row(str(found.error), "no report", "", "")
            continue
        name = min(found.after_s, key=lambda n: found.after_s[n])
        check = next(c for c in found.checks if c.name == name)
        said = in_words(check.correction) if check.correction is not None else ""
        table.add_row(str(found.error), f"{found.first_s:.1f} s", ", ".join(found.after_s), said)
    Console(width=170).print(table)
