"""The terrain map: fusion against NumPy, layers on surfaces with exact truth, scrolling, ageing, lethal cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.bench.offroad import SENSOR_HEIGHT, OffroadTerrain
from autonomy_perception.config import Dimensions, GroundConfig, TerrainConfig
from autonomy_perception.grid import WorldGrid, resample_largest
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.terrain.ground import GroundSegmenter
from autonomy_perception.terrain.map import TerrainMap
from autonomy_perception.types import GroundLabels, PointLabel, TerrainGrid

LIB = CpuLibrary()
BODY = Dimensions(front=3.8, rear=1.0, width=1.8, height=1.6, wheelbase=2.7, ground_clearance=0.25, max_step=0.25)
CONFIG = TerrainConfig(side=40.0, resolution=0.4)
WORLD = WorldGrid.around(0.0, 0.0, 40.0, 0.4)
ZERO = np.zeros(3)
SECOND = 1_000_000_000


def all_ground(n: int) -> GroundLabels:
    return GroundLabels(np.full(n, PointLabel.GROUND, np.uint8), np.zeros(n, np.float32))


def dense(height, step: float = 0.1, half: float = 12.0) -> np.ndarray:
    """Points (N,3) on z = height(x, y), ``step`` apart, evenly within each cell."""
    v = np.arange(-half + step / 2, half, step)
    x, y = (a.ravel() for a in np.meshgrid(v, v))
    return np.column_stack([x, y, height(x, y)]).astype(np.float32)


def mapped(*clouds: np.ndarray, origin: np.ndarray = ZERO) -> tuple[TerrainMap, TerrainGrid]:
    terrain = TerrainMap(CONFIG, BODY, LIB)
    for k, xyz in enumerate(clouds):
        terrain.update(xyz, all_ground(len(xyz)), origin, ZERO, WORLD, (k + 1) * SECOND // 10)
    return terrain, terrain.grid(len(clouds) * SECOND // 10)


def at(grid: TerrainGrid, layer: str, x: float, y: float) -> float:
    res = grid.grid.resolution
    return float(grid.layers[layer][int(y // res) - grid.grid.cell_y, int(x // res) - grid.grid.cell_x])


def test_a_plane_has_its_slope_and_nothing_else() -> None:
    for gx, gy in ((0.0, 0.0), (0.25, 0.0), (0.1, -0.2)):
        _, grid = mapped(dense(lambda x, y, gx=gx, gy=gy: gx * x + gy * y + 0.5))
        inner = (slice(35, 65), slice(35, 65))
        slope = grid.layers["slope"][inner]
        np.testing.assert_allclose(slope, np.arctan(np.hypot(gx, gy)), atol=1e-3)
        np.testing.assert_allclose(grid.layers["step"][inner], 0.0, atol=1e-3)
        assert grid.layers["roughness"][inner].max() < 0.02
        assert not grid.layers["negative"].any()
        limit = 1 - slope / BODY.max_slope
        assert (np.abs(grid.layers["traversability"][inner] - limit) < 0.1).all()
        assert at(grid, "elevation", 2.2, 1.4) == pytest.approx(0.5 + gx * 2.2 + gy * 1.4, abs=2e-3)


@pytest.mark.parametrize("edge", [2.0, 2.1, 2.2, 2.3])
@pytest.mark.parametrize("tilt", [0.0, 0.15])
def test_a_step_has_its_height_wherever_it_falls_in_a_cell(edge: float, tilt: float) -> None:
    _, grid = mapped(dense(lambda x, y: 0.3 * (x > edge) + tilt * x))
    row = grid.layers["step"][50]
    assert np.nanmax(row) == pytest.approx(0.3, abs=0.01)
    assert int(np.nanargmax(row)) - 50 in (4, 5)
    assert np.nanmax(row[60:75]) < 0.01
    assert at(grid, "traversability", edge, 0.2) == 0.0


def test_lethal_is_what_the_vehicle_cannot_cross() -> None:
    other = WorldGrid.around(0.0, 0.0, 40.0, 0.5)
    for height, lethal in ((0.12, False), (0.5, True)):
        terrain, _ = mapped(*[dense(lambda x, y, h=height: h * (x > 2.0))] * 3)
        marked = resample_largest(terrain.lethal(), WORLD, other)
        assert marked.shape == other.shape and marked.dtype == np.float32
        column = marked[20:60, 43:45].max(1)
        assert (column > 0.9).all() if lethal else not marked.any()
        assert not marked[:, 50:60].any() and not marked[:, 20:38].any()


def test_confidence_of_lethal_grows_with_evidence() -> None:
    once, _ = mapped(dense(lambda x, y: 0.3 * (x > 2.0), step=0.35))
    often, _ = mapped(*[dense(lambda x, y: 0.3 * (x > 2.0), step=0.35)] * 8)
    first, later = once.lethal()[40:60], often.lethal()[40:60]
    assert 0.0 < first.max() < later.max() <= 1.0


def test_a_ridge_higher_than_the_clearance_is_lethal_and_a_wide_hill_is_not() -> None:
    def ridge(x, y):
        return 0.5 * np.exp(-((x - 3.0) ** 2) / 0.8)

    def hill(x, y):
        return 0.5 * np.exp(-((x - 3.0) ** 2) / 30.0)

    assert mapped(*[dense(ridge)] * 3)[0].lethal()[50, 55:60].max() > 0.5
    assert not mapped(*[dense(hill)] * 3)[0].lethal().any()


def ditch(x, y):
    return -0.9 * np.clip((1.2 - np.abs(x - 6.0)) / 0.5, 0.0, 1.0)


def test_a_seen_ditch_is_negative_and_its_surroundings_are_not() -> None:
    _, grid = mapped(dense(ditch))
    negative = grid.layers["negative"][30:70]
    assert negative[:, 64:66].all(), "floor"
    assert not negative[:, :60].any() and not negative[:, 70:].any()
    assert (grid.layers["traversability"][30:70, 64:66] == 0.0).all()


def test_level_ground_beside_a_ditch_stays_free() -> None:
    terrain, grid = mapped(*[dense(ditch)] * 3)
    lethal = terrain.lethal()[30:70]
    assert (lethal[:, 63:67] > 0.5).all()
    assert not lethal[:, :61].any() and not lethal[:, 69:].any()
    assert (grid.layers["traversability"][30:70, 55:61] > 0.5).all()


def test_a_ditch_of_which_only_the_far_wall_shows_is_negative_over_its_hidden_part() -> None:
    scan = OffroadTerrain(
        np.zeros(2), 0.0, 99.0, np.zeros((0, 4)), (8.0, 1.0, 2.4), (50.0, 0.0, 1.0), *[np.zeros((0, 3))] * 3, 0.0
    ).scan(beams=64, columns=512)
    labels = GroundSegmenter(GroundConfig(), BODY, LIB).segment(scan.xyz, ZERO, -SENSOR_HEIGHT)
    terrain = TerrainMap(CONFIG, BODY, LIB)
    terrain.update(scan.xyz, labels, ZERO, ZERO, WORLD, SECOND)
    grid = terrain.grid(SECOND)
    negative = grid.layers["negative"][40:60]
    hidden = np.isnan(grid.layers["elevation"][40:60, 68:70])
    assert hidden.mean() > 0.9, "the near half cannot be seen"
    assert negative[:, 68:71].mean() > 0.8
    assert negative[:, :66].sum() == 0 and negative[:, 75:].mean() < 0.02


def test_a_drop_with_nothing_seen_before_the_lower_ground_is_negative() -> None:
    xyz = dense(lambda x, y: np.where(x > 4.0, -1.5, 0.0))
    shadow = (xyz[:, 0] > 4.0) & (xyz[:, 0] < 6.0)
    _, grid = mapped(xyz[~shadow])
    assert grid.layers["negative"][30:70, 60:65].all()
    assert not grid.layers["negative"][30:70, :60].any() and not grid.layers["negative"][30:70, 66:].any()


def test_shadows_on_level_ground_are_not_negative() -> None:
    xyz = dense(lambda x, y: 0.1 * x)
    shadow = (xyz[:, 0] > 4.0) & (xyz[:, 0] < 6.0)
    _, grid = mapped(xyz[~shadow])
    assert not grid.layers["negative"].any()


def test_only_ground_returns_enter() -> None:
    road = dense(lambda x, y: 0.0 * x)
    car = np.column_stack([np.linspace(3, 7, 500), np.full(500, 0.5), np.linspace(0.3, 1.5, 500)]).astype(np.float32)
    label = np.r_[np.full(len(road), PointLabel.GROUND), np.full(500, PointLabel.OBSTACLE)].astype(np.uint8)
    terrain = TerrainMap(CONFIG, BODY, LIB)
    terrain.update(
        np.concatenate([road, car]), GroundLabels(label, np.zeros(len(label), np.float32)), ZERO, ZERO, WORLD, SECOND
    )
    assert np.nanmax(np.abs(terrain.grid(SECOND).layers["elevation"])) < 1e-3


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scans=st.integers(1, 5))
def test_fusion_is_a_kalman_filter_per_cell(seed: int, scans: int) -> None:
    rng = np.random.default_rng(seed)
    anchor = np.array([100.0, -50.0, 7.0])
    world = WorldGrid.around(104.0, -51.0, 12.0, 0.4)
    origin = np.array([4.0, -1.0, 1.7], np.float32)
    terrain = TerrainMap(CONFIG, BODY, LIB)
    mean, var = np.full(world.shape, np.nan), np.zeros(world.shape)
    for k in range(scans):
        xyz = np.column_stack([rng.uniform(-3, 11, 400), rng.uniform(-8, 6, 400), rng.normal(0, 0.02, 400)])
        xyz = xyz.astype(np.float32)
        terrain.update(xyz, all_ground(400), origin, anchor, world, (k + 1) * SECOND // 10)
        cell = np.floor((xyz[:, :2].astype(float) + anchor[:2]) / 0.4).astype(int) - [world.cell_x, world.cell_y]
        inside = ((cell >= 0) & (cell < world.nx)).all(1)
        n, total = np.zeros(world.shape), np.zeros(world.shape)
        np.add.at(n, (cell[inside, 1], cell[inside, 0]), 1)
        np.add.at(total, (cell[inside, 1], cell[inside, 0]), xyz[inside, 2].astype(float))
        seen = n > 0
        centre = (np.arange(world.nx) + 0.5) * 0.4
        far = np.hypot(*np.meshgrid(world.origin[0] + centre - 104.0, world.origin[1] + centre + 51.0))
        tilt = 0.1 * 0.4  # the slope is unknown until the map is first derived
        r = (0.02 + 0.002 * far) ** 2 + tilt**2 / 12 / np.minimum(np.maximum(n, 1), 8)
        z = total / np.maximum(n, 1) + 7.0
        known = np.isfinite(mean)
        var[known] += 0.02**2 * 0.1
        new, again = seen & ~known, seen & known
        gain = var / (var + r)
        mean = np.where(new, z, np.where(again, mean + gain * (z - mean), mean))
        var = np.where(new, r, np.where(again, var * r / (var + r), var))
    layers = terrain.grid(scans * SECOND // 10).layers
    np.testing.assert_allclose(layers["elevation"], mean, atol=2e-3)
    np.testing.assert_allclose(
        np.where(np.isfinite(mean), layers["variance"], 0), np.where(np.isfinite(mean), var, 0), rtol=2e-2
    )


def test_a_changed_world_is_believed_soon() -> None:
    _, grid = mapped(*[dense(lambda x, y: 0.0 * x)] * 5, *[dense(lambda x, y: 0.0 * x + 0.8)] * 2)
    assert at(grid, "elevation", 1.0, 1.0) == pytest.approx(0.8, abs=0.05)


def test_the_map_scrolls_by_whole_cells_and_forgets_what_it_leaves() -> None:
    terrain = TerrainMap(CONFIG, BODY, LIB)
    xyz = dense(lambda x, y: 0.05 * x)
    terrain.update(xyz, all_ground(len(xyz)), ZERO, ZERO, WORLD, SECOND)
    before = terrain.grid(SECOND).layers["elevation"]
    ahead = WorldGrid(WORLD.cell_x + 20, WORLD.cell_y - 5, WORLD.nx, WORLD.ny, 0.4)
    terrain.update(np.empty((0, 3), np.float32), all_ground(0), ZERO, ZERO, ahead, 2 * SECOND)
    after = terrain.grid(2 * SECOND)
    assert after.grid == ahead
    np.testing.assert_array_equal(after.layers["elevation"][5:, :-20], before[:-5, 20:])
    assert np.isnan(after.layers["elevation"][:, -10:]).all()
    assert at(after, "age", 6.0, 0.0) == pytest.approx(1.0)


def test_cells_age_and_are_forgotten() -> None:
    terrain = TerrainMap(CONFIG, BODY, LIB)
    xyz = dense(lambda x, y: 0.0 * x)
    terrain.update(xyz, all_ground(len(xyz)), ZERO, ZERO, WORLD, SECOND)
    assert at(terrain.grid(3 * SECOND), "age", 1.0, 1.0) == pytest.approx(2.0)
    none = np.empty((0, 3), np.float32)
    terrain.update(none, all_ground(0), ZERO, ZERO, WORLD, 20 * SECOND)
    assert at(terrain.grid(20 * SECOND), "elevation", 1.0, 1.0) == pytest.approx(0.0, abs=1e-3)
    terrain.update(none, all_ground(0), ZERO, ZERO, WORLD, 32 * SECOND)
    assert np.isnan(terrain.grid(32 * SECOND).layers["elevation"]).all()


def test_before_the_first_scan_and_after_a_reset_there_is_nothing() -> None:
    terrain = TerrainMap(CONFIG, BODY, LIB)
    assert not terrain.grid(0).layers and not terrain.lethal().any()
    xyz = dense(lambda x, y: 1.0 * (x > 2))
    terrain.update(xyz, all_ground(len(xyz)), ZERO, ZERO, WORLD, SECOND)
    assert terrain.lethal().any()
    terrain.reset()
    assert not terrain.grid(0).layers and not terrain.lethal().any()


def test_layers_are_copies_of_the_documented_kinds() -> None:
    terrain, grid = mapped(dense(lambda x, y: 0.0 * x))
    floats = {"elevation", "variance", "slope", "step", "roughness", "traversability", "drivable", "age"}
    assert {n for n, v in grid.layers.items() if v.dtype == np.float32} == floats
    assert {n for n, v in grid.layers.items() if v.dtype == np.uint8} == {"terrain_class", "negative"}
    grid.layers["elevation"][:] = 99.0
    assert np.nanmax(terrain.grid(SECOND).layers["elevation"]) < 1.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 200), scale=st.sampled_from([1.0, 20.0, 1e5]))
def test_any_points_keep_the_map_in_order(seed: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    xyz = rng.normal(0, scale, (n, 3)).astype(np.float32)
    xyz[rng.random(n) < 0.1] = np.nan
    labels = GroundLabels(rng.integers(0, 5, n).astype(np.uint8), np.zeros(n, np.float32))
    terrain = TerrainMap(CONFIG, BODY, LIB)
    terrain.update(xyz, labels, ZERO, ZERO, WORLD, SECOND)
    layers, lethal = terrain.grid(SECOND).layers, terrain.lethal()
    known = np.isfinite(layers["elevation"])
    assert (layers["variance"][known] > 0).all() and np.isfinite(lethal).all()
    assert ((lethal >= 0) & (lethal <= 1)).all()
    t = layers["traversability"]
    assert ((t >= 0) & (t <= 1))[np.isfinite(t)].all()
