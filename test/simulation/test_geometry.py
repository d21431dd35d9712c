"""Ranges against scenes whose answer is known in closed form, before any noise."""

import numpy as np
import pytest

from autonomy_perception import geometry
from autonomy_perception.simulation import shapes, solids
from autonomy_perception.simulation.materials import Material
from autonomy_perception.simulation.road import DITCH_FLOOR, Road, tessellate
from autonomy_perception.simulation.scene import FAR, Scene, join
from autonomy_perception.simulation.solidity import surface_samples, thin


def fan(elevations_deg, azimuths):
    e, a = np.meshgrid(np.radians(elevations_deg), azimuths)
    return np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], -1).reshape(-1, 3)


def test_plane_and_box_to_a_millimetre():
    plane = solids.box((-300, -300, -1.0), (300, 300, 0.0), Material.ASPHALT)
    block = solids.box((20.0, -1.0, 0.0), (24.0, 1.0, 1.5), Material.PAINT)
    scene = Scene(join([plane, block]))
    height = 2.65
    rays = fan([-20.0, -10.0, -5.0, -3.0], np.linspace(-0.3, 0.3, 41))
    hits = scene.cast(np.tile([[0.0, 0.0, height]], (len(rays), 1)), rays)
    to_plane = -height / rays[:, 2]
    to_face = 20.0 / rays[:, 0]
    at = rays * to_face[:, None] + [0, 0, height]
    on_face = (np.abs(at[:, 1]) < 1.0) & (at[:, 2] > 0.0) & (at[:, 2] < 1.5)
    lid = (1.5 - height) / rays[:, 2]
    on_lid = (
        (np.abs((rays * lid[:, None])[:, 1]) < 1.0)
        & ((rays * lid[:, None])[:, 0] > 20.0)
        & ((rays * lid[:, None])[:, 0] < 24.0)
    )
    expected = np.where(on_face, to_face, np.where(on_lid, lid, to_plane))
    assert on_face.sum() > 5
    np.testing.assert_allclose(hits.distance, expected, atol=1e-3)
    np.testing.assert_allclose(hits.normal[on_face], np.tile([-1.0, 0, 0], (on_face.sum(), 1)), atol=1e-5)


def test_a_ray_into_the_sky_meets_nothing():
    scene = Scene(solids.box((0, 0, 0), (1, 1, 1), Material.PAINT))
    hits = scene.cast(np.array([[5.0, 5, 5]]), np.array([[0.0, 0, 1]]))
    assert not hits.hit[0]
    assert hits.distance[0] == FAR
    assert scene.cast(np.zeros((0, 3)), np.zeros((0, 3))).distance.shape == (0,)


@pytest.mark.parametrize(
    "make",
    [
        lambda r: shapes.car(r, "sedan"),
        lambda r: shapes.car(r, "van"),
        shapes.truck,
        shapes.trailer,
        shapes.pedestrian,
        shapes.cyclist,
    ],
)
def test_bodies_stand_on_the_ground_and_fill_their_box(make):
    shape = make(np.random.default_rng(4))
    for mesh in shape.phases:
        low, high = mesh.vertices.min(0), mesh.vertices.max(0)
        assert -0.03 <= low[2] <= 0.03
        assert high[2] == pytest.approx(shape.size[2], abs=0.08)
        assert abs(high[0] + low[0]) < 0.12  # centred
        assert abs(high[1] + low[1]) < 0.12


def test_surface_samples_lie_on_the_surface_and_leave_no_gap():
    ball = solids.ellipsoid((0, 0, 0), (1, 1, 1), Material.ROCK, rings=24, sides=48)
    points = surface_samples(ball, 0.1)
    assert np.all(np.abs(np.linalg.norm(points, axis=1) - 1) < 0.02)
    probe = ball.vertices[::7]
    assert max(np.linalg.norm(points - p, axis=1).min() for p in probe) < 0.1
    assert len(thin(points, 0.3)) < 0.5 * len(points)


@pytest.fixture(scope="module")
def road():
    return Road(np.random.default_rng(5), 260.0, 150.0, (40.0, 70.0))


def test_mesh_follows_the_height_function(road):
    surface = tessellate(road)
    scene = Scene(surface.mesh)
    rng = np.random.default_rng(0)
    s, d = rng.uniform(20, 240, 400), rng.uniform(-11, 8, 400)
    xy = road.xy(s, d)
    hits = scene.cast(np.column_stack([xy, np.full(400, 50.0)]), np.tile([[0.0, 0, -1]], (400, 1)))
    z = 50.0 - hits.distance
    assert np.abs(z - road.height(s, d)).max() < 0.06  # the corner of the ditch lies between two vertices
    sd = surface.road_coordinates(hits.face, hits.u, hits.v)
    np.testing.assert_allclose(sd, np.column_stack([s, d]), atol=0.02)


def test_ditch_is_a_ditch_but_for_the_crossing(road):
    middle = 0.5 * (DITCH_FLOOR[0] + DITCH_FLOOR[1])
    assert road.ditch_depth(60.0, middle) > 0.8
    assert road.height(60.0, -4.5) - road.height(60.0, middle) > 0.6
    span = np.arange(150.0, 215.0, 0.5)
    crossing = span[np.abs(road.track_d(span) - middle) < 1.0]
    assert len(crossing) > 0
    assert np.all(road.ditch_depth(crossing, road.track_d(crossing)) < 0.02)


def test_crown_of_the_road(road):
    s = np.arange(20.0, 120.0)
    np.testing.assert_allclose(road.height(s, 0.0) - road.height(s, 3.0), 0.075, atol=1e-9)


def test_road_coordinates_turn_left_for_positive_d(road):
    h = float(road.heading(80.0))
    offset = road.xy(80.0, 2.0) - road.xy(80.0, 0.0)
    np.testing.assert_allclose(offset, 2.0 * (geometry.rotation_z(h) @ [0, 1, 0])[:2], atol=1e-9)
