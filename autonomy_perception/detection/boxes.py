"""From the visible part of a cluster to a box: which extents were seen, completion, uncertainty by view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

MIN_SIZE = 0.1
"""Smallest edge of a box [m]: a single return still has an extent."""


@dataclass(frozen=True)
class View:
    """Boxes as the lidar sees them (C rows); axis 0 is along ``yaw``, axis 1 across.

    Attributes:
        center: float64 (C,2) [m]; extent: float64 (C,2) [m]; yaw: float64 (C,) [rad].
        side: float64 (C,2) +1 or -1: on which side of the centre the lidar is, per axis.
        sine: float64 (C,2) sine of the angle of incidence on the face across the axis, 0 when not in view.
        seen: bool (C,2) the extent along the axis was seen in full.
    """

    center: F64
    extent: F64
    yaw: F64
    side: F64
    sine: F64
    seen: Bool


def look(center: F64, extent: F64, yaw: F64, origin: F64, min_sine: float) -> View:
    """View of boxes from ``origin`` (2,) [m]: centres (C,2), extents (C,2), yaw (C,).

    A face at a larger sine of incidence than ``min_sine`` shows its whole extent.
    """
    c, s = np.cos(yaw), np.sin(yaw)
    away = np.asarray(origin, np.float64)[None] - center
    local = np.stack([c * away[:, 0] + s * away[:, 1], c * away[:, 1] - s * away[:, 0]], 1)
    depth = np.abs(local) - 0.5 * extent
    distance = np.maximum(np.hypot(local[:, 0], local[:, 1]), 1e-3)
    sine = np.clip(depth / distance[:, None], 0.0, 1.0)
    # The extent along one axis shows on the face across the other.
    seen = sine[:, ::-1] > min_sine
    return View(center, extent, geometry.wrap_angle(yaw), np.where(local >= 0.0, 1.0, -1.0), sine, seen)


def pick(view: View, rows: NDArray[np.generic]) -> View:
    """The boxes of ``rows`` (indices or mask)."""
    return View(*(getattr(view, name)[rows] for name in view.__dataclass_fields__))


def turn(view: View, which: Bool) -> View:
    """The same boxes with the axes exchanged where ``which`` (C,): length becomes width."""
    rows = which[:, None]
    # Turned by +90 degrees the old width axis becomes +x, the old length axis -y.
    side = np.where(rows, np.stack([view.side[:, 1], -view.side[:, 0]], 1), view.side)
    extent = np.where(rows, view.extent[:, ::-1], view.extent)
    sine = np.where(rows, view.sine[:, ::-1], view.sine)
    seen = np.where(rows, view.seen[:, ::-1], view.seen)
    yaw = geometry.wrap_angle(np.where(which, view.yaw + 0.5 * np.pi, view.yaw))
    return View(view.center, extent, yaw, side, sine, seen)


def grow(view: View, size: F64) -> View:
    """Boxes of ``size`` (C,2) [m] that keep the faces turned to the lidar where they are."""
    shift = -0.5 * (size - view.extent) * view.side
    c, s = np.cos(view.yaw), np.sin(view.yaw)
    center = view.center + np.stack([c * shift[:, 0] - s * shift[:, 1], s * shift[:, 0] + c * shift[:, 1]], 1)
    return View(center, size, view.yaw, view.side, view.sine, view.seen)


def fragments(view: View, points: NDArray[np.int64], solid: Bool) -> Bool:
    """Which boxes (C,) are pieces of another: centre inside the box of a ``solid`` one (C,) with twice the returns."""
    c, s = np.cos(view.yaw), np.sin(view.yaw)
    delta = view.center[None] - view.center[:, None]  # [i, j]: from box i to centre j
    along = np.abs(c[:, None] * delta[..., 0] + s[:, None] * delta[..., 1])
    across = np.abs(c[:, None] * delta[..., 1] - s[:, None] * delta[..., 0])
    inside = (along < 0.5 * view.extent[:, :1]) & (across < 0.5 * view.extent[:, 1:])
    smaller = (2 * points[None] < points[:, None]) & (view.extent.prod(1)[None] < view.extent.prod(1)[:, None])
    return np.asarray((inside & smaller & solid[:, None]).any(0))


def covariance(view: View, hidden_std: F64, yaw_std: F64, distance: F64, z_std: F64) -> F64:
    """Covariance (C,4,4) of x, y, z, yaw.

    A face in view is known to a few centimetres; the centre is half an extent behind it, so an extent of standard
    deviation ``hidden_std`` (C,2) [m] moves the centre by half of it.
    """
    face = 0.04 + 0.002 * distance[:, None]
    local = face**2 + (0.5 * hidden_std) ** 2
    c, s = np.cos(view.yaw), np.sin(view.yaw)
    out = np.zeros((len(c), 4, 4))
    out[:, 0, 0] = c * c * local[:, 0] + s * s * local[:, 1]
    out[:, 1, 1] = s * s * local[:, 0] + c * c * local[:, 1]
    out[:, 0, 1] = out[:, 1, 0] = c * s * (local[:, 0] - local[:, 1])
    out[:, 2, 2] = z_std**2
    out[:, 3, 3] = yaw_std**2
    return out
