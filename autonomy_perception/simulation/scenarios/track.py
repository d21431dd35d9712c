"""A forest track: one lane of dirt with deep ruts, mud and roots of slopes, trees close by, logs, rocks, hikers, deer."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.scenarios.cast import Crosser, own_mobile
from autonomy_perception.simulation.scenarios.staging import Own, Scenario, Staging, corridor, winding
from autonomy_perception.simulation.world import litter, people, shapes, vegetation
from autonomy_perception.simulation.world.ground import Ground
from autonomy_perception.simulation.world.landforms import Patch, Waves, discs, still_water
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.motion import Company, NoRoom, following, standing
from autonomy_perception.simulation.world.roadway import Roadway, Section
from autonomy_perception.simulation.world.structures import Furnishing, beside
from autonomy_perception.simulation.world.traffic import Stream, pace
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
EGO_S = 70.0


def build(rng: np.random.Generator, vehicle: VehicleConfig, t: F64) -> Staging:
    """Lay out a forest track."""
    speed, half = float(rng.uniform(3.8, 5.8)), float(rng.uniform(1.7, 2.1))
    way = winding(
        rng, EGO_S + speed * float(t[-1]) + 130.0, [((110.0, 170.0), (0.2, 0.42)), ((50.0, 75.0), (0.03, 0.1))]
    )
    ground = _ground(rng, way, half)
    own, company = _company(rng, vehicle, t, way, half, speed)
    furnishing = Furnishing(ground, [*own.plans, *company.plans])
    _furnish(rng, furnishing, way, half)
    return Staging(ground, own, company.plans, furnishing)


SCENARIO = Scenario(
    "track", "A dirt track through a hilly forest: ruts, mud, logs, rocks, snow left in some; hikers and deer.", build
)


def _ground(rng: np.random.Generator, way: Way, half: float) -> Ground:
    hills = Waves.draw(rng, (70.0, 140.0), float(rng.uniform(1.0, 2.6)))
    rough, small = Waves.draw(rng, (4.0, 11.0), 0.13), Waves.draw(rng, (1.2, 3.0), 0.04)

    def land(xy: F64) -> F64:
        return np.asarray(hills(xy) + rough(xy) + small(xy))

    section = Section(
        half,
        half,
        (0.0, 0.0),
        (Semantic.TRACK, Material.DIRT),
        crown=0.0,
        bank=float(rng.uniform(-0.06, 0.06)),
        slope=0.7,
        lanes=(0.0,),
        ruts=float(rng.uniform(0.06, 0.16)),
        rough=0.05,
    )
    main = Roadway.laid(rng, way, section, land, 7.0, 0.0)
    count = int(way.length / 18.0)
    spots = way.xy(rng.uniform(10.0, way.length - 10.0, count), rng.normal(0.0, 0.7, count))
    size, ragged = rng.uniform(0.8, 2.0, count), Waves.draw(rng, (0.8, 2.2), 0.6)
    on = (Semantic.TRACK, Semantic.SOIL)
    patches = [
        Patch(discs(spots, size, ragged), on, Semantic.MUD, Material.MUD, wet=0.6),
        Patch(
            discs(spots, 0.6 * size, ragged),
            (*on, Semantic.MUD),
            Semantic.WATER,
            Material.WATER,
            still_water(spots),
            wet=1.0,
        ),
    ]
    if rng.random() < 0.25:
        drifts = Waves.draw(rng, (4.0, 18.0), 1.0)
        patches.append(
            Patch(
                lambda xy: 1.5 * (drifts(xy) - 0.6),
                (Semantic.SOIL,),
                Semantic.SNOW,
                Material.SNOW,
                lambda xy, z, field: np.asarray(
                    z + np.clip(0.3 * field, 0.0, 0.25) * (np.abs(way.project(xy)[1]) > half + 0.4)
                ),
            )
        )
    lattice = corridor(way, 0.25, (half + 1.2, half + 1.2), 0.2, 0.4, 65.0)
    return Ground(
        lattice, land, (Semantic.SOIL, Material.FOREST_FLOOR, 0.07), [main], patches, Waves.draw(rng, (1.0, 5.0), 1.0)
    )


def _company(
    rng: np.random.Generator, vehicle: VehicleConfig, t: F64, way: Way, half: float, speed: float
) -> tuple[Own, Company]:
    """The ego, and deer that cross ahead of it; hikers and parked cars beside the track."""
    found = None
    for _ in range(30):
        stream = Stream((0.0,))
        stream.vehicles.append(own_mobile(rng, vehicle, speed, EGO_S, 0, pace(way, speed, 0.9, 0.7)))
        alone, middle = stream.run(t)[0], float(rng.uniform(0.4, 0.8)) * float(t[-1])
        s, side = float(np.interp(middle, t, alone.s)) + 6.0, float(rng.choice([-1.0, 1.0]))
        kind, crossers = str(rng.choice(["deer", "boar"])), []
        for k in range(int(rng.integers(1, 4))):
            body, gait = people.animal(rng, kind), float(rng.uniform(2.0, 3.0))
            crossers.append(
                Crosser.over(kind, body, t, way, s + 2.5 * k, (14.0 * side, -20.0 * side), middle - 6.0, gait)
            )
            crossers[-1].stops(stream)
        track = stream.run(t)[0]
        own = Own.along(vehicle, way, track.s - vehicle.dimensions.front, track.d)
        company = Company(own.plans)
        found = next((f for f in (company.offer([c.plan]) for c in crossers) if f), None)
        if found is None:
            break
    else:
        raise NoRoom(f"the ego meets {found}")
    for k in range(int(rng.integers(1, 4))):
        sign = float(rng.choice([-1.0, 1.0]))
        walk = rng.uniform(0.35, 0.9) * way.length + sign * rng.uniform(0.9, 1.4) * t
        hiker = people.pedestrian(rng)
        company.offer([following("hiker", hiker, way, walk, float(rng.choice([-1.0, 1.0])) * (half + 0.9 + 0.4 * k))])
    walk = rng.uniform(0.6, 0.95) * way.length - 1.2 * t
    company.offer([following("dog", people.animal(rng, "dog"), way, walk, half + 1.2)])
    s = float(rng.uniform(0.35, 0.8)) * way.length
    company.offer(
        [standing("parked car", shapes.car(rng, "suv"), t, way.xy(s, -half - 2.2), float(way.heading(s)) + 0.2)]
    )
    company.offer([standing("crouching person", people.crouching(rng), t, way.xy(s - 3.5, -half - 2.0), 0.7)])
    return own, company


def _furnish(rng: np.random.Generator, on: Furnishing, way: Way, half: float) -> None:
    s = float(rng.uniform(0.3, 0.8)) * way.length
    pile = partial(litter.log_pile, heading=float(way.heading(s)))
    on.place(rng, pile, way.xy(s, float(rng.choice([-1.0, 1.0])) * (half + 3.6)), 2.8, 0.2)
    ends = (5.0, way.length - 5.0)
    for make, count, near, far, radius in (
        (litter.log, 30, 3.0, 30.0, 3.0),
        (vegetation.conifer, 330, 2.0, 60.0, 1.2),
        (vegetation.tree, 90, 2.5, 60.0, 1.6),
        (vegetation.bush, 220, 1.4, 40.0, 1.0),
        (litter.rock, 260, 0.3, 25.0, 0.45),
    ):
        on.scatter(rng, make, beside(rng, way.xy, ends, count, half + near, half + far), radius, 0.15)
    low = rng.uniform(*ends, 60)  # small stones on the track itself: driven over, or around
    stones = way.xy(low, rng.uniform(-half, half, 60))
    on.scatter(rng, partial(litter.boulder, r=0.06), stones, 0.1, None)
