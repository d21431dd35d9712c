"""Where is the centre, and how large is the object, when only part of it is seen?

A lidar sees the faces turned towards it. The nearest visible corner or edge is a fact; the far end of the
cluster is only where the returns stop. Therefore the measured box is anchored at its near faces and
completed away from the sensor to the size believed, and the size is a running robust maximum of what was
seen, completed by the class where an edge has never been seen whole (idea: Scheel, Reuter, Dietmayer,
"Using separable likelihoods for laser-based vehicle tracking with a labeled multi-Bernoulli filter",
FUSION 2016; "hidden" far faces as in Petrovskaya and Thrun, Autonomous Robots 26, 2009).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.tracking.classes import SIZE, VEHICLES

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

SLACK_FROM = 0.6  # [m] residual of the near face from which a hidden near end is considered


def axes_of(yaw: F64) -> F64:
    """Unit vectors (M,2,2) of length (row 0) and width (row 1) axis."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.asarray(np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], -2))


def view(center: F64, axes: F64, extent: F64, sensor: F64) -> tuple[F64, F64]:
    """Which ends of a box face the sensor.

    Args:
        center: (M,2) [m]; axes: (M,2,2); extent: (M,2) length and width [m]; sensor: (2,) [m], same frame.

    Returns:
        side (M,2) in -1..1 per axis: +1 the positive end faces the sensor, 0 the sensor is abeam and sees
        both ends; exposure (M,2) in 0..1: how broadly the face *along* that axis is seen (0: edge-on).
    """
    offset = np.einsum("mij,mj->mi", axes, sensor - center)
    side = np.clip(offset / (0.5 * extent + 0.3), -1.0, 1.0)
    line = offset / np.maximum(np.hypot(offset[:, 0], offset[:, 1]), 0.1)[:, None]
    return side, np.abs(line[:, ::-1])


def locate(predicted: F64, spread: F64, center: F64, axes: F64, extent: F64, size: F64, side: F64) -> tuple[F64, F64]:
    """Centre measured by a partly seen box.

    Args:
        predicted: (M,2) predicted centre [m]; spread: (M,2) its standard deviation along the axes [m].
        center, axes, extent: measured box. size: (M,2) believed size [m]. side: see :func:`view`.

    Returns:
        centre (M,2) [m] and its extra standard deviation along each axis (M,2) [m].
    """
    missing = size - extent
    near = -0.5 * side * missing  # offset of the believed centre from the measured one, along the axes
    ahead = np.einsum("mij,mj->mi", axes, predicted - center)
    # Without a visible end in this axis the centre may be anywhere within the missing part.
    slack = 0.5 * np.abs(missing)
    free = np.clip(ahead, -slack, slack)
    near = np.abs(side) * near + (1.0 - np.abs(side)) * free
    off_near, off_free = np.abs(near - ahead), np.abs(free - ahead)
    hidden = (off_near > np.maximum(SLACK_FROM, 2.5 * spread)) & (off_free < 0.5 * off_near)
    chosen = np.where(hidden, free, near)
    extra = np.where(hidden, 0.5 * slack + 0.2, (1.0 - np.abs(side)) * 0.3 * slack)
    return center + np.einsum("mij,mi->mj", axes, chosen), extra


def grow(seen: F64, complete: F64, extent: F64, exposure: F64, free_ends: F64) -> tuple[F64, F64]:
    """Robust running maximum of the seen size, and how surely it is whole.

    A larger measurement is taken at half weight, a much larger one (two objects merged?) only slowly; a
    smaller one counts little and only where the edge is broadly exposed and not cut off by something nearer.

    Args:
        seen, complete, extent, exposure: (M,2); free_ends: (M,) 0..1, 0 where something nearer hides an end.
    """
    whole = np.clip((exposure - 0.2) / 0.3, 0.0, 1.0) * free_ends[:, None]
    jump = (extent > 1.3 * seen + 0.6) & (complete > 0.5)
    up = np.where(jump, 0.12, 0.4)
    down = 0.05 * whole * (0.3 + 0.7 * (complete < 0.8))
    gain = np.where(extent > seen, up, down)
    return seen + gain * (extent - seen), np.maximum(0.98 * complete, complete + 0.4 * (whole - complete))


def completed(seen: F64, complete: F64, probs: F64) -> F64:
    """Believed size (N,2): what was seen, or the expectation over classes where the edge was never seen whole."""
    by_class = np.maximum(seen[:, None], SIZE[None, :, :2])
    expected = np.einsum("nc,nca->na", probs, by_class)
    return np.asarray(complete * seen + (1.0 - complete) * expected)


def stands_across(length: F64, width: F64, exposure: F64, height: F64, vehicle: F64) -> Bools:
    """Boxes (M,) that look like the front or rear of a car or truck: their long side is the vehicle's width.

    Args:
        exposure: (M,2) of the measured axes, see :func:`view`. vehicle: (M,) probability of a vehicle class.
    """
    wide = (length > 1.3) & (length < 2.7) & (width < 1.3) & (height > 0.8)
    return np.asarray(wide & (exposure[:, 0] > 0.75) & (vehicle > 0.3))


def is_vehicle(probs: F64) -> F64:
    """Probability (N,) of car, truck, bus or trailer."""
    return np.asarray(probs @ VEHICLES)
