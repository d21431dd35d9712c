"""Data sets of several rigs, of sensors and receivers that differ, and of worlds that are fuller near the way."""

import numpy as np
import pytest

from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.dataset import DatasetSetup, SampleMaker
from autonomy_perception.simulation.sensors.beams import LIDARS, lidar_model
from autonomy_perception.simulation.sensors.rig import default_rig, load_rig
from autonomy_perception.simulation.sensors.variety import MODELS, Receiver, about, varied
from autonomy_perception.simulation.world.world import World

RIGS = ("demo_truck", "kitti", "nuscenes", "semi_truck", "rellis3d", "monoforce_marv")


@pytest.mark.parametrize("name", RIGS)
def test_varied_rigs_are_whole_rigs_that_the_vehicle_knows(name):
    rig = load_rig(name)
    rigs = [varied(rig, np.random.default_rng(k)) for k in range(6)]
    assert varied(rig, np.random.default_rng(3)) == rigs[3]
    for made in rigs:
        assert made.faults() == rig.faults()  # nothing is where the vehicle does not know it
        for name, setup in made.setup.lidars.items():
            own = setup.model == rig.setup.lidars[name].model
            beams = made.vehicle.lidars[name].beam_elevations_deg
            assert own or beams == list(lidar_model(setup.model).elevations_deg)
            assert own or setup.model in MODELS
        told = about(made)
        assert set(told) == {*rig.setup.lidars, *rig.setup.cameras}
    turning = [n for n, s in rig.setup.lidars.items() if LIDARS[s.model].turns]
    assert len({m.setup.lidars[n].model for m in rigs for n in turning}) >= 2
    heights = np.array([[m.vehicle.lidars[n].extrinsics.xyz[2] for n in turning] for m in rigs])
    stated = np.array([rig.vehicle.lidars[n].extrinsics.xyz[2] for n in turning])
    assert np.ptp(heights, axis=0).min() > 0.05
    free = (stated >= 1.2) & (stated <= 3.0)
    assert ((heights[:, free] >= 1.6) & (heights[:, free] <= 3.0)).all()
    assert (np.abs(heights - stated)[:, ~free] <= 0.1 + 1e-9).all()


def sweep_of(drive):
    return drive.sweeps(0.95, 1.05)[0].data


@pytest.fixture(scope="module")
def drive():
    return SyntheticDrive(2, 1.2, scenario="yard", cameras=False, grid=(20.0, 0.5))


def received(drive, receiver, seed=1):
    lidar, rngs = drive.lidar, [np.random.default_rng([seed, k]) for k in range(2)]
    return receiver.receive(sweep_of(drive), lidar.beams, lidar.period, *rngs)


def test_a_receiver_without_faults_changes_nothing(drive):
    before, after = sweep_of(drive), received(drive, Receiver())
    assert np.array_equal(before.cloud.xyz, after.cloud.xyz)
    assert before.cloud.intensity == pytest.approx(after.cloud.intensity, abs=1e-6)


def test_every_fault_of_a_receiver_does_what_it_says(drive):
    plain = sweep_of(drive)
    n = len(plain.cloud)
    zeros = received(drive, Receiver(zeros=0.1)).cloud.intensity
    assert np.mean(zeros == 0.0) == pytest.approx(0.1, abs=0.02)
    strong = plain.cloud.intensity > np.quantile(plain.cloud.intensity, 0.8)
    assert np.mean(zeros[strong] == 0.0) < 0.02
    bright = received(drive, Receiver(gamma=0.5)).cloud.intensity
    assert np.median(bright) == pytest.approx(np.median(plain.cloud.intensity) ** 0.5, abs=0.01)
    near = received(drive, Receiver(reach_m=30.0)).cloud.xyz
    assert np.linalg.norm(near, axis=1).max() < 30.0
    assert len(near) == np.count_nonzero(np.linalg.norm(plain.cloud.xyz, axis=1) < 30.0)
    assert len(received(drive, Receiver(lost=0.1)).cloud) == pytest.approx(0.9 * n, rel=0.02)
    rings = np.unique(received(drive, Receiver(rings_lost=0.2)).cloud.ring)
    assert len(rings) < len(np.unique(plain.cloud.ring))
    gone = received(drive, Receiver(gaps=2))
    assert n - len(gone.cloud) > 0.005 * n
    assert np.diff(np.unique(gone.time)).max() > 8e-4
    for sweep in (gone, received(drive, Receiver(lost=0.3))):
        assert len(sweep.cloud) == len(sweep.semantic) == len(sweep.instance) == len(sweep.time) == len(sweep.xyz)


