"""Lift-splat pooling against plain NumPy: geometry, intervals, sums, gradients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.lift import (
    FeatureMap,
    FrustumIndex,
    bev_pool,
    bev_pool_grad,
    depth_bins,
    frustum_index,
    frustum_views,
)

LIB = CpuLibrary()
GRID = BevGrid(-3.0, 12.0, -8.0, 8.0, 0.5)
CELLS = GRID.nx * GRID.ny
OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
Rig = tuple[list[NDArray[np.float64]], list[NDArray[np.float64]], FeatureMap, NDArray[np.float32]]


@st.composite
def rigs(draw: st.DrawFn) -> Rig:
    """Intrinsics, poses, feature map and depths of one to three cameras that look anywhere."""
    number = st.floats(-1.0, 1.0, width=32)
    stride = draw(st.sampled_from([1, 4, 8]))
    features = FeatureMap(draw(st.integers(1, 6)), draw(st.integers(1, 5)), stride)
    K, T = [], []
    for _ in range(draw(st.integers(1, 3))):
        f = draw(st.floats(4.0, 80.0))
        K.append(np.array([[f, 0.0, 10 * draw(number)], [0.0, f * 1.1, 10 * draw(number)], [0.0, 0.0, 1.0]]))
        rpy = (0.3 * draw(number), 0.3 * draw(number), 3.0 * draw(number))
        T.append(geometry.make_transform(geometry.rotation_rpy(*rpy) @ OPTICAL, (draw(number), draw(number), 1.6)))
    return K, T, features, depth_bins(0.5, 14.0, draw(st.integers(1, 9)), draw(st.booleans()))


def points_of(rig: Rig) -> NDArray[np.float64]:
    """Points (cameras, bins, height, width, 3) [m] by unprojecting one pixel after the other."""
    K, T, f, depths = rig
    out = np.empty((len(K), len(depths), f.height, f.width, 3))
    for n, (k, pose) in enumerate(zip(K, T, strict=True)):
        for d, depth in enumerate(depths):
            for j in range(f.height):
                for i in range(f.width):
                    pixel = [(i + 0.5) * f.stride - 0.5, (j + 0.5) * f.stride - 0.5]
                    ray = [(pixel[0] - k[0, 2]) / k[0, 0], (pixel[1] - k[1, 2]) / k[1, 1], 1.0]
                    out[n, d, j, i] = geometry.transform_points(pose, np.array([ray]) * depth)[0]
    return out


def index_of(rig: Rig) -> FrustumIndex:
    return frustum_index(LIB, frustum_views(rig[0], rig[1]), rig[3], rig[2], GRID, (-2.0, 4.0))


def pooled(depth: NDArray[np.float32], context: NDArray[np.float32], ids: NDArray[np.int32]) -> NDArray[np.float64]:
    """Sums (cells, C) by adding one bin after the other."""
    out = np.zeros((CELLS, context.shape[-1]))
    for (n, d, j, i), cell in np.ndenumerate(ids):
        if cell >= 0:
            out[cell] += np.float64(depth[n, d, j, i]) * context[n, j, i]
    return out


def features_of(rig: Rig, channels: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng, (K, _, f, depths) = np.random.default_rng(seed), rig
    depth = rng.random((len(K), len(depths), f.height, f.width), np.float32)
    return depth, rng.normal(size=(len(K), f.height, f.width, channels)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(rigs())
def test_every_bin_lies_in_the_cell_of_its_point(rig: Rig) -> None:
    ids, points = index_of(rig).ids.ravel(), points_of(rig).reshape(-1, 3)
    u = (points[:, :2] - [GRID.x_min, GRID.y_min]) / GRID.resolution
    near = (np.abs(u - np.rint(u)).min(1) < 1e-3) | (np.abs(points[:, 2:] - [-2.0, 4.0]).min(1) < 1e-3)
    cells = GRID.cells(points[:, :2])
    inside = GRID.inside(cells) & (points[:, 2] >= -2.0) & (points[:, 2] <= 4.0)
    want = np.where(inside, cells[:, 1] * GRID.nx + cells[:, 0], -1)
    np.testing.assert_array_equal(ids[~near], want[~near])


@settings(max_examples=40, deadline=None)
@given(rigs())
def test_intervals_hold_each_bin_once_in_rising_order(rig: Rig) -> None:
    index, area = index_of(rig), rig[2].height * rig[2].width
    ids = index.ids.ravel()
    used = index.starts[-1]
    assert used == (ids >= 0).sum() and (index.order[used:] == -1).all() and (index.pixels[used:] == -1).all()
    for cell in np.unique(ids[ids >= 0]):
        own = index.order[index.starts[cell] : index.starts[cell + 1]]
        np.testing.assert_array_equal(own, np.flatnonzero(ids == cell))
    camera, pixel = index.order[:used] // (len(rig[3]) * area), index.order[:used] % area
    np.testing.assert_array_equal(index.pixels[:used], camera * area + pixel)


@settings(max_examples=40, deadline=None)
@given(rigs(), st.sampled_from([1, 5, 16, 32, 48, 64, 80, 96, 128, 130]), st.booleans())
def test_pooling_adds_what_lies_in_a_cell(rig: Rig, channels: int, planes: bool) -> None:
    index, (depth, context) = index_of(rig), features_of(rig, channels)
    dirty = np.full((channels, *GRID.shape) if planes else (*GRID.shape, channels), np.nan, np.float32)
    out = bev_pool(LIB, depth, context, index, planes, out=dirty)
    want = pooled(depth, context, index.ids).reshape(*GRID.shape, channels)
    np.testing.assert_allclose(out.transpose(1, 2, 0) if planes else out, want, atol=1e-5)
    np.testing.assert_array_equal(out, bev_pool(LIB, depth, context, index, planes))


@settings(max_examples=30, deadline=None)
@given(rigs(), st.sampled_from([1, 3, 16]))
def test_gradients_are_those_of_the_sum(rig: Rig, channels: int) -> None:
    """<grad, pool(d + e, c)> - <grad, pool(d, c)> = <grad_depth, e> exactly, because the pool is linear in each."""
    index, (depth, context) = index_of(rig), features_of(rig, channels)
    rng = np.random.default_rng(1)
    grad = rng.normal(size=(*GRID.shape, channels)).astype(np.float32)
    by_depth, by_context = bev_pool_grad(LIB, depth, context, index, grad)
    assert by_depth.shape == depth.shape and by_context.shape == context.shape
    for e, f in ((rng.random(depth.shape), None), (None, rng.normal(size=context.shape))):
        moved = pooled(e if e is not None else depth, f if f is not None else context, index.ids)  # type: ignore[arg-type]
        change = float((grad.reshape(CELLS, channels) * moved).sum())
        ours = float((by_depth * e).sum()) if e is not None else float((by_context * f).sum())
        assert ours == pytest.approx(change, abs=1e-3, rel=1e-4)
    assert not by_depth.ravel()[index.ids.ravel() < 0].any()


def test_a_pixel_straight_ahead_fills_the_cells_ahead() -> None:
    K = np.array([[50.0, 0.0, 3.5], [0.0, 50.0, 3.5], [0.0, 0.0, 1.0]])
    T = geometry.make_transform(OPTICAL, (0.0, 0.25, 1.0))
    index = frustum_index(LIB, frustum_views([K], [T]), np.array([2.25, 6.25], np.float32), FeatureMap(1, 1, 8), GRID)
    iy, ix = int((0.25 + 8.0) / 0.5), int((2.25 + 3.0) / 0.5)
    assert index.ids.ravel().tolist() == [iy * GRID.nx + ix, iy * GRID.nx + ix + 8]
    out = bev_pool(
        LIB, np.array([0.25, 0.75], np.float32).reshape(1, 2, 1, 1), np.full((1, 1, 1, 1), 2.0, np.float32), index
    )
    assert (out[0, iy, ix], out[0, iy, ix + 8], out.sum()) == (0.5, 1.5, 2.0)


def test_bins_cover_the_range_without_gap() -> None:
    even, growing = depth_bins(1.0, 61.0, 60), depth_bins(1.0, 61.0, 60, growing=True)
    np.testing.assert_allclose(np.diff(even), 1.0, atol=1e-5)
    widths = np.diff(growing)
    assert (np.diff(widths) > 0).all() and growing[0] > 1.0 and growing[-1] < 61.0
    assert depth_bins(2.0, 4.0, 1).tolist() == [3.0]


def test_what_cannot_be_is_refused_with_its_numbers() -> None:
    with pytest.raises(ValueError, match=r"0 < low < high.*got 5.0 .. 2.0 m, 4 bins"):
        depth_bins(5.0, 2.0, 4)
    with pytest.raises(ValueError, match="700x256 px is no multiple of the stride 16"):
        FeatureMap.of_input(700, 256, 16)
    with pytest.raises(ValueError, match="feature map 0x4 with stride 8"):
        FeatureMap(0, 4, 8)
    with pytest.raises(ValueError, match="1 intrinsics for 2 poses"):
        frustum_views([np.eye(3)], [np.eye(4)] * 2)
    with pytest.raises(ValueError, match="has an inverse"):
        frustum_views([np.zeros((3, 3))], [np.eye(4)])
