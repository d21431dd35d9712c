"""Rays through a whole world at once: ground, structures, foliage, road users and the own vehicle, each at its own time.

A sensor fires its rays in lines (the columns of a lidar, the rows of an image). All rays of a line share one time and
one pose, so that motion of the sensor and of everything else during the exposure is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from autonomy_perception.simulation.actors import Actor
from autonomy_perception.simulation.materials import Semantic
from autonomy_perception.simulation.scene import FAR, Hits, Scene, along, rotate
from autonomy_perception.simulation.world import FIRST_STRUCTURE, World

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


class Part(IntEnum):
    """What kind of thing a ray met."""

    NONE = 0
    GROUND = 1
    SOLID = 2
    POROUS = 3
    ACTOR = 4
    OWN = 5


@dataclass(frozen=True)
class Bundle:
    """R = L·K rays in world, line by line.

    Attributes:
        t: float64 (L,) drive time of each line [s].
        poses: float64 (L,4,4) T_world_sensor of each line.
        origins, directions: float32 (R,3) [m] and unit vectors.
    """

    t: F64
    poses: F64
    origins: F32
    directions: F32

    @classmethod
    def of(cls, t: F64, poses: F64, local: F32) -> Bundle:
        """Rays from unit directions (R,3) in the sensor's frame, R a multiple of the number of lines."""
        lines = len(t)
        start = poses[:, :3, 3].astype(np.float32)
        if lines == 1:
            return cls(t, poses, np.repeat(start, len(local), axis=0), rotate(poses[0, :3, :3], local))
        fan = local.reshape(lines, -1, 3)
        directions = fan @ np.swapaxes(poses[:, :3, :3], 1, 2).astype(np.float32)
        return cls(t, poses, np.repeat(start, fan.shape[1], axis=0), directions.reshape(-1, 3))

    @property
    def per_line(self) -> int:
        """K."""
        return len(self.directions) // len(self.t)

    def points(self, distance: F32, rays: I64 | slice = slice(None)) -> F64:
        """World points (N,3) [m] at a distance along some rays."""
        line = np.arange(len(self.directions))[rays] // self.per_line
        out: F64 = self.poses[line, :3, 3] + self.directions[rays] * distance[:, None].astype(np.float64)
        return out


@dataclass
class Met:
    """What each of R rays met first.

    Attributes:
        distance: float32 (R,) [m], ``FAR`` = nothing. face: int32 (R,) in the mesh of that part.
        part: uint8 (R,) of :class:`Part`. normal: float32 (R,3) unit, world axes, towards the ray's origin.
        cosine: float32 (R,) of the angle of incidence. entering: bool (R,): from the outside of the surface.
        material, semantic: uint8 (R,); instance: int32 (R,): 0 ground and own vehicle, else object or structure number.
        u, v: float32 (R,) barycentric coordinates (ground only).
        reached: per road user, how many of the rays would have met it if nothing stood in the way.
        hidden: what moves behind the first leaves, ray by ray (None: nothing does); for rays that get through them.
    """

    distance: F32
    face: I32
    part: U8
    normal: F32
    cosine: F32
    entering: NDArray[np.bool_]
    material: U8
    semantic: U8
    instance: I32
    u: F32
    v: F32
    reached: dict[int, int]
    hidden: Met | None = None

    def of_ground(self, rays: I64) -> Hits:
        """The hits of some rays (indices) on the ground as the terrain's scene would report them."""
        return Hits(self.distance[rays], self.face[rays], self.normal[rays], self.u[rays], self.v[rays])

    def replace(self, rays: I64, other: Met) -> None:
        """Let some rays (indices) have met what the rays of ``other`` met; distances stay."""
        for name in ("face", "part", "normal", "cosine", "entering", "material", "semantic", "instance", "u", "v"):
            getattr(self, name)[rays] = getattr(other, name)

    def some(self, rays: NDArray[np.bool_] | I64) -> Met:
        """What some rays (a mask or indices) met first."""
        names = [f.name for f in fields(self) if f.name not in ("reached", "hidden")]
        return Met(**{name: getattr(self, name)[rays] for name in names}, reached=self.reached)


