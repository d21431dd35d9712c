"""One drawn world: road, structures, road users and the ego, ready for ray casting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation import motion, scenarios, structures
from autonomy_perception.simulation.actors import Actor, Path, ego_path, ground_height, place
from autonomy_perception.simulation.ground import GroundSample
from autonomy_perception.simulation.materials import Material, Semantic
from autonomy_perception.simulation.road import LANE, MATERIAL_OF, Road, Waves, tessellate
from autonomy_perception.simulation.scene import FAR, Hits, Mesh, Scene, join
from autonomy_perception.simulation.structures import Structure
from autonomy_perception.simulation.truck import ego_shape

FIRST_STRUCTURE = 1000  # instance numbers of structures start here


class World:
    """Everything that one seed draws.

    Args:
        seed: any non-negative integer.
        vehicle: body of the ego.
        scenario: name of a scenario, or ``mix``: one drawn by the seed.
        duration_s: how long everything moves [s].

    Raises:
        ValueError: no such scenario.

    Attributes:
        terrain: ray scene of the ground; ``surface`` holds its road coordinates.
        solid, porous: ray scenes of the structures; ``solid_owner``, ``porous_owner`` (F,) give the index of
            the structure per face.
        actors: road users, instance numbers from 1.
        ego: path of base_link.
        bounds: lowest and highest corner (S,3) of every structure.
        sun: unit vector (3,) towards the sun, behind the driver's shoulder.
        trailer: the own trailer, if any: ``Semantic.EGO`` for the sensors.
        scenario: what was drawn; duration_s: how long the story lasts [s].
        tufts: where the grass stands high.
    """

    def __init__(
        self, seed: int, vehicle: VehicleConfig, scenario: str = "demo", duration_s: float = motion.STORY_S
    ) -> None:
        self.scenario, self.duration_s = scenarios.draw(scenario, seed), duration_s
        streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(5)]
        plan = motion.plan_ego(streams[0])
        middle = float(np.interp(streams[0].uniform(8.0, 11.0), motion.times(), plan.s)) + 25.0
        layby = (middle - 17.0, middle + 17.0)
        self.road = Road(streams[1], float(plan.s[-1]) + 130.0, plan.exit_s, layby)
        way = self.road.track_d(plan.s)
        self.surface = tessellate(self.road)
        self.terrain = Scene(self.surface.mesh)
        own = motion.own_plan(plan, ego_shape(vehicle.dimensions), way)
        plans = motion.Traffic(streams[2], plan, own, layby, self.road.track_d).draw()
        self.trailer: Actor | None = None
        self.ego: Path = ego_path(self.road, self.terrain, plan.s, way, vehicle.dimensions.wheelbase)
        self.actors = [place(i + 1, p, self.road, self.terrain) for i, p in enumerate(plans)]
        self.structures = structures.layout(streams[3], self.road, _used(plans))
        self.solid, self.solid_owner = _scene([(i, s.solid) for i, s in enumerate(self.structures) if s.solid])
        self.porous, self.porous_owner = _scene([(i, s.porous) for i, s in enumerate(self.structures) if s.porous])
        parts = [[m.vertices for m in (s.solid, s.porous) if m] for s in self.structures]
        self.bounds = tuple(np.array([getattr(np.concatenate(v), how)(0) for v in parts]) for how in ("min", "max"))
        turn = float(self.road.heading(motion.EGO_S0)) + streams[4].choice([-1.0, 1.0]) * streams[4].uniform(1.9, 2.6)
        self.sun = np.array([np.cos(turn), np.sin(turn), 1.25]) / np.sqrt(1.0 + 1.25**2)
        self.tufts = Waves.draw(streams[4], (1.5, 6.0), 1.0)

    def structure(self, number: int) -> Structure:
        """Structure with an instance number."""
        return self.structures[number - FIRST_STRUCTURE]

    def ground(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Elevation [m] under points (..., 2)."""
        return ground_height(self.terrain, xy)

    def ground_at(self, hits: Hits) -> GroundSample:
        """What the ground is where rays met :attr:`terrain`."""
        semantic, material = np.zeros(len(hits.face), np.uint8), np.zeros(len(hits.face), np.uint8)
        met = np.flatnonzero(hits.hit)
        sd = self.surface.road_coordinates(hits.face[met], hits.u[met], hits.v[met])
        xy = self.road.xy(sd[:, 0], sd[:, 1])
        semantic[met] = self.road.semantic(sd[:, 0], sd[:, 1])
        material[met] = MATERIAL_OF[semantic[met]]
        painted = met[(semantic[met] == Semantic.ROAD) & self.road.marking(sd[:, 0], sd[:, 1])]
        material[painted] = Material.MARKING
        cover = np.zeros(len(semantic), np.float32)
        tall = np.clip(0.5 + 0.5 * self.tufts(xy[:, 0], xy[:, 1]), 0.0, 1.0)
        cover[met] = np.where(np.isin(semantic[met], (Semantic.GRASS, Semantic.DITCH)), 0.05 + 0.16 * tall, 0.0)
        return GroundSample(semantic, material, cover, np.zeros_like(cover))

    def surface_at(self, xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], Hits, GroundSample]:
        """Elevation (N,) [m] (NaN beside the world), vertical hits (with normals) and ground under points (N,2)."""
        above = float(self.terrain.mesh.vertices[:, 2].max()) + 10.0
        down = np.tile(np.array([0.0, 0.0, -1.0], np.float32), (len(xy), 1))
        hits = self.terrain.cast(np.column_stack([xy, np.full(len(xy), above)]).astype(np.float32), down)
        height = np.where(hits.distance < FAR, above - hits.distance.astype(np.float64), np.nan)
        return height, hits, self.ground_at(hits)

    def hitch_angle(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Yaw (N,) [rad] of the own trailer relative to the tractor at times (N,) [s]; 0 without a trailer."""
        if self.trailer is None:
            return np.zeros(len(t))
        yaw = [np.arctan2(p[:, 1, 0], p[:, 0, 0]) for p in (self.trailer.path.poses(t), self.ego.poses(t))]
        return np.asarray((yaw[0] - yaw[1] + np.pi) % (2 * np.pi) - np.pi)


def _scene(parts: list[tuple[int, Mesh]]) -> tuple[Scene, NDArray[np.int32]]:
    owner = np.concatenate([np.full(len(m.faces), i, np.int32) for i, m in parts])
    return Scene(join([m for _, m in parts])), owner


def _used(plans: list[motion.Plan]) -> NDArray[np.float64]:
    """Circles (K,3) of s, d, radius [m] that road users need off the asphalt."""
    out = []
    for plan in plans:
        off = np.flatnonzero(np.abs(plan.d) > LANE + 0.5)[::60]
        out += [(plan.s[i], plan.d[i], 0.5 * float(plan.shape.size[0]) + 0.6) for i in off]
    return np.unique(np.round(np.array(out), 2), axis=0)