def test_draws_of_receivers_reach_what_recordings_hold():
    drawn = [Receiver.drawn(np.random.default_rng(k)) for k in range(400)]
    median = [r.gain * 0.12**r.gamma for r in drawn]  # of simulated returns; KITTI's is 0.28
    assert np.quantile(median, 0.05) < 0.1 < 0.28 < np.quantile(median, 0.9)
    assert 0.2 < np.mean([r.zeros >= 0.1 for r in drawn]) < 0.5
    assert 0.1 < np.mean([r.reach_m < 85.0 for r in drawn]) < 0.5
    for field in ("zeros", "lost", "rings_lost", "gaps"):
        share = np.mean([getattr(r, field) == 0 for r in drawn])
        assert 0.2 < share < 0.9, field


def test_clutter_fills_the_surroundings_and_leaves_the_rest_of_the_world_as_it_is():
    vehicle = load_rig("kitti").vehicle
    plain, full = (World(3, vehicle, "rural", 6.0, clutter) for clutter in (0.0, 1.0))
    assert len(full.structures) > len(plain.structures) + 15
    for a, b in zip(plain.structures, full.structures, strict=False):
        assert a.kind == b.kind
        assert a.core == b.core
    assert all(np.array_equal(a.path.position, b.path.position) for a, b in zip(plain.actors, full.actors, strict=True))
    way = full.ego.places(np.linspace(0.0, 6.0, 100))[:, :2]
    for thing in full.structures[len(plain.structures) :]:
        away = np.linalg.norm(way - thing.core[:2], axis=1).min()
        assert 1.0 < away < 32.0
    t = 3.0
    near = []
    for world in (plain, full):
        cloud = load_rig("kitti").lidars[0].sweep(world, t, np.random.default_rng(0)).cloud
        near.append(np.count_nonzero((np.linalg.norm(cloud.xyz, axis=1) < 15.0) & (cloud.xyz[:, 2] > -1.5)))
    assert near[1] > near[0]


def test_a_set_of_several_rigs_takes_them_in_turn_and_says_what_was_drawn():
    setup = DatasetSetup(
        samples=12, scenario="yard", weather="clear", time_of_day="noon", drive_s=1.0, cameras=False, moments=2,
        rig=default_rig(), more_rigs=(load_rig("kitti"), load_rig("nuscenes")), vary=True, past=1,
    )  # fmt: skip
    maker = SampleMaker(setup)
    samples = [maker.make(seed) for seed in (0, 2, 4)]
    assert {s.info["rig"] for s in samples} == {"demo_truck", "kitti", "nuscenes"}
    assert len({s.info["receiver"]["gamma"] for s in samples}) == 3
    for sample in samples:
        assert all(s["height"] >= 1.3 for s in sample.info["sensors"].values())
        a = sample.arrays
        assert len(a["xyz"]) > 3000
        assert set(np.unique(a["sweep"])) == {0, 1}
        assert np.array_equal(
            a["object_points"].sum(), np.count_nonzero((a["sweep"] == 0) & np.isin(a["instance"], a["object_number"]))
        )
    again = SampleMaker(setup).make(2)
    assert again.files("k") == samples[1].files("k")
