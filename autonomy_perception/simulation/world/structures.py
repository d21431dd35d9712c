"""What stands still in a world: one structure each, where there is room for it, and the marks that maps know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from autonomy_perception import geometry
from autonomy_perception.simulation.rays.scene import Mesh
from autonomy_perception.simulation.world.ground import Ground
from autonomy_perception.simulation.world.materials import Kind
from autonomy_perception.simulation.world.motion import Plan, unit

F64 = NDArray[np.float64]
BOOL = NDArray[np.bool_]


@dataclass(frozen=True)
class Structure:
    """One static thing.

    Attributes:
        kind: what it is.
        solid: mesh in world that stops every ray, or None.
        porous: foliage in world, passed by some rays, or None.
        core: footprint that is filled for certain: centre x, y and radius [m]; radius 0 where none is.
        walls: of a house, whose core is a rectangle about that centre instead: half its extent along and across its
            heading [m], heading [rad].
    """

    kind: Kind
    solid: Mesh | None
    porous: Mesh | None
    core: tuple[float, float, float]
    walls: tuple[float, float, float] | None = None

    @classmethod
    def of(cls, kind: Kind, mesh: Mesh, p: F64, heading: float = 0.0, core: float = 0.0) -> Structure:
        """A solid thing modelled around the origin, put at a point (3,) of the ground."""
        turn = geometry.make_transform(geometry.rotation_z(heading), p)
        return cls(kind, mesh.moved(turn), None, (float(p[0]), float(p[1]), core))

    @classmethod
    def house(cls, mesh: Mesh, p: F64, heading: float, x: tuple[float, float], half_width: float) -> Structure:
        """A building as :meth:`of`, its walls from ``x[0]`` to ``x[1]`` [m] along the heading and ``half_width`` to each side."""
        thing, middle = cls.of(Kind.BUILDING, mesh, p, heading), 0.5 * (x[0] + x[1])
        at = np.asarray(p)[:2] + middle * np.array([np.cos(heading), np.sin(heading)])
        walls = (0.5 * (x[1] - x[0]), half_width, heading)
        return replace(thing, core=(float(at[0]), float(at[1]), 0.0), walls=walls)


@dataclass(frozen=True)
class Landmark:
    """A sign, light, pole or post as maps know it.

    Attributes:
        kind: what it is. number: instance number of its structure. text: what a sign says, or the state of a light.
        position: middle of its plate or head (3,) in world [m]. heading: direction it is read from [rad].
        size: width and height [m].
    """

    kind: Kind
    number: int
    position: tuple[float, float, float]
    heading: float
    size: tuple[float, float]
    text: str = ""


@dataclass(frozen=True)
class LaneMarking:
    """A painted line: ``solid`` or ``dashed``, its middle line (K,3) in world [m], width [m], painted and gap length [m]."""

    kind: str
    line: F64
    width: float
    dashes: tuple[float, float] | None


Maker = Callable[[np.random.Generator, F64], Structure]
"""Draws a thing that stands at a point (3,) of the ground."""


class Furnishing:
    """Puts structures on the ground where nobody drives or walks and nothing else stands.

    Args:
        plans: all road users, the ego and its trailer too: what they sweep over stays clear.
    """

    def __init__(self, ground: Ground, plans: Sequence[Plan]) -> None:
        self.ground = ground
        self.structures: list[Structure] = []
        self.landmarks: list[Landmark] = []
        when = [_moments(p) for p in plans]
        self._swept = cKDTree(np.concatenate([p.xy[k] for p, k in zip(plans, when, strict=True)]))
        self._ahead = np.concatenate([unit(p.yaw[k]) for p, k in zip(plans, when, strict=True)])
        half = [np.add(p.half, (0.0, p.shape.mirrors)) for p in plans]
        self._half = np.concatenate([np.tile(h, (len(k), 1)) for h, k in zip(half, when, strict=True)])
        self._reach = float(np.hypot(*self._half.T).max())
        self._taken: list[tuple[float, float, float]] = []

    def point(self, xy: F64) -> F64:
        """The point (3,) of the ground at (2,); beside the world at elevation 0."""
        return np.append(xy, np.nan_to_num(float(self.ground.height(xy))))

    def add(self, made: Structure, *marks: Landmark) -> None:
        """Put a structure where it was made to stand; marks (with any number) get its instance number."""
        number = FIRST_STRUCTURE + len(self.structures)
        self.structures.append(made)
        self.landmarks += [Landmark(m.kind, number, m.position, m.heading, m.size, m.text) for m in marks]

    def clear(self, xy: F64, radius: float, room: float = 0.1) -> bool:
        """Whether a thing of a radius [m] at (2,) would be ``room`` [m] away from all who pass, mirrors included."""
        near = self._swept.query_ball_point(xy, radius + room + self._reach)
        to, ahead = xy - self._swept.data[near], self._ahead[near]
        along, across = (to * ahead).sum(1), ahead[:, 0] * to[:, 1] - ahead[:, 1] * to[:, 0]
        beyond = np.maximum(np.abs(np.column_stack([along, across])) - self._half[near], 0.0)
        return not np.any(np.hypot(*beyond.T) < radius + room)

    def clear_between(self, a: F64, b: F64, radius: float) -> bool:
        """Whether a thing of a half thickness [m] from ``a`` to ``b`` (2,) would be clear of all who pass."""
        steps = np.linspace(0.0, 1.0, 2 + int(np.linalg.norm(b - a) / 0.25))
        return all(self.clear(a + k * (b - a), radius) for k in steps)

    def free(self, xy: F64, radius: float, off_road: float | None = 0.8, room: float = 0.6) -> bool:
        """Whether a thing of a radius [m] may stand at (2,): on the mesh, ``room`` [m] from all who pass, clear of what
        stands, and ``off_road`` [m] beside every road (None: on roads too)."""
        if not self.ground.inside(xy[None], radius)[0]:
            return False
        if off_road is not None:
            for road in self.ground.roads:
                s, d = road.way.project(xy[None])
                if road.outward(s, d)[0] < radius + off_road or road.ditch_depth(s, d)[0] > 0.0:
                    return False
        return self.clear(xy, radius, room) and all(
            (xy[0] - x) ** 2 + (xy[1] - y) ** 2 >= (radius + r) ** 2 for x, y, r in self._taken
        )

    def take(self, xy: F64, radius: float) -> None:
        """Keep a circle clear of what is placed later."""
        self._taken.append((float(xy[0]), float(xy[1]), radius))

    def place(
        self,
        rng: np.random.Generator,
        make: Maker,
        xy: F64,
        radius: float,
        off_road: float | None = 0.8,
        room: float = 0.6,
    ) -> bool:
        """Place what ``make`` draws at (2,) if it is :meth:`free`; whether it was placed."""
        if not self.free(xy, radius, off_road, room):
            return False
        self.take(xy, radius)
        self.add(make(rng, self.point(xy)))
        return True

    def scatter(
        self, rng: np.random.Generator, make: Maker, at: F64, radius: float, off_road: float | None = 0.8
    ) -> int:
        """Place one at each of the points (N,2) that has room; how many were placed."""
        return sum(self.place(rng, make, xy, radius, off_road) for xy in at)


def _moments(plan: Plan) -> NDArray[np.int64]:
    """Indices of times between which somebody moves by less than a part of the own length, the first and last among them."""
    turned = plan.half[0] * np.abs(np.diff(plan.yaw))
    gone = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(plan.xy, axis=0), axis=1) + turned)])
    part = np.floor(gone / min(0.8 * plan.half[0], 1.5))
    return np.append(np.unique(part, return_index=True)[1], len(part) - 1)


FIRST_STRUCTURE = 1000  # instance numbers of structures start here


def beside(
    rng: np.random.Generator,
    way_xy: Callable[[F64, F64], F64],
    length: tuple[float, float],
    count: int,
    near: float,
    far: float,
) -> F64:
    """``count`` random points (N,2) along a way between two positions, on both sides, denser ``near`` [m] than ``far``."""
    s = rng.uniform(*length, count)
    d = rng.choice([-1.0, 1.0], count) * (near + (far - near) * rng.beta(1.0, 1.8, count))
    return way_xy(s, d)


def painted_lines(ground: Ground) -> tuple[LaneMarking, ...]:
    """The lines of all roads as polylines with a point every metre."""
    out = []
    for road in ground.roads:
        for line in road.section.lines:
            low, high = max(line.span[0], 0.0), min(line.span[1], road.way.length)
            s = np.linspace(low, high, max(int(high - low), 2))
            xy = road.way.xy(s, line.d)
            z = ground.height(xy)
            known = ~np.isnan(z)
            kind = "dashed" if line.dashes else "solid"
            out.append(LaneMarking(kind, np.column_stack([xy, z])[known], line.width, line.dashes))
    return tuple(out)
