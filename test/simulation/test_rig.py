"""Rig files, clocks and the inertial unit."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.scenes import STRAIGHT, path

from autonomy_perception import paths
from autonomy_perception.config import ConfigError, VehicleConfig
from autonomy_perception.simulation.sensors.clock import EPOCH_NS, Clock
from autonomy_perception.simulation.sensors.imu import GRAVITY, Imu
from autonomy_perception.simulation.sensors.rig import default_rig, load_rig
from autonomy_perception.simulation.sensors.setups import ImuSetup

RIGS = sorted((paths.share() / "config" / "rigs").glob("*.yaml"))


def write(tmp_path, **changes):
    """A rig file beside the vehicle file of the demo truck; returns its path."""
    data = yaml.safe_load((paths.share() / "config" / "rigs" / "demo_truck.yaml").read_text())
    data["vehicle"] = str(paths.share() / "config" / "demo_truck.yaml")
    for dotted, value in changes.items():
        *way, last = dotted.split("__")
        at = data
        for key in way:
            at = at[key]
        at[last] = value
    file = tmp_path / "rig.yaml"
    file.write_text(yaml.safe_dump(data))
    return file


@pytest.mark.parametrize("file", RIGS, ids=lambda f: f.stem)
def test_shipped_rigs_load_and_complete_their_vehicle(file):
    rig = load_rig(file.stem)
    assert [s.name for s in rig.lidars] == list(rig.vehicle.lidars)
    for sensor in rig.lidars:
        assert len(rig.vehicle.lidars[sensor.name].beam_elevations_deg) == sensor.beams
        assert rig.vehicle.lidars[sensor.name].extrinsics is not None
    for cam in rig.cameras:
        assert cam.model.width * cam.model.height > 0
    assert VehicleConfig.model_validate(rig.vehicle.model_dump()) == rig.vehicle
    assert pickle.loads(pickle.dumps(rig)) == rig
    assert rig.faults() == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lidars__top__model": "hdl"}, r"lidars\.top\.model: .*expected one of .*spinning64"),
        ({"lidars__front": {"model": "spinning32"}}, r"lidars\.front: not in the vehicle file, expected one of top"),
        ({"cameras__front__D": [0.1, 0.2]}, r"cameras\.front: .*plumb_bob: expected \(4, 5\) coefficients, got 2"),
        ({"cameras__front__distortion_model": "ftheta"}, r"cameras\.front\.distortion_model: .*equidistant"),
        ({"cameras__front__width": 3}, r"cameras\.front\.width: .*greater than or equal to 16, got 3"),
        (
            {"lidars__top__clock": {"jiter_ms": 1}},
            r"clock\.jiter_ms: no such field .did you mean jitter_ms.*, expected .*phase_ms.* jitter_ms",
        ),
        (
            {"cameras__front__fov": 60},
            r"cameras\.front\.fov: no such field .did you mean fov_deg\?., expected one of width, .*fov_deg.*, got 60",
        ),
        ({"imu__gyro": 0}, r"imu\.gyro: no such field .did you mean gyro_.*, expected one of topic, .*gyro_noise"),
        (
            {"camera": {}},
            r"camera: no such field .did you mean cameras\?., expected one of vehicle, lidars, cameras, imu, odometry, got",
        ),
        ({"cameras__front__D": [-3.0, 0, 0, 0, 0]}, r"rig\.yaml: cameras\.front\.K, D: expected .*inverted.*-3\.0"),
        ({"lidars": {}}, r"lidars: .*at least 1"),
        ({"vehicle": "nowhere.yaml"}, r"nowhere\.yaml: cannot be read"),
    ],
)
def test_mistakes_are_answered_by_field(tmp_path, changes, message):
    file = write(tmp_path, **changes)
    with pytest.raises(ConfigError, match=message):
        load_rig(file)


def test_files_that_are_not_rigs(tmp_path):
    with pytest.raises(ConfigError, match=r"rig 'trukc': neither a file nor one of .*demo_truck"):
        load_rig("trukc")
    file = tmp_path / "x.yaml"
    for content in (b"a: [", b"\xff\xfe\x00", b"3", b"- 1"):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=r"x\.yaml"):
            load_rig(file)
    with pytest.raises(ConfigError, match=r"neither a file"):
        load_rig(tmp_path)


def test_a_vehicle_without_mounts_needs_them_in_the_rig(tmp_path):
    vehicle = yaml.safe_load((paths.share() / "config" / "demo_truck.yaml").read_text())
    del vehicle["lidars"]["top"]["extrinsics"]
    del vehicle["lidars"]["top"]["beam_elevations_deg"]
    (tmp_path / "v.yaml").write_text(yaml.safe_dump(vehicle))
    with pytest.raises(ConfigError, match=r"lidars\.top\.mount: .*expected xyz and rpy"):
        load_rig(write(tmp_path, vehicle="v.yaml"))
    mount = {"xyz": [1.0, 0.0, 3.0], "rpy": [0.0, 0.0, 0.0]}
    rig = load_rig(write(tmp_path, vehicle="v.yaml", lidars__top={"model": "dense_middle32", "mount": mount}))
    assert rig.vehicle.lidars["top"].extrinsics.xyz == mount["xyz"]
    assert len(rig.vehicle.lidars["top"].beam_elevations_deg) == 32


def test_injected_faults_are_told(tmp_path):
    file = write(
        tmp_path,
        lidars__top__clock={"offset_ms": 25.0},
        cameras__front__miscalibration={"xyz": [0.0, 0.2, 0.0], "rpy_deg": [0.0, 0.0, 2.0]},
    )
    rig = load_rig(file)
    faults = rig.faults()
    assert set(faults) == {"top", "front"}
    assert faults["top"].time_offset_s == pytest.approx(0.025)
    np.testing.assert_array_equal(faults["top"].T_stated_true, np.eye(4))
    np.testing.assert_allclose(faults["front"].T_stated_true[:3, 3], [0.0, 0.2, 0.0])
    cam, straight = rig.cameras[0], default_rig().cameras[0]
    np.testing.assert_allclose(cam.T_base_camera, straight.T_base_camera @ faults["front"].T_stated_true)
    stated = rig.lidars[0].ticks(0.0, 1.0, 0)
    assert stated.stamp_ns[0] - (EPOCH_NS + round(stated.t[0] * 1e9)) == 25_000_000


@settings(deadline=None, max_examples=30)
@given(st.floats(0.0, 0.9), st.floats(0.0, 3.0), st.floats(0.0, 3.0), st.integers(0, 99))
def test_ticks_do_not_depend_on_the_span_they_are_asked_in(phase, a, b, seed):
    clock = Clock(phase_ms=phase * 100, jitter_ms=3.0, latency_ms=2.0, latency_jitter_ms=4.0)
    low, high = min(a, b), max(a, b)
    whole, left, right = (clock.ticks(x, y, 0.1, seed) for x, y in ((0.0, 4.0), (0.0, low), (high, 4.0)))
    inside = clock.ticks(low, high, 0.1, seed)
    joined = np.concatenate([t.stamp_ns for t in (left, inside, right)])
    np.testing.assert_array_equal(joined, whole.stamp_ns)
    assert np.all(whole.receive_ns >= EPOCH_NS + np.round(whole.t * 1e9) + 2_000_000 - 2)


def test_offset_drift_and_jitter_of_a_clock():
    clock = Clock(offset_ms=5.0, drift_ppm=200.0, jitter_ms=2.0)
    ticks = clock.ticks(0.0, 100.0, 0.05, 3)
    error = (ticks.stamp_ns - EPOCH_NS) * 1e-9 - ticks.t
    assert len(ticks) == 2000
    slope, start = np.polyfit(ticks.t, error, 1)
    assert slope == pytest.approx(200e-6, abs=5e-6)
    assert start == pytest.approx(5e-3, abs=3e-4)
    assert (error - slope * ticks.t - start).std() == pytest.approx(2e-3, rel=0.1)
    known = Clock().ticks(0.0, 1.0, 0.1, 0, known_offset_s=0.03)
    np.testing.assert_allclose((known.stamp_ns - EPOCH_NS) * 1e-9, known.t - 0.03, atol=1e-9)


def test_inertial_unit_at_rest_and_in_a_curve():
    exact = {"gyro_noise": 0.0, "gyro_bias": 0.0, "accel_noise": 0.0, "accel_bias": 0.0}
    rest = Imu(ImuSetup(**exact), path(3.0), 0).samples(1.0, 1.5)
    assert len(rest.stamp_ns) == 50
    np.testing.assert_allclose(rest.linear_acceleration, np.tile([0.0, 0.0, GRAVITY], (50, 1)), atol=1e-6)
    np.testing.assert_allclose(rest.angular_velocity, 0.0, atol=1e-9)
    yaw = 0.2 * STRAIGHT
    curve = path(75.0 * np.sin(yaw), 75.0 * (1.0 - np.cos(yaw)), yaw)
    turned = ImuSetup(xyz=[0.0, 0.0, 1.0], rpy=[0.0, 0.0, np.pi / 2], **exact)
    s = Imu(turned, curve, 0).samples(5.0, 6.0)
    np.testing.assert_allclose(s.angular_velocity.mean(0), [0.0, 0.0, 0.2], atol=1e-4)
    np.testing.assert_allclose(s.linear_acceleration.mean(0), [15.0 * 0.2, 0.0, GRAVITY], atol=0.05)


def test_inertial_noise_and_bias_are_as_stated_and_repeat():
    setup = ImuSetup(gyro_noise=0.01, gyro_bias=0.02, accel_noise=0.1, accel_bias=0.3)
    a, b = (Imu(setup, path(0.0), 4).samples(1.0, 11.0) for _ in range(2))
    np.testing.assert_array_equal(a.linear_acceleration, b.linear_acceleration)
    part = Imu(setup, path(0.0), 4).samples(5.0, 6.0)
    np.testing.assert_array_equal(part.angular_velocity, a.angular_velocity[400:500])
    assert a.angular_velocity.std(0) == pytest.approx(0.01, rel=0.1)
    assert a.linear_acceleration.std(0) == pytest.approx(0.1, rel=0.1)
    biases = np.array([Imu(setup, path(0.0), s).samples(1.0, 1.3).angular_velocity.mean(0) for s in range(40)])
    assert biases.std() == pytest.approx(0.02, rel=0.3)


def test_the_demo_rig_is_the_demo_truck():
    rig = default_rig()
    assert rig.name == "demo_truck"
    assert Path(paths.share() / "config" / rig.setup.vehicle[3:]).is_file()
    assert rig.lidars[0].beams == 64
    table = rig.lidars[0].model.elevations_deg
    np.testing.assert_allclose(rig.vehicle.lidars["top"].beam_elevations_deg, table, atol=2e-3)
