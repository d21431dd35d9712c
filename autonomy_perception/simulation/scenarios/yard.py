"""A freight yard: a hall with docks under a canopy, parked trailers, shunters, people between them; tight turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.scenarios.cast import Rider, during, mobile, own_mobile, ridden, walking
from autonomy_perception.simulation.scenarios.staging import Own, Scenario, Staging
from autonomy_perception.simulation.world import built, furniture, heavy, litter, people, shapes, vegetation
from autonomy_perception.simulation.world.ground import Ground, Lattice, lines
from autonomy_perception.simulation.world.landforms import Patch, Waves, discs, still_water
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.motion import Company, NoRoom, standing
from autonomy_perception.simulation.world.roadway import Line, Roadway, Section
from autonomy_perception.simulation.world.structures import Furnishing
from autonomy_perception.simulation.world.traffic import Obstacle, Stream, pace
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
FRONT, HALF = 48.0, 78.0  # x of the hall's front; half the length of the yard along it [m]
BAY = 4.2  # width of a dock bay [m]


def build(rng: np.random.Generator, vehicle: VehicleConfig, t: F64) -> Staging:
    """Lay out a yard: x runs towards the hall, y along its front."""
    bays = np.asarray(np.arange(-9.0, 10.0) * BAY + rng.uniform(-8.0, 8.0), np.float64)
    ground = _ground(rng, bays)
    way = _route(rng)
    own, company = _company(rng, vehicle, t, way, bays)
    furnishing = Furnishing(ground, [*own.plans, *company.plans])
    _furnish(rng, furnishing, len(bays))
    return Staging(ground, own, company.plans, furnishing)


SCENARIO = Scenario(
    "yard",
    "A freight yard at walking pace: docks, parked trailers, shunters, people with wheelbarrows; the trailer bends sharply.",
    build,
    60.0,
)


def _ground(rng: np.random.Generator, bays: F64) -> Ground:
    frame = Way(np.array([[-80.0, 0.0], [80.0, 0.0]]))  # towards the hall: bay lines run along it
    painted = [Line(float(y) + 0.5 * BAY, None, 0.12, (80.0 + FRONT - 16.0, 80.0 + FRONT - 0.5)) for y in bays]
    painted += [Line(float(y), None, 0.12, (4.0, 20.0)) for y in np.arange(-60.0, 61.0, 3.4)]
    material = Material.CONCRETE if rng.random() < 0.5 else Material.ASPHALT
    section = Section(
        HALF,
        HALF,
        (1.0, 1.0),
        (Semantic.YARD, material),
        (Semantic.SHOULDER, Material.GRAVEL),
        crown=0.004,
        rough=0.012,
        lines=tuple(painted),
    )
    swell = Waves.draw(rng, (40.0, 90.0), 0.4)

    def land(xy: F64) -> F64:
        return np.asarray(swell(xy))

    road = Roadway.along(rng, frame, section, np.full(len(frame.s), 0.1))
    pools = np.column_stack([rng.uniform(-50.0, 40.0, 10), rng.uniform(-70.0, 70.0, 10)])
    size, ragged = rng.uniform(0.6, 2.2, 10), Waves.draw(rng, (1.0, 3.0), 0.7)
    patches = [
        Patch(
            discs(pools, size, ragged),
            (Semantic.YARD,),
            Semantic.WATER,
            Material.WATER,
            still_water(pools),
            wet=1.0,
            bed=Semantic.YARD,
        )
    ]
    across = lines((-115.0, 2.0), (-HALF - 4.0, 0.5), (HALF + 4.0, 2.0), end=115.0)
    lattice = Lattice(frame, lines((0.0, 0.5), end=160.0), across)
    return Ground(
        lattice, land, (Semantic.GRASS, Material.GRASS, 0.12), [road], patches, Waves.draw(rng, (1.5, 6.0), 1.0)
    )


def _route(rng: np.random.Generator) -> Way:
    """Along the docks, a turn, a turn back."""
    near, far = float(rng.uniform(18.0, 22.0)), float(rng.uniform(-14.0, -8.0))
    turn, side = float(rng.uniform(20.0, 40.0)), float(rng.choice([-1.0, 1.0]))
    points = (
        [(near, -70.0), (near, turn), (far, turn), (far, -66.0)]
        if rng.random() < 0.5
        else [(far, -70.0), (far, turn), (near, turn), (near, -66.0)]
    )
    return Way.cornering(np.array(points) * [1.0, side], float(rng.uniform(12.5, 14.5)))


def _company(rng: np.random.Generator, vehicle: VehicleConfig, t: F64, way: Way, bays: F64) -> tuple[Own, Company]:
    """Somebody steps out in front of the ego, which waits; trailers at the docks, shunters and cars parked."""
    speed, found = float(rng.uniform(3.5, 5.5)), None
    for _ in range(30):
        stream = Stream((0.0,))
        stream.vehicles.append(own_mobile(rng, vehicle, speed, 22.0, 0, pace(way, speed, 0.7, 0.6)))
        stream.obstacles.append(Obstacle(0, way.length - 6.0))
        lead = Rider("shunter", heavy.tractor(rng), heavy.semitrailer(rng, "box"))
        stream.vehicles.append(
            mobile(rng, lead, speed + 0.4, 22.0 + float(rng.uniform(38.0, 60.0)), 0, pace(way, speed + 0.4, 0.7, 0.6))
        )
        middle = float(rng.uniform(0.3, 0.6)) * float(t[-1])
        at = float(np.interp(middle, t, stream.run(t)[0].s)) + 3.0
        side, begin = float(rng.choice([-1.0, 1.0])), middle - 5.0
        steps = way.xy(np.full(2, at), side * np.array([9.0, -14.0]))
        walker = walking("person stepping out", people.pedestrian(rng), t, steps, begin, float(rng.uniform(1.2, 1.6)))
        stream.obstacles.append(Obstacle(0, at - 4.0, during(begin, begin + 11.5)))
        tracks = stream.run(t)
        own = Own.along(vehicle, way, tracks[0].s - vehicle.dimensions.front, tracks[0].d)
        company = Company(own.plans)
        found = company.offer(ridden(lead, tracks[1], way)) or company.offer([walker])
        if found is None:
            break
    else:
        raise NoRoom(f"somebody collides: {found}")
    _parked(rng, company, t, bays)
    return own, company


def _parked(rng: np.random.Generator, company: Company, t: F64, bays: F64) -> None:
    for y in bays:
        if rng.random() < 0.62:
            trailer = heavy.semitrailer(rng, str(rng.choice(["box", "box", "container"])))
            x = FRONT - 0.45 - 0.5 * float(trailer.size[0])
            docked = standing("docked trailer", trailer, t, (x, float(y)), np.pi)
            group = [docked]
            if rng.random() < 0.25:
                tractor = heavy.tractor(rng)
                nose = x - trailer.pin + tractor.hitch
                group = [standing("docked tractor", tractor, t, (nose, float(y)), np.pi), docked]
            company.offer(group)
    for y in np.arange(-58.0, 59.0, 3.4):
        if rng.random() < 0.3:
            car = shapes.car(rng, str(rng.choice(["sedan", "hatch", "suv", "van"])))
            company.offer([standing("parked car", car, t, (-68.0, float(y) + 1.7), float(rng.choice([0.0, np.pi])))])
    for k in range(5):
        spot = np.array([rng.uniform(-40.0, 28.0), rng.uniform(-55.0, 55.0)])
        body = (people.wheelbarrow, people.crouching, people.pedestrian)[k % 3](rng)
        goes = np.array([spot, spot + rng.uniform(-20.0, 20.0, 2)])
        company.offer([walking("worker", body, t, goes, float(rng.uniform(0.0, 10.0)), 0.0 if k % 3 == 1 else 1.1)])


def _furnish(rng: np.random.Generator, on: Furnishing, bays: int) -> None:
    on.add(built.hall(on.point(np.array([FRONT, 0.0])), np.pi, 130.0, 28.0, bays))
    for y in np.arange(-66.0, 67.0, 4.0):
        on.take(np.array([FRONT + 14.0, y]), 15.0)
    for x in (-30.0, 0.0):
        for y in (-45.0, 0.0, 45.0):
            spot = np.array([x + rng.uniform(-4, 4), y + rng.uniform(-4, 4)])
            if on.free(spot, 0.6, None):
                on.take(spot, 0.6)
                furniture.lamp(on, on.point(spot), float(rng.uniform(0.0, 6.28)))
    for y in (-HALF + 1.0, HALF - 1.0):
        furniture.fence(on, [on.point(np.array([x, y])) for x in np.arange(-76.0, 46.0, 3.0)])
    furniture.sign(on, on.point(np.array([-45.0, -HALF + 3.0])), np.pi / 2, "limit")
    spots = np.column_stack([rng.uniform(-50.0, 40.0, 24), rng.uniform(-70.0, 70.0, 24)])
    on.scatter(rng, furniture.cone, spots[:10], 0.4, None)
    on.scatter(rng, litter.load, spots[10:], 0.9, None)
    outside = np.column_stack(
        [rng.uniform(-78.0, 78.0, 160), rng.choice([-1.0, 1.0], 160) * rng.uniform(HALF + 5, 112.0, 160)]
    )
    on.scatter(rng, vegetation.tree, outside[:90], 1.6)
    on.scatter(rng, vegetation.bush, outside[90:], 1.3)
