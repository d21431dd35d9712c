"""The truth grid: what is inside of something is never free, drivable or passable; what can be passed under is."""

import numpy as np
import pytest
from simulation.insides import inside_structures, passable
from simulation.scenes import Yard

from autonomy_perception.simulation.rays.scene import join
from autonomy_perception.simulation.sensors.rig import default_rig
from autonomy_perception.simulation.truth.grid import GridTruth, SweepHits
from autonomy_perception.simulation.truth.sight import Sight
from autonomy_perception.simulation.truth.solidity import inside_samples
from autonomy_perception.simulation.truth.truth import FREE
from autonomy_perception.simulation.world import built
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.solids import box, cylinder
from autonomy_perception.simulation.world.world import World

RIG = default_rig()
NOTHING_HIT = SweepHits(np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.uint8), np.zeros(0, np.int32))


def truth_of(world, side=150.0, resolution=0.5, t=1.0):
    """Grid and terrain around the ego; world coordinates (ny,nx,2) of the cells."""
    maker = GridTruth(world, RIG.vehicle.dimensions, Sight(world, RIG.vehicle.dimensions, RIG.lidars), side, resolution)
    grid, terrain = maker.make(t, world.ego.poses(np.array([t]))[0], np.eye(4), NOTHING_HIT)
    return grid, terrain, np.stack(np.meshgrid(*grid.grid.bev.centers()), -1)


def test_in_a_yard_nothing_is_passable_inside_the_hall_but_puddles_are_drivable():
    """Other worlds: test_labels."""
    world = World(3, RIG.vehicle, "yard", 2.0)
    grid, terrain, xy = truth_of(world, resolution=1.0)
    points = np.column_stack([xy.reshape(-1, 2), terrain.elevation.ravel() + 0.2])
    within = inside_structures(world, points).reshape(grid.state.shape)
    assert within.sum() > 1200
    assert not (within & passable(grid, terrain)).any()
    puddle = terrain.terrain_class == Semantic.WATER
    assert puddle.sum() > 12
    assert (terrain.drivable[puddle] == 1.0).mean() > 0.7  # people and cones may stand in it


@pytest.mark.parametrize("resolution", [0.5, 0.17])
def test_a_bridge_and_a_canopy_are_passed_under_and_nothing_else_of_them(resolution):
    rng, top = np.random.default_rng(1), RIG.vehicle.dimensions.height + RIG.vehicle.dimensions.overhead_margin
    structures = [
        built.bridge(np.array([20.0, 0.0, 0.0]), 0.3, 14.0, top + 0.3),
        built.hall(np.array([-10.0, 12.0, 0.0]), -1.2, 30.0, 12.0, 5),
        built.barn(rng, np.array([0.0, -20.0, 0.0]), 0.7),
        built.house(rng, np.array([-20.0, -18.0, 0.0]), 0.2),
        built.crusher(rng, np.array([18.0, -24.0, 0.0]), 2.0),
    ]
    world = Yard(structures=structures)
    grid, terrain, xy = truth_of(world, 70.0, resolution)
    ok = passable(grid, terrain)
    points = np.concatenate([xy, np.full((*ok.shape, 1), 0.2)], -1).reshape(-1, 3)
    within = inside_structures(world, points).reshape(ok.shape)
    assert within.sum() * resolution**2 > 1000.0  # hall 360, barn 150, house 100, ramps
    assert not ok[within].any()

    def local(p, heading):
        turn = np.array([[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]])
        return np.moveaxis((xy - p) @ turn, -1, 0)

    along, across = local((20.0, 0.0), 0.3)
    below_deck = (np.abs(along) < 4.4) & (np.abs(across) < 5.0)
    ahead, aside = local((-10.0, 12.0), -1.2)
    below_canopy = (ahead > 1.2) & (ahead < 2.5) & (np.abs(aside) < 14.0)
    for open_below in (below_deck, below_canopy):
        assert open_below.sum() * resolution**2 > 30.0
        for layer in (grid.state == FREE, terrain.drivable == 1.0, terrain.traversability > 0.9):
            assert layer[open_below].all()


@pytest.mark.parametrize("kind", [Semantic.WATER, Semantic.MUD])
def test_water_and_mud_are_as_good_as_the_ground_known_below_them(kind):
    barn = built.barn(np.random.default_rng(1), np.array([200.0, 0.0, 0.0]), 0.0)
    for bed, free, drivable, low, high in (
        (Semantic.NONE, False, 0.0, 0.3, 0.5),
        (Semantic.SOIL, True, 0.0, 0.9, 1.0),
        (Semantic.YARD, True, 1.0, 0.9, 1.0),
    ):
        grid, terrain, xy = truth_of(Yard(ground=(kind, Material.WATER, 1.0), structures=[barn], bed=bed), 60.0)
        away = np.abs(xy[..., 1]) > 5.0  # from the own vehicle
        assert ((grid.state[away] == FREE) == free).all()
        assert (terrain.drivable[away] == drivable).all()
        assert (terrain.terrain_class == kind).all()
        assert ((terrain.traversability[away] >= low) & (terrain.traversability[away] <= high)).all()


def test_places_inside_overlapping_solids_are_counted_once_and_those_below_are_not():
    parts = [
        box((0.0, 0.0, -1.0), (4.0, 3.0, 4.0), 0),
        box((-1.0, -1.0, 4.0), (5.0, 4.0, 5.0), 0),  # a roof that rests on it
        box((1.0, 1.0, 3.9), (2.0, 2.0, 9.0), 0),
        cylinder((8.0, 1.0, -0.5), (0.0, 0.0, 8.0), 1.0, 0, sides=64),
    ]
    mesh = join(parts)
    found = inside_samples(mesh, lambda xy: np.full(len(xy), 0.2), 0.25)  # corners and diagonals lie on the lattice
    assert len(np.unique(found, axis=0)) == len(found)
    x, y = found.T
    in_box = (x >= 0.0) & (x <= 4.0) & (y >= 0.0) & (y <= 3.0)
    assert in_box.sum() == 16 * 12  # of the places on opposite edges one each
    assert np.hypot(x[~in_box] - 8.0, y[~in_box] - 1.0).max() <= 1.0
    assert (~in_box).sum() * 0.25**2 == pytest.approx(np.pi, abs=0.3)
