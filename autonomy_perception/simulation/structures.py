"""What stands beside the road: trees, bushes, rocks, posts, a guard rail, a barn, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.materials import Kind
from autonomy_perception.simulation.materials import Material as M
from autonomy_perception.simulation.road import ASPHALT_HALF, DITCH_TOP, Road
from autonomy_perception.simulation.scene import Mesh, join
from autonomy_perception.simulation.solids import blob, box, cylinder, prism

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Structure:
    """One static thing.

    Attributes:
        kind: what it is.
        solid: mesh in world that stops every ray, or None.
        porous: foliage in world, passed by some rays, or None.
        core: footprint that is filled for certain: centre x, y and radius [m]; radius 0 where none is.
    """

    kind: Kind
    solid: Mesh | None
    porous: Mesh | None
    core: tuple[float, float, float]


def _tree(rng: np.random.Generator, p: F64) -> Structure:
    height, radius = float(rng.uniform(5.0, 10.0)), float(rng.uniform(0.12, 0.26))
    trunk = cylinder(p - np.array([0, 0, 0.4]), (0.0, 0.0, 0.6 * height), radius, M.BARK, 10)
    crowns = []
    for _ in range(4):
        offset = np.array([*rng.normal(0, 0.16 * height, 2), height * rng.uniform(0.62, 0.95)])
        offset[2] = max(offset[2], 3.4 + 0.18 * height)
        radii = height * np.array([rng.uniform(0.15, 0.22), rng.uniform(0.15, 0.22), rng.uniform(0.13, 0.17)])
        crowns.append(blob(rng, p + offset, radii, M.LEAF, 0.22))
    return Structure(Kind.TREE, trunk, join(crowns), (p[0], p[1], 0.8 * radius))


def _bush(rng: np.random.Generator, p: F64) -> Structure:
    r = float(rng.uniform(0.45, 1.2))
    height = r * float(rng.uniform(0.9, 1.3))
    parts = [blob(rng, p + np.array([0, 0, 0.45 * height]), (r, r * rng.uniform(0.8, 1.1), 0.6 * height), M.LEAF, 0.18)]
    for _ in range(2):
        offset = np.array([*rng.normal(0, 0.4 * r, 2), 0.4 * height])
        parts.append(blob(rng, p + offset, 0.7 * np.array([r, r, 0.7 * height]), M.LEAF, 0.2))
    return Structure(Kind.BUSH, None, join(parts), (p[0], p[1], 0.6 * r))


def _rock(rng: np.random.Generator, p: F64) -> Structure:
    r = float(rng.uniform(0.4, 0.8))
    body = blob(
        rng, p + np.array([0, 0, 0.15 * r]), (r, r * rng.uniform(0.7, 1.0), r * rng.uniform(0.75, 1.1)), M.ROCK, 0.15
    )
    return Structure(Kind.ROCK, body, None, (p[0], p[1], 0.55 * r))


def _post(rng: np.random.Generator, p: F64) -> Structure:
    """Delineator beside the shoulder: 1 m high with a reflector."""
    body = box(p + np.array([-0.05, -0.06, -0.2]), p + np.array([0.05, 0.06, 1.0]), M.WHITE_PLASTIC)
    return Structure(
        Kind.POST,
        join([body, box(p + np.array([-0.055, -0.04, 0.7]), p + np.array([0.055, 0.04, 0.88]), M.RETRO)]),
        None,
        (p[0], p[1], 0.0),
    )


def _sign(rng: np.random.Generator, p: F64, heading: float) -> Structure:
    turn = geometry.make_transform(geometry.rotation_z(heading), p)
    plate = cylinder((0.05, 0.0, 2.2), (0.02, 0.0, 0.0), 0.38, M.RETRO, 18)
    return Structure(
        Kind.SIGN,
        join([cylinder((0, 0, -0.3), (0, 0, 2.7), 0.045, M.METAL, 8), plate]).moved(turn),
        None,
        (p[0], p[1], 0.0),
    )


def _pole(rng: np.random.Generator, p: F64, heading: float) -> Structure:
    turn = geometry.make_transform(geometry.rotation_z(heading), p)
    body = join(
        [cylinder((0, 0, -0.3), (0, 0, 8.3), 0.14, M.BARK, 10), box((-0.06, -1.1, 7.3), (0.06, 1.1, 7.45), M.BARK)]
    )
    return Structure(Kind.POLE, body.moved(turn), None, (p[0], p[1], 0.1))


def _rail(a: F64, b: F64) -> Structure:
    """One 4 m section of guard rail from post ``a`` to ``b`` (3,)."""
    along = b - a
    heading = float(np.arctan2(along[1], along[0]))
    pitch = -float(np.arcsin(along[2] / np.linalg.norm(along)))
    turn = geometry.make_transform(geometry.rotation_rpy(0.0, pitch, heading), a)
    length = float(np.linalg.norm(along))
    beam = [box((-0.02, -0.04, z), (length + 0.02, 0.04, z + 0.13), M.METAL) for z in (0.46, 0.62)]
    web = box((-0.02, -0.005, 0.56), (length + 0.02, 0.02, 0.66), M.METAL)
    post = box((-0.05, -0.1, -0.3), (0.05, -0.03, 0.72), M.METAL)
    middle = 0.5 * (a + b)
    return Structure(Kind.RAIL, join([*beam, web, post]).moved(turn), None, (middle[0], middle[1], 0.0))


def _barn(rng: np.random.Generator, p: F64, heading: float) -> Structure:
    half = float(rng.uniform(6.0, 9.0))
    roof = [(-5.4, 4.0), (5.4, 4.0), (0.0, 6.6)]
    parts = [
        box((-5, -half, -1.0), (5, half, 4.1), M.BARK),
        prism(roof, -half - 0.4, half + 0.4, M.ROCK),
        box((-5.05, -1.6, -0.2), (-4.95, 1.6, 3.2), M.DARK_METAL),
    ]
    turn = geometry.make_transform(geometry.rotation_z(heading), p)
    return Structure(Kind.BUILDING, join(parts).moved(turn), None, (p[0], p[1], 4.8))


class _Ground:
    """Positions on the road's surface, and which are taken."""

    def __init__(self, road: Road, keep_clear: F64) -> None:
        self.road, self._taken = road, [*keep_clear]

    def at(self, s: float, d: float) -> F64:
        """World point (3,) on the ground."""
        return np.asarray([*self.road.xy(s, d), float(self.road.height(s, d))])

    def room(self, s: float, d: float, radius: float) -> bool:
        """Whether a thing of this radius may stand there: off road, ditch, track, and clear of all others."""
        low, high = (DITCH_TOP[1] if d < 0 else -ASPHALT_HALF - 1.6), ASPHALT_HALF + 1.6
        if low - radius < d < high + radius or bool(self.road.on_track(s, d, radius + 1.1)):
            return False
        if d > 0 and self.road.layby[0] - 6 < s < self.road.layby[1] + 6 and d < 10.5 + radius:
            return False
        if any((s - c[0]) ** 2 + (d - c[1]) ** 2 < (radius + c[2]) ** 2 for c in self._taken):
            return False
        self._taken.append(np.array([s, d, radius]))
        return True


