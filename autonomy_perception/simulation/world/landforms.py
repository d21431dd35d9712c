"""Forms of natural ground: random waves, hills, banks, and areas with a ground of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from autonomy_perception.simulation.world.materials import Material, Semantic

F64 = NDArray[np.float64]
Field = Callable[[F64], F64]
"""A function of world points (N,2) [m] with one value (N,) each."""


def smoothstep(x: ArrayLike, low: float, high: float) -> F64:
    """0 below ``low``, 1 above ``high``, quintic in between (two derivatives vanish at the ends)."""
    t = np.clip((np.asarray(x, np.float64) - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * t * (t * (6.0 * t - 15.0) + 10.0))


@dataclass(frozen=True)
class Waves:
    """Seeded smooth random field: a sum of plane waves. Wavelengths in metres, amplitudes in metres."""

    k: F64
    phase: F64
    amplitude: F64

    @classmethod
    def draw(
        cls, rng: np.random.Generator, wavelengths: tuple[float, float], amplitude: float, count: int = 9
    ) -> Waves:
        """``count`` waves between two wavelengths whose sum has about this standard deviation."""
        k = 2.0 * np.pi / rng.uniform(*wavelengths, count)
        angle = rng.uniform(0.0, 2.0 * np.pi, count)
        a = rng.uniform(0.5, 1.0, count)
        return cls(
            k * np.array([np.cos(angle), np.sin(angle)]),
            rng.uniform(0, 2 * np.pi, count),
            a * amplitude / np.sqrt((a**2).sum() / 2),
        )

    def __call__(self, xy: F64) -> F64:
        """Value (...) at points (..., 2)."""
        x, y = np.asarray(xy[..., 0], np.float64), np.asarray(xy[..., 1], np.float64)
        out = np.zeros(x.shape)
        for kx, ky, p, a in zip(self.k[0], self.k[1], self.phase, self.amplitude, strict=True):
            out += a * np.sin(kx * x + ky * y + p)
        return out


@dataclass(frozen=True)
class Patch:
    """An area with a ground of its own: where ``field`` is positive.

    Attributes:
        field: about the distance [m] inwards from the border, negative outside.
        on: kinds of ground that it covers. semantic, material: what it makes of them (None: leaves them).
        form: new elevation (N,) from points (N,2), elevation (N,) and field (N,); None leaves it.
        cover: height of what grows on it [m]. wet: 0..1.
        bed: ground known to lie at most a decimetre below its water or mud (None: nobody knows how deep it is).
    """

    field: Field
    on: tuple[Semantic, ...]
    semantic: Semantic | None = None
    material: Material = Material.GRASS
    form: Callable[[F64, F64, F64], F64] | None = None
    cover: float = 0.0
    wet: float = 0.0
    bed: Semantic | None = None


def discs(centers: F64, radii: F64, ragged: Waves) -> Field:
    """Field of round areas (K,2), (K,) [m] with a ragged border."""
    tree = cKDTree(centers)

    def field(xy: F64) -> F64:
        distance, nearest = tree.query(xy)
        return np.asarray(radii[nearest] * (1.0 + 0.25 * ragged(xy)) - distance)

    return field


def hollows(centers: F64, radii: F64, depth: F64) -> Callable[[F64, F64, F64], F64]:
    """Form of potholes: round bowls (K,2), (K,) [m] that are ``depth`` (K,) [m] in the middle."""
    tree = cKDTree(centers)

    def form(xy: F64, z: F64, field: F64) -> F64:
        distance, nearest = tree.query(xy)
        return np.asarray(z - depth[nearest] * np.sqrt(np.clip(1.0 - (distance / radii[nearest]) ** 2, 0.0, 1.0)))

    return form


def still_water(centers: F64) -> Callable[[F64, F64, F64], F64]:
    """Form of puddles: within each (nearest of the centres (K,2)) the ground is level with its lowest border."""
    tree = cKDTree(centers)

    def form(xy: F64, z: F64, field: F64) -> F64:
        out, wet = z.copy(), np.flatnonzero(field > -0.3)
        if len(wet) == 0:
            return out
        _, pool = tree.query(xy[wet])
        for k in np.unique(pool):
            mine = wet[pool == k]
            border = z[mine][field[mine] <= 0.0]
            inside = mine[field[mine] > 0.0]
            out[inside] = (border.min() if len(border) else z[mine].min()) - 0.01
        return out

    return form


def bank(way_distance: F64, height: float, half_width: float) -> F64:
    """Cross-section (N,) of a berm: a rounded bank of a height over the distance (N,) from its ridge [m]."""
    return np.asarray(height * (1.0 - smoothstep(np.abs(way_distance), 0.15 * half_width, half_width)))
