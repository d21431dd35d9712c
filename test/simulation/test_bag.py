"""A synthetic drive written as a bag and read back: nothing is lost on the way."""

import numpy as np
import pytest

from autonomy_perception.bags.reader import BagReader
from autonomy_perception.config import PerceptionConfig
from autonomy_perception.evaluation.replay import replay_offline
from autonomy_perception.evaluation.truth_frame import TruthFrame, read_truth
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.truth_messages import truth_uuid
from autonomy_perception.simulation.write_bag import write_bag


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    drive = SyntheticDrive(seed=1, duration_s=0.2, start_s=12.0)
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
