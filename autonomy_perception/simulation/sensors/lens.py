"""Lenses: the ray of every pixel under the distortion models of CameraInfo."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from autonomy_perception.config import ConfigError
from autonomy_perception.types import CameraModel

F64 = NDArray[np.float64]
MAX_ERROR_PX = 0.01
STEP_PX = 8


def pixel_rays(model: CameraModel) -> F64:
    """Unit rays (H·W,3) in the optical frame (z forward, x right, y down) through the centre of every pixel.

    The distortion is inverted on every eighth pixel and joined by cubic splines (below 0.001 px off).

    Raises:
        ConfigError: the distortion cannot be inverted everywhere in the image (it folds over).
    """
    nodes, rays = _inverted(model)
    shape = len(nodes[0]), len(nodes[1])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    rows, columns = np.arange(model.height), np.arange(model.width)
    axes = [RectBivariateSpline(nodes[0], nodes[1], rays[:, k].reshape(shape))(rows, columns).ravel() for k in range(3)]
    out = np.stack(axes, -1)
    return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True))


def check_lens(model: CameraModel) -> None:
    """Raises ConfigError as :func:`pixel_rays` does, in a fraction of its time."""
    _inverted(model)


def _inverted(model: CameraModel) -> tuple[list[F64], F64]:
    """Rows (R,) and columns (C,) [px] of the nodes, and a ray (R·C,3) through each."""
    nodes = [np.linspace(0.0, n - 1.0, max(n // STEP_PX, 4) + 1) for n in (model.height, model.width)]
    v, u = np.meshgrid(*nodes, indexing="ij")
    pixels = np.stack([u.ravel(), v.ravel()], -1)
    rays = _fisheye(model, pixels) if model.distortion_model == "equidistant" else _pinhole(model, pixels)
    error = np.abs(project(model, rays) - pixels).max()
    if not error < MAX_ERROR_PX:
        raise ConfigError(
            f"K, D: expected a {model.distortion_model} lens that can be inverted over the whole image, "
            f"got D {model.D.tolist()} ({error:.1f} px off)"
        )
    return nodes, rays


def _pinhole(model: CameraModel, pixels: F64) -> F64:
    """Newton's method on OpenCV's own projection, with differences for the derivative."""
    rays = np.column_stack([(pixels - model.K[:2, 2]) / model.K[[0, 1], [0, 1]], np.ones(len(pixels))])
    step = 1e-6
    for _ in range(12 if np.any(model.D) else 0):
        at = project(model, rays)
        error = at - pixels
        if np.abs(error).max() < 1e-7:
            break
        jx, jy = ((project(model, rays + np.array([dx, dy, 0.0])) - at) / step for dx, dy in ((step, 0.0), (0.0, step)))
        det = jx[:, 0] * jy[:, 1] - jy[:, 0] * jx[:, 1]
        det = np.where(np.abs(det) < 1e-3, np.inf, det)
        rays[:, 0] -= (jy[:, 1] * error[:, 0] - jy[:, 0] * error[:, 1]) / det
        rays[:, 1] -= (jx[:, 0] * error[:, 1] - jx[:, 1] * error[:, 0]) / det
    return rays


def _fisheye(model: CameraModel, pixels: F64) -> F64:
    """θ_d = θ (1 + k1 θ² + k2 θ⁴ + k3 θ⁶ + k4 θ⁸) solved by Newton's method (Kannala and Brandt, 2006)."""
    flat = (pixels - model.K[:2, 2]) / model.K[[0, 1], [0, 1]]
    target = np.hypot(*flat.T)
    k = np.array([1.0, *(model.D if len(model.D) else np.zeros(4))])
    power = np.arange(5) * 2 + 1
    theta = target.copy()
    for _ in range(20):
        terms = theta[:, None] ** power
        slope = (k * power * theta[:, None] ** (power - 1)).sum(1)
        theta = theta - ((k * terms).sum(1) - target) / np.where(np.abs(slope) < 1e-6, 1.0, slope)
    side = np.where(target > 1e-9, np.sin(theta) / np.maximum(target, 1e-9), 1.0)
    return np.column_stack([flat * side[:, None], np.cos(theta)])


def project(model: CameraModel, points: F64) -> F64:
    """Pixels (N,2) of points (N,3) in the optical frame; those behind a pinhole camera come out as NaN."""
    x, y, z = np.asarray(points, np.float64).T
    if model.distortion_model == "equidistant":
        k = np.array([1.0, *(model.D if len(model.D) else np.zeros(4))])
        across = np.hypot(x, y)
        theta = np.arctan2(across, z)
        bent = (k * theta[:, None] ** (np.arange(5) * 2 + 1)).sum(1)
        scale = np.where(across > 1e-12, bent / np.maximum(across, 1e-12), 1.0)
        flat = np.column_stack([x * scale, y * scale])
        return np.asarray(flat * model.K[[0, 1], [0, 1]] + model.K[:2, 2])
    ahead = z > 1e-9
    out = np.full((len(z), 2), np.nan)
    if ahead.any():
        at = np.ascontiguousarray(np.asarray(points, np.float64)[ahead])
        out[ahead] = cv2.projectPoints(at, np.zeros(3), np.zeros(3), model.K, model.D)[0][:, 0]
    return out
