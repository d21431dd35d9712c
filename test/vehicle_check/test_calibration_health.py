"""Errors of 2 degrees and 0.2 m on recorded and synthetic drives: reported within 10 s; nothing on the untouched ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from autonomy_perception.bags.importers.base import ImportOptions, write_drive
from autonomy_perception.bags.importers.sources import SOURCES
from autonomy_perception.calibration.report import Verdict
from autonomy_perception.config import PerceptionConfig, VehicleConfig, load_vehicle
from autonomy_perception.messages.events import Event
from autonomy_perception.nodes.calibration_thread import CalibrationThread
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.paths import vehicle_file
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.vehicle_check.injection import (
    Detection,
    Error,
    detect,
    errors_of,
    falsified,
    known_poses,
    recorded,
)

WITHIN_S = 10.0
ANGLES = ("roll", "pitch", "yaw")


class Drive:
    """A recorded drive in memory, with the places of its sensors."""

    def __init__(self, vehicle: VehicleConfig, events: Sequence[Event]) -> None:
        self.vehicle, self.events = vehicle, events
        self.poses = known_poses(vehicle, events)

    def with_error(self, error: Error) -> Detection:
        return detect(self.vehicle, self.events, self.poses, error)

    def error(self, sensor: str, axis: str, amount: float) -> Error:
        vector = [0.0] * 6
        vector[("roll", "pitch", "yaw", "x", "y", "z").index(axis)] = amount
        return Error((sensor,), tuple(vector))


def imported(kind: str, source: Path, folder: Path, **options: object) -> Drive:
    drive = SOURCES[kind](source, ImportOptions(derive_stamps=True, **options))  # type: ignore[arg-type]
    write_drive(drive, folder / kind, lambda done: None)
    vehicle = load_vehicle(vehicle_file("kitti"))
    if kind == "kitti-tracking":  # its images are not among the recordings
        vehicle = vehicle.model_copy(update={"cameras": {}})
    return Drive(vehicle, recorded(vehicle, folder / kind, 60.0))


@pytest.fixture(scope="module")
def raw(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Drive:
    source = real_data / "kitti_raw" / "2011_09_26" / "2011_09_26_drive_sfnd_sync"
    return imported("kitti-raw", source, tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def tracking(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Drive:
    source = real_data / "kitti_tracking" / "training"
    return imported("kitti-tracking", source, tmp_path_factory.mktemp("tracking"), sequence="0000")


def assert_corrected(found: Detection, sensor: str) -> None:
    """The first check that failed would undo the error on its axis."""
    assert found.first_s is not None, str(found.error)
    assert found.first_s <= WITHIN_S
    vector = np.array(found.error.vector)
    axis = int(np.flatnonzero(vector)[0])
    sign = -1.0 if sensor in found.error.sensors else 1.0  # corrections move the lidar
    wrong = [c for c in found.checks if c.name in found.after_s and c.correction is not None]
    said = [c.correction[axis] for c in wrong if c.correction is not None and np.isfinite(c.correction[axis])]
    assert said, str(found.error)
    off = min(abs(s - sign * vector[axis]) for s in said)
    assert off < (np.deg2rad(0.6) if axis < 3 else 0.08), f"{found.error}: {said}"


@pytest.mark.real_data
def test_untouched_recordings_are_not_reported(raw, tracking):
    for drive, sure in ((raw, 2), (tracking, 2)):
        found = drive.with_error(errors_of(drive.vehicle)[0])
        assert found.first_s is None
        assert sum(c.verdict == Verdict.OK for c in found.checks) >= sure


@pytest.mark.real_data
@pytest.mark.parametrize("sensor", ["velodyne", "camera_2"])
@pytest.mark.parametrize("axis", ["roll", "pitch", "yaw", "x", "y", "z"])
def test_lidar_against_camera(raw, sensor, axis):
    sign = 1.0 if sensor == "velodyne" else -1.0
    error = raw.error(sensor, axis, sign * (np.deg2rad(2.0) if axis in ANGLES else 0.2))
    assert_corrected(raw.with_error(error), "velodyne")


@pytest.mark.real_data
@pytest.mark.parametrize(("axis", "amount"), [("roll", 2.0), ("pitch", -2.0), ("yaw", 2.0), ("yaw", -2.0), ("z", -0.2)])
def test_lidar_against_the_vehicle(tracking, axis, amount):
    error = tracking.error("velodyne", axis, np.deg2rad(amount) if axis in ANGLES else amount)
    assert_corrected(tracking.with_error(error), "velodyne")


@pytest.mark.real_data
def test_the_same_drive_gives_the_same_reports(raw):
    error = raw.error("velodyne", "y", 0.2)
    first, second = raw.with_error(error), raw.with_error(error)
    assert first.after_s == second.after_s
    assert [c.text for c in first.checks] == [c.text for c in second.checks]


@pytest.mark.real_data
def test_the_thread_reports_without_being_waited_for(raw):
    car = falsified(raw.vehicle, raw.poses, raw.error("camera_2", "yaw", np.deg2rad(2.0)))
    front, thread = SensorFrontEnd(PerceptionConfig(), car, CpuLibrary()), CalibrationThread(PerceptionConfig(), car)
    thread.start()
    slowest = 0.0
    try:
        for event in raw.events:
            for frame in front.feed(event):
                start = time.perf_counter()
                thread.offer(frame)
                slowest = max(slowest, time.perf_counter() - start)
                time.sleep(0.02)
        deadline = time.monotonic() + 60.0
        while not thread.report.wrong and time.monotonic() < deadline:
            thread.offer(frame)
            time.sleep(0.02)
    finally:
        thread.stop()
    assert thread.failures == 0
    assert thread.report.version == front.rig().version
    assert [c.name for c in thread.report.wrong] == ["velodyne / camera_2"]
    assert slowest < 0.5


@pytest.mark.long
@pytest.mark.parametrize("scenario", ["demo", "rural"])
def test_synthetic_drives(scenario, tmp_path):
    from typer.testing import CliRunner

    from autonomy_perception.cli.main import app

    arguments = ["simulate", "--scenario", scenario, "--seed", "3", "--duration", "12", "--no-pixel-labels"]
    done = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "drive")])
    assert done.exit_code == 0, done.output
    vehicle = load_vehicle(vehicle_file("demo_truck"))
    drive = Drive(vehicle, recorded(vehicle, tmp_path / "drive", 60.0))
    assert drive.with_error(errors_of(vehicle)[0]).first_s is None
    for axis, amount in (*((a, 2.0) for a in ANGLES), ("y", 0.2), ("z", 0.2)):
        error = drive.error("top", axis, np.deg2rad(amount) if axis in ANGLES else amount)
        assert_corrected(drive.with_error(error), "top")
