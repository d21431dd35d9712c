"""Camera features into the bird's-eye view: lift-splat (Philion & Fidler 2020) with intervals made once per calibration.

Every pixel of a feature map says how likely each depth is (``depth``) and what it sees (``context``); a cell sums
``depth * context`` of the bins that lie in it. Which bins those are follows from the calibration alone: :func:`frustum_index`
groups them by a stable sort, :func:`bev_pool` only sums (BEVPool, Liu et al. 2022, arXiv 2205.13542).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.cells import CellGrid, cell_index
from autonomy_perception.ops.library import Library


@dataclass(frozen=True)
class FeatureMap:
    """Where the features of a camera network look: ``height`` x ``width`` of them, ``stride`` pixels of its input apart.

    Feature (i, j) stands for the middle of its stride x stride pixels (centres of pixels at integers).
    """

    width: int
    height: int
    stride: int

    def __post_init__(self) -> None:
        if min(self.width, self.height, self.stride) < 1:
            raise ValueError(
                f"feature map {self.width}x{self.height} with stride {self.stride}: all must be at least 1"
            )

    @classmethod
    def of_input(cls, width: int, height: int, stride: int) -> FeatureMap:
        """That of an input of width x height pixels. Raises ValueError where the stride does not divide it."""
        if stride < 1 or width % stride or height % stride:
            raise ValueError(f"an input of {width}x{height} px is no multiple of the stride {stride}")
        return cls(width // stride, height // stride, stride)


@dataclass(frozen=True)
class FrustumIndex:
    """The bins of all frustums grouped by cell: those of cell c are ``order[starts[c]:starts[c + 1]]``, ascending.

    Attributes:
        ids: int32 (cameras, bins, height, width) cell ``iy * nx + ix`` of each bin, -1 outside.
        order: int32 (n,) indices into ``ids`` (flat); -1 in the tail.
        pixels: int32 (n,) ``camera * height * width + pixel`` of the same entries; -1 in the tail.
        starts: int32 (ny * nx + 1,).
        grid: the cells.
    """

    ids: Any
    order: Any
    pixels: Any
    starts: Any
    grid: BevGrid


def depth_bins(low: float, high: float, bins: int, growing: bool = False) -> NDArray[np.float32]:
    """Middles float32 (bins,) [m] of depth bins between ``low`` and ``high``: of one width, or growing linearly with depth
    (LID, Reading et al. 2021, CaDDN).

    Raises:
        ValueError: no bin, or bounds that are not 0 < low < high.
    """
    if bins < 1 or not 0.0 < low < high:
        raise ValueError(f"depth bins need 0 < low < high and at least one bin, got {low} .. {high} m, {bins} bins")
    k = np.arange(bins + 1, dtype=np.float64)
    edges = low + (high - low) * (k * (k + 1) / (bins * (bins + 1)) if growing else k / bins)
    return np.asarray(0.5 * (edges[1:] + edges[:-1]), np.float32)


def frustum_views(K: Sequence[ArrayLike], T_grid_camera: Sequence[ArrayLike]) -> NDArray[np.float32]:
    """Rows (cameras, 12) for :func:`frustum_index`: point in the grid's frame = depth * A (u, v, 1) + b.

    Args:
        K: per camera (3,3) pinhole intrinsics of the network's input [px] (``image.plan`` undistorts to them).
        T_grid_camera: per camera (4,4) optical frame (z forward) to the grid's frame.

    Raises:
        ValueError: another number of poses than of intrinsics, or intrinsics that cannot be inverted.
    """
    if len(K) != len(T_grid_camera):
        raise ValueError(f"{len(K)} intrinsics for {len(T_grid_camera)} poses, expected as many")
    out = np.empty((len(K), 3, 4))
    for row, k, pose in zip(out, K, T_grid_camera, strict=True):
        k, T = np.asarray(k, np.float64), np.asarray(pose, np.float64)
        if k.shape != (3, 3) or not abs(np.linalg.det(k)) > 0.0:
            raise ValueError(f"intrinsics must be a (3,3) matrix that has an inverse, got {k.tolist()}")
        row[:, :3], row[:, 3] = T[:3, :3] @ np.linalg.inv(k), T[:3, 3]
    return out.reshape(len(K), 12).astype(np.float32)


def frustum_index(lib: Library, views: NDArray[np.float32], depths: NDArray[np.float32], features: FeatureMap, grid: BevGrid,
                  z: tuple[float, float] = (-5.0, 10.0)) -> FrustumIndex:  # fmt: skip
    """Group the bins of all cameras by cell.

    Args:
        views: float32 (cameras, 12) of :func:`frustum_views`. depths: float32 (bins,) [m] of :func:`depth_bins`.
        grid: cells in the frame of the views.
        z: slab of heights that is pooled [m].
    """
    bins, f = len(depths), features
    ids = lib.empty((len(views), bins, f.height, f.width), np.int32)
    half = 0.5 * (f.stride - 1)
    lib.call("ap_frustum_cells", views=lib.to_device(views), depths=lib.to_device(depths), ids=ids, grid=CellGrid.of(grid), u0=half,
             v0=half, step_u=float(f.stride), step_v=float(f.stride), z_min=z[0], z_max=z[1])  # fmt: skip
    grouped = cell_index(lib, ids.reshape(-1), grid.nx * grid.ny)
    pixels = lib.empty(grouped.order.shape[0], np.int32)
    lib.call("ap_frustum_pixels", order=grouped.order, pixels=pixels, bins=bins, area=f.height * f.width)
    return FrustumIndex(ids, grouped.order, pixels, grouped.starts, grid)


def bev_pool(lib: Library, depth: Any, context: Any, index: FrustumIndex, planes: bool = True, out: Any = None) -> Any:
    """BEV features float32 (C, ny, nx), or (ny, nx, C) without ``planes``; zero where no bin lies.

    Args:
        depth: float32 (cameras, bins, height, width) weight of each bin, usually a softmax over the bins.
        context: float32 (cameras, height, width, C), channels last.
        out: buffer of that shape to fill, or None.

    out(c, cell) is the sum over the bins i of the cell, in rising order, of depth(i) * context(pixel(i), c).
    """
    grid, channels = index.grid, context.shape[-1]
    cells = grid.nx * grid.ny
    if out is None:
        out = lib.empty((channels, *grid.shape) if planes else (*grid.shape, channels), np.float32)
    lib.call("ap_bev_pool", depth=depth.reshape(-1), context=context.reshape(-1, channels), order=index.order, pixels=index.pixels,
             starts=index.starts, out=out.reshape(-1), cells=cells, planes=planes)  # fmt: skip
    return out


def bev_pool_grad(lib: Library, depth: Any, context: Any, index: FrustumIndex, grad: Any) -> tuple[Any, Any]:
    """Gradients by depth and by context (shapes as theirs) for ``grad`` float32 (ny, nx, C) by the output, channels last.

    d depth(i) = <grad(cell(i)), context(pixel(i))>, zero where the bin lies in no cell;
    d context(p) = sum over the bins i of pixel p of depth(i) * grad(cell(i)).
    """
    cameras, bins, height, width = depth.shape
    channels = context.shape[-1]
    own, other = lib.empty(tuple(depth.shape), np.float32), lib.empty(tuple(context.shape), np.float32)
    flat = (cameras, bins, height * width)
    lib.call("ap_bev_pool_grad", depth=depth.reshape(*flat), context=context.reshape(-1, channels), ids=index.ids.reshape(*flat),
             grad=grad.reshape(-1, channels), grad_depth=own.reshape(*flat), grad_context=other.reshape(-1, channels))  # fmt: skip
    return own, other