class Stage:
    """Everything of a world that stands still, in one ray-casting scene: one cast instead of three.

    Attributes:
        library: the scene of the ray-casting library.
    """

    _known: ClassVar[WeakKeyDictionary[World, Stage]] = WeakKeyDictionary()

    def __init__(self, world: World) -> None:
        parts = (world.terrain, world.solid, world.porous)
        self.library = EmbreeScene()
        self._keep = [
            TriangleMesh(
                self.library, np.ascontiguousarray(p.mesh.vertices, np.float32), np.ascontiguousarray(p.mesh.faces)
            )
            for p in parts
        ]
        self.material = tuple(p.mesh.material for p in parts)
        self.owner = (None, world.solid_owner, world.porous_owner)

    @classmethod
    def of(cls, world: World) -> Stage:
        """The stage of a world, made once."""
        if world not in cls._known:
            cls._known[world] = cls(world)
        return cls._known[world]

    def cast(self, origins: F32, directions: F32, skip: NDArray[np.bool_] | None = None) -> Met:
        """First hit of every ray; semantics of the ground are left for :func:`~returns.name_ground`.

        Args:
            skip: rays (a mask) that are known to meet something else before; they come back without a hit.
        """
        n = len(directions)
        if skip is not None and skip.any():
            out = _nothing(n)
            cast = np.flatnonzero(~skip)
            met = self.cast(origins[cast], directions[cast])
            out.replace(cast, met)
            out.distance[cast] = met.distance
            return out
        if n == 0:
            return _nothing(0)
        raw = self.library.run(
            np.ascontiguousarray(origins), np.ascontiguousarray(directions), query="INTERSECT", output=True
        )
        part = (raw["geomID"] + 1).astype(np.uint8)
        distance = np.where(part > 0, raw["tfar"], FAR)
        ng = raw["Ng"]
        across = np.einsum("ni,ni->n", ng, directions)
        length = np.sqrt(np.maximum(np.einsum("ni,ni->n", ng, ng), np.float32(1e-24)))
        scale = np.where(part > 0, np.where(across > 0, np.float32(-1), np.float32(1)) / length, np.float32(0))
        cosine = np.abs(across) / length
        material, semantic = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
        instance = np.zeros(n, np.int32)
        for p in (Part.SOLID, Part.POROUS):
            at = np.flatnonzero(part == p)
            face = raw["primID"][at]
            owner = self.owner[p - 1]
            assert owner is not None
            material[at], semantic[at] = self.material[p - 1][face], Semantic.STRUCTURE
            instance[at] = owner[face] + FIRST_STRUCTURE
        return Met(
            distance, raw["primID"], part, ng * scale[:, None], cosine, across < 0, material, semantic, instance,
            raw["u"], raw["v"], {},
        )  # fmt: skip

    def blocked(self, origins: F32, directions: F32, within: float) -> NDArray[np.bool_]:
        """Whether anything stands nearer than ``within`` [m] along each ray."""
        if len(directions) == 0:
            return np.zeros(0, np.bool_)
        distance = self.library.run(
            np.ascontiguousarray(origins), np.ascontiguousarray(directions, np.float32), query="DISTANCE"
        )
        return np.asarray(distance < within)


def _nothing(n: int) -> Met:
    f, b = np.zeros(n, np.float32), np.zeros(n, np.uint8)
    i = np.zeros(n, np.int32)
    far, z3 = np.full(n, FAR, np.float32), np.zeros((n, 3), np.float32)
    return Met(far, i.copy(), b, z3, f, b.astype(np.bool_), b.copy(), b.copy(), i, f.copy(), f.copy(), {})


