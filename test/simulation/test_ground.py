"""Roads on land: road coordinates, cross-sections, ditches, painted lines, puddles, and what the ground says of itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.simulation.world.ground import Ground, Lattice, lines
from autonomy_perception.simulation.world.landforms import Patch, Waves, discs, hollows, still_water
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.roadway import Ditch, Line, Roadway, Section
from autonomy_perception.simulation.world.vegetation import crop
from autonomy_perception.simulation.world.ways import Way

DITCH = Ditch(-1, 0.6, 1.3, 0.8, 1.0)
SECTION = Section(3.8, 3.8, lanes=(-1.75, 1.75), lines=(Line(3.5), Line(0.0, (3.0, 6.0))), ditches=(DITCH,), rank=1)


def land(xy):
    return 0.02 * xy[:, 0]


@pytest.fixture(scope="module")
def way():
    s = np.arange(0.0, 200.0, 0.25)
    return Way.bending(0.15 * np.sin(2 * np.pi * s / 250.0))


@pytest.fixture(scope="module")
def ground(way):
    rng = np.random.default_rng(3)
    main = Roadway.laid(rng, way, SECTION, land, 20.0, 0.3)
    side = Way(way.xy(np.full(60, 120.0), -np.linspace(0.0, 59.0, 60)))
    track = Roadway.joining(rng, side, Section(1.9, 1.9, (0.0, 0.0), (Semantic.TRACK, Material.DIRT)), land, main, 10.0)
    ragged = Waves.draw(rng, (1.0, 2.0), 0.1)
    spots, radii = way.xy(np.array([30.0, 60.0]), np.array([20.0, 20.0])), np.array([2.0, 3.0])
    field = discs(spots, radii, ragged)
    patches = [
        Patch(field, (Semantic.GRASS,), Semantic.WATER, Material.WATER, form=still_water(spots), wet=1.0),
        Patch(
            discs(way.xy(80.0, -1.0)[None], np.ones(1), ragged),
            (),
            form=hollows(way.xy(80.0, -1.0)[None], np.ones(1), np.full(1, 0.1)),
        ),
    ]
    lattice = Lattice(way, lines((0.0, 0.25), end=way.length), lines((-70.0, 1.0), (-12.0, 0.2), (8.0, 0.5), end=40.0))
    return Ground(lattice, land, (Semantic.GRASS, Material.GRASS, 0.15), [track, main], patches, ragged)


def test_only_water_and_mud_may_hide_what_wheels_stand_on(ground, way):
    s, d = np.meshgrid(np.arange(5.0, 190.0, 0.7), np.arange(-20.0, 24.0, 0.7))
    at = kind(ground, way, s.ravel(), d.ravel())
    hidden = at.semantic == Semantic.WATER
    assert hidden.sum() > 20
    assert (at.bed[hidden] == Semantic.NONE).all()
    np.testing.assert_array_equal(at.bed[~hidden], at.semantic[~hidden])


def kind(ground, way, s, d):
    xy = way.xy(np.atleast_1d(np.asarray(s, float)), np.atleast_1d(np.asarray(d, float)))
    _, hits = ground.look(xy)
    return ground.at(hits)


@settings(max_examples=60, deadline=None)
@given(s=st.floats(1.0, 198.0), d=st.floats(-60.0, 60.0))
def test_road_coordinates_and_back(way, s, d):
    back = way.project(way.xy(s, d)[None])
    assert back[0][0] == pytest.approx(s, abs=0.06)
    assert back[1][0] == pytest.approx(d, abs=0.02)


def test_corners_are_rounded():
    way = Way.cornering([(0.0, 0.0), (60.0, 0.0), (60.0, 50.0)], 15.0)
    assert np.abs(way.curvature(way.s)).max() == pytest.approx(1 / 15.0, rel=0.15)
    np.testing.assert_allclose(way.points[[0, -1]], [(0.0, 0.0), (60.0, 50.0)], atol=0.05)
    assert float(way.heading(way.length)) == pytest.approx(np.pi / 2, abs=0.02)


def test_crown_and_ditch(ground, way):
    s = np.array([40.0, 50.0, 150.0])
    z = [ground.height(way.xy(s, d)) for d in (0.0, -3.0, -5.0, -7.4)]
    np.testing.assert_allclose(z[0] - z[1], 0.075, atol=0.004)
    assert np.all(z[2] - z[3] > 0.6)
    assert np.all(kind(ground, way, s, -7.4).semantic == Semantic.DITCH)


def test_the_ditch_is_closed_where_a_track_crosses(ground, way):
    assert float(ground.height(way.xy(120.0, -7.4))) > float(ground.height(way.xy(100.0, -7.4))) + 0.5
    np.testing.assert_array_equal(
        kind(ground, way, [120.0, 120.0, 120.0], [-7.4, -20.0, -3.0]).semantic,
        [Semantic.TRACK, Semantic.TRACK, Semantic.ROAD],
    )


def test_kinds_and_lines_are_sharp(ground, way):
    np.testing.assert_array_equal(
        kind(ground, way, np.full(6, 50.0), [3.79, 3.81, 4.99, 5.02, 20.0, -3.0]).semantic,
        [Semantic.ROAD, Semantic.SHOULDER, Semantic.SHOULDER, Semantic.GRASS, Semantic.GRASS, Semantic.ROAD],
    )
    d = np.linspace(3.3, 3.7, 81)
    painted = kind(ground, way, np.full(81, 77.7), d).material == Material.MARKING
    inside = 0.075 - np.abs(d - 3.5)
    assert np.all(painted[inside > 0.002])
    assert not np.any(painted[inside < -0.002])
    s = np.linspace(20.1, 29.0, 90)
    dashed = kind(ground, way, s, np.zeros(90)).material == Material.MARKING
    assert np.mean(dashed == (s % 9.0 < 3.0)) > 0.97


def test_puddles_are_level_and_wet_potholes_are_deep(ground, way):
    around = way.xy(60.0, 20.0) + 1.6 * np.column_stack([np.cos(np.arange(8)), np.sin(np.arange(8))])
    height, hits = ground.look(around)
    sample = ground.at(hits)
    assert np.ptp(height) < 0.01
    assert np.all(sample.material == Material.WATER)
    assert np.all(sample.wet == 1.0)
    assert np.all(sample.cover == 0.0)
    assert float(ground.height(way.xy(80.0, -1.0))) < float(ground.height(way.xy(82.0, -1.0))) - 0.06


def test_beside_the_world_there_is_nothing(ground, way):
    height, hits = ground.look(np.array([[-500.0, 0.0]]))
    assert np.isnan(height[0])
    assert ground.at(hits).semantic[0] == Semantic.NONE
    assert not ground.inside(np.array([[-500.0, 0.0]]), 0.0)[0]
    assert kind(ground, way, 50.0, 30.0).cover[0] > 0.03


@pytest.mark.parametrize("depth", [12.0, -12.0], ids=["left", "right"])
def test_the_outside_of_a_field_is_outside_on_either_side_of_the_road(ground, way, depth):
    """A ray counts how deep it is in leaves by whether it meets them from outside."""
    a, along, across = way.xy(20.0, 30.0), np.array([20.0, 0.0]), np.array([0.0, depth])
    field = crop(np.random.default_rng(0), ground, a, along, across, 1.0).porous
    corner = field.corners()
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    top = np.abs(normal[:, 2]) > 1e-9
    assert np.all(normal[top, 2] > 0.0)
    outward = corner[~top].mean(1)[:, :2] - (a + 0.5 * along + 0.5 * across)
    assert np.count_nonzero(~top) > 20
    assert np.all((normal[~top, :2] * outward).sum(1) > 0.0)
