"""A country road: bends and crests, ditches and embankments, fields, pastures, a hamlet, animals and people."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.scenarios.cast import Crosser, fill, mobile, own_mobile, ridden, rider
from autonomy_perception.simulation.scenarios.staging import Own, Scenario, Staging, corridor, winding
from autonomy_perception.simulation.world import built, furniture, litter, people, shapes, vegetation
from autonomy_perception.simulation.world.ground import Ground
from autonomy_perception.simulation.world.landforms import Patch, Waves, discs, hollows, still_water
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.motion import Company, NoRoom, following, standing
from autonomy_perception.simulation.world.roadway import Ditch, Line, Roadway, Section
from autonomy_perception.simulation.world.structures import Furnishing, beside
from autonomy_perception.simulation.world.traffic import Stream, pace
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
EGO_S = 130.0
RAIL_M = 1.15  # the guard rail stands so far beside the paved part [m]
MIX = {"car": 0.6, "van": 0.12, "semi": 0.08, "drawbar": 0.06, "truck": 0.06, "bus": 0.03, "motorcycle": 0.05}


class _Plan:
    """What is drawn of the road before anybody drives."""

    def __init__(self, rng: np.random.Generator, duration: float) -> None:
        self.lane = float(rng.uniform(2.9, 3.4))
        self.half = self.lane + float(rng.uniform(0.15, 0.4))
        self.speed = float(rng.uniform(16.5, 21.0))
        self.length = EGO_S + self.speed * 1.05 * duration + 240.0
        self.season = str(rng.choice(["summer", "wet", "winter"], p=[0.5, 0.25, 0.25]))
        self.hamlet = float(rng.uniform(0.5, 0.8)) * self.length if rng.random() < 0.6 else None


def build(rng: np.random.Generator, vehicle: VehicleConfig, t: F64) -> Staging:
    """Lay out a country road."""
    plan = _Plan(rng, float(t[-1]))
    way = winding(rng, plan.length, [((280.0, 420.0), (0.12, 0.28)), ((130.0, 190.0), (0.02, 0.05))])
    ground = _ground(rng, way, plan)
    own, company = _traffic(rng, vehicle, t, way, plan)
    _bystanders(rng, company, t, way, plan)
    furnishing = Furnishing(ground, [*own.plans, *company.plans])
    _furnish(rng, furnishing, way, plan)
    return Staging(ground, own, company.plans, furnishing)


SCENARIO = Scenario(
    "rural",
    "A two-lane road with bends, crests, ditches and potholes between fields; animals and people cross it.",
    build,
)


def _ground(rng: np.random.Generator, way: Way, plan: _Plan) -> Ground:
    hills = Waves.draw(rng, (90.0, 220.0), float(rng.uniform(1.0, 2.6)))
    rough, small = Waves.draw(rng, (6.0, 16.0), 0.06), Waves.draw(rng, (1.6, 3.5), 0.02)

    def land(xy: F64) -> F64:
        return np.asarray(hills(xy) + rough(xy) + small(xy))

    edge = plan.lane + 0.08
    sides = [s for s in (-1, 1) if rng.random() < 0.7]
    ditches = [Ditch(s, float(rng.uniform(0.4, 1.2)), 1.2, 0.6, float(rng.uniform(0.5, 1.2))) for s in sides]
    section = Section(
        plan.half,
        plan.half,
        (0.9, 0.9),
        crown=0.022,
        lanes=(-0.5 * plan.lane, 0.5 * plan.lane),
        ruts=0.012,
        rough=0.012,
        lines=(Line(edge, None, 0.12), Line(-edge, None, 0.12), Line(0.0, (3.0, 6.0), 0.12)),
        ditches=tuple(ditches),
    )
    main = Roadway.laid(rng, way, section, land, 22.0, float(rng.uniform(0.1, 0.9)))
    lattice = corridor(way, 0.5, (plan.half + 1.0, plan.half + 1.0), 0.35, 0.4, 90.0)
    patches = _patches(rng, way, plan)
    tufts = Waves.draw(rng, (1.5, 6.0), 1.0)
    return Ground(lattice, land, (Semantic.GRASS, Material.GRASS, 0.16), [main], patches, tufts)


def _patches(rng: np.random.Generator, way: Way, plan: _Plan) -> list[Patch]:
    """Potholes in the road, and by season puddles beside it or what is left of the snow."""
    ragged, count = Waves.draw(rng, (0.8, 2.5), 0.5), max(int(plan.length / 35.0), 2)
    s, d = rng.uniform(20.0, plan.length - 20.0, count), rng.uniform(-plan.half, plan.half, count)
    holes, radii = way.xy(s, d), rng.uniform(0.3, 0.8, count)
    patches = [Patch(discs(holes, radii, ragged), (), form=hollows(holes, radii, rng.uniform(0.03, 0.09, count)))]
    if plan.season == "winter":
        drifts = Waves.draw(rng, (5.0, 25.0), 1.0)

        def field(xy: F64) -> F64:
            return np.asarray(1.5 * (drifts(xy) - 0.7))

        def form(xy: F64, z: F64, field: F64) -> F64:
            return np.asarray(z + np.clip(0.35 * field, 0.0, 0.3) * (np.abs(way.project(xy)[1]) > plan.half + 0.3))

        on = (Semantic.GRASS, Semantic.SHOULDER, Semantic.DITCH)
        patches.append(Patch(field, on, Semantic.SNOW, Material.SNOW, form))
    if plan.season == "wet":
        pools = way.xy(
            rng.uniform(20.0, plan.length, count),
            rng.choice([-1.0, 1.0], count) * (plan.half + rng.uniform(0.2, 6.0, count)),
        )
        on = (Semantic.GRASS, Semantic.SHOULDER, Semantic.DITCH)
        size = rng.uniform(0.6, 1.8, count)
        patches.append(Patch(discs(pools, size + 0.5, ragged), on, Semantic.MUD, Material.MUD, wet=0.6))
        patches.append(
            Patch(
                discs(pools, size, ragged),
                (*on, Semantic.MUD),
                Semantic.WATER,
                Material.WATER,
                still_water(pools),
                wet=1.0,
            )
        )
    return patches


def _traffic(rng: np.random.Generator, vehicle: VehicleConfig, t: F64, way: Way, plan: _Plan) -> tuple[Own, Company]:
    """Both lanes, and somebody who crosses ahead of the ego; drawn anew when anybody touches anybody."""
    back, lane = Way(way.points[::-1]), (-0.5 * plan.lane,)
    there, here = pace(way, plan.speed + 3.0, 2.0), pace(way, plan.speed)
    found = None
    for _ in range(30):
        stream, oncoming = Stream(lane), Stream(lane)
        lead = rider(rng, MIX)
        stream.vehicles.append(own_mobile(rng, vehicle, plan.speed, EGO_S, 0, here))
        stream.vehicles.append(
            mobile(rng, lead, plan.speed + 1.5, EGO_S + rng.uniform(45.0, 80.0) + lead.length, 0, there)
        )
        riders = [lead, *fill(rng, stream, MIX, [plan.speed], (-80.0, plan.length - 150.0), (3.0, 12.0), there)]
        against = fill(
            rng,
            oncoming,
            MIX,
            [plan.speed + 1.0],
            (-250.0, plan.length - 120.0),
            (3.0, 12.0),
            pace(back, plan.speed + 3.0, 2.0),
        )
        crossers = _crossers(rng, t, way, plan, stream)
        for crosser in crossers:
            crosser.stops(stream)
            crosser.stops(oncoming, way.length)
        tracks = stream.run(t)
        own = Own.along(vehicle, way, tracks[0].s - vehicle.dimensions.front, tracks[0].d)
        company = Company(own.plans)
        groups = [[c.plan] for c in crossers]
        groups += [ridden(w, k, way) for w, k in zip(riders, tracks[1:], strict=True)]
        groups += [ridden(w, k, back, f"oncoming {w.name}") for w, k in zip(against, oncoming.run(t), strict=True)]
        found = company.admit(groups, len(crossers))
        if found is None:
            return own, company
    raise NoRoom(f"traffic collides: {found}")


def _crossers(rng: np.random.Generator, t: F64, way: Way, plan: _Plan, stream: Stream) -> list[Crosser]:
    """Deer or people who cross when the ego is some seconds away."""
    alone = stream.run(t)[0]
    middle = float(rng.uniform(0.4, 0.75)) * float(t[-1])
    s = float(np.interp(middle, t, alone.s))
    side = float(rng.choice([-1.0, 1.0]))
    start, far = middle - float(rng.uniform(4.5, 6.0)), side * (plan.half + 1.6)
    if rng.random() < 0.5:
        return [
            Crosser.over(
                "crossing pedestrian",
                people.pedestrian(rng),
                t,
                way,
                s,
                (far, -far),
                start,
                float(rng.uniform(1.3, 1.7)),
            )
        ]
    kind, out = str(rng.choice(["deer", "boar", "dog"])), []
    for k in range(int(rng.integers(1, 4))):
        begin = start - 1.0 + 1.3 * k
        out.append(
            Crosser.over(
                kind,
                people.animal(rng, kind),
                t,
                way,
                s + 3.0 * k,
                (2.5 * far, -3.0 * far),
                begin,
                float(rng.uniform(2.2, 3.2)),
            )
        )
    return out


def _bystanders(rng: np.random.Generator, company: Company, t: F64, way: Way, plan: _Plan) -> None:
    """A cyclist, people on the verge, a car parked beside the road, cattle in a pasture."""
    edge = plan.half + 0.55
    s = rng.uniform(0.3, 0.6) * plan.length - rng.uniform(4.0, 6.0) * t
    company.offer([following("cyclist", people.cyclist(rng), way, s, edge)])
    s = rng.uniform(0.25, 0.5) * plan.length + rng.uniform(1.0, 1.5) * t
    walker = people.wheelbarrow(rng) if rng.random() < 0.5 else people.pedestrian(rng)
    company.offer([following("walker on the verge", walker, way, s, -edge)])
    at = float(rng.uniform(0.3, 0.7)) * plan.length
    car = shapes.car(rng, str(rng.choice(["van", "suv"])))
    company.offer([standing("parked car", car, t, way.xy(at, -plan.half - 2.2), float(way.heading(at)))])
    company.offer(
        [
            standing(
                "its driver", people.crouching(rng), t, way.xy(at - 2.0, -plan.half - 4.2), float(rng.uniform(0, 6.28))
            )
        ]
    )
    herd, side = float(rng.uniform(0.3, 0.7)) * plan.length, float(rng.choice([-1.0, 1.0]))
    for _ in range(int(rng.integers(0, 8))):
        spot = way.xy(herd + rng.uniform(-25.0, 25.0), side * rng.uniform(plan.half + 10.0, 40.0))
        turn, cow = float(rng.uniform(0, 6.28)), people.animal(rng, "cow")
        company.offer([standing("cow", cow, t, spot, turn)])


def _furnish(rng: np.random.Generator, on: Furnishing, way: Way, plan: _Plan) -> None:
    def at(s: float, d: float) -> F64:
        return on.point(way.xy(s, d))

    rails = _rails(rng, on, way, plan)
    furniture.rail(on, [at(float(s), plan.half + RAIL_M) for s in rails])
    for s in np.arange(15.0, way.length - 10.0, 50.0):
        for side in (-1.0, 1.0):
            if side < 0.0 or not rails[0] - 1.0 < s < rails[-1] + 1.0:
                furniture.post(on, at(float(s), side * (plan.half + 1.2)))
    for s in np.arange(30.0, way.length - 10.0, 45.0):
        spot = way.xy(float(s), plan.half + float(rng.uniform(7.0, 9.0)))
        if on.free(spot, 0.8):
            on.take(spot, 0.8)
            furniture.pole(on, on.point(spot), float(way.heading(s)))
    for _ in range(3):
        text = str(rng.choice(["limit", "warning", "direction"]))
        aside = -plan.half - (2.4 if text == "direction" else 1.9)
        any(
            furniture.sign(on, at(s, aside), float(way.heading(s)), text)
            for s in (rng.uniform(0.15, 0.9, 8) * way.length).tolist()
        )
    if plan.hamlet is not None:
        for k in range(8):
            s, side = plan.hamlet + 16.0 * k, float(rng.choice([-1.0, 1.0]))
            turn = float(way.heading(s)) - side * np.pi / 2
            make = built.house if rng.random() < 0.8 else built.barn
            spot = way.xy(s, side * (plan.half + rng.uniform(14.0, 24.0)))
            on.place(rng, partial(make, heading=turn), spot, 9.0)
    _fields(rng, on, way, plan)
    if rng.random() < 0.4:
        s = float(rng.uniform(0.3, 0.8)) * way.length
        on.place(rng, partial(litter.log_pile, heading=float(way.heading(s))), way.xy(s, -plan.half - 6.5), 3.2)
    for plant, count, near, far, radius in (
        (vegetation.tree, 170, 8.0, 80.0, 1.6),
        (vegetation.conifer, 60, 12.0, 85.0, 1.6),
        (vegetation.bush, 200, 6.0, 60.0, 1.6),
        (litter.rock, 100, 4.0, 40.0, 0.8),
    ):
        on.scatter(
            rng, plant, beside(rng, way.xy, (5.0, way.length - 5.0), count, plan.half + near, plan.half + far), radius
        )


def _rails(rng: np.random.Generator, on: Furnishing, way: Way, plan: _Plan) -> F64:
    """Where the posts of a guard rail of 60 m stand [m]: in the first of some places where nobody crosses, if there is one."""
    places = [np.arange(start, start + 60.0, 4.0) for start in rng.uniform(0.2, 0.7, 8) * way.length]
    for stops in places:
        if all(on.clear_between(a, b, 0.1) for a, b in pairwise(way.xy(stops, plan.half + RAIL_M))):
            return stops
    return places[0]


def _fields(rng: np.random.Generator, on: Furnishing, way: Way, plan: _Plan) -> None:
    """Standing crop beside the road, and a fenced pasture."""
    for side in (-1.0, 1.0):
        if plan.season == "winter" or rng.random() < 0.25:
            continue
        s, length, depth = (
            float(rng.uniform(0.15, 0.6)) * way.length,
            float(rng.uniform(60.0, 140.0)),
            float(rng.uniform(25.0, 45.0)),
        )
        near = plan.half + float(rng.uniform(6.0, 9.0))
        a, b = way.xy(s, side * near), way.xy(s + length, side * near)
        vegetation.sow(rng, on, a, b, side * depth, float(rng.uniform(0.6, 1.1)), 3.0)
    s, side = float(rng.uniform(0.2, 0.7)) * way.length, float(rng.choice([-1.0, 1.0]))
    stops = [on.point(way.xy(float(x), side * (plan.half + 5.5))) for x in np.arange(s, s + 60.0, 3.0)]
    if all(on.free(p[:2], 0.2, 2.0) for p in stops):
        furniture.fence(on, stops)