def trace(
    world: World, bundle: Bundle, reach: float, own: Sequence[Actor] = (), skip: NDArray[np.bool_] | None = None
) -> Met:
    """What every ray of a bundle meets.

    Args:
        reach: road users farther away than this are left out [m].
        own: bodies of the own vehicle that move against the sensor (its trailer).
        skip: rays (a mask) that the vehicle itself stops right away.
    """
    met = Stage.of(world).cast(bundle.origins, bundle.directions, skip)
    middle = float(bundle.t[len(bundle.t) // 2])
    for actor in world.actors:
        if actor.present(middle):
            met.reached[actor.number] = _body(actor, bundle, met, reach, Part.ACTOR, int(Semantic.OBJECT), actor.number)
    for body in own:
        _body(body, bundle, met, reach, Part.OWN, int(Semantic.EGO), 0)
    return met


def onward(world: World, bundle: Bundle, met: Met, rays: I64, start: F32) -> Met:
    """What some rays (indices) that stopped at leaves meet next if they go on from ``start`` (N,) [m].

    Distances in the answer count from there.
    """
    directions = bundle.directions[rays]
    after = Stage.of(world).cast(bundle.origins[rays] + directions * start[:, None], directions)
    if met.hidden is not None:
        left = met.hidden.distance[rays] - start
        nearer = np.flatnonzero(left < after.distance)
        after.replace(nearer, met.hidden.some(rays[nearer]))
        after.distance[nearer] = left[nearer]
    return after


def nearby(bundle: Bundle, position: F64, radius: float) -> I64:
    """Rays (indices) that pass within ``radius`` [m] of a point; all start where the middle line does, unless every
    ray is a line of its own."""
    if bundle.per_line == 1:
        each = position.astype(np.float32) - bundle.origins
        ahead, far = np.einsum("ni,ni->n", each, bundle.directions), np.einsum("ni,ni->n", each, each)
        return np.flatnonzero((far < radius * radius) | ((ahead > 0) & (far - ahead * ahead < radius * radius)))
    to = (position - bundle.poses[len(bundle.t) // 2, :3, 3]).astype(np.float32)
    ahead = along(to, bundle.directions)
    square = float(to @ to)
    if square < radius * radius:
        return np.arange(len(ahead))
    edge = np.sqrt(square - radius * radius)
    return np.flatnonzero(ahead > np.float32(edge))


def _body(actor: Actor, bundle: Bundle, met: Met, reach: float, part: Part, semantic: int, instance: int) -> int:
    """Cast the rays near a moving body in its own frame at their own time; returns how many met it."""
    scene = actor.scene(float(bundle.t[len(bundle.t) // 2]))
    few = np.array([0, len(bundle.t) // 2, len(bundle.t) - 1])
    places, starts = actor.path.poses(bundle.t[few])[:, :3, 3], bundle.poses[few, :3, 3]
    if float(np.linalg.norm(places[1] - starts[1])) > reach + scene.radius:
        return 0
    moved = places - places[1] if bundle.per_line == 1 else (places - starts) - (places[1] - starts[1])
    slip = float(np.linalg.norm(moved, axis=1).max())
    rays = nearby(bundle, places[1], scene.radius + 1.1 * slip + 0.05)
    if len(rays) == 0:
        return 0
    line = rays // bundle.per_line
    first = int(line.min())
    span = slice(first, int(line.max()) + 1)
    line -= first
    poses = actor.path.poses(bundle.t[span])
    rotation = poses[:, :3, :3].astype(np.float32)
    offset = poses[:, :3, 3] - bundle.poses[span, :3, 3]
    origin = -np.einsum("nji,nj->ni", poses[:, :3, :3], offset).astype(np.float32)
    if len(rotation) == 1:
        direction = rotate(rotation[0].T, bundle.directions[rays])
    else:
        direction = np.einsum("nj,nji->ni", bundle.directions[rays], rotation[line])
    hits = scene.cast(origin[line], direction)
    put(met, rays, hits, direction, rotation[line], scene, part, semantic, instance)
    return int(np.count_nonzero(hits.hit))


def put(
    met: Met,
    rays: I64,
    hits: Hits,
    direction: F32,
    rotation: F32,
    scene: Scene,
    part: Part,
    semantic: int,
    instance: int,
) -> None:
    """Let hits of some rays on a body replace what those rays met farther away (``rotation`` (N,3,3) body to world).

    Hits behind leaves are kept in ``met.hidden``.
    """
    before = hits.distance < met.distance[rays]
    behind = np.flatnonzero(~before & hits.hit & (met.part[rays] == Part.POROUS))
    if len(behind):
        if met.hidden is None:
            met.hidden = _nothing(len(met.distance))
        turn = rotation[behind]
        put(met.hidden, rays[behind], hits.of(behind), direction[behind], turn, scene, part, semantic, instance)
    nearer = np.flatnonzero(before)
    at, face = rays[nearer], hits.face[nearer]
    normal = hits.normal[nearer]
    met.distance[at], met.face[at], met.part[at] = hits.distance[nearer], face, part
    met.cosine[at] = np.abs(np.einsum("ni,ni->n", normal, direction[nearer]))
    met.normal[at] = np.einsum("nij,nj->ni", rotation[nearer], normal)
    met.material[at], met.semantic[at], met.instance[at] = scene.mesh.material[face], semantic, instance
