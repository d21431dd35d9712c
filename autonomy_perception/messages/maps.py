"""nav_msgs/OccupancyGrid and grid_map_msgs/GridMap: layers on a world grid, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid, from_grid_map_data, to_grid_map_data, to_occupancy_data
from autonomy_perception.messages.classes import Classes
from autonomy_perception.messages.parts import set_time, stamped
from autonomy_perception.types import Perception, TerrainGrid

OCCUPANCY_GRID, GRID_MAP = "nav_msgs/msg/OccupancyGrid", "grid_map_msgs/msg/GridMap"
LAYERS = ("elevation", "variance", "traversability", "drivable", "terrain_class", "age")
"""Layers of the published GridMap, in order."""


def occupancy_grid(
    classes: Classes, frame_id: str, at_ns: int, grid: WorldGrid, layer: NDArray[np.int8], *, height: float = 0.0,
    data_stamp_ns: int | None = None,
) -> Any:  # fmt: skip
    """OccupancyGrid of a layer (ny,nx) of -1 (unknown), 0..100; origin z is ``height`` [m].

    ``map_load_time`` is the stamp of the data behind the map, if that is another one.
    """
    message = stamped(classes, OCCUPANCY_GRID, frame_id, at_ns, data=classes.sequence(to_occupancy_data(layer)))
    info = message.info
    set_time(info.map_load_time, at_ns if data_stamp_ns is None else data_stamp_ns)
    info.resolution, info.width, info.height = float(grid.resolution), grid.nx, grid.ny
    position = info.origin.position
    position.x, position.y = (float(v) for v in grid.origin)
    position.z = float(height)
    return message


def published_occupancy(classes: Classes, result: Perception, layer: NDArray[np.int8]) -> Any:
    """OccupancyGrid of a result: ``layer`` is its occupancy in the encoding asked for, origin z the height of base_link."""
    return occupancy_grid(
        classes, result.frame_id, result.stamp_ns, result.occupancy.grid, layer, height=result.T_odom_base[2, 3],
        data_stamp_ns=result.data_stamp_ns,
    )  # fmt: skip


def occupancy_of(message: Any) -> tuple[WorldGrid, NDArray[np.int8]]:
    """Placement and layer (ny,nx) of an OccupancyGrid; a corner between cells is moved to the nearest."""
    info, at = message.info, message.info.origin.position
    grid = _placed(at.x, at.y, info.width, info.height, info.resolution)
    return grid, np.asarray(message.data, np.int8).reshape(grid.shape)


def grid_map(classes: Classes, frame_id: str, at_ns: int, grid: WorldGrid, layers: Mapping[str, NDArray[Any]]) -> Any:
    """GridMap of layers (ny,nx) by name; ``elevation``, if there is one, is what has to be known of a cell."""
    message = stamped(classes, GRID_MAP, frame_id, at_ns)
    info, (x, y) = message.info, grid.origin
    info.resolution = float(grid.resolution)
    info.length_x, info.length_y = float(grid.nx * grid.resolution), float(grid.ny * grid.resolution)
    info.pose.position.x, info.pose.position.y = float(x + info.length_x / 2), float(y + info.length_y / 2)
    message.layers = list(layers)
    message.basic_layers = [name for name in layers if name == "elevation"]
    message.data = [_array(classes, np.asarray(layer, np.float32)) for layer in layers.values()]
    return message


def published_terrain(classes: Classes, result: Perception) -> Any:
    """GridMap of a result with the layers of ``LAYERS`` that its terrain has."""
    layers = {name: result.terrain.layers[name] for name in LAYERS if name in result.terrain.layers}
    return grid_map(classes, result.frame_id, result.stamp_ns, result.terrain.grid, layers)


def terrain_of(message: Any) -> TerrainGrid:
    """Layers float32 (ny,nx) of a GridMap on their grid; a corner between cells is moved to the nearest."""
    info, at = message.info, message.info.pose.position
    nx, ny = round(info.length_x / info.resolution), round(info.length_y / info.resolution)
    grid = _placed(at.x - info.length_x / 2, at.y - info.length_y / 2, nx, ny, info.resolution)
    layers = {
        name: from_grid_map_data(np.asarray(data.data, np.float32), nx, ny)
        for name, data in zip(message.layers, message.data, strict=True)
    }
    return TerrainGrid(grid, layers)


def _placed(x: float, y: float, nx: int, ny: int, resolution: float) -> WorldGrid:
    cell = float(np.round(resolution, 6))  # float32 in OccupancyGrid: 0.2 comes as 0.200000003
    return WorldGrid(round(x / cell), round(y / cell), nx, ny, cell)


def _array(classes: Classes, layer: NDArray[np.float32]) -> Any:
    ny, nx = layer.shape
    out = classes.make("std_msgs/msg/Float32MultiArray", data=classes.sequence(to_grid_map_data(layer)))
    out.layout.dim = [
        classes.make("std_msgs/msg/MultiArrayDimension", label=label, size=size, stride=stride)
        for label, size, stride in (("column_index", ny, nx * ny), ("row_index", nx, nx))
    ]
    return out
