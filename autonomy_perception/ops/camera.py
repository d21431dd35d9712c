"""The lens table that the camera kernels read, from a CameraModel."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.types import CameraModel

F64 = NDArray[np.float64]

# How many coefficients each model of sensor_msgs/CameraInfo reads, in its order.
COEFFICIENTS = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}


class Lens(NamedTuple):
    """The record ``Lens`` of the kernels' table; its ``k`` is k1 to k6 here."""

    fx: float
    fy: float
    cx: float
    cy: float
    skew: float
    k1: float
    k2: float
    k3: float
    k4: float
    k5: float
    k6: float
    p1: float
    p2: float
    max_sq: float
    model: int
    width: int
    height: int


def lens_of(model: CameraModel) -> Lens:
    """Table of a camera. Raises ValueError for an unknown distortion model or coefficients it cannot honour."""
    return _lens(
        model.width,
        model.height,
        model.K.tobytes(),
        model.D.tobytes(),
        str(model.K.dtype),
        str(model.D.dtype),
        model.distortion_model,
    )


@lru_cache(maxsize=64)
def _lens(width: int, height: int, k: bytes, d: bytes, k_type: str, d_type: str, name: str) -> Lens:
    K, D = np.frombuffer(k, k_type).reshape(3, 3).astype(np.float64), np.frombuffer(d, d_type).astype(np.float64)
    name = name or "plumb_bob"
    if name not in COEFFICIENTS:
        raise ValueError(f"distortion model {name!r} is unknown, expected one of {sorted(COEFFICIENTS)}")
    used = COEFFICIENTS[name]
    if np.any(D[used:]):
        raise ValueError(
            f"distortion model {name!r} reads {used} coefficients, but a later one is not zero: {D.tolist()}"
        )
    c = np.zeros(8)
    c[: min(len(D), used)] = D[:used]
    fisheye = name == "equidistant"
    poly = (c[0], c[1], c[4], c[5], c[6], c[7]) if not fisheye else (*c[:4], 0.0, 0.0)
    tangential = (0.0, 0.0) if fisheye else (c[2], c[3])
    limit = _fisheye_limit(c) if fisheye else _polynomial_limit(np.array(poly))
    pinhole = (K[0, 0], K[1, 1], K[0, 2], K[1, 2], K[0, 1])
    numbers = [float(v) for v in (*pinhole, *poly, *tangential, limit)]
    return Lens._make((*numbers, int(fisheye), width, height))


def _polynomial_limit(k: F64) -> float:
    """Squared normalised radius up to which the distorted radius still grows (beyond, far points fold back into view)."""
    r = np.linspace(0.0, 12.0, 24001)
    r2 = r * r
    bottom = 1 + r2 * (k[3] + r2 * (k[4] + r2 * k[5]))
    with np.errstate(divide="ignore", invalid="ignore"):
        out = r * (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[2]))) / bottom
    bad = np.flatnonzero(~(np.diff(out) > 0) | ~(bottom[1:] > 0))
    return float(r2[bad[0]]) if len(bad) else 3.0e38


def _fisheye_limit(k: F64) -> float:
    """As :func:`_polynomial_limit` for the angle polynomial, up to 89.9 degrees from the axis."""
    t = np.linspace(0.0, np.deg2rad(89.9), 4000)
    t2 = t * t
    out = t * (1 + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3]))))
    bad = np.flatnonzero(~(np.diff(out) > 0))
    return float(np.tan(t[bad[0] if len(bad) else -1]) ** 2)
