"""Basic solids as meshes: box, prism, cylinder, ellipsoid, rough blob."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.simulation.rays.scene import Mesh
from autonomy_perception.simulation.world.materials import Material

F64 = NDArray[np.float64]


def _mesh(vertices: ArrayLike, faces: ArrayLike, material: Material) -> Mesh:
    f = np.asarray(faces, np.int32)
    return Mesh(np.asarray(vertices, np.float64), f, np.full(len(f), material, np.uint8))


def box(low: ArrayLike, high: ArrayLike, material: Material) -> Mesh:
    """Axis-aligned box between two corners (3,) [m]."""
    lo, hi = np.asarray(low, np.float64), np.asarray(high, np.float64)
    profile = np.array([[lo[0], lo[2]], [hi[0], lo[2]], [hi[0], hi[2]], [lo[0], hi[2]]])
    return prism(profile, float(lo[1]), float(hi[1]), material)


def prism(profile: ArrayLike, y0: float, y1: float, material: Material, taper: float = 0.0) -> Mesh:
    """Convex side profile (K,2) of x, z, counter-clockwise seen from -y, drawn out from y0 to y1 [m].

    ``taper``: how much narrower [m] each side is at the profile's highest point (cabins lean inwards).
    """
    p = np.asarray(profile, np.float64)
    k = len(p)
    height = (p[:, 1] - p[:, 1].min()) / max(float(np.ptp(p[:, 1])), 1e-9)
    right = np.column_stack([p[:, 0], y0 + taper * height, p[:, 1]])
    left = np.column_stack([p[:, 0], y1 - taper * height, p[:, 1]])
    faces: list[list[int]] = []
    for i in range(k):
        j = (i + 1) % k
        faces += [[i, i + k, j], [j, i + k, j + k]]
    for i in range(1, k - 1):
        faces += [[0, i, i + 1], [k, k + i + 1, k + i]]
    return _mesh(np.concatenate([right, left]), faces, material)


def cylinder(base: ArrayLike, axis: ArrayLike, radius: float, material: Material, sides: int = 14) -> Mesh:
    """Closed cylinder from ``base`` (3,) along ``axis`` (3,) (its length is the height) [m]."""
    b, a = np.asarray(base, np.float64), np.asarray(axis, np.float64)
    unit = a / np.linalg.norm(a)
    helper = np.array([0.0, 0.0, 1.0]) if abs(unit[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    e1 = np.cross(unit, helper)
    e1 /= np.linalg.norm(e1)
    e2 = np.cross(unit, e1)
    angle = 2.0 * np.pi * np.arange(sides) / sides
    rim = radius * (np.cos(angle)[:, None] * e1 + np.sin(angle)[:, None] * e2)
    vertices = np.concatenate([b + rim, b + a + rim, [b], [b + a]])
    faces: list[list[int]] = []
    for i in range(sides):
        j = (i + 1) % sides
        faces += [
            [i, j, i + sides],
            [j, j + sides, i + sides],
            [2 * sides, j, i],
            [2 * sides + 1, i + sides, j + sides],
        ]
    return _mesh(vertices, faces, material)


def ellipsoid(center: ArrayLike, radii: ArrayLike, material: Material, rings: int = 7, sides: int = 12) -> Mesh:
    """Ellipsoid with semi-axes ``radii`` (3,) [m]."""
    theta = np.pi * np.arange(1, rings) / rings
    phi = 2.0 * np.pi * np.arange(sides) / sides
    t, f = np.meshgrid(theta, phi, indexing="ij")
    ball = np.stack([np.sin(t) * np.cos(f), np.sin(t) * np.sin(f), np.cos(t)], -1).reshape(-1, 3)
    ball = np.concatenate([ball, [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]])
    top, bottom = len(ball) - 2, len(ball) - 1
    faces: list[list[int]] = []
    for j in range(sides):
        k = (j + 1) % sides
        faces += [[top, j, k], [bottom, (rings - 2) * sides + k, (rings - 2) * sides + j]]
        for i in range(rings - 2):
            a, b, c, d = i * sides + j, i * sides + k, (i + 1) * sides + k, (i + 1) * sides + j
            faces += [[a, d, c], [a, c, b]]
    return _mesh(np.asarray(center) + ball * np.asarray(radii), faces, material)


def blob(rng: np.random.Generator, center: ArrayLike, radii: ArrayLike, material: Material, roughness: float) -> Mesh:
    """Ellipsoid whose vertices are pushed in and out by ``roughness`` (share of the radius): rocks, bushes, crowns."""
    c = np.asarray(center, np.float64)
    smooth = ellipsoid(c, radii, material, rings=6, sides=10)
    factor = 1.0 + roughness * rng.uniform(-1.0, 1.0, len(smooth.vertices))
    return Mesh(c + (smooth.vertices - c) * factor[:, None], smooth.faces, smooth.material)
