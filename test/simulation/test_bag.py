"""A synthetic drive written as a bag and read back: nothing is lost on the way."""

import json

import cv2
import numpy as np
import pytest

from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.replay import replay_offline
from autonomy_perception.config import PerceptionConfig
from autonomy_perception.grid import from_grid_map_data
from autonomy_perception.metrics.truth_frame import TruthFrame, read_truth
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.truth_messages import truth_uuid
from autonomy_perception.simulation.io.write_bag import write_bag
from autonomy_perception.simulation.sensors.clock import EPOCH_NS
from autonomy_perception.simulation.world.materials import Kind

KINDS = "/ground_truth/structure_kinds"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    drive = SyntheticDrive(seed=1, duration_s=0.2, start_s=12.0, pixel_labels=True)
    path = tmp_path_factory.mktemp("bag") / "drive"
    done = []
    count = write_bag(drive, path, workers=1, progress=done.append)
    return drive, path, count, done


def test_topics_and_progress(recorded):
    drive, path, count, done = recorded
    assert done == [1, 2]
    with BagReader(path) as bag:
        lidar = next(iter(drive.vehicle.lidars.values())).topic
        assert bag.counts[lidar] == 2
        assert sum(bag.counts.values()) == count
        assert {"/tf_static", "/tf", "/odometry", "/ground_truth/mask"} <= set(bag.topics)
        stamps = [m.receive_ns for m in bag.raw(list(bag.topics))]
    assert stamps == sorted(stamps)


def test_truth_survives(recorded):
    drive, path, _, _ = recorded
    frames = list(read_truth(path))
    assert len(frames) == 2
    for k, frame in list(enumerate(frames))[1:]:
        expected = TruthFrame.of(drive.sample(k).truth)
        assert frame.stamp_ns == expected.stamp_ns
        np.testing.assert_allclose(frame.T_odom_base, expected.T_odom_base, atol=1e-9)
        for name in ("number", "group", "label", "points"):
            np.testing.assert_array_equal(getattr(frame.objects, name), getattr(expected.objects, name))
        for name in ("center", "size", "yaw", "velocity", "visibility"):
            np.testing.assert_allclose(getattr(frame.objects, name), getattr(expected.objects, name), atol=1e-4)
        np.testing.assert_allclose(frame.structures.center, expected.structures.center, atol=1e-4)
        assert frame.grid.grid == expected.grid.grid
        for name in ("state", "visible", "ditch"):
            np.testing.assert_array_equal(getattr(frame.grid, name), getattr(expected.grid, name))


def test_points_and_pixels_are_labelled_in_their_own_order(recorded):
    drive, path, _, _ = recorded
    sweep, shot = drive.sample(1).sweeps[0].data, drive.sample(1).shots[0].data
    with BagReader(path) as bag:
        clouds = [m for _, m in bag.messages(["/ground_truth/points"])]
        measured = [m for _, m in bag.messages([next(iter(drive.vehicle.lidars.values())).topic])]
        layers = {
            name: [m for _, m in bag.messages([f"/ground_truth/front/{name}"])]
            for name in ("labels", "instances", "depth")
        }
    for labels, cloud in zip(clouds, measured, strict=True):
        assert (labels.header.stamp, labels.width) == (cloud.header.stamp, cloud.width)
    kind = np.dtype({"names": [f.name for f in clouds[1].fields], "formats": ["<f4"] * 3 + ["<i4", "<u2", "<u2"]})
    table = np.frombuffer(clouds[1].data.tobytes(), kind)
    np.testing.assert_array_equal(np.stack([table["x"], table["y"], table["z"]], 1), sweep.cloud.xyz)
    np.testing.assert_array_equal(table["instance"], sweep.instance)
    np.testing.assert_array_equal(table["label"], sweep.semantic)
    read = {n: cv2.imdecode(layers[n][1].data, cv2.IMREAD_UNCHANGED) for n in ("labels", "instances")}
    np.testing.assert_array_equal(read["labels"], shot.semantic)
    np.testing.assert_array_equal(read["instances"], shot.instance.astype(np.uint16))
    depth = np.frombuffer(layers["depth"][1].data.tobytes(), "<f4").reshape(shot.depth.shape)
    np.testing.assert_array_equal(depth, shot.depth)


