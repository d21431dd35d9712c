"""The synthetic drive: repeatable to the byte, labels that fit the geometry, no collision, odometry that drifts a little."""

import hashlib

import numpy as np
import pytest

from autonomy_perception import geometry
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.truth.truth import FREE, OCCUPIED
from autonomy_perception.simulation.world.materials import GROUND, Semantic
from autonomy_perception.simulation.world.truck import demo_vehicle


@pytest.fixture(scope="module")
def drive():
    return SyntheticDrive(seed=2, duration_s=0.2, start_s=11.0)


@pytest.fixture(scope="module")
def sample(drive):
    return drive.sample(1)


def digest(sample):
    h = hashlib.sha256()
    for a in (
        sample.cloud.xyz,
        sample.cloud.intensity,
        sample.cloud.time,
        sample.cloud.ring,
        sample.truth.instance,
        sample.truth.grid.state,
    ):
        h.update(np.ascontiguousarray(a).tobytes())
    h.update(sample.cameras[0].encoded)
    return h.hexdigest()


def test_same_seed_same_bytes_in_another_process(drive, sample):
    made = list(drive.samples(workers=2))  # each worker draws the world anew
    assert [s.index for s in made] == [0, 1]
    assert digest(made[1]) == digest(sample)


def test_cloud_is_a_sweep(sample):
    cloud = sample.cloud
    assert 50_000 < len(cloud) < 115_200
    assert cloud.time.min() < -0.095
    assert cloud.time.max() <= 0.0
    assert set(np.unique(cloud.ring)) <= set(range(64))
    assert np.isfinite(cloud.xyz).all()
    elevation = np.arctan2(cloud.xyz[:, 2], np.linalg.norm(cloud.xyz[:, :2], axis=1))
    table = np.radians(next(iter(demo_vehicle().lidars.values())).beam_elevations_deg)
    np.testing.assert_allclose(elevation, table[cloud.ring], atol=1e-5)


def test_labels_fit_the_boxes(drive, sample):
    """Points labelled as an object lie in its box once they are brought from their own time to the stamp."""
    t = drive.end_of(1)
    truth, checked = sample.truth, 0
    for number, points in zip(truth.objects.number, truth.objects.points, strict=True):
        mine = truth.instance == number
        assert mine.sum() == points
        if points < 30:
            continue
        actor = next(a for a in drive.world.actors if a.number == number)
        when = t + sample.cloud.time[mine].astype(float)
        T_world_lidar = drive.world.ego.poses(when) @ drive.lidar.T_base_lidar
        T_object_lidar = geometry.invert(actor.path.poses(when)) @ T_world_lidar
        local = np.einsum("nij,nj->ni", T_object_lidar[:, :3, :3], sample.cloud.xyz[mine]) + T_object_lidar[:, :3, 3]
        half = 0.5 * actor.shape.size + 0.12
        assert np.all(np.abs(local[:, :2]) <= half[:2] + actor.shape.mirrors)
        assert np.all(local[:, 2] > -0.1)
        checked += 1
    assert checked >= 2


def test_ground_returns_lie_on_the_ground(drive, sample):
    ground = np.isin(sample.truth.semantic, [int(g) for g in GROUND])
    when = drive.end_of(1) + sample.cloud.time[ground].astype(float)
    pose = drive.world.ego.poses(when) @ drive.lidar.T_base_lidar
    world = np.einsum("nij,nj->ni", pose[:, :3, :3], sample.cloud.xyz[ground]) + pose[:, :3, 3]
    above = world[:, 2] - drive.world.ground(world[:, :2])
    assert np.percentile(above, 1) > -0.05
    assert np.percentile(above, 99) < 0.25
    road = sample.truth.semantic[ground] == Semantic.ROAD
    assert np.abs(above[road]).max() < 0.12


def test_truth_grid_agrees_with_the_returns(sample):
    truth, grid = sample.truth, sample.truth.grid
    T = truth.T_odom_base @ geometry.make_transform(geometry.rotation_rpy(0.0, 0.018, 0.006), [4.6, 0.0, 2.65])
    still = truth.semantic == Semantic.ROAD
    xyz = geometry.transform_points(T, sample.cloud.xyz[still & (sample.cloud.time > -0.02)])
    cells = grid.grid.bev.cells(xyz)
    cells = cells[grid.grid.bev.inside(cells)]
    state = grid.state[cells[:, 1], cells[:, 0]]
    assert np.mean(state == FREE) > 0.8
    assert not grid.ditch[cells[:, 1], cells[:, 0]].any()
    assert not np.any((grid.state == FREE) & grid.ditch)
    assert 100 < np.count_nonzero(grid.state == OCCUPIED) < 4000
    assert np.isfinite(truth.terrain.elevation).mean() > 0.9


def test_who_leaves_the_world_during_a_sweep_keeps_its_box(drive, sample):
    actor = next(a for a in drive.world.actors if np.any(sample.truth.instance == a.number))
    before = actor.there.copy()
    actor.there[actor.path.t > drive.end_of(1) - 0.02] = False
    try:
        again = drive.sample(1).truth
    finally:
        actor.there[:] = before
    np.testing.assert_array_equal(again.instance, sample.truth.instance)
    assert actor.number in again.objects.number


def test_odometry_drifts_but_little(drive):
    t = np.arange(0.0, 30.0, 1.0)
    T = drive.odometry.T_odom_world(t) @ drive.world.ego.poses(t)
    true = drive.world.ego.poses(t)
    travelled = np.linalg.norm(np.diff(true[:, :3, 3], axis=0), axis=1).sum()
    believed = np.linalg.norm(np.diff(T[:, :3, 3], axis=0), axis=1).sum()
    assert 0 < abs(believed / travelled - 1) < 0.02
    whole = drive.odometry.trajectory
    assert np.diff(whole.stamps_ns).min() == np.diff(whole.stamps_ns).max() == 20_000_000
    forward = whole.twist[:, 0]
    assert forward.min() > 3.0
    assert forward.max() < 17.0


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="start_s"):
        SyntheticDrive(0, 60.0)
