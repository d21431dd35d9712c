"""Plants: trees, bushes, hedges and standing crop. Foliage is porous: some rays pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.rays.scene import Mesh, join
from autonomy_perception.simulation.world.ground import Ground
from autonomy_perception.simulation.world.landforms import Waves
from autonomy_perception.simulation.world.materials import Kind
from autonomy_perception.simulation.world.materials import Material as M
from autonomy_perception.simulation.world.solids import blob, cylinder, ellipsoid
from autonomy_perception.simulation.world.structures import Furnishing, Structure

F64 = NDArray[np.float64]


def tree(rng: np.random.Generator, p: F64) -> Structure:
    """A broad-leaved tree, 5 to 10 m high."""
    height, radius = float(rng.uniform(5.0, 10.0)), float(rng.uniform(0.12, 0.26))
    trunk = cylinder(p - np.array([0, 0, 0.4]), (0.0, 0.0, 0.6 * height), radius, M.BARK, 10)
    crowns = []
    for _ in range(4):
        offset = np.array([*rng.normal(0, 0.16 * height, 2), height * rng.uniform(0.62, 0.95)])
        offset[2] = max(offset[2], 3.4 + 0.18 * height)
        radii = height * np.array([rng.uniform(0.15, 0.22), rng.uniform(0.15, 0.22), rng.uniform(0.13, 0.17)])
        crowns.append(blob(rng, p + offset, radii, M.LEAF, 0.22))
    return Structure(Kind.TREE, trunk, join(crowns), (p[0], p[1], 0.8 * radius))


def conifer(rng: np.random.Generator, p: F64) -> Structure:
    """A spruce or pine, 9 to 18 m high, its lower trunk bare."""
    height, radius = float(rng.uniform(9.0, 18.0)), float(rng.uniform(0.12, 0.3))
    bare = float(rng.uniform(0.12, 0.4)) * height
    trunk = cylinder(p - np.array([0, 0, 0.5]), (0.0, 0.0, 0.85 * height), radius, M.BARK, 8)
    crowns, width = [], float(rng.uniform(0.14, 0.2)) * height
    for k in range(3):
        low = bare + (height - bare) * k / 3.2
        span = (height - bare) * (0.5 if k < 2 else 0.36)
        wide = width * (1.0 - 0.28 * k)
        crowns.append(ellipsoid(p + np.array([0, 0, low + 0.5 * span]), (wide, wide, 0.5 * span), M.LEAF, 5, 8))
    return Structure(Kind.TREE, trunk, join(crowns), (p[0], p[1], 0.8 * radius))


def bush(rng: np.random.Generator, p: F64) -> Structure:
    """A bush of 0.4 to 1.5 m."""
    r = float(rng.uniform(0.45, 1.2))
    height = r * float(rng.uniform(0.9, 1.3))
    parts = [blob(rng, p + np.array([0, 0, 0.45 * height]), (r, r * rng.uniform(0.8, 1.1), 0.6 * height), M.LEAF, 0.18)]
    for _ in range(2):
        offset = np.array([*rng.normal(0, 0.4 * r, 2), 0.4 * height])
        parts.append(blob(rng, p + offset, 0.7 * np.array([r, r, 0.7 * height]), M.LEAF, 0.2))
    return Structure(Kind.BUSH, None, join(parts), (p[0], p[1], 0.6 * r))


def weeds(rng: np.random.Generator, p: F64) -> Structure:
    """A tuft of high grass, nettles or ferns, 0.25 to 0.9 m high."""
    r, height = float(rng.uniform(0.15, 0.6)), float(rng.uniform(0.25, 0.9))
    body = blob(rng, p + np.array([0, 0, 0.4 * height]), (r, r * rng.uniform(0.6, 1.0), 0.6 * height), M.LEAF, 0.25)
    return Structure(Kind.BUSH, None, body, (p[0], p[1], 0.0))


def crop(
    rng: np.random.Generator, ground: Ground, corner: F64, along: F64, across: F64, height: float, step: float = 1.0
) -> Structure:
    """A field of standing crop: the top of its canopy and its sides, which rays enter and get stopped in.

    Args:
        corner: (2,) [m]. along, across: its edges (2,) [m]. height: of the stalks [m]. step: of the mesh [m].
    """
    a = np.linspace(0.0, 1.0, max(2, int(np.linalg.norm(along) / step)))
    b = np.linspace(0.0, 1.0, max(2, int(np.linalg.norm(across) / step)))
    aa, bb = np.meshgrid(a, b, indexing="ij")
    xy = (corner + aa[..., None] * along + bb[..., None] * across).reshape(-1, 2)
    soil = np.nan_to_num(ground.height(xy))
    swell = Waves.draw(rng, (2.0, 9.0), 0.06 * height)
    top = soil + height + swell(xy) + rng.normal(0.0, 0.02 * height, len(xy))
    rows, columns = len(a), len(b)
    index = np.arange(rows * columns).reshape(rows, columns)
    quads = [(index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:])]
    rim = np.concatenate([index[0], index[1:, -1], index[-1, -2::-1], index[-2::-1, 0]])
    foot = len(xy) + np.arange(len(rim))
    quads.append((rim[1:], foot[1:], foot[:-1], rim[:-1]))
    vertices = np.concatenate([np.column_stack([xy, top]), np.column_stack([xy[rim], soil[rim]])])
    faces = []
    for p, q, r, s in quads:
        faces += [
            np.column_stack([p.ravel(), q.ravel(), r.ravel()]),
            np.column_stack([p.ravel(), r.ravel(), s.ravel()]),
        ]
    joined = np.concatenate(faces).astype(np.int32)
    if along[0] * across[1] < along[1] * across[0]:
        joined = joined[:, ::-1]  # a field to the right: its outside is outside all the same
    middle = corner + 0.5 * along + 0.5 * across
    mesh = Mesh(vertices, joined, np.full(len(joined), M.CROP, np.uint8))
    return Structure(Kind.CROP, None, mesh, (float(middle[0]), float(middle[1]), 0.0))


def sow(
    rng: np.random.Generator, on: Furnishing, a: F64, b: F64, depth: float, height: float, off_road: float = 2.0
) -> bool:
    """A field of crop from ``a`` to ``b`` (2,) [m] and ``depth`` [m] to the left (negative: right) of that, if all of it
    is free and ``off_road`` [m] beside the roads; whether it was."""
    ahead = (b - a) / np.linalg.norm(b - a)
    out = depth * np.array([-ahead[1], ahead[0]])
    spots = [a + u * (b - a) + v * out for u in np.linspace(0, 1, 24) for v in np.linspace(0.0, 1.0, 8)]
    if not all(on.free(p, 1.0, off_road) for p in spots):
        return False
    on.add(crop(rng, on.ground, a, b - a, out, height, 1.5))
    for p in spots:
        on.take(p, 4.5)
    return True