def _scatter(
    rng: np.random.Generator, ground: _Ground, count: int, near: float, far: float, radius: float
) -> list[F64]:
    out: list[F64] = []
    for _ in range(count):
        s = float(rng.uniform(5.0, ground.road.length - 5.0))
        d = float(rng.choice([-1.0, 1.0]) * (near + (far - near) * rng.beta(1.0, 1.8)))
        if ground.room(s, d, radius):
            out.append(ground.at(s, d))
    return out


def layout(rng: np.random.Generator, road: Road, keep_clear: F64) -> list[Structure]:
    """Draw all structures of a road. ``keep_clear``: circles (K,3) of s, d, radius that stay empty."""
    ground = _Ground(road, keep_clear)
    out: list[Structure] = []
    for s in np.arange(12.0, road.length - 10.0, 50.0):
        out += [_post(rng, ground.at(float(s), 5.4))] if not road.layby[0] - 4 < s < road.layby[1] + 4 else []
        out += [_post(rng, ground.at(float(s), -5.3))] if abs(s - road.exit_s - 16.0) > 24.0 else []
    for s in np.arange(30.0, road.length - 10.0, 45.0):
        d = float(rng.uniform(13.0, 15.0))
        if ground.room(float(s), d, 0.8):
            out.append(_pole(rng, ground.at(float(s), d), float(road.heading(s))))
    start = float(road.layby[1] + rng.uniform(12.0, 25.0))
    stops = [ground.at(float(s), 5.0) for s in np.arange(start, min(start + 48.5, road.length - 10.0), 4.0)]
    out += [_rail(a, b) for a, b in pairwise(stops)]
    for s in (road.layby[0] - 30.0, road.exit_s - 45.0):
        out.append(_sign(rng, ground.at(float(s), 5.9), float(road.heading(s))))
    s, d = float(road.exit_s + rng.uniform(20.0, 70.0)), float(rng.uniform(30.0, 42.0))
    if ground.room(s, d, 10.0):
        out.append(_barn(rng, ground.at(s, d), float(road.heading(s)) + rng.uniform(-0.3, 0.3)))
    out += [_tree(rng, p) for p in _scatter(rng, ground, 230, 11.0, 100.0, 1.6)]
    out += [_bush(rng, p) for p in _scatter(rng, ground, 260, 9.5, 60.0, 1.6)]
    out += [_rock(rng, p) for p in _scatter(rng, ground, 130, 9.5, 50.0, 1.1)]
    for _ in range(70):  # more of them along the track, where the drive goes
        s = float(road.exit_s + rng.uniform(25.0, 150.0))
        d = float(road.track_d(s) + rng.choice([-1.0, 1.0]) * rng.uniform(3.6, 13.0))
        kind = _rock if rng.random() < 0.4 else _bush
        if ground.room(s, d, 1.5):
            out.append(kind(rng, ground.at(s, d)))
    return out
