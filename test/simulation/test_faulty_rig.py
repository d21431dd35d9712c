"""A rig of two lidars at different rates, one of them mounted wrong and late: recorded as it says, told as it is."""

import json

import numpy as np
import pytest
import yaml

from autonomy_perception import geometry
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.write_bag import write_bag
from autonomy_perception.simulation.sensors.rig import default_rig, load_rig

SIDE = {
    "topic": "/lidar_side/points", "frame": "lidar_side", "stamp_at": "start", "period_ms": 50.0,
    "extrinsics": {"xyz": [3.0, 1.3, 1.6], "rpy": [0.0, 0.0, 1.57]},
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rig")
    vehicle = default_rig().vehicle.model_dump(mode="json")
    vehicle["lidars"]["side"] = SIDE
    (folder / "vehicle.yaml").write_text(yaml.safe_dump(vehicle, sort_keys=False))
    setup = {
        "vehicle": "vehicle.yaml",
        "lidars": {
            "top": {"model": "spinning32"},
            "side": {
                "model": "spinning16", "clock": {"phase_ms": 20.0, "offset_ms": 30.0, "jitter_ms": 2.0, "latency_ms": 5.0},
                "miscalibration": {"xyz": [0.1, 0.0, 0.0], "rpy_deg": [0.0, 1.5, 0.0]},
            },
        },
        "imu": {"clock": {"offset_ms": -12.0}},
        "odometry": {"clock": {
            "phase_ms": 5.0, "offset_ms": 40.0, "jitter_ms": 0.5, "drift_ppm": 150.0, "latency_ms": 3.0, "latency_jitter_ms": 2.0,
        }},
    }  # fmt: skip
    (folder / "rig.yaml").write_text(yaml.safe_dump(setup, sort_keys=False))
    drive = SyntheticDrive(3, 0.3, scenario="yard", rig=load_rig(folder / "rig.yaml"))
    write_bag(drive, folder / "bag", workers=1)
    with BagReader(folder / "bag") as bag:
        by_topic = {t: [(raw.receive_ns, m) for raw, m in bag.messages([t])] for t in bag.topics}
    return drive, by_topic, [drive.sample(k) for k in range(len(drive))]


def stamp_ns(message):
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def test_each_lidar_keeps_its_rate(recorded):
    _, topics, _ = recorded
    assert len(topics["/lidar_top/points"]) == 3
    assert len(topics["/lidar_side/points"]) == 6
    assert len(topics["/ground_truth/points/side"]) == 6
    for (_, cloud), (_, labels) in zip(topics["/lidar_side/points"], topics["/ground_truth/points/side"], strict=True):
        assert (cloud.width, stamp_ns(cloud)) == (labels.width, stamp_ns(labels))


def test_stamps_are_late_and_messages_come_after_their_time(recorded):
    _, topics, samples = recorded
    ends = [r.t for sample in samples for r in sample.sweeps if r.sensor == "side"]
    said = np.array([stamp_ns(m) for _, m in topics["/lidar_side/points"]])
    true_start = np.array(ends) - 0.05  # stamp_at: start
    late = (said - 1_700_000_000_000_000_000) * 1e-9 - true_start
    np.testing.assert_allclose(late, 0.030, atol=0.009)
    assert np.ptp(late) > 0.0
    received = np.array([at for at, _ in topics["/lidar_side/points"]])
    assert ((received - 1_700_000_000_000_000_000) * 1e-9 >= np.array(ends) + 0.005 - 1e-6).all()


def test_odometry_keeps_the_time_of_its_own_clock(recorded):
    drive, topics, _ = recorded
    messages = topics["/odometry"]
    said = np.array([stamp_ns(m) for _, m in messages]) * 1e-9 - 1_700_000_000
    received = np.array([at for at, _ in messages]) * 1e-9 - 1_700_000_000
    true = drive.odometry_ticks.t[np.argsort(drive.odometry_ticks.receive_ns)]
    np.testing.assert_allclose(true % 0.02, 0.005, atol=1e-9)
    np.testing.assert_allclose(said - true, 0.040, atol=0.0025)
    assert np.ptp(said - true) > 1e-4
    assert (received - true).min() >= 0.003 - 1e-6
    assert np.ptp(received - true) > 1e-3
    poses = drive.odometry.T_odom_world(true) @ drive.world.ego.poses(true)
    at = np.array([[m.pose.pose.position.x, m.pose.pose.position.y] for _, m in messages])
    np.testing.assert_allclose(at, poses[:, :2, 3], atol=1e-6)  # where it was when it measured, whatever it says
    tf = [stamp_ns(m.transforms[0]) for _, m in topics["/tf"]]
    assert sorted(tf) == sorted(stamp_ns(m) for _, m in messages)


def test_what_is_wrong_is_told(recorded):
    drive, topics, _ = recorded
    ((_, about),) = topics["/ground_truth/about"]
    faults = json.loads(about.data)["faults"]
    assert {n: (f["time_offset_s"], f["drift_ppm"]) for n, f in faults.items()} == {
        "side": (0.030, 0.0), "imu": (-0.012, 0.0), "odometry": (0.040, 150.0),
    }  # fmt: skip
    fault = faults["side"]
    assert fault["time_offset_s"] == pytest.approx(0.030)
    believed, true = (
        {t.child_frame_id: t.transform.translation for t in topics[name][0][1].transforms}
        for name in ("/tf_static", "/ground_truth/mounts")
    )
    assert believed["lidar_side"].x == pytest.approx(3.0)
    expected = drive.lidars[1].T_base_lidar
    assert true["lidar_side"].y == pytest.approx(expected[1, 3])
    stated = geometry.make_transform(geometry.rotation_rpy(*SIDE["extrinsics"]["rpy"]), SIDE["extrinsics"]["xyz"])
    np.testing.assert_allclose(stated @ np.array(fault["T_stated_true"]), expected, atol=1e-9)


def test_objects_count_the_returns_of_both(recorded):
    sample = recorded[2][1]
    for number, points in zip(sample.truth.objects.number, sample.truth.objects.points, strict=True):
        assert points == sum(np.count_nonzero(r.data.instance == number) for r in sample.sweeps)
    assert len(sample.sweeps) == 3
