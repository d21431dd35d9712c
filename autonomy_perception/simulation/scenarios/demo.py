"""The demo drive: a winding country road, a rough track, and a story with drawn details."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.scenarios.demo_story import LANE, Story, plan_ego
from autonomy_perception.simulation.scenarios.staging import Own, Scenario, Staging, total_length, winding
from autonomy_perception.simulation.world import built, furniture, litter, vegetation
from autonomy_perception.simulation.world.ground import Ground, Lattice, lines
from autonomy_perception.simulation.world.landforms import Waves, smoothstep
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.motion import STORY_S, Company
from autonomy_perception.simulation.world.roadway import Ditch, Line, Roadway, Section
from autonomy_perception.simulation.world.structures import Furnishing, beside
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
ASPHALT_HALF, SHOULDER = 3.8, 1.2
TRACK_HALF, TRACK_OFFSET, TRACK_LENGTH = 1.9, -26.0, 62.0  # d of the track once it has left, over this length of s
_ROAD_LINES = (Line(LANE + 0.08), Line(-LANE - 0.08), Line(0.0, (3.0, 6.0)))


class _Track:
    """Lateral position of the track's centre; before it leaves, the middle of the right lane."""

    def __init__(self, rng: np.random.Generator, exit_s: float) -> None:
        self.exit_s = exit_s
        self._sway, self._wavelength = rng.uniform(1.0, 2.0), rng.uniform(45.0, 70.0)

    def __call__(self, s: F64) -> F64:
        along, start = np.asarray(s, np.float64) - self.exit_s, -0.5 * LANE
        sway = self._sway * np.sin(2 * np.pi * along / self._wavelength) * smoothstep(along, 30.0, 90.0)
        return np.asarray(start + (TRACK_OFFSET - start) * smoothstep(along, 0.0, TRACK_LENGTH) + sway)


def build(rng: np.random.Generator, vehicle: VehicleConfig, t: F64) -> Staging:
    """Lay out the demo drive."""
    plan = plan_ego(rng, t)
    middle = float(np.interp(rng.uniform(8.0, 11.0), t, plan.s)) + 25.0
    layby = (middle - 17.0, middle + 17.0)
    track = _Track(rng, plan.exit_s)
    length = max(float(plan.s[-1]), plan.exit_s + 40.0) + 130.0
    way = winding(rng, length, [((260.0, 380.0), (0.10, 0.20)), ((130.0, 200.0), (0.02, 0.05))])
    ground = _ground(rng, way, track, layby)
    own = Own.along(vehicle, way, plan.s, track(plan.s))
    company = Company(own.plans)
    overhang = total_length(vehicle) - vehicle.dimensions.front - vehicle.dimensions.rear
    Story(rng, way, plan, layby, track, overhang).tell(company)
    furnishing = Furnishing(ground, [*own.plans, *company.plans])
    _furnish(rng, furnishing, way, track, layby)
    return Staging(ground, own, company.plans, furnishing)


SCENARIO = Scenario(
    "demo", "A country road with oncoming traffic, a car that cuts in, a pedestrian who steps out, and a turn-off to a track.",
    build, STORY_S, STORY_S,
)  # fmt: skip


