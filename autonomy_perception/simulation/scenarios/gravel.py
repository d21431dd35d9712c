"""A gravel road: washboard, ruts, potholes full of water, dust-coloured verges, fields, cattle on the road."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.scenarios.cast import Crosser, fill, own_mobile, ridden
from autonomy_perception.simulation.scenarios.staging import Own, Scenario, Staging, corridor, winding
from autonomy_perception.simulation.world import built, furniture, litter, people, shapes, vegetation
from autonomy_perception.simulation.world.ground import Ground
from autonomy_perception.simulation.world.landforms import Patch, Waves, discs, hollows, still_water
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.motion import Company, NoRoom, following, standing
from autonomy_perception.simulation.world.roadway import Ditch, Roadway, Section
from autonomy_perception.simulation.world.structures import Furnishing, beside
from autonomy_perception.simulation.world.traffic import Stream, pace
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
EGO_S, HALF, LANE = 110.0, 3.2, 1.55
MIX = {"car": 0.4, "van": 0.2, "truck": 0.2, "drawbar": 0.15, "motorcycle": 0.05}


def build(rng: np.random.Generator, vehicle: VehicleConfig, t: F64) -> Staging:
    """Lay out a gravel road."""
    speed = float(rng.uniform(8.5, 12.0))
    way = winding(rng, EGO_S + 1.05 * speed * float(t[-1]) + 200.0, [((220.0, 360.0), (0.12, 0.26))])
    ground = _ground(rng, way)
    own, company = _traffic(rng, vehicle, t, way, speed)
    _bystanders(rng, company, t, way)
    furnishing = Furnishing(ground, [*own.plans, *company.plans])
    _furnish(rng, furnishing, way)
    return Staging(ground, own, company.plans, furnishing)


SCENARIO = Scenario(
    "gravel",
    "A gravel road with washboard, ruts and water-filled potholes between crops and pastures; cattle cross it.",
    build,
)


def _ground(rng: np.random.Generator, way: Way) -> Ground:
    hills, rough = Waves.draw(rng, (80.0, 200.0), float(rng.uniform(0.8, 2.4))), Waves.draw(rng, (5.0, 14.0), 0.08)
    small = Waves.draw(rng, (1.6, 3.5), 0.025)

    def land(xy: F64) -> F64:
        return np.asarray(hills(xy) + rough(xy) + small(xy))

    section = Section(
        HALF,
        HALF,
        (0.5, 0.5),
        (Semantic.GRAVEL_ROAD, Material.GRAVEL),
        (Semantic.SHOULDER, Material.GRAVEL),
        crown=0.03,
        lanes=(-LANE, LANE),
        ruts=float(rng.uniform(0.02, 0.05)),
        washboard=(float(rng.uniform(0.008, 0.02)), float(rng.uniform(0.8, 1.0))),
        rough=0.03,
        ditches=(Ditch(int(rng.choice([-1, 1])), 0.5, 1.0, 0.4, float(rng.uniform(0.4, 0.8))),),
    )
    main = Roadway.laid(rng, way, section, land, 14.0, float(rng.uniform(0.1, 0.5)))
    count = int(way.length / 14.0)
    holes = way.xy(rng.uniform(10.0, way.length - 10.0, count), rng.uniform(-HALF, HALF, count))
    radii, ragged = rng.uniform(0.35, 1.1, count), Waves.draw(rng, (0.8, 2.0), 0.5)
    wet = rng.random(count) < rng.uniform(0.1, 0.7)
    wet[0] = True
    road = (Semantic.GRAVEL_ROAD, Semantic.SHOULDER)
    patches = [
        Patch(discs(holes, radii, ragged), (), form=hollows(holes, radii, rng.uniform(0.03, 0.1, count))),
        Patch(discs(holes[wet], radii[wet], ragged), road, Semantic.MUD, Material.MUD, wet=0.6, bed=road[0]),
        Patch(
            discs(holes[wet], 0.75 * radii[wet], ragged),
            (*road, Semantic.MUD),
            Semantic.WATER,
            Material.WATER,
            still_water(holes[wet]),
            wet=1.0,
            bed=road[0],
        ),
    ]
    lattice = corridor(way, 0.25, (HALF + 0.6, HALF + 0.6), 0.3, 0.5, 85.0)
    return Ground(
        lattice, land, (Semantic.GRASS, Material.GRASS, 0.2), [main], patches, Waves.draw(rng, (1.5, 6.0), 1.0)
    )


def _traffic(rng: np.random.Generator, vehicle: VehicleConfig, t: F64, way: Way, speed: float) -> tuple[Own, Company]:
    """A few vehicles each way; a herd is driven across ahead of the ego. Drawn anew when anybody touches anybody."""
    back, found = Way(way.points[::-1]), None
    for _ in range(30):
        stream, oncoming = Stream((-LANE,)), Stream((-LANE,))
        stream.vehicles.append(own_mobile(rng, vehicle, speed, EGO_S, 0, pace(way, speed, 1.4)))
        riders = fill(
            rng,
            stream,
            MIX,
            [speed + 1.0],
            (EGO_S + 50.0, way.length - 140.0),
            (6.0, 25.0),
            pace(way, speed + 3.0, 1.8),
        )
        against = fill(
            rng, oncoming, MIX, [speed + 1.5], (-60.0, way.length - 170.0), (6.0, 20.0), pace(back, speed + 3.0, 1.8)
        )
        herd = _herd(rng, t, way, stream) if rng.random() < 0.6 else []
        for cow in herd:
            cow.stops(stream)
            cow.stops(oncoming, way.length)
        tracks = stream.run(t)
        own = Own.along(vehicle, way, tracks[0].s - vehicle.dimensions.front, tracks[0].d)
        company = Company(own.plans)
        groups = [[c.plan] for c in herd]
        groups += [ridden(w, k, way) for w, k in zip(riders, tracks[1:], strict=True)]
        groups += [ridden(w, k, back, f"oncoming {w.name}") for w, k in zip(against, oncoming.run(t), strict=True)]
        found = company.admit(groups, len(herd))
        if found is None:
            return own, company
    raise NoRoom(f"traffic collides: {found}")


def _herd(rng: np.random.Generator, t: F64, way: Way, stream: Stream) -> list[Crosser]:
    """Cattle and the one who drives them, some seconds ahead of the ego."""
    alone = stream.run(t)[0]
    middle = float(rng.uniform(0.45, 0.8)) * float(t[-1])
    s, side = float(np.interp(middle, t, alone.s)), float(rng.choice([-1.0, 1.0]))
    out = []
    for k in range(int(rng.integers(2, 6))):
        way_out = (side * (HALF + 4.0 + 2.0 * k), -side * (HALF + 12.0 - 2.0 * k))
        start = middle - 7.0
        at = s + float(rng.uniform(1.6, 2.2)) * k
        out.append(
            Crosser.over("cow", people.animal(rng, "cow"), t, way, at, way_out, start, float(rng.uniform(1.3, 1.6)))
        )
    drover = (side * (HALF + 8.0), -side * (HALF + 6.0))
    out.append(Crosser.over("drover", people.pedestrian(rng), t, way, s - 2.5, drover, middle - 7.0, 1.4))
    return out


def _bystanders(rng: np.random.Generator, company: Company, t: F64, way: Way) -> None:
    """A parked van, people on the verge, a cyclist."""
    s = float(rng.uniform(0.3, 0.7)) * way.length
    turn = float(way.heading(s)) + np.pi * int(rng.integers(2))
    company.offer([standing("parked van", shapes.car(rng, "van"), t, way.xy(s, HALF + 2.4), turn)])
    walk = rng.uniform(0.2, 0.6) * way.length + rng.uniform(1.0, 1.5) * t
    company.offer([following("person with wheelbarrow", people.wheelbarrow(rng), way, walk, -HALF - 0.9)])
    ride = rng.uniform(0.5, 0.8) * way.length - rng.uniform(3.5, 5.0) * t
    company.offer([following("cyclist", people.cyclist(rng), way, ride, HALF - 0.2)])
    company.offer([standing("crouching person", people.crouching(rng), t, way.xy(0.5 * way.length, -HALF - 3.5), 1.0)])


def _furnish(rng: np.random.Generator, on: Furnishing, way: Way) -> None:
    for side in (-1.0, 1.0):
        start = float(rng.uniform(0.05, 0.5)) * way.length
        spots = [way.xy(float(s), side * (HALF + 5.0)) for s in np.arange(start, start + 120.0, 3.0)]
        if all(on.free(p, 0.2, 1.0) for p in spots):
            furniture.fence(on, [on.point(p) for p in spots])
        s, near = float(rng.uniform(0.15, 0.6)) * way.length, HALF + float(rng.uniform(7.0, 9.0))
        a, b = way.xy(s, side * near), way.xy(s + rng.uniform(70.0, 150.0), side * near)
        vegetation.sow(rng, on, a, b, side * 35.0, float(rng.uniform(0.5, 1.3)))
    for s in np.arange(25.0, way.length - 10.0, 50.0):
        spot = way.xy(float(s), HALF + float(rng.uniform(4.0, 6.0)))
        if on.free(spot, 0.4):
            on.take(spot, 0.4)
            furniture.pole(on, on.point(spot), float(way.heading(s)))
    s = float(rng.uniform(0.4, 0.8)) * way.length
    turn = float(rng.uniform(0.0, 6.28))
    on.place(rng, partial(built.barn, heading=turn), way.xy(s, HALF + 22.0), 10.0)
    for make, count, near, far, radius in (
        (vegetation.tree, 120, 6.0, 75.0, 1.6),
        (vegetation.bush, 260, 3.0, 60.0, 1.4),
        (litter.rock, 200, 1.0, 30.0, 0.7),
        (litter.heap, 4, 4.0, 12.0, 3.0),
        (litter.log, 8, 5.0, 25.0, 3.5),
    ):
        on.scatter(rng, make, beside(rng, way.xy, (5.0, way.length - 5.0), count, HALF + near, HALF + far), radius)
