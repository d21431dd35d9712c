"""The truth of the ground on surfaces whose answer is known: planes, kerbs, ditches, humps, edges of the world."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.simulation.rays.scene import Mesh, Scene
from autonomy_perception.simulation.truth import terrain as truth_terrain
from autonomy_perception.simulation.truth.terrain import TerrainTruth
from autonomy_perception.simulation.world.materials import Material
from autonomy_perception.simulation.world.truck import demo_vehicle

BODY = demo_vehicle().dimensions
HALF, EDGE = 16.0, 0.125


def truth_of(height):
    """Truth around the origin of the surface z = height(x, y), meshed so that edges along y are an eighth of a metre wide."""
    axis = np.arange(-HALF, HALF + 1e-9, EDGE)
    x, y = np.meshgrid(axis, axis)
    vertices = np.stack([x, y, height(x, y)], -1).reshape(-1, 3)
    index = np.arange(x.size).reshape(x.shape)
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, 1:].ravel(), index[1:, :-1].ravel()
    faces = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])]).astype(np.int32)
    world = SimpleNamespace(terrain=Scene(Mesh(vertices, faces, np.full(len(faces), Material.ASPHALT, np.uint8))))
    return TerrainTruth(world, BODY)


def along_x(x):
    return np.column_stack([x, np.full(len(x), 0.3)])


@settings(max_examples=8, deadline=None)
@given(st.floats(-0.3, 0.3), st.floats(0.0, 3.1), st.floats(-50.0, 300.0))
def test_a_plane_has_its_slope_and_nothing_else(angle, heading, level):
    g = np.tan(angle)
    truth = truth_of(lambda x, y: level + g * (np.cos(heading) * x + np.sin(heading) * y))
    at = truth.at(np.random.default_rng(0).uniform(-8, 8, (200, 2)))
    np.testing.assert_allclose(at.slope, abs(angle), atol=2e-3)
    assert at.step.max() < 0.01
    assert not at.ditch.any()
    np.testing.assert_allclose(at.traversability, 1 - abs(angle) / BODY.max_slope, atol=0.06)
    assert not at.lethal.any()


@pytest.mark.parametrize(("rise", "lethal"), [(0.10, False), (0.20, False), (0.35, True)])
def test_a_kerb_is_a_step_where_it_is(rise, lethal):
    at = truth_of(lambda x, y: np.where(x >= 2.0, rise, 0.0)).at(along_x(np.array([-4.0, 1.9, 2.1, 8.0])))
    np.testing.assert_allclose(at.step[1:3], rise, atol=0.02)
    assert at.step[[0, 3]].max() < 0.01
    assert at.lethal[1:3].all() == lethal
    assert not at.lethal[[0, 3]].any()
    assert at.traversability[[0, 3]].min() > 0.95


def ditch(depth, side):
    """2 m wide floor from x = 4 to 6 with sides ``side`` wide."""
    return lambda x, y: -depth * np.interp(x, [4 - side, 4, 6, 6 + side], [0.0, 1.0, 1.0, 0.0])


def test_a_ditch_is_found_with_its_depth():
    at = truth_of(ditch(0.9, 0.8)).at(along_x(np.array([0.0, 2.5, 4.5, 5.5, 8.0])))
    np.testing.assert_allclose(at.depth, [0, 0, 0.9, 0.9, 0], atol=0.01)
    assert at.ditch.tolist() == [False, False, True, True, False]
    assert at.lethal.tolist() == at.ditch.tolist()


def test_a_shallow_trough_and_one_with_gentle_sides_are_no_ditch():
    assert not truth_of(ditch(0.2, 0.8)).at(along_x(np.arange(0.0, 9.0, 0.3))).ditch.any()
    assert not truth_of(ditch(0.6, 2.4)).at(along_x(np.arange(0.0, 9.0, 0.3))).ditch.any()


def test_a_slope_at_the_edge_of_a_drop_is_not_a_ditch():
    """A drop has only one side."""
    at = truth_of(lambda x, y: np.where(x > 3.0, -2.0, 0.0)).at(along_x(np.array([0.0, 6.0])))
    assert not at.ditch.any()


def test_a_log_is_higher_than_the_axles():
    hump = truth_of(lambda x, y: 0.5 * np.exp(-((x / 0.4) ** 2)))
    at = hump.at(along_x(np.array([0.0, 5.0])))
    assert at.lethal.tolist() == [True, False]


def test_tiles_have_no_seams(monkeypatch):
    rough = np.random.default_rng(3).normal(0.0, 0.12, (3, 3, 2))

    def height(x, y):
        return sum(
            rough[i, j, 0] * np.sin((i + 1) * x + rough[i, j, 1]) * np.cos((j + 1) * y)
            for i in range(3)
            for j in range(3)
        )

    xy = np.random.default_rng(4).uniform(-9.0, 9.0, (3000, 2))
    whole = truth_of(height).at(xy)
    monkeypatch.setattr(truth_terrain, "TILE", 8)
    small = truth_of(height).at(xy)
    assert whole.ditch.any()
    assert not whole.ditch.all()
    for name in ("slope", "step", "depth", "ditch", "traversability", "lethal"):
        np.testing.assert_allclose(getattr(small, name), getattr(whole, name), atol=1e-5, err_msg=name)


def test_beside_the_world_nothing_is_known():
    truth = truth_of(lambda x, y: 0.0 * x)
    at = truth.at(np.array([[0.0, 0.0], [25.0, 0.0], [500.0, 0.0]]))
    assert np.isfinite(at.slope).tolist() == [True, False, False]
    assert np.isnan(at.traversability[1:]).all()
    assert not at.lethal.any()
