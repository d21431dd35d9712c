"""The spinning lidar: exact ray casting while ego and objects move, then noise, dropouts and intensity."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.actors import Actor, Path
from autonomy_perception.simulation.materials import REFLECTIVITY, Material, Semantic
from autonomy_perception.simulation.road import MATERIAL_OF
from autonomy_perception.simulation.scene import FAR, Hits, Scene
from autonomy_perception.simulation.truck import ego_mesh, mounting
from autonomy_perception.simulation.world import FIRST_STRUCTURE, World

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

RANGE_NOISE_M = 0.02
MIN_RANGE_M, MAX_RANGE_M = 0.9, 120.0
HALF_POWER = 0.048  # received power at which every second return is lost


@dataclass(frozen=True)
class Rays:
    """Rays of one sweep in world: end of sweep [s], origins and unit directions float64 (R,3), float32 copies."""

    t_end: float
    origins: F64
    directions: F64
    o32: F32
    d32: F32


@dataclass
class Returns:
    """What the rays of one sweep met, before noise (one entry per ray).

    Attributes:
        distance: float32 (R,) [m], ``FAR`` = nothing.
        cosine: float32 (R,) of the angle of incidence.
        material, semantic: uint8 (R,); instance: int32 (R,) 0 = ground, else object or structure number.
        reached: per object number, how many rays would meet it if nothing else stood in the way.
    """

    distance: F32
    cosine: F32
    material: NDArray[np.uint8]
    semantic: NDArray[np.uint8]
    instance: NDArray[np.int32]
    reached: dict[int, int] = field(default_factory=dict)

    def take(
        self,
        rays: NDArray[np.int64],
        hits: Hits,
        directions: F32,
        material: NDArray[np.uint8],
        semantic: NDArray[np.uint8] | int,
        instance: NDArray[np.int32] | int,
    ) -> None:
        """Let hits of some rays (indices) replace what those rays met farther away."""
        nearer = hits.distance < self.distance[rays]
        at = rays[nearer]
        self.distance[at] = hits.distance[nearer]
        self.cosine[at] = np.abs(np.einsum("ni,ni->n", hits.normal[nearer], directions[nearer]))
        self.material[at] = material[nearer]
        self.semantic[at] = semantic if isinstance(semantic, int) else semantic[nearer]
        self.instance[at] = instance if isinstance(instance, int) else instance[nearer]


class Lidar:
    """One lidar of a vehicle, turning clockwise from the rear; stamp at the end of the sweep.

    Args:
        vehicle: the first lidar of it is simulated.
        columns: firings per turn.
    """

    def __init__(self, vehicle: VehicleConfig, columns: int = 1800) -> None:
        name, config = next(iter(vehicle.lidars.items()))
        self.name, self.frame, self.columns = name, config.frame, columns
        self.period = config.period_ms * 1e-3
        self.T_base_lidar = mounting(config.extrinsics, name)
        elevation = np.radians(config.beam_elevations_deg)
        self.beams = len(elevation)
        azimuth = np.pi - 2.0 * np.pi * (np.arange(columns) + 0.5) / columns
        a, e = np.meshgrid(azimuth, elevation, indexing="ij")
        rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], -1).reshape(-1, 3)
        self.directions = rays.astype(np.float32)
        self.ring = np.tile(np.arange(self.beams, dtype=np.uint16), columns)
        self.column = np.repeat(np.arange(columns), self.beams)
        self.column_time = (np.arange(columns) + 0.5) / columns * self.period - self.period  # relative to the stamp
        origin = np.tile(self.T_base_lidar[:3, 3], (len(rays), 1))
        in_base = rays @ self.T_base_lidar[:3, :3].T
        self._own = Scene(ego_mesh(vehicle.dimensions)).cast(origin.astype(np.float32), in_base.astype(np.float32))
        self._own_material = ego_mesh(vehicle.dimensions).material[self._own.face]

    def rays(self, path: Path, t_end: float) -> Rays:
        """The rays of the sweep that ends at ``t_end`` [s], ordered by firing, then beam; every firing from its own pose."""
        poses = path.poses(t_end + self.column_time) @ self.T_base_lidar
        origins = np.repeat(poses[:, :3, 3], self.beams, axis=0)
        local = self.directions.reshape(self.columns, self.beams, 3).astype(np.float64)
        directions = (local @ np.swapaxes(poses[:, :3, :3], 1, 2)).reshape(-1, 3)
        return Rays(t_end, origins, directions, origins.astype(np.float32), directions.astype(np.float32))

    def cast(self, world: World, rays: Rays) -> Returns:
        """Exact ranges to ground, solid structures, road users and the own body (no foliage, no grass yet)."""
        n = len(rays.o32)
        zero = np.zeros(n, np.uint8)
        out = Returns(
            np.full(n, FAR, np.float32), np.ones(n, np.float32), zero.copy(), zero.copy(), np.zeros(n, np.int32)
        )
        every = np.arange(n)
        hits = world.terrain.cast(rays.o32, rays.d32)
        semantic, material, _ = ground_kind(world, hits)
        out.take(every, hits, rays.d32, material, semantic, 0)
        hits = world.solid.cast(rays.o32, rays.d32)
        owner = world.solid_owner[hits.face] + FIRST_STRUCTURE
        out.take(every, hits, rays.d32, world.solid.mesh.material[hits.face], int(Semantic.STRUCTURE), owner)
        for actor in world.actors:
            if actor.present(rays.t_end):
                self._cast_actor(actor, rays, out)
        out.take(every, self._own, self.directions, self._own_material, int(Semantic.EGO), 0)
        return out

    def _cast_actor(self, actor: Actor, rays: Rays, out: Returns) -> None:
        """Cast the rays near an actor in its own frame at the time of each firing: exact for moving bodies."""
        scene = actor.scene(rays.t_end)
        poses = actor.path.poses(rays.t_end + self.column_time)
        to = poses[self.column, :3, 3] - rays.origins
        square = np.einsum("ni,ni->n", to, to)
        if float(square.min()) > (MAX_RANGE_M + scene.radius) ** 2:
            return
        reach = np.einsum("ni,ni->n", to, rays.directions)
        near = np.flatnonzero((reach > -scene.radius) & (square - reach**2 < scene.radius**2))
        rotation = poses[self.column[near], :3, :3]
        origin = -np.einsum("nji,nj->ni", rotation, to[near])
        direction = np.einsum("nji,nj->ni", rotation, rays.directions[near]).astype(np.float32)
        hits = scene.cast(origin.astype(np.float32), direction)
        out.reached[actor.number] = int(np.count_nonzero(hits.hit))
        out.take(near, hits, direction, scene.mesh.material[hits.face], int(Semantic.OBJECT), actor.number)

    @staticmethod
    def foliage(world: World, rays: Rays, rng: np.random.Generator, out: Returns) -> None:
        """Bushes and crowns: some rays pass, the others are stopped somewhere inside the leaves."""
        hits = world.porous.cast(rays.o32, rays.d32)
        depth = rng.exponential(0.12, len(rays.o32)).astype(np.float32)
        stopped = hits.hit & (depth < 0.5)
        inside = Hits(np.where(stopped, hits.distance + depth, FAR), hits.face, hits.normal, hits.u, hits.v)
        owner = world.porous_owner[hits.face] + FIRST_STRUCTURE
        every = np.arange(len(rays.o32))
        out.take(every, inside, rays.d32, world.porous.mesh.material[hits.face], int(Semantic.STRUCTURE), owner)

    @staticmethod
    def grass(world: World, rays: Rays, rng: np.random.Generator, out: Returns) -> None:
        """Grass blades stop a ray up to about 0.2 m above the soil, so ranges come out short."""
        blades = np.flatnonzero((out.semantic == Semantic.GRASS) | (out.semantic == Semantic.DITCH))
        at = rays.origins[blades, :2] + rays.directions[blades, :2] * out.distance[blades, None]
        tall = np.clip(0.5 + 0.5 * world.tufts(at[:, 0], at[:, 1]), 0.0, 1.0)
        height = rng.beta(1.1, 3.0, len(blades)) * (0.05 + 0.16 * tall)
        shorter = height / np.maximum(out.cosine[blades], 0.08)
        out.distance[blades] = np.maximum(
            out.distance[blades] - np.minimum(shorter, 1.2), 0.5 * out.distance[blades]
        ).astype(np.float32)

    @staticmethod
    def reflectivity(world: World, out: Returns) -> F32:
        """Reflectivity 0..1 (R,) of what every ray met; body paint by the colour of the object."""
        value = REFLECTIVITY[out.material]
        for actor in world.actors:
            painted = (out.instance == actor.number) & (out.material == Material.PAINT)
            value[painted] = 0.08 + 0.55 * float(np.mean(actor.shape.color)) / 255.0
        return np.asarray(value, np.float32)


def ground_kind(world: World, hits: Hits) -> tuple[NDArray[np.uint8], NDArray[np.uint8], F64]:
    """Semantic and material (N,) of terrain hits from their exact road coordinates, and these (M,2) for the M that met."""
    semantic, material = np.zeros(len(hits.face), np.uint8), np.zeros(len(hits.face), np.uint8)
    met = np.flatnonzero(hits.hit)
    sd = world.surface.road_coordinates(hits.face[met], hits.u[met], hits.v[met])
    semantic[met] = world.road.semantic(sd[:, 0], sd[:, 1])
    material[met] = MATERIAL_OF[semantic[met]]
    painted = met[(semantic[met] == Semantic.ROAD) & world.road.marking(sd[:, 0], sd[:, 1])]
    material[painted] = Material.MARKING
    return semantic, material, sd


def receive(out: Returns, reflectivity: F32, rng: np.random.Generator) -> tuple[NDArray[np.int64], F32, F32]:
    """Which rays (indices) come back, with which range [m] and intensity 0..1."""
    n = len(out.distance)
    power = reflectivity * out.cosine**0.35 * (60.0 / np.maximum(out.distance, 1.0)) ** 2
    margin = np.log(np.maximum(power, 1e-9) / HALF_POWER) / 0.18
    chance = 0.99 / (1.0 + np.exp(-np.clip(margin, -30.0, 30.0)))
    chance = np.where(out.material == Material.GLASS, 0.5 * chance, chance)
    noisy = out.distance + rng.normal(0.0, RANGE_NOISE_M, n).astype(np.float32)
    kept = (rng.random(n) < chance) & (noisy > MIN_RANGE_M) & (noisy < MAX_RANGE_M)
    rays = np.flatnonzero(kept)
    intensity = reflectivity[rays] * (0.55 + 0.45 * out.cosine[rays]) + rng.normal(0.0, 0.02, len(rays))
    return rays, noisy[rays].astype(np.float32), np.clip(intensity, 0.0, 1.0).astype(np.float32)
