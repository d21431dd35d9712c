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

from autonomy_perception.simulation.rays.casting import first_hits
from autonomy_perception.simulation.rays.scene import FAR, Hits, along, dots, rotate, towards
from autonomy_perception.simulation.world.actors import Actor
from autonomy_perception.simulation.world.materials import Semantic
from autonomy_perception.simulation.world.world import FIRST_STRUCTURE, World

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


class HitKind(IntEnum):
    """What kind of thing a ray met."""

    NONE = 0
    GROUND = 1
    SOLID = 2
    POROUS = 3
    ACTOR = 4
    OWN = 5


@dataclass(frozen=True)
class RayBundle:
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
    def of(cls, t: F64, poses: F64, local: F32) -> RayBundle:
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

    def points(self, distance: F32, rays: I64) -> F64:
        """World points (N,3) [m] at a distance along some rays (indices)."""
        start = self.poses[:, :3, 3].take(rays // self.per_line, 0)
        return np.asarray(start + self.directions.take(rays, 0) * distance[:, None].astype(np.float64))


@dataclass
class RayHits:
    """What each of R rays met first.

    Attributes:
        distance: float32 (R,) [m], ``FAR`` = nothing. face: int32 (R,) in the mesh of that part.
        part: uint8 (R,) of :class:`HitKind`. normal: float32 (R,3) unit, world axes, towards the ray's origin.
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
    hidden: RayHits | None = None

    def of_ground(self, rays: I64) -> Hits:
        """The hits of some rays (indices) on the ground as the terrain's scene would report them."""
        return Hits(
            self.distance.take(rays), self.face.take(rays), self.normal.take(rays, 0), self.u.take(rays), self.v.take(rays)
        )  # fmt: skip

    def replace(self, rays: I64, other: RayHits) -> None:
        """Let some rays (indices) have met what the rays of ``other`` met; distances stay."""
        for name in ("face", "part", "normal", "cosine", "entering", "material", "semantic", "instance", "u", "v"):
            getattr(self, name)[rays] = getattr(other, name)

    def put(self, rays: I64, other: RayHits) -> None:
        """As :meth:`replace`, distances too."""
        self.replace(rays, other)
        self.distance[rays] = other.distance

    def some(self, rays: I64) -> RayHits:
        """What some rays (indices) met first."""
        names = [f.name for f in fields(self) if f.name not in ("reached", "hidden")]
        return RayHits(**{name: getattr(self, name).take(rays, 0) for name in names}, reached=self.reached)


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

    def cast(self, origins: F32, directions: F32, reach: F32 | None = None, normals: bool = True) -> RayHits:
        """First hit of every ray; semantics of the ground are left for :func:`~returns.name_ground`.

        Args:
            reach: float32 (N,) how far to look along each ray [m]; negative: not at all.
            normals: whether to work out the unit normals; otherwise they come of any length and on either side.
        """
        n = len(directions)
        if n == 0:
            return _nothing(0)
        raw = first_hits(self.library, origins, directions, np.full(n, FAR) if reach is None else reach.copy())
        part = (raw["geomID"] + 1).astype(np.uint8)
        distance, ng, missed = raw["tfar"], raw["Ng"], np.flatnonzero(part == HitKind.NONE)
        distance[missed], ng[missed] = FAR, 0.0
        across = dots(ng, directions)
        length = np.sqrt(np.maximum(dots(ng, ng), np.float32(1e-24)))
        cosine = np.asarray(np.abs(across) / length, np.float32)
        material, semantic = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
        instance = np.zeros(n, np.int32)
        built = np.flatnonzero(part > HitKind.GROUND)
        for p in (HitKind.SOLID, HitKind.POROUS):
            at = built[part.take(built) == p]
            face = raw["primID"].take(at)
            owner = self.owner[p - 1]
            assert owner is not None
            material[at], semantic[at] = self.material[p - 1][face], Semantic.STRUCTURE
            instance[at] = owner[face] + FIRST_STRUCTURE
        normal = towards(ng, directions) if normals else ng
        return RayHits(
            distance, raw["primID"], part, normal, cosine, across < 0, material, semantic, instance, raw["u"],
            raw["v"], {},
        )  # fmt: skip

    def blocked(self, origins: F32, directions: F32, within: float) -> NDArray[np.bool_]:
        """Whether anything stands nearer than ``within`` [m] along each ray."""
        if len(directions) == 0:
            return np.zeros(0, np.bool_)
        distance = self.library.run(
            np.ascontiguousarray(origins), np.ascontiguousarray(directions, np.float32), query="DISTANCE"
        )
        return np.asarray(distance < within)


def _nothing(n: int) -> RayHits:
    f, b = np.zeros(n, np.float32), np.zeros(n, np.uint8)
    i = np.zeros(n, np.int32)
    far, z3 = np.full(n, FAR, np.float32), np.zeros((n, 3), np.float32)
    return RayHits(far, i.copy(), b, z3, f, b.astype(np.bool_), b.copy(), b.copy(), i, f.copy(), f.copy(), {})


def trace(
    world: World,
    bundle: RayBundle,
    reach: float,
    own: Sequence[Actor] = (),
    stopped: F32 | None = None,
    normals: bool = True,
) -> RayHits:
    """What every ray of a bundle meets.

    Args:
        reach: road users farther away than this are left out [m].
        own: bodies of the own vehicle that move against the sensor (its trailer).
        stopped: float32 (R,) where the vehicle itself stops each ray [m], ``FAR`` where it does not; rays that it stops
            meet nothing that stands still.
        normals: whether to work out the unit normals of what stands still; otherwise they come of any length and on
            either side.
    """
    moving, reached = _nothing(len(bundle.directions)), {}
    middle = float(bundle.t[len(bundle.t) // 2])
    for actor in world.actors:
        if actor.present(middle):
            reached[actor.number] = _body(actor, bundle, moving, reach, HitKind.ACTOR)
    for body in own:
        _body(body, bundle, moving, reach, HitKind.OWN, stopped)
    ahead = moving.distance * np.float32(1.0 + 1e-5)  # nothing behind what moves is needed, rounding apart
    if stopped is not None:
        ahead[stopped < FAR] = -1.0
    met = Stage.of(world).cast(bundle.origins, bundle.directions, ahead, normals)
    met.reached = reached
    if np.any(moving.part[met.part == HitKind.POROUS]):
        met.hidden = moving
    nearer = np.flatnonzero(moving.distance < met.distance)
    met.put(nearer, moving.some(nearer))
    return met


def onward(
    world: World,
    bundle: RayBundle,
    met: RayHits,
    rays: I64,
    start: F32,
    reach: F32 | None = None,
    normals: bool = True,
) -> RayHits:
    """What some rays (indices) that stopped at leaves meet next if they go on from ``start`` (N,) [m].

    Distances in the answer count from there. ``reach`` (N,): how far to look there for what stands still [m].
    """
    directions = bundle.directions.take(rays, 0)
    origins = bundle.origins.take(rays, 0) + directions * start[:, None]
    after = Stage.of(world).cast(origins, directions, reach, normals)
    if met.hidden is not None:
        left = met.hidden.distance.take(rays) - start
        nearer = np.flatnonzero(left < after.distance)
        after.replace(nearer, met.hidden.some(rays[nearer]))
        after.distance[nearer] = left[nearer]
    return after


def nearby(bundle: RayBundle, position: F64, radius: float) -> I64:
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


def _body(
    actor: Actor, bundle: RayBundle, met: RayHits, reach: float, part: HitKind, stopped: F32 | None = None
) -> int:
    """Cast the rays near a moving body in its own frame at their own time; returns how many met it.

    Rays that are stopped (R,) nearer than the body can be are left out.
    """
    scene = actor.scene(float(bundle.t[len(bundle.t) // 2]))
    few = np.array([0, len(bundle.t) // 2, len(bundle.t) - 1])
    places, starts = actor.path.places(bundle.t[few]), bundle.poses[few, :3, 3]
    away = float(np.linalg.norm(places[1] - starts[1]))
    if away > reach + scene.radius:
        return 0
    moved = places - places[1] if bundle.per_line == 1 else (places - starts) - (places[1] - starts[1])
    radius = scene.radius + 1.1 * float(np.linalg.norm(moved, axis=1).max()) + 0.05
    rays = nearby(bundle, places[1], radius)
    if stopped is not None:
        rays = rays[stopped.take(rays) > away - radius]
    if len(rays) == 0:
        return 0
    line = rays // bundle.per_line
    span = slice(int(line[0]), int(line[-1]) + 1)
    line -= line[0]
    poses = actor.path.poses(bundle.t[span])
    rotation = poses[:, :3, :3].astype(np.float32)
    offset = poses[:, :3, 3] - bundle.poses[span, :3, 3]
    origin = -np.einsum("nji,nj->ni", poses[:, :3, :3], offset).astype(np.float32)
    direction = bundle.directions.take(rays, 0)
    if len(rotation) == 1:
        direction = rotate(rotation[0].T, direction)
    else:
        direction = np.einsum("nj,nji->ni", direction, rotation.take(line, 0))
    hit, hits = scene.meet(origin.take(line, 0), direction)
    normal = np.einsum("nij,nj->ni", rotation.take(line.take(hit), 0), hits.normal)
    cosine = np.abs(np.einsum("ni,ni->n", hits.normal, direction.take(hit, 0)))
    n, semantic = len(hit), Semantic.OBJECT if part == HitKind.ACTOR else Semantic.EGO
    there = RayHits(
        hits.distance, hits.face, np.full(n, part, np.uint8), normal, cosine, np.ones(n, np.bool_),
        scene.mesh.material.take(hits.face), np.full(n, semantic, np.uint8), np.full(n, actor.number, np.int32),
        hits.u, hits.v, {},
    )  # fmt: skip
    rays = rays.take(hit)
    nearer = np.flatnonzero(there.distance < met.distance.take(rays))
    met.put(rays[nearer], there.some(nearer))
    return n
