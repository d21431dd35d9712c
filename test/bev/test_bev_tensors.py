"""Tensors from a frame: level lidar canvas, cameras where they were, layers between maps and ego."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bev.bev_frame import FRAME, camera, scan
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bev.cameras import CameraLayout, CameraTensors, camera_poses, input_K
from autonomy_perception.bev.frame import ego_of_base, level
from autonomy_perception.bev.lidar import LidarCanvas
from autonomy_perception.bev.world import MAP_CHANNELS, ego_cells, map_channels, take, world_cells
from autonomy_perception.grid import BevGrid, WorldGrid
from autonomy_perception.ops.canvas import CANVAS, bev_canvas
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.lift import depth_bins
from autonomy_perception.types import Occupancy, SensorFrame, TerrainGrid, Trajectory

LIB = CpuLibrary()
GRID = BevGrid.square(40.0, 0.5)
ANGLE = st.floats(-0.3, 0.3)
POSE = st.builds(
    lambda r, p, y, x, z: geometry.make_transform(geometry.rotation_rpy(r, p, y), (x, -2.0 * x, z)),
    ANGLE, ANGLE, st.floats(-3.1, 3.1), st.floats(-300.0, 300.0), st.floats(-20.0, 20.0),
)  # fmt: skip
SECOND = 1_000_000_000


@settings(max_examples=50, deadline=None)
@given(POSE)
def test_ego_is_level_and_keeps_place_and_heading(T: NDArray[np.float64]) -> None:
    ego = level(T)
    np.testing.assert_allclose(ego[2, :3], [0, 0, 1], atol=1e-12)
    np.testing.assert_array_equal(ego[:3, 3], T[:3, 3])
    assert geometry.yaw_of(ego) == pytest.approx(geometry.yaw_of(T))
    np.testing.assert_allclose(ego @ ego_of_base(T), T, atol=1e-9)


# Lidar ----------------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(POSE, st.integers(0, 60))
def test_the_canvas_is_that_of_the_level_points_of_all_lidars(T: NDArray[np.float64], split: int) -> None:
    rng = np.random.default_rng(split)
    level_xyz = rng.uniform(-22, 22, (60, 3)) * [1, 1, 0.1]
    level_xyz[:, :2] = np.floor(level_xyz[:, :2]) + 0.25  # away from the borders of cells, which rounding may cross
    label, height = rng.integers(0, 5, 60), rng.uniform(0, 3, 60)
    xyz = geometry.transform_points(geometry.invert(ego_of_base(T)), level_xyz)
    parts = [scan(xyz[rows], label[rows], height[rows]) for rows in (slice(0, split), slice(split, 60))]
    ours = LidarCanvas(GRID, LIB).fill([s for s, _ in parts], [g for _, g in parts], T)
    want = bev_canvas(
        LIB,
        level_xyz.astype(np.float32),
        np.full(60, 0.5, np.float32),
        label.astype(np.uint8),
        height.astype(np.float32),
        GRID,
    )
    assert ours.shape == (1, len(CANVAS), *GRID.shape)
    np.testing.assert_allclose(ours[0], want, atol=1e-4)


def test_no_scan_is_an_empty_canvas_and_labels_must_fit() -> None:
    maker, (one, labels) = LidarCanvas(GRID, LIB), scan([[1.0, 1.0, 0.5]], [2], [0.5])
    assert maker.fill([one], [labels], np.eye(4)).any()
    assert not maker.fill([], [], np.eye(4)).any()
    with pytest.raises(ValueError, match=r"labels: expected those of scans with \[1\] points, found \[\]"):
        maker.fill([one], [], np.eye(4))


# Cameras --------------------------------------------------------------------------------------------------------------

LAYOUT = CameraLayout(("front", "left"), 320, 160, 16, depth_bins(1.0, 21.0, 40), GRID)


def lifted(
    tensors: CameraTensors, frame: SensorFrame, T: NDArray[np.float64], name: str, point: Any
) -> tuple[float, float]:
    """Where a feature lands that a network sees in the pixel and at the depth of ``point`` (3,) [m in odom]."""
    lay, k = tensors.layout, tensors.layout.names.index(name)
    of = next(c for c in frame.cameras if c.sensor == name)
    T_odom_then = frame.trajectory.pose(of.stamp_ns) if frame.trajectory else T
    p = geometry.transform_points(geometry.invert(T_odom_then @ of.T_base_camera), np.array([point]))[0]
    u, v = (input_K(of.model, lay.width, lay.height) @ p)[:2] / p[2]
    f = lay.features
    j, i, d = int((v + 0.5) // f.stride), int((u + 0.5) // f.stride), int(np.abs(lay.depths - p[2]).argmin())
    depth, context = (
        np.zeros((2, len(lay.depths), f.height, f.width), np.float32),
        np.ones((2, f.height, f.width, 1), np.float32),
    )
    depth[k, d, j, i] = 1.0
    out = tensors.pool(depth, context, tensors.index(frame, T, np.ones(2, np.bool_)))[0, 0]
    assert out.sum() == 1.0
    iy, ix = np.argwhere(out == 1.0)[0]
    x, y = GRID.centers()
    return float(x[ix]), float(y[iy])


@settings(max_examples=40, deadline=None)
@given(POSE, st.sampled_from(["front", "left"]), st.floats(4.0, 12.0), st.floats(-0.4, 0.4))
def test_features_land_where_the_thing_is(T: NDArray[np.float64], name: str, far: float, aside: float) -> None:
    turn = geometry.rotation_z(np.pi / 2 if name == "left" else 0.0)
    point = geometry.transform_points(T, (turn @ np.array([far, aside * far, 1.2]))[None])[0]
    want = geometry.transform_points(geometry.invert(level(T)), point[None])[0]
    found = lifted(CameraTensors(LAYOUT, LIB), FRAME, T, name, point)
    # half a bin, half a feature at this distance, half the diagonal of a cell
    assert np.hypot(found[0] - want[0], found[1] - want[1]) < 0.25 + 8.0 / 160.0 * 1.5 * far + 0.36


def test_an_old_image_lands_where_the_thing_was_seen_from() -> None:
    """The vehicle drives 20 m/s; the image is 100 ms older than the sweep, so the camera stood 2 m behind."""
    moving = Trajectory(
        np.array([-SECOND, 0]), np.stack([geometry.make_transform(None, (-20.0, 0, 0)), np.eye(4)]), np.zeros((2, 6))
    )
    old = replace(FRAME, cameras=(camera("front", 0.0, -SECOND // 10), FRAME.cameras[1]), trajectory=moving)
    assert camera_poses(old, np.eye(4))["front"][0, 3] == pytest.approx(-1.0)
    assert abs(lifted(CameraTensors(LAYOUT, LIB), old, np.eye(4), "front", [10.0, 0.0, 1.2])[0] - 10.0) <= 0.5


def test_frustums_are_grouped_once_until_the_vehicle_leans() -> None:
    tensors, both = CameraTensors(LAYOUT, LIB), np.ones(2, np.bool_)
    for place in (0.0, 50.0, -7.0):
        tensors.index(FRAME, geometry.make_transform(geometry.rotation_z(place), (place, 0, 0)), both)
    assert tensors.regrouped == 1
    tensors.index(FRAME, geometry.make_transform(geometry.rotation_rpy(0.0, 0.05, 0.0)), both)
    assert tensors.regrouped == 2
    assert (tensors.index(FRAME, np.eye(4), np.array([True, False])).ids[1] == -1).all() and tensors.regrouped == 3
    tensors.index(FRAME, np.eye(4), np.array([True, False]))
    assert tensors.regrouped == 3


def test_images_are_the_lower_part_and_absent_cameras_are_nothing() -> None:
    tensors, picture = CameraTensors(LAYOUT, LIB), np.zeros((400, 640, 3), np.uint8)
    picture[80:] = 255  # scaled to 320 x 200, of which the upper 40 rows are cut
    out, present = tensors.images(FRAME.cameras, {"front": picture})
    assert present.tolist() == [True, False] and not out[1].any()
    white = (1.0 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(out[0][:, 1:-1, 1:-1], np.broadcast_to(white[:, None, None], (3, 158, 318)), atol=1e-4)
    assert out.shape == (2, 3, 160, 320)
    assert not tensors.images(FRAME.cameras, {})[0].any()  # and leave nothing of the frame before


# Maps -----------------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(POSE)
def test_layers_go_from_ego_to_world_and_back_by_cell_centres(T: NDArray[np.float64]) -> None:
    ego = level(T)
    world = WorldGrid.around(ego[0, 3], ego[1, 3], 26.0, 0.4)
    x, y = GRID.centers()
    layer = np.stack([np.broadcast_to(x, GRID.shape), np.broadcast_to(y[:, None], GRID.shape)])
    cells = ego_cells(GRID, ego, world)
    assert (cells >= 0).all()  # 26 m fit into 40 m however they are turned
    wx, wy = world.bev.centers()
    centers = np.stack([*np.meshgrid(wx, wy), np.zeros(world.shape)], -1).reshape(-1, 3)
    inside_ego = geometry.transform_points(geometry.invert(ego), centers + np.array([0.0, 0.0, ego[2, 3]]))
    for axis in range(2):
        assert np.abs(take(layer[axis], cells, np.nan).ravel() - inside_ego[:, axis]).max() <= 0.25 + 1e-6
    back = world_cells(world, ego, GRID)
    own = take(take(layer[0], cells, np.nan), back, np.nan)
    known = back >= 0
    assert known.any() and not known.all() and np.isnan(own[~known]).all()
    assert np.abs(own - layer[0])[known].max() <= 0.25 + 0.2 * np.sqrt(2) + 1e-6


def test_maps_become_channels_relative_to_the_vehicle() -> None:
    world = WorldGrid.around(100.0, 50.0, 60.0, 0.5)
    values = {"elevation": 12.0, "slope": 0.1, "step": 0.2, "roughness": 0.05, "traversability": 0.8}
    layers: dict[str, Any] = {k: np.full(world.shape, v, np.float32) for k, v in values.items()}
    layers["elevation"][: world.ny // 2] = np.nan  # unknown to the right of the vehicle
    odds = Occupancy(world, np.full(world.shape, 2.0, np.float32), np.zeros(world.shape, np.int8))
    out = map_channels(TerrainGrid(world, layers), odds, geometry.make_transform(None, (100.0, 50.0, 10.0)), GRID)
    left = dict(zip(MAP_CHANNELS, out[:, 60, 20].tolist(), strict=True))
    assert left == pytest.approx({"known": 1, "elevation": 0.5, "slope": 0.1, "step": 0.2, "roughness": 0.05, "traversability": 0.8,
                                  "log_odds": 0.5}, abs=1e-6)  # fmt: skip
    right = out[:, 20, 20]
    assert right[0] == 0.0 and right[1] == 0.0
