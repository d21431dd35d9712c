"""One drawn world: ground, structures, road users and the ego, ready for ray casting."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation import scenarios
from autonomy_perception.simulation.rays.scene import Hits, Mesh, Scene, join
from autonomy_perception.simulation.scenarios.staging import Scenario, Staging, total_length
from autonomy_perception.simulation.world import motion
from autonomy_perception.simulation.world.actors import Actor, Path, place, ride
from autonomy_perception.simulation.world.clutter import strew
from autonomy_perception.simulation.world.ground import GroundSample
from autonomy_perception.simulation.world.structures import FIRST_STRUCTURE, Structure, painted_lines

__all__ = ["FIRST_STRUCTURE", "World"]

DRAWS = 8
"""Times that a scenario is laid out anew before a seed is given up."""


class World:
    """Everything that one seed draws.

    Args:
        seed: any non-negative integer.
        vehicle: body of the ego.
        scenario: name of a scenario, or ``mix``: one drawn by the seed.
        duration_s: how long everything moves [s].
        clutter: things strewn beside the way, tried per metre of it; 0 leaves the world as its scenario draws it.

    Attributes:
        scenario: what was drawn.
        terrain: ray scene of the ground.
        solid, porous: ray scenes of the structures; ``solid_owner``, ``porous_owner`` (F,) give the index of
            the structure per face.
        actors: road users, instance numbers from 1.
        ego: path of base_link. trailer: the own trailer, if any (``Semantic.EGO`` for the sensors).
        bounds: lowest and highest corner (S,3) of every structure.
        landmarks, markings: signs, lights, posts and painted lines as maps know them.
        sun: unit vector (3,) towards the sun, behind the driver's shoulder.

    Raises:
        ValueError: no such scenario, it cannot last so long, or nothing that it draws has room for the vehicle.
    """

    def __init__(
        self,
        seed: int,
        vehicle: VehicleConfig,
        scenario: str = "demo",
        duration_s: float = motion.STORY_S,
        clutter: float = 0.0,
    ) -> None:
        self.scenario, self.duration_s = scenarios.draw(scenario, seed), duration_s
        if not 0.0 < duration_s <= self.scenario.longest_s:
            longest = self.scenario.longest_s
            raise ValueError(
                f"duration_s of scenario {self.scenario.name}: expected 0 .. {longest:g}, got {duration_s:g}"
            )
        light = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[1])
        t = motion.times(max(duration_s, self.scenario.shortest_s))
        staging = _staged(self.scenario, seed, vehicle, t)
        own, furnishing = staging.own, staging.furnishing
        if clutter > 0.0:
            rng = np.random.default_rng([seed, 35])
            strew(rng, furnishing, own.xy, own.yaw, 0.5 * vehicle.dimensions.width, clutter)
        self.land = staging.ground
        self.terrain = self.land.scene
        self.ego: Path = ride(self.land, t, own.xy, own.yaw, (0.0, vehicle.dimensions.wheelbase), 1.0, 0.12)
        self.trailer: Actor | None = place(0, own.trailer, self.land, t) if own.trailer else None
        self.actors = [place(i + 1, p, self.land, t) for i, p in enumerate(staging.plans)]
        self.structures = furnishing.structures
        self.landmarks, self.markings = tuple(furnishing.landmarks), painted_lines(self.land)
        self.solid, self.solid_owner = _scene([(i, s.solid) for i, s in enumerate(self.structures) if s.solid])
        self.porous, self.porous_owner = _scene([(i, s.porous) for i, s in enumerate(self.structures) if s.porous])
        parts = [[m.vertices for m in (s.solid, s.porous) if m] for s in self.structures]
        self.bounds = tuple(np.array([getattr(np.concatenate(v), how)(0) for v in parts]) for how in ("min", "max"))
        turn = float(own.yaw[0]) + light.choice([-1.0, 1.0]) * light.uniform(1.9, 2.6)
        self.sun = np.array([np.cos(turn), np.sin(turn), 1.25]) / np.sqrt(1.0 + 1.25**2)

    def structure(self, number: int) -> Structure:
        """Structure with an instance number."""
        return self.structures[number - FIRST_STRUCTURE]

    def ground(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Elevation [m] under points (..., 2); 0 beside the world."""
        return np.nan_to_num(self.land.height(xy), nan=0.0)

    def ground_at(self, hits: Hits) -> GroundSample:
        """What the ground is where rays met :attr:`terrain`."""
        return self.land.at(hits)

    def surface_at(self, xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], Hits, GroundSample]:
        """Elevation (N,) [m] (NaN beside the world), vertical hits (with normals) and ground under points (N,2)."""
        height, hits = self.land.look(xy)
        return height, hits, self.land.at(hits)

    def hitch_angle(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Yaw (N,) [rad] of the own trailer relative to the tractor at times (N,) [s]; 0 without a trailer."""
        if self.trailer is None:
            return np.zeros(len(t))
        yaw = [np.arctan2(p[:, 1, 0], p[:, 0, 0]) for p in (self.trailer.path.poses(t), self.ego.poses(t))]
        return np.asarray((yaw[0] - yaw[1] + np.pi) % (2 * np.pi) - np.pi)


def _staged(scenario: Scenario, seed: int, vehicle: VehicleConfig, t: NDArray[np.float64]) -> Staging:
    """The scenario as the seed lays it out; where that leaves no room, as its next children do."""
    first, _, *others = np.random.SeedSequence(seed).spawn(1 + DRAWS)  # the second is the light's
    for source in (first, *others):
        try:
            return scenario.build(np.random.default_rng(source), vehicle, t)
        except motion.NoRoom as e:
            last = e
    raise ValueError(
        f"scenario {scenario.name}, seed {seed}, vehicle {vehicle.name} ({total_length(vehicle):.1f} m long): "
        f"no room in {DRAWS} draws, in the last one: {last}"
    ) from last


def _scene(parts: list[tuple[int, Mesh]]) -> tuple[Scene, NDArray[np.int32]]:
    if not parts:
        raise ValueError(
            "a world needs at least one solid and one porous structure (a post, a bush), found none of one kind"
        )
    owner = np.concatenate([np.full(len(m.faces), i, np.int32) for i, m in parts])
    return Scene(join([m for _, m in parts])), owner
