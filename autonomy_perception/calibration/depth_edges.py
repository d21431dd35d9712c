"""Where the lidar sees an edge: returns in front of something farther, as vertical and as horizontal edges.

After Levinson & Thrun, "Automatic online calibration of cameras and lasers" (RSS 2013), on a range image instead of
single beams, so that an edge must go on along its own direction, and shifted by half the spacing of the rays,
because the true edge lies between the last ray that hit and the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.types import CameraModel, LidarScan

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
B8 = NDArray[np.bool_]

MIN_DEPTH = 2.0
"""Nearer points are left out [m]: parallax between the sensors is largest there."""
MARGIN = 1.15
"""The field of view is widened by this factor, so that a wrong calibration does not cut its evidence off."""
JUMP_M, JUMP_SHARE = 0.5, 0.05
"""An edge is where the neighbour is farther by this much [m] or this share of the range."""
SMOOTH_SHARE = 0.3
"""On the other side the range changes by less than this share of the jump: ground seen at a low angle is no edge."""
CHAIN_M, CHAIN_SHARE = 0.2, 0.01
"""An edge goes on in a neighbour whose range differs by less than this [m] plus this share."""
MIN_HEIGHT = 0.3
"""Edges lower above the plane of base_link are left out [m]: ground, kerbs, grass."""
CELL_LIMITS = np.deg2rad((0.1, 0.5))
UNKNOWN_ROW = np.deg2rad(0.4)
"""Height of a row where the beams of the lidar are not known."""


@dataclass(frozen=True)
class DepthEdges:
    """Points float32 (N,3), (M,3) [m] in base_link on upright and on lying edges."""

    upright: F32
    lying: F32


@dataclass(frozen=True)
class _RangeImage:
    """Nearest return per cell: range (R,C) [m] (0: none), index of the point (R,C), azimuth step, row elevations [rad]."""

    range: F32
    index: I64
    step: float
    elevations: F64


def find_edges(scan: LidarScan, T_camera_base: F64, model: CameraModel) -> DepthEdges:
    """Edges of one sweep in the field of view of a camera.

    Args:
        scan: points in base_link; beams by ring, else by ``beam_elevations``, else in rows of 0.4 degrees.
        T_camera_base: (4,4) base_link to the optical frame.
    """
    seen = _in_view(scan.cloud.xyz, T_camera_base, model)
    if len(seen) < 100:
        none = np.empty((0, 3), np.float32)
        return DepthEdges(none, none)
    image = _range_image(scan, seen, T_camera_base)
    r = image.range
    left, right, up, down = (_next(r, *d) for d in ((0, -1), (0, 1), (1, 0), (-1, 0)))
    jump = np.maximum(JUMP_M, JUMP_SHARE * r)
    here = r > 0

    def edge(beyond: F32, before: F32) -> B8:
        """The one neighbour is farther by a jump, and the surface does not just go on to it from the other."""
        return np.asarray(
            here & (beyond - r > jump) & (before > 0) & (np.abs(before - r) < SMOOTH_SHARE * (beyond - r))
        )

    on_left, on_right, on_top = edge(left, right), edge(right, left), edge(up, down)
    rows, columns = (-1, 0, 1), (-2, -1, 1, 2)
    beside = [(a, b) for a in (-1, 1) for b in rows]
    along = [(a, b) for a in rows for b in columns]
    on_left, on_right, on_top = _chained(on_left, r, beside), _chained(on_right, r, beside), _chained(on_top, r, along)
    corner = (on_left | on_right) & on_top
    sides = np.concatenate([_turned(scan, image, on_left & ~corner, -1), _turned(scan, image, on_right & ~corner, 1)])
    tops = _raised(scan, image, on_top & ~corner)
    return DepthEdges(sides[sides[:, 2] > MIN_HEIGHT], tops[tops[:, 2] > MIN_HEIGHT])


def _in_view(xyz: F32, T_camera_base: F64, model: CameraModel) -> I64:
    """Indices of the points in the widened field of view (of the pinhole: lenses bend less than the margin)."""
    T = T_camera_base[:3].astype(np.float32)
    z = xyz @ T[2, :3] + T[2, 3]
    wide = MARGIN * max(model.K[0, 2], model.width - model.K[0, 2]) / model.K[0, 0]
    high = MARGIN * max(model.K[1, 2], model.height - model.K[1, 2]) / model.K[1, 1]
    ahead = np.flatnonzero(z > MIN_DEPTH)
    near, z = xyz[ahead], z[ahead]
    inside = (np.abs(near @ T[0, :3] + T[0, 3]) < np.float32(wide) * z) & (
        np.abs(near @ T[1, :3] + T[1, 3]) < np.float32(high) * z
    )
    return np.asarray(ahead[inside])


def _range_image(scan: LidarScan, seen: I64, T_camera_base: F64) -> _RangeImage:
    p = scan.cloud.xyz[seen] - scan.origin
    distance = np.sqrt(np.einsum("ij,ij->i", p, p))
    azimuth = np.arctan2(p[:, 1], p[:, 0]) - np.float32(np.arctan2(T_camera_base[2, 1], T_camera_base[2, 0]))
    azimuth = (azimuth + np.float32(np.pi)) % np.float32(2 * np.pi)  # the camera looks at pi: no seam in its view
    elevation = np.arcsin(np.clip(p[:, 2] / distance, -1.0, 1.0))
    row, elevations = _rows(scan, seen, elevation)
    fullest = np.sort(azimuth[row == np.bincount(row).argmax()])
    step = float(np.clip(np.median(np.diff(fullest)), *CELL_LIMITS)) if len(fullest) > 2 else float(CELL_LIMITS[1])
    column = ((azimuth - azimuth.min()) / np.float32(1.25 * step)).astype(np.int64)
    shape = int(row.max()) + 1, int(column.max()) + 1
    order = np.argsort(-distance, kind="stable")  # the nearest is written last
    ranges, index = np.zeros(shape, np.float32), np.full(shape, -1, np.int64)
    ranges[row[order], column[order]] = distance[order]
    index[row[order], column[order]] = seen[order]
    return _RangeImage(ranges, index, step, elevations)


def _rows(scan: LidarScan, seen: I64, elevation: F32) -> tuple[I64, F64]:
    """Row of each point, lowest first, and the elevation of each row [rad]."""
    if scan.cloud.has_ring:
        rings, ring = np.unique(scan.cloud.ring[seen], return_inverse=True)
        middle = np.bincount(ring, elevation) / np.bincount(ring)
        order = np.argsort(middle, kind="stable")
        rank = np.empty(len(rings), np.int64)
        rank[order] = np.arange(len(rings))
        return rank[ring], middle[order]
    beams = scan.beam_elevations.astype(np.float64)
    if len(beams) > 1:
        return np.searchsorted(0.5 * (beams[1:] + beams[:-1]), elevation), beams
    low = float(elevation.min())
    row = ((elevation - low) / UNKNOWN_ROW).astype(np.int64)
    return row, low + UNKNOWN_ROW * (0.5 + np.arange(int(row.max()) + 1))


def _shifted(a: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """a[r + rows, c + columns] at (r, c); zero beyond the border."""
    out = np.zeros_like(a)
    h, w = a.shape
    out[max(-rows, 0) : h - max(rows, 0), max(-columns, 0) : w - max(columns, 0)] = a[
        max(rows, 0) : h + min(rows, 0), max(columns, 0) : w + min(columns, 0)
    ]
    return out


def _next(r: F32, rows: int, columns: int) -> F32:
    """Range of the neighbour, or of the one behind it where the first is empty."""
    one = _shifted(r, rows, columns)
    return np.asarray(np.where(one > 0, one, _shifted(r, 2 * rows, 2 * columns)), np.float32)


def _chained(edge: B8, r: F32, offsets: list[tuple[int, int]]) -> B8:
    """Edges that go on in one of the neighbours at a similar range."""
    reach = CHAIN_M + CHAIN_SHARE * r
    found = np.zeros_like(edge)
    for rows, columns in offsets:
        found |= _shifted(edge, rows, columns).astype(bool) & (np.abs(_shifted(r, rows, columns) - r) < reach)
    return np.asarray(edge & found)


def _turned(scan: LidarScan, image: _RangeImage, edge: B8, sign: int) -> F32:
    """Points of the edge, half an azimuth step outwards."""
    p = scan.cloud.xyz[image.index[edge]] - scan.origin
    c, s = np.float32(np.cos(0.5 * image.step)), np.float32(np.sin(0.5 * sign * image.step))
    turned = np.stack([c * p[:, 0] - s * p[:, 1], s * p[:, 0] + c * p[:, 1], p[:, 2]], 1)
    return np.asarray(turned + scan.origin, np.float32)


def _raised(scan: LidarScan, image: _RangeImage, edge: B8) -> F32:
    """Points of the edge, half the way up to the next beam."""
    p = scan.cloud.xyz[image.index[edge]] - scan.origin
    row = np.nonzero(edge)[0]
    last = len(image.elevations) - 1
    free = _shifted(image.range, 1, 0)[edge] > 0
    above = np.minimum(np.where(free, row + 1, row + 2), last)
    lift = (0.5 * (image.elevations[above] - image.elevations[row])).astype(np.float32)
    flat = np.hypot(p[:, 0], p[:, 1])
    distance = np.hypot(flat, p[:, 2])
    elevation = np.arctan2(p[:, 2], flat) + lift
    scale = np.cos(elevation) * distance / np.maximum(flat, 1e-6)
    raised = np.stack([p[:, 0] * scale, p[:, 1] * scale, distance * np.sin(elevation)], 1)
    return np.asarray(raised + scan.origin, np.float32)