def test_terrain_is_a_grid_map(recorded):
    drive, path, _, _ = recorded
    truth = drive.sample(0).truth.terrain
    with BagReader(path) as bag:
        (message,) = [m for _, m in bag.messages(["/ground_truth/terrain"])]
    assert (message.header.frame_id, message.info.resolution) == ("odom", truth.grid.resolution)
    x, y = truth.grid.bev.centers()
    assert message.info.pose.position.x == pytest.approx(x.mean())
    assert message.info.pose.position.y == pytest.approx(y.mean())
    for name, layer in truth.layers().items():
        data = message.data[message.layers.index(name)].data
        np.testing.assert_array_equal(from_grid_map_data(data, truth.grid.nx, truth.grid.ny), layer)


def test_what_is_said_once(recorded):
    drive, path, _, _ = recorded
    with BagReader(path) as bag:
        once = {
            raw.topic: m
            for raw, m in bag.messages(["/ground_truth/about", "/ground_truth/landmarks", KINDS, "/tf_static"])
        }
        odometry = [m for _, m in bag.messages(["/odometry"])]
        imu = [m for _, m in bag.messages([drive.rig.imu.topic])]
        hitch = [m for _, m in bag.messages(["/hitch"])]
    about = json.loads(once["/ground_truth/about"].data)
    assert about == {"scenario": "demo", "seed": 1, "weather": "clear", "time_of_day": "noon", "faults": {}}
    assert len(once["/ground_truth/landmarks"].markers) == len(drive.world.landmarks) + len(drive.world.markings)
    assert {t.child_frame_id for t in once["/tf_static"].transforms} == {"lidar_top", "camera_front_optical", "imu"}
    assert len(odometry) > 20
    assert len(imu) > 30
    assert len(hitch) == len(odometry)
    stamps = np.array([m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in hitch])
    told = np.array([m.position[0] for m in hitch])
    np.testing.assert_allclose(told, drive.world.hitch_angle((stamps - EPOCH_NS) * 1e-9), atol=1e-6)
    assert 9.0 < np.median([m.linear_acceleration.z for m in imu]) < 10.6


def test_every_structure_can_be_looked_up_by_its_instance_number(recorded):
    drive, path, _, _ = recorded
    with BagReader(path) as bag:
        (message,) = [m for _, m in bag.messages([KINDS])]
    known = {mark.id: mark for mark in message.markers}
    kinds = {mark.ns for mark in message.markers}
    assert len(known) == len(message.markers) == len(drive.world.structures)
    assert {"tree", "rock", "rail", "sign"} <= kinds <= {kind.name.lower() for kind in Kind}
    sample = drive.sample(1)
    seen = np.concatenate([sample.truth.instance, sample.shots[0].data.instance.ravel()])
    assert set(seen[seen >= 1000].tolist()) <= set(known)
    sweep = sample.sweeps[0].data
    numbers = np.unique(sweep.instance[sweep.instance >= 1000]).tolist()
    assert len(numbers) > 10
    for number in numbers:
        mark = known[number]
        assert mark.ns == drive.world.structure(number).kind.name.lower()
        p, size = mark.pose.position, mark.scale
        away = np.abs(sweep.xyz[sweep.instance == number] - [p.x, p.y, p.z]).max(0)
        assert (away < 0.5 * np.array([size.x, size.y, size.z]) + 0.15).all()
    assert all(mark.header.frame_id == "map" for mark in message.markers)


def test_the_same_drive_is_the_same_bytes(recorded, tmp_path):
    _, path, _, _ = recorded
    write_bag(SyntheticDrive(seed=1, duration_s=0.2, start_s=12.0, pixel_labels=True), tmp_path / "drive", workers=2)
    for file in path.iterdir():
        assert (tmp_path / "drive" / file.name).read_bytes() == file.read_bytes(), file.name


def test_uuid_says_number_and_group():
    raw = truth_uuid(7, 4)
    assert raw.shape == (16,)
    assert raw[:8].view("<u4").tolist() == [7, 4]


def test_front_end_takes_the_bag(recorded):
    drive, path, _, _ = recorded
    steps = [s for s in replay_offline(path, drive.vehicle, PerceptionConfig(), CpuLibrary()) if s.frame is not None]
    assert len(steps) == 2
    scan = steps[-1].frame.scans[0].cloud
    truth = drive.sample(1).truth
    kept = np.count_nonzero(truth.semantic != 8)
    assert abs(len(scan) - kept) < 0.03 * kept  # the self-mask takes the own body and little else
    assert len(steps[-1].frame.cameras) == 1
    assert steps[-1].result.occupancy.wire.max() > 50
