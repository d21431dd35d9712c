"""One drawn world: road, structures, road users and the ego, ready for ray casting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation import motion, structures
from autonomy_perception.simulation.actors import Path, ego_path, ground_height, place
from autonomy_perception.simulation.road import LANE, Road, Waves, tessellate
from autonomy_perception.simulation.scene import Mesh, Scene, join
from autonomy_perception.simulation.structures import Structure
from autonomy_perception.simulation.truck import ego_shape

FIRST_STRUCTURE = 1000  # instance numbers of structures start here


class World:
    """Everything that one seed draws.

    Args:
        seed: any non-negative integer.
        vehicle: body of the ego.

    Attributes:
        terrain: ray scene of the ground; ``surface`` holds its road coordinates.
        solid, porous: ray scenes of the structures; ``solid_owner``, ``porous_owner`` (F,) give the index of
            the structure per face.
        actors: road users, instance numbers from 1.
        ego: path of base_link.
        bounds: lowest and highest corner (S,3) of every structure.
        sun: unit vector (3,) towards the sun, behind the driver's shoulder.
        tufts: where the grass stands high.
    """

    def __init__(self, seed: int, vehicle: VehicleConfig) -> None:
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