def _ground(rng: np.random.Generator, way: Way, track: _Track, layby: tuple[float, float]) -> Ground:
    waves = [
        (rng.uniform(0.8, 1.3), rng.uniform(170, 240), rng.uniform(0, 6.28)),
        (rng.uniform(0.2, 0.4), rng.uniform(70, 100), rng.uniform(0, 6.28)),
    ]
    left, right = rng.uniform(-0.5, 0.3), rng.uniform(-0.2, 0.3)
    broad, medium, small = (
        Waves.draw(rng, w, a) for w, a in (((28.0, 60.0), 0.3), ((6.0, 14.0), 0.055), ((1.6, 3.5), 0.018))
    )

    def profile(s: F64) -> F64:
        return np.asarray(sum(h * np.sin(2 * np.pi * s / w + p) for h, w, p in waves))

    def land(xy: F64) -> F64:
        s, d = way.project(xy)
        side = left * smoothstep(d, 8.0, 20.0) + right * smoothstep(-d, 9.0, 18.0) - 0.155
        rough = smoothstep(np.abs(d), ASPHALT_HALF + SHOULDER, 9.0) * (medium(xy) + small(xy))
        return np.asarray(profile(s) + side + rough + smoothstep(np.abs(d), 8.0, 22.0) * broad(xy))

    ditch = Ditch(-1, 0.6, 1.3, 0.8, float(rng.uniform(0.85, 1.15)))
    section = Section(
        ASPHALT_HALF,
        ASPHALT_HALF,
        (SHOULDER, SHOULDER),
        lanes=(-0.5 * LANE, 0.5 * LANE),
        lines=_ROAD_LINES,
        rank=1,
        ditches=(ditch,),
    )
    main = Roadway.along(rng, way, section, profile(way.s))
    gravel = Section(1.8, 1.8, (0.0, 0.0), (Semantic.SHOULDER, Material.GRAVEL), crown=0.0)
    dirt = Section(
        TRACK_HALF,
        TRACK_HALF,
        (0.0, 0.0),
        (Semantic.TRACK, Material.DIRT),
        crown=0.0,
        lanes=(0.0,),
        ruts=0.05,
        rough=0.05,
    )
    stop = Way(way.xy(np.arange(*layby, 1.0), 6.8))
    s = np.arange(track.exit_s + 4.0, way.length, 1.0)
    roads = [
        Roadway.joining(rng, stop, gravel, land, main, 6.0),
        Roadway.joining(rng, Way(way.xy(s, track(s))), dirt, land, main, 12.0),
        main,
    ]
    d = lines((-115.0, 2.0), (-36.0, 0.4), (-12.0, 0.25), (9.0, 0.6), (30.0, 2.0), end=115.0)
    lattice = Lattice(way, lines((0.0, 0.5), end=way.length), d)
    return Ground(lattice, land, (Semantic.GRASS, Material.GRASS, 0.13), roads, [], Waves.draw(rng, (1.5, 6.0), 1.0))


def _furnish(rng: np.random.Generator, on: Furnishing, way: Way, track: _Track, layby: tuple[float, float]) -> None:
    def at(s: float, d: float) -> F64:
        return on.point(way.xy(s, d))

    for s in np.arange(12.0, way.length - 10.0, 50.0):
        if not layby[0] - 4 < s < layby[1] + 4:
            furniture.post(on, at(float(s), 5.4))
        if abs(s - track.exit_s - 16.0) > 24.0:
            furniture.post(on, at(float(s), -5.3))
    for s in np.arange(30.0, way.length - 10.0, 45.0):
        spot = way.xy(float(s), float(rng.uniform(13.0, 15.0)))
        if on.free(spot, 0.8):
            on.take(spot, 0.8)
            furniture.pole(on, on.point(spot), float(way.heading(s)))
    start = float(layby[1] + rng.uniform(12.0, 25.0))
    furniture.rail(on, [at(float(s), 5.0) for s in np.arange(start, min(start + 48.5, way.length - 10.0), 4.0)])
    for s, text in ((layby[0] - 30.0, "limit"), (track.exit_s - 45.0, "warning")):
        furniture.sign(on, at(float(s), 5.9), float(way.heading(s)) + np.pi, text)
    s, d = float(track.exit_s + rng.uniform(20.0, 70.0)), float(rng.uniform(30.0, 42.0))
    turn = float(way.heading(s)) + float(rng.uniform(-0.3, 0.3))
    on.place(rng, lambda r, p: built.barn(r, p, turn), way.xy(s, d), 10.0)
    for make, count, near, far, radius in (
        (vegetation.tree, 230, 11.0, 100.0, 1.6), (vegetation.bush, 260, 9.5, 60.0, 1.6), (litter.field_rock, 130, 9.5, 50.0, 1.1),
    ):  # fmt: skip
        on.scatter(rng, make, beside(rng, way.xy, (5.0, way.length - 5.0), count, near, far), radius)
    s = track.exit_s + rng.uniform(25.0, 150.0, 70)  # more of them along the track, where the drive goes
    aside = rng.choice([-1.0, 1.0], 70) * rng.uniform(3.6, 13.0, 70)
    for k, xy in enumerate(way.xy(s, track(s) + aside)):
        on.place(rng, litter.field_rock if k % 5 < 2 else vegetation.bush, xy, 1.5)
