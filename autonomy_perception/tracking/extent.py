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

from autonomy_perception.config import ExtentConfig
from autonomy_perception.tracking.classes import SIZE, VEHICLES

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


def axes_of(yaw: F64) -> F64:
    """Unit vectors (M,2,2) of length (row 0) and width (row 1) axis."""
    out = np.empty((*np.shape(yaw), 2, 2))
    out[..., 0, 0] = out[..., 1, 1] = np.cos(yaw)
    out[..., 0, 1] = np.sin(yaw)
    out[..., 1, 0] = -out[..., 0, 1]
    return out


def view(center: F64, axes: F64, extent: F64, sensor: F64) -> tuple[F64, F64]:
    """Which ends of a box face the sensor.

    Args:
        center: (M,2) [m]; axes: (M,2,2); extent: (M,2) length and width [m]; sensor: (2,) [m], same frame.

    Returns:
        side (M,2) in -1..1 per axis: +1 the positive end faces the sensor, 0 the sensor is abeam and sees
        both ends; exposure (M,2) in 0..1: how broadly the face *along* that axis is seen (0: edge-on).
    """
    offset = (axes @ (sensor - center)[..., None])[..., 0]
    side = np.clip(offset / (0.5 * extent + 0.3), -1.0, 1.0)
    # The edge along one axis shows on the face across the other, if the sensor stands before that face.
    before = np.maximum(np.abs(offset) - 0.5 * extent, 0.0)
    return side, before[:, ::-1] / np.maximum(np.hypot(offset[:, 0], offset[:, 1]), 0.1)[:, None]


def locate(
    predicted: F64,
    spread: F64,
    center: F64,
    axes: F64,
    extent: F64,
    size: F64,
    complete: F64,
    side: F64,
    config: ExtentConfig,
) -> tuple[F64, F64]:
    """Centre measured by a partly seen box.

    Three readings per axis, weighted by how well they agree with the prediction: the end that faces the sensor is
    real (the usual case); the other end is (the near one is hidden, or left the field of view); the object is
    somewhere around what is seen, of which that is a piece (the side of a trailer in strips). Only a size known to be
    whole makes the second possible, and the third likely.

    Args:
        predicted: (M,2) predicted centre [m]; spread: (M,1) its standard deviation [m].
        center, axes, extent: measured box. size, complete: (M,2) believed size [m] and how surely it is whole.
        side: see :func:`view`.

    Returns:
        centre (M,2) [m] and its extra standard deviation along each axis (M,2) [m].
    """
    missing = size - extent
    ahead = (axes @ (predicted - center)[..., None])[..., 0]
    slack, abeam = 0.5 * np.abs(missing), 1.0 - np.abs(side)
    # Abeam of the sensor both ends are in view and neither is "near": the centre may lie anywhere in the slack.
    options = np.empty((3, *missing.shape))
    options[1] = 0.5 * side * missing
    options[2] = np.minimum(np.maximum(ahead, -slack), slack)
    options[0] = abeam * options[2] - options[1]
    other = complete * (missing > 0.3)
    weight = np.empty_like(options)  # prior times agreement with the prediction
    weight[0] = 1.0
    weight[1] = 0.15 * other * (1.0 - abeam)
    weight[2] = 0.05 * np.maximum(np.where(missing > 0.3, np.maximum(complete, config.stray), 0.0), missing < -0.3)
    off = (options - ahead) / np.hypot(spread, 0.2)
    weight *= np.exp(-0.5 * np.minimum(off * off, 50.0))
    weight /= weight.sum(0)
    chosen = (weight * options).sum(0)
    doubt = np.sqrt((weight * (options - chosen) ** 2).sum(0)) + weight[2] * 0.5 * slack
    return center + (chosen[:, None] @ axes)[:, 0], doubt + abeam * 0.3 * slack


def whole(variance: F64, face: F64, exposure: F64, free_ends: F64) -> F64:
    """How surely (M,2) in 0..1 the detector saw the extent along each axis, rather than completing it.

    Args:
        variance: (M,2) of the detected centre along the axes [m^2]: half of an unseen extent's uncertainty is in it.
        face: (M,) [m] standard deviation of a face in view.
        exposure: (M,2) from :func:`view`: an edge along the line of sight cannot be seen whole.
        free_ends: (M,) 0..1, 0 where something nearer hides an end.
    """
    unsure = 2.0 * np.sqrt(np.maximum(variance - face[:, None] ** 2, 0.0))
    open_view = np.clip((exposure - 0.15) / 0.1, 0.0, 1.0)
    return np.asarray(np.clip((0.7 - unsure) / 0.3, 0.0, 1.0) * open_view * free_ends[:, None])


def grow(
    seen: F64, complete: F64, surplus: F64, extent: F64, sure: F64, young: Bools, config: ExtentConfig
) -> tuple[F64, F64, F64]:
    """Robust running maximum of the size seen, how surely it is whole, and how long it was exceeded by far.

    A larger extent is taken at part weight; one much larger than a size known to be whole (two objects merged?)
    only once it has lasted ``lasting_scans``; a smaller one counts little. Extents that the detector completed count
    only as long as there is nothing better. What is new and comes into view is taken as it is: there is nothing to weigh
    it against, and a box that grows slowly looks slow.

    Args:
        seen, complete, surplus, extent: (M,2). sure: (M,2) from :func:`whole`. young: (M,) seen a few times only.
    """
    jump = (extent > 1.3 * seen + 0.6) & (complete > 0.5)
    surplus = np.where(jump, surplus + 1.0, 0.0)
    up = np.where(jump & (surplus < config.lasting_scans), 0.0, np.where(young[:, None], 1.0, 0.35))
    down = np.where(extent < 2.5, 0.12, 0.06)
    guess = 0.3 * (1.0 - complete) ** 2
    gain = sure * np.where(extent > seen, up, down) + (1.0 - sure) * guess
    grown = np.maximum(0.99 * complete, complete + 0.4 * (sure - complete))
    return seen + gain * (extent - seen), np.where(jump, complete, grown), surplus


def completed(seen: F64, complete: F64, probs: F64) -> F64:
    """Believed size (N,2): what was seen, or the expectation over classes where the edge was never seen whole."""
    by_class = np.maximum(seen[:, None], SIZE[None, :, :2])
    expected = (probs[:, None] @ by_class)[:, 0]
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
