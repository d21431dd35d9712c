"""Obstacle points to clusters, and an oriented box per cluster (kernels/cluster.cuh, kernels/lshape.cuh)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autonomy_perception.ops.library import Library


class Feature(IntEnum):
    """Columns of the table that :func:`fit_boxes` returns; metres and radians."""

    X = 0  # centre of the box in BEV
    Y = 1
    LENGTH = 2  # longer edge
    WIDTH = 3
    YAW = 4  # direction of the longer edge, -pi/2 .. pi/2 up to rounding
    Z_MIN = 5
    Z_MAX = 6
    HEIGHT_MIN = 7  # above local ground, NaN where no point knows it
    HEIGHT_MAX = 8
    GROUND = 9  # z of the local ground
    EDGE_RMS = 10  # distance of the near side's points to the near edges
    SPAN_LONG = 11  # stretch of the near long edge that holds points
    SPAN_SHORT = 12
    RANGE = 13  # nearest point to the sensor, in BEV
    EDGE_SHARE = 14  # share of the near side's points within 0.2 m of a near edge
    FACE_FILL = 15  # filled share of the outline seen by the lidar, in 6 x 4 panes
    TOP_SPAN = 16  # width of the topmost quarter across the line of sight


N_FEATURES = len(Feature)


@dataclass(frozen=True)
class LinkRule:
    """When two BEV cells belong together; lengths in metres.

    Attributes:
        cell: edge of a BEV cell.
        gap, gap_slope: reach of a link = gap + gap_slope * range.
        rise, rise_slope: largest empty height within one object = rise + rise_slope * range.
        max_length, max_width: components larger than this are linked again by stricter rules.
    """

    cell: float = 0.2
    gap: float = 0.5
    gap_slope: float = 0.01
    rise: float = 0.4
    rise_slope: float = 0.012
    max_length: float = 21.0
    max_width: float = 3.2


@dataclass(frozen=True)
class ClusterIds:
    """Clusters of N points.

    Attributes:
        id: int32 (N,) cluster of each point, -1 none; clusters are numbered by their first cell, row by row.
        level: uint8 (C,) 0 by the plain rule, 1 or 2 cut out of something larger than a road user.
        order: int32 (M,) indices of clustered points, grouped by cluster, ascending inside one.
        offsets: int32 (C+1,) first entry of each cluster in ``order``.
        grouped: float32 (M,4) x, y, z, height of the points in that order.
    """

    id: Any
    level: Any
    order: Any
    offsets: Any
    grouped: Any

    def __len__(self) -> int:
        return len(self.level)


class Workspace:
    """Scratch arrays that outlive a call, so that the steady state allocates nothing. Results are views into them."""

    def __init__(self, lib: Library) -> None:
        self.lib = lib
        self._arrays: dict[str, Any] = {}

    def take(self, name: str, size: int, dtype: DTypeLike) -> Any:
        """A flat array of ``size`` under ``name``; what it held before is lost."""
        held = self._arrays.get(name)
        if held is None or len(held) < size:
            held = self._arrays[name] = self.lib.empty(size + size // 4 + 1, dtype)
        return held[:size]

    def release(self) -> None:
        """Forget all arrays; results of earlier calls stay valid."""
        self._arrays.clear()


def cluster_points(
    work: Workspace,
    xyz: Any,
    label: Any,
    height: Any,
    origin: NDArray[np.float32],
    max_range: float,
    min_points: int,
    rule: LinkRule = LinkRule(),
) -> ClusterIds:
    """Connected components of obstacle points in BEV, aware of height and range.

    Args:
        work: scratch memory; the result is valid until its next use.
        xyz: float32 (N,3) [m], gravity-aligned; points that are not finite are left out.
        label: uint8 (N,) of PointLabel; OBSTACLE and OVERHANG make clusters, LOW joins the cluster over it.
        height: float32 (N,) [m] above local ground, NaN unknown.
        origin: (3,) lidar position [m] in the frame of ``xyz``.
        max_range: points farther from the lidar are left out [m].
        min_points: smaller clusters are dropped.
    """
    n, lib = len(xyz), work.lib
    side = 2 * int(np.ceil(max_range / rule.cell)) + 2
    first = np.floor(np.asarray(origin[:2], np.float64) / rule.cell).astype(np.int64) - side // 2
    ids, order = work.take("id", n, np.int32), work.take("order", n, np.int32)
    mask, slot = work.take("mask", side * side, np.uint32), work.take("slot", side * side, np.int32)
    level = work.take("level", n // min_points + 1, np.uint8)
    clusters = lib.call(
        "ap_cluster_label", xyz=xyz, label=label, height=height, mask=mask, slot=slot, out=ids, level=level,
        min_points=min_points, side=side, ix0=int(first[0]), iy0=int(first[1]), ox=origin[0], oy=origin[1],
        max_range=max_range, **vars(rule),
    )  # fmt: skip
    offsets, grouped = (
        work.take("offsets", clusters + 1, np.int32),
        work.take("grouped", 4 * n, np.float32).reshape(n, 4),
    )
    used = lib.call("ap_cluster_order", xyz=xyz, height=height, id=ids, order=order, offsets=offsets, grouped=grouped,
                    clusters=clusters)  # fmt: skip
    return ClusterIds(ids, level[:clusters], order[:used], offsets, grouped[:used])


def fit_boxes(
    work: Workspace, clusters: ClusterIds, origin: NDArray[np.float32], max_length: float, smallest: float = 0.05
) -> Any:
    """L-shape box and shape features of every cluster: float32 (C, N_FEATURES), columns of :class:`Feature`.

    Zhang, Xu, Dong, Dolan, "Efficient L-shape fitting for vehicle detection using laser scanners" (IV 2017),
    closeness criterion on the side that faces the lidar.

    Args:
        max_length: clusters longer than this keep their axis-parallel box and shape features of 0 [m].
        smallest: distances to an edge below it count alike [m].
    """
    n = len(clusters)
    table = work.take("table", n * N_FEATURES, np.float32).reshape(n, N_FEATURES)
    work.lib.call("ap_cluster_fit", grouped=clusters.grouped, offsets=clusters.offsets, table=table, ox=origin[0],
                  oy=origin[1], smallest=smallest, max_length=max_length)  # fmt: skip
    return table
