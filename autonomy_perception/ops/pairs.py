"""Boxes of tracks against boxes of detections, seen from above, in float64.

Boxes are rows of 21 numbers: centre x y, length, width, yaw, bottom, top, log-odds of being a road user, velocity
vx vy, two delays, nine class probabilities [m, rad, nat, m/s, s]; see ``tracking.association.Boxes``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy_perception.ops.library import Library
from autonomy_perception.road_users import N_CLASSES

BOX_WIDTH = 12 + N_CLASSES


def costs(lib: Library, tracks: Any, cov: Any, reach: Any, found: Any, noise: Any, affinity: Any) -> Any:
    """Cost (N,M) of giving detections (M,21) to tracks (N,21): 30 where the gates forbid it, else below.

    Args:
        cov: (N,2,2) predicted position covariance [m^2]; noise: (M,) position variance of detections [m^2].
        reach: (N,) largest offset that a track can have travelled beyond its prediction [m].
        affinity: (9,9) 0..1, how well a detected class (column) fits a tracked one (row).
    """
    out = lib.empty((len(tracks), len(found)), np.float64)
    lib.call(
        "ap_pair_costs", tracks=tracks, cov=cov, reach=reach, found=found, noise=noise, affinity=affinity, cost=out
    )
    return out


def inside(lib: Library, outer: Any, inner: Any, margin: float) -> Any:
    """uint8 (N,M): 1 where about 70 % of ``inner`` lie in ``outer`` grown by ``margin`` [m], along the axes of ``outer``."""
    out = lib.empty((len(outer), len(inner)), np.uint8)
    lib.call("ap_pair_inside", outer=outer, inner=inner, out=out, margin=margin)
    return out


def along(lib: Library, first: Any, second: Any) -> Any:
    """Second boxes along the axes of the first, (N,M,4): offset of the centre, and length and width after quarter turns [m]."""
    out = lib.empty((len(first), len(second), 4), np.float64)
    lib.call("ap_pair_along", first=first, second=second, out=out)
    return out


def shadowed(lib: Library, targets: Any, screens: Any, margin: float) -> tuple[Any, Any]:
    """How much of each target (N,3) lies behind a screen (M,3): range [m], bearing [rad], half angular width [rad].

    Args:
        margin: a screen must be nearer by this much [m].

    Returns:
        largest hidden fraction (N,) 0..1 of the angular width, and uint8 (N,): 1 where an end is touched.
    """
    hidden, touched = lib.empty(len(targets), np.float64), lib.empty(len(targets), np.uint8)
    lib.call("ap_shadowed", targets=targets, screens=screens, hidden=hidden, touched=touched, margin=margin)
    return hidden, touched
