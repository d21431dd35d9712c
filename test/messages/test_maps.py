"""Grids and terrain through messages of both families and back: every cell stays where it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from messages.families import STAMP, families, numbers

from autonomy_perception import geometry
from autonomy_perception.bags.classes import STORE
from autonomy_perception.grid import WorldGrid
from autonomy_perception.messages import maps
from autonomy_perception.messages.parts import stamp_ns
from autonomy_perception.types import Detections, Mode, Occupancy, Perception, TerrainGrid, Tracks


@st.composite
def grids(draw: st.DrawFn) -> WorldGrid:
    cell, size = st.integers(-(10**6), 10**6), st.integers(1, 9)
    resolution = draw(st.sampled_from([0.1, 0.2, 0.25, 0.4, 0.5, 1.0]))
    return WorldGrid(draw(cell), draw(cell), draw(size), draw(size), resolution)


@given(grids(), st.data())
@settings(max_examples=40, deadline=None)
def test_an_occupancy_grid_comes_back_from_either_family(grid: WorldGrid, data: st.DataObject) -> None:
    layer = data.draw(hnp.arrays(np.int8, grid.shape, elements=st.integers(-1, 100)))
    bytes_of = set()
    for family in families():
        message = maps.occupancy_grid(family.classes, "odom", STAMP, grid, layer, height=1.5, data_stamp_ns=STAMP - 7)
        bytes_of.add(wire := family.wire(message, maps.OCCUPANCY_GRID))
        message = family.back(wire, maps.OCCUPANCY_GRID)
        placed, cells = maps.occupancy_of(message)
        assert placed == grid and cells.dtype == np.int8 and np.array_equal(cells, layer)
        info, origin = message.info, message.info.origin
        assert (message.header.frame_id, stamp_ns(message.header.stamp)) == ("odom", STAMP)
        assert (origin.position.z, origin.orientation.w, stamp_ns(info.map_load_time)) == (1.5, 1.0, STAMP - 7)
        assert (origin.position.x, origin.position.y) == grid.origin and (info.width, info.height) == (grid.nx, grid.ny)
    assert len(bytes_of) == 1, "both families say the same on the wire"


@given(grids(), st.data())
@settings(max_examples=40, deadline=None)
def test_terrain_comes_back_from_either_family(grid: WorldGrid, data: st.DataObject) -> None:
    elevation = data.draw(numbers(grid.shape, -100, 100))
    elevation[data.draw(hnp.arrays(np.bool_, grid.shape))] = np.nan
    kinds = data.draw(hnp.arrays(np.uint8, grid.shape))
    bytes_of = set()
    for family in families():
        message = maps.grid_map(family.classes, "odom", STAMP, grid, {"terrain_class": kinds, "elevation": elevation})
        bytes_of.add(wire := family.wire(message, maps.GRID_MAP))
        message = family.back(wire, maps.GRID_MAP)
        got = maps.terrain_of(message)
        assert got.grid == grid and list(got.layers) == ["terrain_class", "elevation"]
        np.testing.assert_array_equal(got.layers["elevation"], elevation)
        np.testing.assert_array_equal(got.layers["terrain_class"], kinds)
        assert list(message.basic_layers) == ["elevation"] and message.info.pose.orientation.w == 1.0
        for array in message.data:
            dims = [(d.label, d.size, d.stride) for d in array.layout.dim]
            assert dims == [("column_index", grid.ny, grid.nx * grid.ny), ("row_index", grid.nx, grid.nx)]
    assert len(bytes_of) == 1, "both families say the same on the wire"


def test_the_first_value_of_a_grid_map_is_the_cell_farthest_ahead_and_to_the_left() -> None:
    layer = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)  # [iy, ix]
    message = maps.grid_map(STORE, "odom", STAMP, WorldGrid(0, 0, 3, 2, 0.5), {"elevation": layer})
    assert message.data[0].data.tolist() == [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    at = message.info.pose.position
    assert (at.x, at.y, message.info.length_x, message.info.length_y) == (0.75, 0.5, 1.5, 1.0)


def test_a_result_is_published_with_its_height_its_data_stamp_and_the_layers_of_the_contract() -> None:
    grid, wire = WorldGrid(-7, 12, 4, 3, 0.5), np.arange(12, dtype=np.int8).reshape(3, 4)
    layers = {name: np.full((3, 4), k, np.float32) for k, name in enumerate((*maps.LAYERS[::-1], "slope"))}
    result = Perception(
        STAMP, STAMP - 5, Mode.GEOMETRIC, (), geometry.make_transform(translation=(1.0, 2.0, 3.0)), Detections.empty(),
        Tracks.empty(), TerrainGrid(grid, layers), Occupancy(grid, np.zeros((3, 4), np.float32), wire),
    )  # fmt: skip
    occupancy = maps.published_occupancy(STORE, result, wire)
    assert (occupancy.info.origin.position.z, stamp_ns(occupancy.info.map_load_time)) == (3.0, STAMP - 5)
    assert list(maps.published_terrain(STORE, result).layers) == list(maps.LAYERS)
    bare = replace(result, terrain=TerrainGrid(grid, {"age": wire}))
    assert maps.published_terrain(STORE, bare).basic_layers == []


def test_a_corner_between_two_cells_is_moved_to_the_nearest() -> None:
    message = maps.occupancy_grid(STORE, "odom", STAMP, WorldGrid(4, -3, 1, 1, 0.2), np.zeros((1, 1), np.int8))
    message.info.origin.position.x += 0.09
    assert maps.occupancy_of(message)[0] == WorldGrid(4, -3, 1, 1, 0.2)
    message.info.origin.position.x += 0.02
    assert maps.occupancy_of(message)[0] == WorldGrid(5, -3, 1, 1, 0.2)
    assert pytest.approx(0.2) == message.info.resolution
