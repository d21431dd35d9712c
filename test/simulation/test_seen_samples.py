"""Samples hold what the vehicle's own front end gives, and say of what is true how far it can be known."""

import functools

import numpy as np
import pytest

from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.make_sample import make_sample
from autonomy_perception.simulation.io.sample import PIXEL, moved_boxes
from autonomy_perception.simulation.scenarios import SCENARIOS
from autonomy_perception.simulation.sensors.rig import Rig, RigFile, default_rig, load_rig
from autonomy_perception.simulation.truth.truth import OCCUPIED
from autonomy_perception.simulation.world.materials import GROUND, Semantic

MIRRORS_M = 0.2
"""Mirrors of cars stand out of their boxes by so much at most, and ranges are measured."""
USUAL = (("semi_truck", "highway"), ("demo_truck", "highway"), ("demo_truck", "yard"))
DRIVES = [
    *USUAL,
    *(
        pytest.param(rig, name, marks=pytest.mark.long)
        for rig in ("demo_truck", "semi_truck", "rellis3d")
        for name in SCENARIOS
        if (rig, name) not in USUAL
    ),
]


@functools.lru_cache(maxsize=3)
def drive_of(rig, scenario):
    return SyntheticDrive(5, 5.0, scenario=scenario, rig=load_rig(rig), cameras=False, grid=(100.0, 0.5))


def in_boxes(a, k, mine, time):
    """Share of the returns ``mine`` on object ``k`` in its box at times (P,)."""
    rows = np.full(len(mine), k)
    center, yaw = moved_boxes(
        a["object_center"][rows], a["object_yaw"][rows], a["object_velocity"][rows], a["object_yaw_rate"][rows], time
    )
    away, c, s = a["xyz"][mine] - center, np.cos(yaw), np.sin(yaw)
    local = np.abs(np.stack([c * away[:, 0] + s * away[:, 1], c * away[:, 1] - s * away[:, 0]], -1))
    return (local < 0.5 * a["object_size"][k, :2] + MIRRORS_M).all(1)


@pytest.mark.parametrize(("rig", "scenario"), DRIVES)
def test_returns_lie_in_the_box_of_the_time_that_it_was_scanned(rig, scenario):
    drive = drive_of(rig, scenario)
    carried, still, lidars = [], [], set()
    for index in (15, 45):
        a = make_sample(drive, index, {}).arrays
        for k, number in enumerate(a["object_number"]):
            for lidar in range(len(drive.lidars)):
                mine = np.flatnonzero((a["instance"] == number) & (a["lidar"] == lidar))
                assert len(mine) == a["object_scan_points"][k, lidar].sum()
                assert (np.isnan(a["object_scan_time"][k, lidar]) == (a["object_scan_points"][k, lidar] == 0)).all()
                if len(mine):
                    lidars.add(lidar)
                    passes = a["object_scan_time"][k, lidar].astype(float)
                    which = np.nanargmin(np.abs(a["time"][mine, None] - passes), axis=1)
                    carried.append(in_boxes(a, k, mine, passes[which]))
                    still.append(in_boxes(a, k, mine, np.zeros(len(mine))))
    carried, still = np.concatenate(carried), np.concatenate(still)
    assert len(carried) > 200
    assert carried.mean() >= 0.99
    if scenario == "highway":  # without the time they do not
        assert still.mean() < 0.95
        assert len(lidars) == len(drive.lidars)


def test_the_own_body_is_masked_and_points_come_deskewed_and_level():
    drive = drive_of("demo_truck", "yard")
    raw = drive.sample(20, in_odom=False)
    a = make_sample(drive, 20, {}).arrays
    own = raw.sweeps[0].data.semantic == Semantic.EGO
    assert own.mean() > 0.05
    assert np.mean(a["semantic"] == Semantic.EGO) < 0.002
    assert len(a["xyz"]) > 0.97 * np.count_nonzero(~own)
    assert np.abs(a["T_ego_base"][0, :3, 3]).max() < 1e-9
    off = a["T_ego_base"][0] @ np.linalg.inv(a["T_ego_base_true"][0])
    assert 0.0 < np.abs(off - np.eye(4)).max() < 2e-3  # the attitude is measured
    road = np.isin(a["semantic"], [int(s) for s in GROUND]) & (np.abs(a["xyz"][:, :2]).max(1) < 25.0)
    cells = np.floor(a["xyz"][road, :2] / 0.5 + 100).astype(int)
    rough = np.abs(a["xyz"][road, 2] - a["bev_elevation"][cells[:, 1], cells[:, 0]])
    assert np.nanpercentile(rough, 90) < 0.15


