"""Grid arithmetic, scrolling and the two wire layouts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.grid import (
    BevGrid,
    WorldGrid,
    from_grid_map_data,
    scroll,
    to_grid_map_data,
    to_occupancy_data,
    world_to_ego,
)


def test_cell_covers_its_lower_border_and_not_its_upper() -> None:
    grid = BevGrid(-1.0, 1.0, -1.0, 1.0, 0.5)
    assert grid.cells(np.array([[-1.0, -0.5], [-0.5, 0.999], [1.0, 0.0]])).tolist() == [[0, 1], [1, 3], [4, 2]]
    assert grid.inside(grid.cells(np.array([[-1.0, 0.0], [1.0, 0.0]]))).tolist() == [True, False]


@pytest.mark.parametrize("bad", [(0, 1, 0, 1, 0.0), (0, 0, 0, 1, 0.5), (0, np.nan, 0, 1, 0.5)])
def test_unusable_grid_is_refused(bad: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="grid"):
        BevGrid(*bad)


@settings(deadline=None)
@given(st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 20), st.integers(1, 20))
def test_scroll_keeps_every_cell_at_its_place_in_odom(dx: int, dy: int, nx: int, ny: int) -> None:
    old, new = WorldGrid(5, -7, nx, ny, 0.5), WorldGrid(5 + dx, -7 + dy, nx, ny, 0.5)
    layer = np.arange(nx * ny, dtype=np.float32).reshape(ny, nx) + 1
    moved = scroll(layer, old, new, 0.0)
    for iy in range(ny):
        for ix in range(nx):
            ox, oy = ix + dx, iy + dy
            expected = layer[oy, ox] if 0 <= ox < nx and 0 <= oy < ny else 0.0
            assert moved[iy, ix] == expected


def test_scroll_refuses_other_sizes() -> None:
    with pytest.raises(ValueError, match="must agree"):
        scroll(np.zeros((2, 2)), WorldGrid(0, 0, 2, 2, 0.5), WorldGrid(0, 0, 3, 2, 0.5), 0.0)


def test_world_grid_is_snapped_and_surrounds_the_vehicle() -> None:
    grid = WorldGrid.around(1234.56, -77.7, 150.0, 0.5)
    assert grid.shape == (300, 300)
    x, y = grid.origin
    assert x == grid.cell_x * 0.5
    assert abs(x + 75 - 1234.56) <= 0.5 and abs(y + 75 + 77.7) <= 0.5


def test_grid_map_data_has_its_first_value_at_the_largest_x_and_y() -> None:
    layer = np.arange(6, dtype=np.float32).reshape(2, 3)  # [iy, ix]
    data = to_grid_map_data(layer)
    assert data.tolist() == [5, 4, 3, 2, 1, 0]
    assert np.array_equal(from_grid_map_data(data, 3, 2), layer)
    assert to_occupancy_data(np.array([[1, 2], [3, 4]], np.int8)).tolist() == [1, 2, 3, 4]


def test_world_to_ego_turns_with_the_vehicle() -> None:
    world = WorldGrid(-10, -10, 20, 20, 1.0)
    layer = np.zeros(world.shape, np.int8)
    layer[10 + 5, 10] = 7  # x in [0,1), y in [5,6) of odom
    ego = BevGrid(-8, 8, -8, 8, 1.0)
    turned = world_to_ego(layer, world, ego, 0.0, 0.0, np.pi / 2, 0)
    iy, ix = np.argwhere(turned == 7)[0]
    assert (ego.centers()[0][ix], ego.centers()[1][iy]) == (5.5, -0.5)  # odom +y lies ahead of a vehicle heading +y
