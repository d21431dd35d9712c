"""Sweeps against scenes whose answer is known in closed form, and what weather, water and reflectors do to them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.scenes import STRAIGHT, Body, Yard, lidar, path

from autonomy_perception import geometry
from autonomy_perception.config import ConfigError, Dimensions, Extrinsics, LidarConfig
from autonomy_perception.simulation.rays import tracing
from autonomy_perception.simulation.rays.returns import Cause
from autonomy_perception.simulation.rays.scene import FAR, join
from autonomy_perception.simulation.rays.tracing import HitKind
from autonomy_perception.simulation.sensors.beams import LIDARS, LidarModel, lidar_model
from autonomy_perception.simulation.sensors.lidar import Lidar
from autonomy_perception.simulation.world import solids
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.weather import WEATHERS, Conditions, Weather, conditions
from autonomy_perception.simulation.world.world import FIRST_STRUCTURE

SPARSE = LidarModel(tuple(np.arange(10.0, -25.0, -2.5)), 720)
PERFECT = replace(SPARSE, noise_m=0.0, step_m=1e-6, divergence_mrad=1e-9)


def driving():
    """15 m/s along a curve."""
    yaw = 0.2 * STRAIGHT
    return path(75.0 * np.sin(yaw), 75.0 * (1.0 - np.cos(yaw)), yaw)


def plane_ranges(bundle):
    down = bundle.directions[:, 2].astype(float)
    return np.where(down < -1e-3, -bundle.origins[:, 2] / np.minimum(down, -1e-9), np.inf)


def test_plane_and_box_to_a_millimetre_while_driving_a_curve():
    low, high = np.array([20.0, -4.0, 0.0]), np.array([26.0, 6.0, 3.0])
    world = Yard(solids.box(low, high, Material.ROCK), ego=driving())
    sensor = lidar(SPARSE)
    bundle = sensor.rays(world.ego, 0.9)
    met = sensor.cast(world, bundle)
    o, d = bundle.origins.astype(float), bundle.directions.astype(float)
    with np.errstate(divide="ignore"):
        a, b = (low - o) / d, (high - o) / d
    enter, leave = np.minimum(a, b).max(1), np.maximum(a, b).min(1)
    box = np.where((enter < leave) & (enter > 0), enter, np.inf)
    expected = np.minimum(plane_ranges(bundle), box)
    near = expected < 100.0
    edge = np.abs(leave - enter) < 0.02  # grazes an edge: either answer is right
    assert (box[near] < plane_ranges(bundle)[near]).sum() > 100
    np.testing.assert_allclose(met.distance[near & ~edge], expected[near & ~edge], atol=1e-3)
    hit = near & ~edge & (box < plane_ranges(bundle))
    assert np.all(met.instance[hit] == FIRST_STRUCTURE)
    assert np.all(met.semantic[hit] == Semantic.STRUCTURE)
    assert np.all(met.distance[expected > 600.0] == FAR)


def test_a_moving_box_is_met_where_it_is_at_the_time_of_each_firing():
    speed, t_end = 25.0, 1.0
    mesh = solids.box((-2.0, -1.0, 0.0), (2.0, 1.0, 2.5), Material.ROCK)
    world = Yard(actors=[Body(7, mesh, path(40.0 - speed * STRAIGHT, 3.0, np.pi))], ego=driving())
    sensor = lidar(SPARSE)
    bundle = sensor.rays(world.ego, t_end)
    met = sensor.cast(world, bundle)
    mine = np.flatnonzero(met.instance == 7)
    assert len(mine) > 50
    assert met.reached[7] == len(mine)
    assert np.all(met.semantic[mine] == Semantic.OBJECT)
    t = t_end + sensor.column_time[sensor.column[mine]]
    local = bundle.points(met.distance[mine], mine) - np.column_stack([40.0 - speed * t, 3.0 + 0 * t, 0 * t])
    faces = np.abs(np.abs(local) - [2.0, 1.0, 1.25]).min(1)
    assert np.abs(local[:, 0]).max() < 2.001
    assert np.minimum(faces, np.abs(local[:, 2] - 2.5)).max() < 1e-3


def test_only_rays_that_cannot_meet_a_moving_body_are_left_out(monkeypatch):
    mesh = solids.box((-3.0, -1.0, 0.0), (3.0, 1.0, 2.5), Material.ROCK)
    passing = Body(7, mesh, path(9.0 - 25.0 * (STRAIGHT - 1.0), 3.5, 6.0 * STRAIGHT))
    behind = Body(8, mesh, path(3.0 - 25.0 * (STRAIGHT - 1.0), 6.0, -4.0 * STRAIGHT))
    world = Yard(actors=[passing, behind], ego=driving())
    world.trailer = Body(
        0, mesh, path(75.0 * np.sin(0.2 * STRAIGHT) - 4.5, 75.0 * (1.0 - np.cos(0.2 * STRAIGHT)), 2.0 * STRAIGHT)
    )
    truck = Dimensions(front=2.0, rear=1.0, width=2.0, height=2.5, wheelbase=2.0)
    mount = LidarConfig(topic="/points", frame="lidar", extrinsics=Extrinsics(xyz=[0.5, 0.0, 3.0], rpy=[0.0, 0.0, 0.0]))
    sensor = Lidar("top", mount, SPARSE, truck)
    bundle = sensor.rays(world.ego, 1.0)
    met = sensor.cast(world, bundle)
    monkeypatch.setattr(tracing, "nearby", lambda bundle, position, radius: np.arange(len(bundle.directions)))
    everything = tracing.trace(world, bundle, 120.0, [world.trailer])
    sensor._own.cover(everything, bundle)
    assert met.reached == everything.reached
    assert set(np.unique(met.part)) == {HitKind.NONE, HitKind.GROUND, HitKind.ACTOR, HitKind.OWN}
    assert np.count_nonzero((met.part == HitKind.OWN) & (sensor._own.stopped == FAR)) > 100  # the trailer
    assert 10 < np.count_nonzero(met.instance == 8) < met.reached[8] - 100  # hidden by the first
    for name in ("distance", "part", "instance", "material", "cosine"):
        np.testing.assert_array_equal(getattr(met, name), getattr(everything, name))


def test_a_sphere_within_its_chord_error():
    radius, center, rings, sides = 3.0, np.array([15.0, 2.0, 2.5]), 48, 96
    world = Yard(solids.ellipsoid(center, (radius,) * 3, Material.ROCK, rings, sides))
    sensor = lidar(replace(SPARSE, columns=3600))
    bundle = sensor.rays(world.ego, 0.5)
    met = sensor.cast(world, bundle)
    mine = np.flatnonzero(met.semantic == Semantic.STRUCTURE)
    away = np.linalg.norm(bundle.points(met.distance[mine], mine) - center, axis=1)
    chord = radius * (1.0 - np.cos(np.pi / rings) * np.cos(np.pi / sides))
    assert len(mine) > 300
    assert away.max() < radius + 1e-3
    assert away.min() > radius - chord - 1e-3


def test_sweep_says_when_where_and_what():
    world = Yard(solids.box((20, -5, 0), (21, 5, 4), Material.ROCK), ego=driving())
    sensor = lidar(PERFECT, (0.4, 0.1, 2.0), (0.01, -0.02, 0.3))
    sweep = sensor.sweep(world, 0.7, np.random.default_rng(0))
    cloud = sweep.cloud
    np.testing.assert_allclose(cloud.time, sweep.time, atol=1e-7)
    turn = (np.degrees(np.pi - np.arctan2(cloud.xyz[:, 1], cloud.xyz[:, 0])) % 360) / 360
    np.testing.assert_allclose(turn * 0.1 - 0.1, cloud.time, atol=0.5 / 720 * 0.1 + 1e-6)
    poses = world.ego.poses(0.7 + cloud.time.astype(float)) @ sensor.T_base_lidar
    there = np.einsum("nij,nj->ni", poses[:, :3, :3], cloud.xyz) + poses[:, :3, 3]
    np.testing.assert_allclose(there, sweep.xyz, atol=2e-3)
    ground = sweep.semantic == Semantic.ROAD
    assert np.abs(there[ground, 2]).max() < 2e-3
    assert set(np.unique(sweep.instance)) == {0, FIRST_STRUCTURE}
    assert cloud.stamp_ns == 1_700_000_000_700_000_000


@pytest.mark.parametrize(("stamp_at", "first", "last"), [("start", 0.0, 0.1), ("mid", -0.05, 0.05), ("end", -0.1, 0.0)])
def test_times_are_relative_to_what_the_stamp_means(stamp_at, first, last):
    sensor = lidar(SPARSE)
    sensor.config = sensor.config.model_copy(update={"stamp_at": stamp_at})
    ticks = sensor.ticks(0.0, 1.0, 3)
    sweep = sensor.sweep(Yard(), float(ticks.t[4]), np.random.default_rng(0), stamp_ns=int(ticks.stamp_ns[4]))
    when = (sweep.cloud.stamp_ns - 1_700_000_000_000_000_000) * 1e-9 + sweep.cloud.time
    np.testing.assert_allclose(when, sweep.t_end + sweep.time, atol=1e-6)
    assert first <= sweep.cloud.time.min()
    assert sweep.cloud.time.max() <= last


def test_miscalibration_moves_the_sensor_and_not_what_it_says():
    error = geometry.make_transform(geometry.rotation_rpy(0.0, np.radians(2.0), 0.0), [0.0, 0.0, 0.2])
    level, off = (lidar(PERFECT, T_stated_true=T).sweep(Yard(), 0.5, np.random.default_rng(0)) for T in (None, error))
    assert np.abs(level.cloud.xyz[:, 2] + 2.0).max() < 2e-3
    ahead = (off.cloud.xyz[:, 0] > 5) & (np.abs(off.cloud.xyz[:, 1]) < 1)
    assert ahead.any()
    back = geometry.transform_points(error, off.cloud.xyz[ahead])
    assert np.abs(back[:, 2] + 2.0).max() < 2e-3
    assert np.abs(off.cloud.xyz[ahead, 2] + 2.0).max() > 0.3


def test_same_seed_same_bytes_other_seed_other_noise():
    world, sensor = Yard(solids.box((20, -5, 0), (21, 5, 4), Material.RETRO)), lidar(SPARSE)
    now = conditions("rain")
    a, b, c = (sensor.sweep(world, 0.5, np.random.default_rng(s), now).cloud for s in (1, 1, 2))
    assert a.xyz.tobytes() + a.intensity.tobytes() == b.xyz.tobytes() + b.intensity.tobytes()
    assert a.xyz.tobytes() != c.xyz.tobytes()


def test_range_noise_is_as_stated():
    sweep = lidar(SPARSE).sweep(Yard(), 0.5, np.random.default_rng(0))
    origin = np.array([0.0, 0.0, 2.0])
    error = np.linalg.norm(sweep.cloud.xyz, axis=1) - np.linalg.norm(sweep.xyz - origin, axis=1)
    assert abs(error.mean()) < 0.002
    assert error.std() == pytest.approx(0.02, rel=0.1)


@given(st.floats(40.0, 20_000.0), st.floats(1.05, 5.0))
def test_thicker_fog_dims_more(visibility, factor):
    thin, thick = Weather(visibility * factor), Weather(visibility)
    assert thick.fog_extinction > thin.fog_extinction
    assert thick.haze > thin.haze


@given(st.floats(0.0, 60.0), st.floats(0.1, 40.0))
def test_more_rain_or_snow_dims_more(rate, more):
    assert Weather(rain_mm_h=rate + more).extinction > Weather(rain_mm_h=rate).extinction
    assert Weather(snow_mm_h=rate + more).extinction > Weather(snow_mm_h=rate).extinction


def test_extinction_of_rain_is_that_of_the_recommendation():
    per_km = Weather(visibility_m=1e9, rain_mm_h=10.0).extinction * 1000.0 * 10.0 / np.log(10.0)
    assert per_km == pytest.approx(1.076 * 10.0**0.67, rel=1e-3)  # [dB/km], ITU-R P.1814


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000))
def test_fewer_far_surfaces_and_more_clutter_the_thicker_the_fog(seed):
    wall = solids.box((35.0, -30.0, 0.0), (36.0, 30.0, 8.0), Material.ROCK)
    world, sensor = Yard(wall), lidar(SPARSE)
    far, clutter = [], []
    for visibility in (20_000.0, 300.0, 120.0, 60.0):
        sweep = sensor.sweep(world, 0.5, np.random.default_rng(seed), Conditions(Weather(visibility)))
        far.append(np.count_nonzero((sweep.cause == Cause.SURFACE) & (sweep.instance == FIRST_STRUCTURE)))
        clutter.append(np.count_nonzero(sweep.cause == Cause.WEATHER))
    assert all(b < a + 4.0 * np.sqrt(a) for a, b in pairwise(far))
    assert far[0] > 2 * far[-1]
    assert clutter == sorted(clutter)
    assert clutter[0] == 0


def test_false_returns_have_no_label():
    wall = solids.box((12.0, -4.0, 0.0), (12.2, 4.0, 4.0), Material.RETRO)
    behind = solids.box((12.6, -30.0, 0.0), (13.0, 30.0, 4.0), Material.ROCK)
    world = Yard(join([wall, behind]))
    for name in WEATHERS:
        sweep = lidar(SPARSE).sweep(world, 0.5, np.random.default_rng(0), conditions(name))
        false = sweep.cause != Cause.SURFACE
        assert np.all(sweep.semantic[false] == Semantic.NONE)
        assert np.all(sweep.instance[false] == -1)
        assert np.all(sweep.semantic[~false] != Semantic.NONE)
        assert (name in ("clear", "overcast")) == (not np.any(sweep.cause == Cause.WEATHER))


def test_beams_mix_surfaces_at_edges_and_nowhere_else():
    plate = solids.box((10.0, -2.0, 0.0), (10.1, 2.0, 4.0), Material.ROCK)
    wall = solids.box((10.9, -30.0, 0.0), (11.5, 30.0, 4.0), Material.BRICK)
    wide = replace(PERFECT, divergence_mrad=20.0)
    world = Yard(join([plate, wall]))
    world.solid_owner[len(plate.faces) :] = 1
    sweep = lidar(wide).sweep(world, 0.5, np.random.default_rng(0))
    mixed = sweep.xyz[sweep.cause == Cause.MIXED]
    assert len(mixed) > 3
    assert np.all((mixed[:, 0] > 10.0) & (mixed[:, 0] < 10.91))
    assert np.all(np.abs(np.abs(mixed[:, 1]) - 2.0) < 0.35)


def test_retro_reflectors_bloom_into_the_beams_beside_them():
    sign = solids.box((15.0, -0.6, 1.0), (15.1, 0.6, 2.6), Material.RETRO)
    sweep = lidar(replace(SPARSE, columns=1800)).sweep(Yard(sign), 0.5, np.random.default_rng(0))
    bloom = sweep.xyz[sweep.cause == Cause.BLOOM]
    assert 5 < len(bloom) < 200
    assert np.all(np.abs(np.linalg.norm(bloom[:, :2], axis=1) - 15.0) < 0.5)
    assert np.all(sweep.cloud.intensity[sweep.cause == Cause.BLOOM] < 0.2)
    assert sweep.cloud.intensity[sweep.instance == FIRST_STRUCTURE].mean() > 0.9


def test_standing_water_mirrors_a_wall_to_below_the_ground():
    wall = solids.box((25.0, -20.0, 0.0), (26.0, 20.0, 6.0), Material.BRICK)
    wet = lidar(PERFECT).sweep(Yard(wall, ground=(Semantic.WATER, Material.WATER, 1.0)), 0.5, np.random.default_rng(0))
    ghost = wet.xyz[wet.cause == Cause.GHOST]
    assert len(ghost) > 20
    assert np.all(ghost[:, 2] < 0.01)
    assert np.all(np.abs(ghost[:, 0] - 25.0) < 0.02)  # the mirrored wall stands where the wall stands
    dry = lidar(PERFECT).sweep(Yard(wall), 0.5, np.random.default_rng(0))
    assert not np.any(dry.cause == Cause.GHOST)
    ground = [np.count_nonzero((s.semantic == Semantic.ROAD) | (s.semantic == Semantic.WATER)) for s in (dry, wet)]
    assert ground[1] < 0.5 * ground[0]


def test_foliage_stops_rays_as_its_depth_says():
    hedge = solids.box((10.0, -50.0, 0.0), (10.2, 50.0, 6.0), Material.LEAF)
    sweep = lidar(PERFECT).sweep(
        Yard(solids.box((20, -90, 0), (21, 90, 9), Material.ROCK), porous=hedge), 0.5, np.random.default_rng(3)
    )
    up = sweep.xyz[:, 2] > 0.5
    ahead = up & (np.abs(sweep.xyz[:, 1]) < 0.3 * sweep.xyz[:, 0])
    inside = ahead & (sweep.xyz[:, 0] < 10.3)
    through = ahead & (sweep.xyz[:, 0] > 19.9)
    assert np.all(sweep.xyz[inside, 0] > 9.999)
    share = through.sum() / (through.sum() + inside.sum())
    assert share == pytest.approx(np.exp(-5.0 * 0.205), abs=0.08)  # 0.2 m of leaves, slightly askew


def test_who_stands_behind_foliage_is_met_through_it_and_hides_what_lies_behind():
    hedge = solids.box((10.0, -50.0, 0.0), (10.2, 50.0, 6.0), Material.LEAF)
    wall = solids.box((20.0, -90.0, 0.0), (21.0, 90.0, 9.0), Material.ROCK)
    van, bike = (solids.box((x, -3.0, 0.0), (x + 0.5, 3.0, 3.0), Material.ROCK) for x in (13.0, 16.0))
    world = Yard(wall, porous=hedge, actors=[Body(8, bike, path(0.0)), Body(7, van, path(0.0))])
    sweep = lidar(replace(PERFECT, columns=3600)).sweep(world, 0.5, np.random.default_rng(3))
    ahead = (sweep.xyz[:, 0] > 9.0) & (np.abs(sweep.xyz[:, 1]) < 0.22 * sweep.xyz[:, 0])
    at_van = ahead & (sweep.xyz[:, 2] < 2.0 + sweep.xyz[:, 0] / 13.5)
    on_it = sweep.instance == 7
    np.testing.assert_allclose(sweep.xyz[on_it, 0], 13.0, atol=2e-3)
    assert not np.any(sweep.xyz[at_van, 0] > 13.01)
    assert on_it.sum() > 300
    assert 8 not in sweep.instance
    assert sweep.seen[7] / sweep.reached[7] == pytest.approx(np.exp(-5.0 * 0.205), abs=0.04)
    inside = Yard(wall, porous=hedge, actors=[Body(7, van, path(-2.9))])  # its front is 0.1 m deep in the hedge
    sweep = lidar(PERFECT).sweep(inside, 0.5, np.random.default_rng(3))
    assert sweep.seen[7] / sweep.reached[7] == pytest.approx(np.exp(-5.0 * 0.1025), abs=0.08)


def test_dark_and_far_surfaces_are_lost_first():
    def share(material, distance):
        wall = solids.box((distance, -90.0, -1.0), (distance + 1.0, 90.0, 30.0), material)
        sensor = lidar(SPARSE)
        bundle = sensor.rays(Yard().ego, 0.5)
        world = Yard(wall)
        facing = np.count_nonzero(sensor.cast(world, bundle).semantic == Semantic.STRUCTURE)
        return np.count_nonzero(sensor.sweep(world, 0.5, np.random.default_rng(0)).instance == FIRST_STRUCTURE) / facing

    assert share(Material.WHITE_PLASTIC, 60.0) > 0.9
    assert share(Material.TYRE, 100.0) < share(Material.TYRE, 60.0) < share(Material.WHITE_PLASTIC, 60.0)
    assert share(Material.TYRE, 110.0) < 0.2


@pytest.mark.parametrize("name", LIDARS)
def test_beam_tables_are_tables_of_real_classes(name):
    model = LIDARS[name]
    gaps = -np.diff(model.elevations_deg)
    assert np.all(gaps > 0)
    assert model.beams in (16, 32, 64, 128)
    assert str(model.beams) in name
    if "dense" in name or name == "spinning64":
        assert gaps.max() > 1.4 * gaps.min()
    sensor = lidar(model)
    sweep = sensor.sweep(Yard(), 0.5, np.random.default_rng(0))
    assert sweep.cloud.ring.max() <= model.beams - 1
    assert (np.abs(np.degrees(np.arctan2(sweep.cloud.xyz[:, 1], sweep.cloud.xyz[:, 0]))).max() < 60.1) != model.turns


def test_names_that_do_not_exist_are_answered_with_those_that_do():
    with pytest.raises(ConfigError, match=r"'hdl': expected one of .*spinning64"):
        lidar_model("hdl")
    with pytest.raises(ConfigError, match=r"weather 'hail': expected one of clear, .*snow"):
        conditions("hail")
    with pytest.raises(ConfigError, match=r"time of day 'tea': expected one of noon, .*night"):
        conditions("clear", "tea")


@pytest.mark.parametrize(("calibrated", "low", "high"), [(True, 0.75, 1.05), (False, 0.0, 0.3)])
def test_intensity_is_reflectivity_or_the_signal(calibrated, low, high):
    model = replace(SPARSE, calibrated=calibrated)
    bright = []
    for distance in (6.0, 24.0):
        wall = solids.box((distance, -90.0, -1.0), (distance + 1.0, 90.0, 30.0), Material.WHITE_PLASTIC)
        sweep = lidar(model).sweep(Yard(wall), 0.5, np.random.default_rng(0))
        facing = (sweep.instance == FIRST_STRUCTURE) & (np.abs(sweep.cloud.xyz[:, 1]) < 0.5)
        bright.append(np.median(sweep.cloud.intensity[facing]))
    assert low < bright[1] / bright[0] < high


def test_materials_differ_in_intensity_and_vary_from_place_to_place():
    def values(material):
        wall = solids.box((8.0, -90.0, -1.0), (9.0, 90.0, 30.0), material)
        sweep = lidar(SPARSE).sweep(Yard(wall), 0.5, np.random.default_rng(0))
        return sweep.cloud.intensity[sweep.instance == FIRST_STRUCTURE]

    medians = [
        float(np.median(values(m))) for m in (Material.TYRE, Material.BRICK, Material.WHITE_PLASTIC, Material.RETRO)
    ]
    assert medians == sorted(medians)
    assert medians[0] < 0.12
    assert medians[3] > 0.9
    ground = lidar(SPARSE).sweep(Yard(), 0.5, np.random.default_rng(0)).cloud.intensity
    assert ground.std() > 0.1 * ground.mean()
