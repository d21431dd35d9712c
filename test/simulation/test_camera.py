"""Lenses against OpenCV, labels against scenes whose answer is known, shutter and conditions."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.scenes import SMALL, STRAIGHT, Body, Yard, path

from autonomy_perception import geometry
from autonomy_perception.config import CameraConfig, ConfigError, Extrinsics
from autonomy_perception.simulation.sensors.camera import Camera
from autonomy_perception.simulation.sensors.lens import pixel_rays, project
from autonomy_perception.simulation.sensors.setups import CameraSetup
from autonomy_perception.simulation.world import solids
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.weather import LIGHTS, WEATHERS, conditions
from autonomy_perception.simulation.world.world import FIRST_STRUCTURE
from autonomy_perception.types import CameraModel

AHEAD = [-np.pi / 2, 0.0, -np.pi / 2]  # optical axes of a camera that looks along x
RADIAL = st.floats(-0.25, 0.1)
TANGENTIAL = st.floats(-0.002, 0.002)


def camera(up=2.0, rpy=AHEAD, **setup):
    mount = Extrinsics(xyz=[0.0, 0.0, up], rpy=list(rpy))
    config = CameraConfig(topic="/image", info_topic="/info", frame="cam", extrinsics=mount)
    return Camera("front", config, CameraSetup(**{"width": 160, "height": 96, "fov_deg": 70.0} | setup), SMALL)


def image_of(shot):
    return cv2.imdecode(np.frombuffer(shot.frame.encoded, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def model(kind, d, f=60.0):
    return CameraModel(120, 80, np.array([[f, 0.0, 58.0], [0.0, f * 1.01, 41.0], [0.0, 0.0, 1.0]]), np.array(d), kind)


def grid(m):
    u, v = np.meshgrid(np.arange(m.width, dtype=float), np.arange(m.height, dtype=float))
    return np.stack([u.ravel(), v.ravel()], -1)


@settings(max_examples=15, deadline=None)
@given(RADIAL, st.floats(-0.02, 0.02), TANGENTIAL, TANGENTIAL)
def test_rays_of_plumb_bob_project_back_to_their_pixels(k1, k2, p1, p2):
    m = model("plumb_bob", [k1, k2, p1, p2, 0.0], f=110.0)
    back = cv2.projectPoints(pixel_rays(m), np.zeros(3), np.zeros(3), m.K, m.D)[0][:, 0]
    np.testing.assert_allclose(back, grid(m), atol=0.02)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-0.05, 0.05), min_size=6, max_size=6), TANGENTIAL, TANGENTIAL)
def test_rays_of_rational_polynomial_project_back_to_their_pixels(k, p1, p2):
    m = model("rational_polynomial", [k[0], k[1], p1, p2, k[2] / 5, k[3], k[4], k[5] / 5], f=110.0)
    back = cv2.projectPoints(pixel_rays(m), np.zeros(3), np.zeros(3), m.K, m.D)[0][:, 0]
    np.testing.assert_allclose(back, grid(m), atol=0.02)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-0.02, 0.02), min_size=4, max_size=4))
def test_rays_of_a_fisheye_project_back_to_their_pixels(k):
    m = model("equidistant", [k[0], k[1] / 3, k[2] / 9, k[3] / 27], f=65.0)
    rays = pixel_rays(m)
    back = cv2.fisheye.projectPoints(rays[:, None], np.zeros(3), np.zeros(3), m.K, m.D)[0][:, 0]
    np.testing.assert_allclose(back, grid(m), atol=0.02)
    np.testing.assert_allclose(project(m, 7.0 * rays), grid(m), atol=0.02)


def test_a_fisheye_sees_beyond_a_right_angle():
    rays = pixel_rays(model("equidistant", [0.0] * 4, f=35.0))
    assert rays[:, 2].min() < -0.05


def test_a_lens_that_folds_over_is_refused():
    with pytest.raises(ConfigError, match="can be inverted"):
        pixel_rays(model("plumb_bob", [-0.6, 0.0, 0.0, 0.0, 0.0], f=45.0))


@pytest.mark.parametrize(
    "lens",
    [
        {},
        {"D": [-0.2, 0.05, 0.001, -0.001, 0.0]},
        {"distortion_model": "rational_polynomial", "D": [0.1, 0.02, 0.0, 0.0, 0.001, 0.3, 0.01, 0.0]},
        {"distortion_model": "equidistant", "D": [0.02, -0.004, 0.0, 0.0], "fov_deg": 150.0},
    ],
    ids=["pinhole", "plumb_bob", "rational_polynomial", "equidistant"],
)
def test_labels_are_exact_under_every_lens(lens):
    cam = camera(**lens)
    block = solids.box((14.0, -3.0, 0.0), (16.0, 3.0, 4.0), Material.BRICK)
    shot = cam.shoot(Yard(block), 1.0, np.random.default_rng(0))
    rays = pixel_rays(cam.model) @ geometry.rotation_rpy(*AHEAD).T
    z = rays[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = np.where(z < 0, -2.0 / z, np.inf)
        low, high = (np.array([14.0, -3.0, -2.0]) / rays), (np.array([16.0, 3.0, 2.0]) / rays)
    enter, leave = np.minimum(low, high).max(1), np.maximum(low, high).min(1)
    wall = np.where((enter < leave - 1e-3) & (enter > 0), enter, np.inf)
    clear = np.abs(leave - enter) > 0.02
    nearest = np.minimum(floor, wall)
    expected = np.where(wall < floor, int(Semantic.STRUCTURE), np.where(nearest < 390, int(Semantic.ROAD), -1))
    known = clear & (expected >= 0)
    assert (expected == Semantic.STRUCTURE).sum() > 60
    np.testing.assert_array_equal(shot.semantic.ravel()[known], expected[known])
    np.testing.assert_array_equal(
        shot.instance.ravel()[known], np.where(expected[known] == Semantic.STRUCTURE, FIRST_STRUCTURE, 0)
    )
    depth = nearest * pixel_rays(cam.model)[:, 2]
    np.testing.assert_allclose(shot.depth.ravel()[known], depth[known], rtol=2e-5, atol=1e-3)
    sky = clear & ~np.isfinite(nearest)
    assert np.all(shot.semantic.ravel()[sky] == Semantic.NONE)
    assert np.all(shot.instance.ravel()[sky] == -1)
    assert np.all(np.isinf(shot.depth.ravel()[sky]))


def test_a_pixel_that_looks_through_leaves_shows_who_stands_behind_them():
    hedge = solids.box((10.0, -50.0, -0.5), (10.2, 50.0, 9.0), Material.LEAF)
    wall = solids.box((20.0, -90.0, 0.0), (21.0, 90.0, 30.0), Material.ROCK)
    van = solids.box((13.0, -30.0, 0.0), (15.0, 30.0, 5.0), Material.ROCK)
    cam = camera()
    bare, shot = (
        cam.shoot(Yard(wall, porous=hedge, actors=who), 1.0, np.random.default_rng(0))
        for who in ([], [Body(7, van, path(0.0))])
    )
    low = pixel_rays(cam.model)[:, 1].reshape(bare.depth.shape) > -0.15  # towards the van, whatever is in the way
    open_to = low & (bare.depth > 13.0)  # through the leaves and beyond the ground before the van
    assert open_to.sum() > 100
    np.testing.assert_array_equal(shot.instance[low] == 7, open_to[low])
    np.testing.assert_allclose(shot.depth[open_to], 13.0, atol=1e-2)


def test_instance_of_a_moving_object_lies_where_it_projects():
    body = Body(5, solids.box((-1.0, -1.0, 0.0), (1.0, 1.0, 1.6), Material.PAINT), path(22.0, -6.0 + 4.0 * STRAIGHT))
    cam = camera()
    shot = cam.shoot(Yard(actors=[body]), 1.5, np.random.default_rng(0))
    v, u = np.nonzero(shot.instance == 5)
    corners = np.array([[x, y, z] for x in (21.0, 23.0) for y in (-1.0, 1.0) for z in (0.0, 1.6)])
    seen = geometry.transform_points(geometry.invert(cam.T_base_camera), corners)
    at = project(cam.model, seen)
    assert abs(u.min() - at[:, 0].min()) < 1.01
    assert abs(u.max() - at[:, 0].max()) < 1.01
    assert abs(v.max() - at[:, 1].max()) < 1.01
    assert np.all(shot.semantic[v, u] == Semantic.OBJECT)


def test_a_rolling_shutter_leans_a_post_while_turning():
    post = solids.box((12.0, -0.2, 0.0), (12.4, 0.2, 9.0), Material.METAL)
    world = Yard(post, ego=path(0.0, 0.0, 1.0 * (STRAIGHT - 1.0)))
    lean = []
    for readout in (0.0, 30.0):
        shot = camera(readout_ms=readout, width=320, height=192).shoot(world, 1.0, np.random.default_rng(0))
        rows = [np.nonzero(row == FIRST_STRUCTURE)[0].mean() for row in shot.instance[20:120:99]]
        lean.append(rows[1] - rows[0])
    pixels_per_second = 1.0 * camera(width=320, height=192).model.K[0, 0]
    assert abs(lean[0]) < 0.6
    assert lean[1] == pytest.approx(pixels_per_second * 0.030 * 99 / 192, abs=1.0)


def test_turning_blurs_in_the_dark_and_not_in_daylight():
    post = solids.box((8.0, -0.3, 0.0), (8.2, 0.3, 5.0), Material.WHITE_PLASTIC)
    cam = camera(width=320, height=192, noise=0.0, max_exposure_ms=20.0, jpeg_quality=98)

    def steepest(light, rate):
        world = Yard(post, ego=path(0.0, 0.0, rate * (STRAIGHT - 1.0)))
        image = image_of(cam.shoot(world, 1.0, np.random.default_rng(0), conditions("clear", light)))
        row = (image[100].mean(-1) / 255.0) ** 2.2
        return np.abs(np.diff(row)).max() / np.ptp(row)

    assert steepest("night", 2.0) < 0.5 * steepest("night", 0.0)
    assert steepest("noon", 2.0) > 0.8 * steepest("noon", 0.0)


def test_same_seed_same_bytes():
    world, cam = Yard(solids.box((14, -3, 0), (16, 3, 4), Material.BRICK)), camera()
    a, b, c = (cam.shoot(world, 1.0, np.random.default_rng(s), conditions("rain", "dusk")) for s in (1, 1, 2))
    assert a.frame.encoded == b.frame.encoded
    assert a.frame.encoded != c.frame.encoded
    np.testing.assert_array_equal(a.depth, c.depth)


def test_thicker_air_takes_contrast():
    world, cam = Yard(solids.box((60, -90, 0), (61, 90, 30), Material.TYRE)), camera()
    names = ("clear", "rain", "snow", "fog")
    shots = [cam.shoot(world, 1.0, np.random.default_rng(0), conditions(n)) for n in names]
    wall = [image_of(s)[25:40].mean() for s in shots]
    assert wall == sorted(wall)  # a black wall 60 m ahead grows grey
    assert wall[3] > 2.0 * wall[0]


def test_night_is_dark_but_for_the_headlights():
    near, far = image_rows("night")
    assert near > 2.0 * far
    near, far = image_rows("noon")
    assert near < 1.6 * far


def image_rows(light):
    """Brightness of the road 10 m ahead and of a wall 70 m ahead, above the beam."""
    wall = solids.box((70, -90, 0), (71, 90, 30), Material.CONCRETE)
    image = image_of(camera().shoot(Yard(wall), 1.0, np.random.default_rng(0), conditions("clear", light)))
    return image[70:74, 70:90].mean(), image[25:35, 70:90].mean()


@pytest.mark.parametrize("weather", WEATHERS)
@pytest.mark.parametrize("light", ["noon", "night"])
def test_every_condition_gives_a_usable_picture(weather, light):
    world = Yard(solids.box((14, -3, 0), (16, 3, 4), Material.BRICK))
    image = image_of(camera().shoot(world, 1.0, np.random.default_rng(0), conditions(weather, light)))
    assert image.shape == (96, 160, 3)
    assert 4 < image.mean() < 240
    assert image.std() > 4


def test_low_sun_stands_ahead_and_glares():
    assert LIGHTS["low_sun"].sun_elevation_deg < 10
    world = Yard()
    world.sun = np.array([-0.7, 0.0, 0.71])  # behind, as worlds have it; the low sun is put ahead
    image = image_of(camera().shoot(world, 1.0, np.random.default_rng(0), conditions("clear", "low_sun")))
    v, u = np.unravel_index(image.mean(-1)[:40].argmax(), (40, 160))
    assert abs(u - 79.5) < 6
    assert v < 45
    assert image[:40].max() == 255