def test_past_frames_lie_on_the_same_ground_and_moving_things_trail_behind():
    drive = drive_of("demo_truck", "highway")
    a = make_sample(drive, 40, {}, past=[38, 36]).arrays
    assert a["sweep_time"] == pytest.approx([0.0, -0.2, -0.4])
    speed = float(np.linalg.norm(drive.twist(drive.end_of(40))[:3]))
    assert a["T_ego_base"][1, 0, 3] == pytest.approx(-0.2 * speed, abs=0.15)
    assert a["T_ego_base"][2] == pytest.approx(a["T_ego_base_true"][2], abs=0.02)
    assert {int(k): round(float(a["time"][a["sweep"] == k].max()), 1) for k in range(3)} == {0: 0.0, 1: -0.2, 2: -0.4}
    signs = np.isin(a["semantic"], [int(Semantic.STRUCTURE)])
    numbers, counts = np.unique(a["instance"][signs & (a["sweep"] == 2)], return_counts=True)
    for number in numbers[counts > 30]:
        k = int(np.flatnonzero(a["structure_number"] == number)[0])
        mine = a["xyz"][(a["instance"] == number) & (a["sweep"] == 2)]
        low = a["structure_center"][k][2] - 0.5 * a["structure_size"][k][2]
        assert np.linalg.norm(mine[:, :2] - a["structure_center"][k][:2], axis=1).max() < np.linalg.norm(
            a["structure_size"][k][:2]
        )
        assert mine[:, 2].min() > low - 0.3
    seen = 0
    for k, number in enumerate(a["object_number"]):
        places = [np.median(a["xyz"][(a["instance"] == number) & (a["sweep"] == s)], axis=0) for s in (0, 2)
                  if np.count_nonzero((a["instance"] == number) & (a["sweep"] == s)) >= 40]  # fmt: skip
        if len(places) == 2 and np.hypot(*a["object_velocity"][k]) > 5.0:
            seen += 1
            assert (places[0] - places[1])[:2] == pytest.approx(0.4 * a["object_velocity"][k], abs=1.5)
    assert seen > 0


def test_objects_out_of_the_grid_are_left_out_unless_met():
    drive = drive_of("demo_truck", "highway")
    a, everybody = make_sample(drive, 20, {}).arrays, drive.sample(20, in_odom=False).truth.objects
    far = np.abs(everybody.center[:, :2]).max(1) > 70.0
    assert far.any()
    out = ~a["object_in_grid"] & (np.abs(a["object_center"][:, :2]).max(1) > 70.0)
    assert (a["object_points"][out] > 0).all()
    assert set(np.unique(a["instance"][a["semantic"] == Semantic.OBJECT])) <= set(a["object_number"].tolist())


def test_a_grid_ahead_holds_the_same_ground():
    drive, ahead = drive_of("demo_truck", "yard"), SyntheticDrive(
        5, 5.0, scenario="yard", cameras=False, grid=(60.0, 0.5, 20.0)
    )  # fmt: skip
    a, b = (make_sample(d, 20, {}).arrays for d in (drive, ahead))
    for name in ("bev_elevation", "bev_class", "bev_hits", "bev_visible"):
        assert b[name].shape == (120, 120)
        assert np.array_equal(a[name][40:160, 80:200], b[name], equal_nan=name == "bev_elevation"), name


@pytest.fixture(scope="module")
def clear_and_fog():
    """One moment of a quarry in clear air and in fog, with a small camera."""
    rig = default_rig()
    cameras = {
        n: c.model_copy(update={"width": 176, "height": 88, "K": [122.0, 122.0, 87.5, 43.5]})
        for n, c in rig.setup.cameras.items()
    }
    small = Rig.of(
        "small", RigFile.model_validate(rig.setup.model_copy(update={"cameras": cameras}).model_dump()), rig.stated
    )
    drives = [
        SyntheticDrive(4, 3.0, scenario="quarry", rig=small, weather=w, pixel_labels=True, grid=(100.0, 0.5))
        for w in ("clear", "fog")
    ]
    return [make_sample(d, 25, {}).arrays for d in drives]


def test_what_could_be_judged(clear_and_fog):
    for a in clear_and_fog:
        hit, observed, visible = a["bev_hits"] > 0, a["bev_observed"], a["bev_visible"]
        cells = np.floor(a["xyz"][:, :2] / 0.5 + 100).astype(int)
        inside = ((cells >= 0) & (cells < 200)).all(1)
        real = a["instance"] >= 0
        assert a["bev_hits"].sum() == np.count_nonzero(inside & real)
        assert a["bev_false_hits"].sum() == np.count_nonzero(inside & ~real)
        assert observed[hit].all()
        assert observed[a["bev_state"] == OCCUPIED].all()
        assert not observed[~visible & ~hit & (a["bev_state"] != OCCUPIED)].any()
        assert not visible.all()  # there are faces and things to hide behind
    clear, fog = clear_and_fog
    assert np.array_equal(clear["bev_visible"], fog["bev_visible"])  # geometry alone
    assert fog["bev_observed"].mean() < 0.6 * clear["bev_observed"].mean()
    assert fog["bev_false_hits"].sum() > 10 * clear["bev_false_hits"].sum()
    y, x = np.mgrid[:200, :200] * 0.5 - 49.75
    far = np.hypot(x, y) > 45.0
    assert fog["bev_observed"][far].mean() < 0.05


def test_pixels_that_fog_hides_claim_nothing(clear_and_fog):
    clear, fog = clear_and_fog
    assert not (clear["front_semantic"] == PIXEL["HIDDEN"]).any()
    hidden = fog["front_semantic"] == PIXEL["HIDDEN"]
    assert hidden[clear["front_semantic"] == PIXEL["SKY"]].all()
    assert np.isnan(fog["front_depth"][hidden]).all()
    assert (fog["front_instance"][hidden] == -1).all()
    deep = np.nan_to_num(clear["front_depth"].astype(np.float32), posinf=1e4)
    assert deep[~hidden].max() < 82.0  # visibility is 80 m
    assert (fog["front_semantic"][~hidden] == clear["front_semantic"][~hidden]).all()
    assert fog["bev_pixels"].sum() <= clear["bev_pixels"].sum()
