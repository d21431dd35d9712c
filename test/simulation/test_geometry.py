"""Ranges against scenes whose answer is known in closed form, before any noise."""

from functools import partial

import numpy as np
import pytest

from autonomy_perception.simulation.rays.scene import FAR, Scene, join
from autonomy_perception.simulation.truth.solidity import surface_samples, thin
from autonomy_perception.simulation.world import heavy, people, shapes, solids
from autonomy_perception.simulation.world.materials import Material


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
        heavy.truck,
        heavy.trailer,
        heavy.tractor,
        *(partial(heavy.semitrailer, body=b) for b in ("box", "container", "tank", "flatbed")),
        heavy.bus,
        heavy.dumper,
        people.pedestrian,
        people.crouching,
        people.wheelbarrow,
        people.cyclist,
        people.motorcycle,
        *(partial(people.animal, kind=k) for k in ("deer", "cow", "boar", "dog")),
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
