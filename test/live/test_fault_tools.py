"""What the fault tests rely on: mutators, the endless drive, growth of a process, and texts of diagnostics."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from live import fault_drive
from nodes import drive

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.messages import CLOUD, ODOMETRY
from autonomy_perception.bags.typestore import typestore
from autonomy_perception.config import PerceptionConfig, VehicleConfig, load_vehicle
from autonomy_perception.faults.loop import EndlessDrive
from autonomy_perception.faults.sample import CLOCK, Rig, clock, decode, moved, stamp_of, with_stamp
from autonomy_perception.faults.table import FAULTS, Fault
from autonomy_perception.live.faults.vitals import Vitals
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.nodes import diagnostics as diag
from autonomy_perception.nodes.inputs import inputs_of
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.types import Mode, SensorHealth, SensorState

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def vehicle(tmp_path_factory: pytest.TempPathFactory) -> VehicleConfig:
    return load_vehicle(fault_drive.write_vehicle(tmp_path_factory.mktemp("vehicle") / "test.yaml"))


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory, vehicle: VehicleConfig) -> EndlessDrive:
    bag = fault_drive.write_drive(tmp_path_factory.mktemp("drive"), 6)
    return EndlessDrive(bag, [i.topic for i in inputs_of(vehicle)], drive.CLOUD)


def test_an_endless_drive_carries_on_in_time_and_place(endless: EndlessDrive) -> None:
    samples = list(itertools.islice(endless.samples(), 250))
    assert all(a.at_ns <= b.at_ns for a, b in itertools.pairwise(samples))
    clouds = [stamp_of(s) for s in samples if s.msgtype == CLOUD]
    assert len(clouds) > 12 and set(np.diff(clouds)) == {SECOND // 10}
    odometry = [(stamp_of(s), decode(s).pose.pose.position.x) for s in samples if s.msgtype == ODOMETRY]
    speed = [(b[1] - a[1]) / ((b[0] - a[0]) * 1e-9) for a, b in itertools.pairwise(odometry)]
    assert np.percentile(np.abs(np.array(speed) - drive.SPEED), 95) < 1e-6 and np.abs(speed).max() < 2 * drive.SPEED
    assert {s.topic for s in endless.latched} == {"/tf_static"}


def test_a_drive_without_clouds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="/nowhere: expected at least two clouds"):
        EndlessDrive(fault_drive.write_drive(tmp_path, 3), [drive.CLOUD], "/nowhere")


@settings(deadline=None)
@given(st.integers(0, 2**31 * SECOND - 1))
def test_stamps_are_written_as_they_are_read(stamp: int) -> None:
    sample = clock(stamp)
    assert sample.topic == CLOCK and stamp_of(sample) == stamp and stamp_of(with_stamp(sample, 5)) == 5
    message = typestore().deserialize_cdr(sample.data, sample.msgtype)
    assert message.clock.sec * SECOND + message.clock.nanosec == stamp


def test_moved_transforms_keep_all_but_their_stamps(endless: EndlessDrive) -> None:
    before, after = (decode(s).transforms[0] for s in (endless.latched[0], moved(endless.latched[0], 3 * SECOND)))
    assert after.header.stamp.sec - before.header.stamp.sec == 3 and after.transform == before.transform


HEAVY = ("cloud of one point", "cloud of five million points")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([f for f in FAULTS if f.name not in HEAVY]), min_size=1, max_size=4, unique=True), st.integers(0, 99))  # fmt: skip
def test_no_mix_of_faults_stops_the_front_end(endless: EndlessDrive, vehicle: VehicleConfig, faults: list, seed: int) -> None:  # fmt: skip
    front = SensorFrontEnd(PerceptionConfig(), vehicle, CpuLibrary())
    mutators = [fault.mutator(Rig.of(vehicle, seed)) for fault in faults]
    for sample in endless.latched:
        front.feed(CONVERTERS[sample.msgtype](sample.topic, decode(sample), sample.at_ns, 1))
    sound, frames = list(itertools.islice(endless.samples(), 150)), 0
    for k, sample in enumerate(sound):
        spoiled = [sample]
        for mutator in mutators if 30 < k < 90 else []:
            spoiled = [out for one in spoiled for out in mutator(one)]
        for one in spoiled:
            made = front.feed(CONVERTERS[one.msgtype](one.topic, decode(one), sample.at_ns, 1))
            frames += len(made) * (k > 110)
    said = {fault.newest.field for fault in front.diagnostics().faults}
    assert "unexpected error" not in said, [str(f.newest) for f in front.diagnostics().faults]
    assert frames >= 2, "sound messages make frames again"


@pytest.mark.parametrize(
    "first", [f for f in FAULTS if f.aims_at == "lidar" and f.name not in HEAVY], ids=lambda f: f.name
)
def test_a_fault_of_clouds_can_be_injected_into_a_cloud_that_has_another(
    endless: EndlessDrive, vehicle: VehicleConfig, first: Fault
) -> None:
    cloud = next(s for s in endless.samples() if s.msgtype == CLOUD)
    for second in (f for f in FAULTS if f.aims_at == "lidar" and f.name not in HEAVY):
        one, other = (fault.mutator(Rig.of(vehicle, 0)) for fault in (first, second))
        for spoiled in one(cloud):
            assert all(decode(s) is not None for s in other(spoiled))


def test_growth_is_told_from_noise() -> None:
    rng, minutes = np.random.default_rng(1), np.linspace(0, 15, 450)
    rows = [(float(m), 400 + float(rng.normal(0, 3)), 20, 30) for m in minutes]
    assert not Vitals(1, rows).wrong() and "MB/min" in Vitals(1, rows).summary()
    grows = [(m, pss + 2 * m, threads + int(m > 7) * 3, files + int(m)) for m, pss, threads, files in rows]
    assert [word for text in Vitals(1, grows).wrong() for word in ("memory", "threads", "file") if word in text] == ["memory", "threads", "file"]  # fmt: skip
    assert Vitals(1, grows[:300]).wrong()[0].endswith("threads"), "too short to judge memory"
    assert "too short to judge" in Vitals(1, grows[:300]).summary() and not Vitals(1, grows[:30]).wrong()
    warms_up = [(k / 30, 80.0 + min(k, 60), 20, 20) for k in range(500)]  # two minutes in which it takes what it needs
    assert Vitals(1, warms_up).wrong() and not Vitals(1, warms_up, _from_min=2.0).wrong()
    own = Vitals(os.getpid())
    own.sample()
    own.sample()
    assert len(own.rows) == 1 and own.rows[0][1] > 10 and own.rows[0][2] >= 1


def test_floods_and_second_publishers_are_named() -> None:
    ok = SensorHealth("top", SensorState.OK, 0)

    def status(rate: float, publishers: int | None, stated: float | None = 10.0) -> diag.Status:
        return diag.sensor_status(ok, diag.Stream("/points", 7, rate, stated, publishers))

    assert status(10.4, 1).level == diag.OK and status(10.4, 1).message == "ok"
    assert status(99.0, 1).level == diag.WARN and status(99.0, 1).message == "/points: rate: expected 10.0 Hz (period_ms), found 99.0 Hz"  # fmt: skip
    assert status(99.0, 1, None).level == diag.OK
    assert "publishers: expected 1, found 2" in status(10.0, 2).message
    assert all(w in status(99.0, 2).message for w in ("publishers: expected 1, found 2", "found 99.0 Hz")), (
        "one hides the other"
    )
    lost = SensorHealth("top", SensorState.MISSING, 0, "no message on /points yet")
    told = diag.sensor_status(lost, diag.Stream("/points", 0, 0.0, 10.0, 0))
    assert told.level == diag.ERROR and told.message.endswith("(no publisher)")


def test_full_shared_memory_and_second_nodes_are_named() -> None:
    assert diag.shared_memory_status(10**9, 10**8).level == diag.OK
    full = diag.shared_memory_status(10**6, 10**8)
    assert full.level == diag.WARN and "expected >= 100 MB, found 1 MB" in full.message
    assert diag.outputs_status({"/a": 1, "/b": 1}).level == diag.OK
    twice = diag.outputs_status({"/a": 2, "/b": 1})
    assert twice.level == diag.ERROR and twice.message == "/a: publishers: expected 1, found 2"


def test_a_mode_that_does_not_exist_is_named() -> None:
    said = diag.mode_status(9, ["LIDAR_LATE"])
    assert (
        said.level == diag.ERROR
        and "status.mode: expected one of 0 " in said.message
        and said.message.endswith("found 9")
    )
    stale = diag.mode_status(int(Mode.STALE), ["LIDAR_LATE"])
    assert stale.level == diag.ERROR and stale.message == "STALE LIDAR_LATE"
