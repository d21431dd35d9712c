"""A signalled junction in a town: kerbs and sidewalks, crosswalks, stop lines, lights, turning and crossing traffic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.scenarios.cast import during, fill, mobile, own_mobile, ridden, rider, walking
from autonomy_perception.simulation.scenarios.staging import Own, Scenario, Staging
from autonomy_perception.simulation.world import built, furniture, people, shapes, vegetation
from autonomy_perception.simulation.world.ground import Ground, Lattice, lines
from autonomy_perception.simulation.world.landforms import Waves
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.motion import Company, Plan, standing
from autonomy_perception.simulation.world.roadway import Line, Roadway, Section
from autonomy_perception.simulation.world.structures import Furnishing
from autonomy_perception.simulation.world.traffic import Obstacle, Stream, pace
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
REACH, AHEAD, SIDE = 200.0, 340.0, 110.0  # how far the own road reaches back and ahead, the crossing one aside [m]
LANE, WALK = 3.4, 2.6
MIX = {"car": 0.62, "van": 0.14, "truck": 0.07, "bus": 0.07, "semi": 0.03, "motorcycle": 0.07}


@dataclass(frozen=True)
class _Plan:
    """What is drawn of a junction: half widths of the own and the crossing road, where its stop lines lie, its story."""

    half: float
    cross: float
    story: str

    @property
    def right(self) -> float:
        """How far the crossing road reaches to the right, where the ego may turn to [m]."""
        return 230.0 if self.story == "right" else SIDE

    @property
    def stop(self) -> float:
        """Distance of the own stop lines from the middle [m]."""
        return self.cross + WALK + 4.6

    @property
    def own_goes(self) -> bool:
        """Whether the own road has green."""
        return self.story != "wait"


def build(rng: np.random.Generator, vehicle: VehicleConfig, t: F64) -> Staging:
    """Lay out a junction: the own road runs along x, the crossing one along y, they meet at the origin."""
    story = str(rng.choice(["straight", "right", "wait"], p=[0.35, 0.3, 0.35]))
    plan = _Plan(LANE + float(rng.uniform(0.2, 1.0)), LANE + float(rng.uniform(0.1, 0.8)), story)
    main = Way(np.array([[-REACH, 0.0], [AHEAD, 0.0]]))
    across = Way(np.array([[0.0, -plan.right], [0.0, SIDE]]))
    route = _route(rng, plan.right) if story == "right" else main
    ground = _ground(rng, plan, main, across, route)
    own, company = _traffic(rng, vehicle, t, plan, main, across, route)
    furnishing = Furnishing(ground, [*own.plans, *company.plans])
    _furnish(rng, furnishing, plan)
    return Staging(ground, own, company.plans, furnishing)


SCENARIO = Scenario(
    "junction",
    "A signalled junction with kerbs, crosswalks and people: straight on, a tight right turn, or waiting at red.",
    build,
    60.0,
)


def _route(rng: np.random.Generator, right: float) -> Way:
    """From the own right lane into the right lane of the crossing road to the right."""
    corners = [(-REACH, -0.5 * LANE), (-0.5 * LANE - 0.3, -0.5 * LANE), (-0.5 * LANE - 0.3, -right)]
    return Way.cornering(np.array(corners), float(rng.uniform(13.0, 15.0)))


def _lines(half: float, stop: float, middle: float, length: float) -> tuple[Line, ...]:
    """Middle lines, stop lines and crosswalks (bars along the road) on both sides of the junction at ``middle``."""
    out = []
    for side in (-1.0, 1.0):
        a, b = sorted((middle + side * stop, 0.0 if side < 0 else length))
        out.append(Line(0.0, (3.0, 3.0), 0.12, (a, b)))
        line = sorted((middle + side * stop, middle + side * (stop + 0.5)))
        out.append(Line(-side * -0.5 * LANE, None, LANE - 0.4, (line[0], line[1])))
        bars = sorted((middle + side * (stop - 4.0), middle + side * (stop - 1.0)))
        out += [Line(float(d), None, 0.5, (bars[0], bars[1])) for d in np.arange(-half + 0.6, half - 0.3, 1.0)]
    return tuple(out)


def _ground(rng: np.random.Generator, plan: _Plan, main: Way, across: Way, route: Way) -> Ground:
    swell = Waves.draw(rng, (60.0, 120.0), 0.25)
    rise = float(rng.uniform(-0.02, 0.02))

    def land(xy: F64) -> F64:
        return np.asarray(swell(xy) + rise * xy[:, 0])

    stone = (Semantic.SIDEWALK, Material.CONCRETE)
    kerb = float(rng.uniform(0.1, 0.14))
    own = Section(
        plan.half, plan.half, (WALK, WALK), shoulder=stone, kerb=kerb, lanes=(-0.5 * LANE, 0.5 * LANE),
        lines=_lines(plan.half, plan.stop, REACH, main.length), rough=0.008,
    )  # fmt: skip
    other = Section(
        plan.cross, plan.cross, (WALK, WALK), shoulder=stone, kerb=kerb, lanes=(-0.5 * LANE, 0.5 * LANE),
        lines=_lines(plan.cross, plan.half + WALK + 4.6, plan.right, across.length), rough=0.008,
    )  # fmt: skip
    first = Roadway.laid(rng, main, own, land, 30.0, 0.1)
    second = Roadway.joining(rng, across, other, land, first, 25.0)
    roads = [second, first]
    if route is not main:
        bend = route.s[np.abs(route.curvature(route.s)) > 0.01]
        arc = Way(route.xy(np.arange(bend[0] - 4.0, bend[-1] + 4.0, 0.5)))
        roads.insert(0, Roadway.joining(rng, arc, Section(2.4, 3.2, (0.4, 0.4), rank=-1), land, first, 25.0))
    s = lines(
        (0.0, 1.0), (REACH - 70.0, 0.4), (REACH - 26.0, 0.2), (REACH + 26.0, 0.4), (REACH + 70.0, 1.0), end=main.length
    )
    edge = plan.half
    d = lines(
        (-plan.right, 1.2), (-40.0, 0.6), (-16.0, 0.3), (-edge - 0.12, 0.06), (-edge, 0.35), (edge, 0.06), (edge + 0.12, 0.3),
        (16.0, 0.6), (40.0, 1.2), end=SIDE,
    )  # fmt: skip
    base = (Semantic.GRASS, Material.GRASS, 0.06)
    return Ground(Lattice(main, s, d), land, base, roads, [], Waves.draw(rng, (1.5, 6.0), 1.0))


def _traffic(
    rng: np.random.Generator, vehicle: VehicleConfig, t: F64, plan: _Plan, main: Way, across: Way, route: Way
) -> tuple[Own, Company]:
    """The ego and everybody else; who would touch somebody stays away."""
    groups, own = _draw_traffic(rng, vehicle, t, plan, main, across, route)
    company = Company(own.plans)
    company.admit(groups)
    _bystanders(rng, company, t, plan)
    return own, company


def _draw_traffic(
    rng: np.random.Generator, vehicle: VehicleConfig, t: F64, plan: _Plan, main: Way, across: Way, route: Way
) -> tuple[list[list[Plan]], Own]:
    """Who has green goes, who has red queues at the stop line; people cross where the cars have red."""
    speed = float(rng.uniform(8.0, 10.5))
    lane = (0.0,) if route is not main else (-0.5 * LANE,)
    stream, oncoming = Stream(lane), Stream((-0.5 * LANE,))
    walkers = _crossing(rng, t, plan)
    red = REACH - plan.stop - 0.5
    start = REACH - float(rng.uniform(95.0, 130.0))
    stream.vehicles.append(own_mobile(rng, vehicle, speed, start, 0, pace(route, speed, 0.9, 0.9)))
    lead = rider(rng, {**MIX, "semi": 0.0, "bus": 0.0})
    who = []
    if route is main:
        who.append(lead)
        apart = float(rng.uniform(18.0, 30.0)) + lead.length + vehicle.dimensions.front
        stream.vehicles.append(mobile(rng, lead, speed + 1.0, start + apart, 0))
        who += fill(rng, stream, MIX, [speed], (start - 110.0, start - 40.0), (1.5, 4.0))
    stream.obstacles.append(Obstacle(0, route.length - 15.0))
    against = fill(rng, oncoming, MIX, [speed + 1.0], (AHEAD - REACH, AHEAD + 90.0), (1.5, 5.0))
    streams = [(across, Stream((-0.5 * LANE,))), (Way(across.points[::-1]), Stream((-0.5 * LANE,)))]
    gap = plan.half + WALK + 5.1
    holds = (plan.right - gap, SIDE - gap)
    if plan.own_goes:
        for (_, side), hold in zip(streams, holds, strict=True):
            side.obstacles.append(Obstacle(0, hold))
        if plan.story == "right":  # people cross the road that the ego turns into
            stream.obstacles.append(
                Obstacle(0, route.length - plan.right + plan.half - 1.0, during(-1.0, float(rng.uniform(8.0, 16.0))))
            )
    else:
        stream.obstacles.append(Obstacle(0, red))
        oncoming.obstacles.append(Obstacle(0, AHEAD - plan.stop - 0.5))
    groups = [[w] for w in walkers]
    tracks = stream.run(t)
    own = Own.along(vehicle, route, tracks[0].s - vehicle.dimensions.front, tracks[0].d)
    groups += [ridden(w, k, route) for w, k in zip(who, tracks[1:], strict=True)]
    back = Way(main.points[::-1])
    groups += [ridden(w, k, back, f"oncoming {w.name}") for w, k in zip(against, oncoming.run(t), strict=True)]
    for (way, side), hold in zip(streams, holds, strict=True):
        ends = (-60.0, hold - 6.0) if plan.own_goes else (-200.0, hold + 60.0)
        riders = fill(rng, side, {**MIX, "semi": 0.0}, [9.0], ends, (1.5, 5.0))
        groups += [ridden(w, k, way, f"crossing {w.name}") for w, k in zip(riders, side.run(t), strict=True)]
    return groups, own


def _crossing(rng: np.random.Generator, t: F64, plan: _Plan) -> list[Plan]:
    """People on the crosswalks of the road that has red."""
    out = []
    for _ in range(int(rng.integers(3, 7))):
        side, aside = float(rng.choice([-1.0, 1.0])), float(rng.uniform(-1.0, 1.0))
        if plan.own_goes:
            at, half = side * (plan.half + WALK + 2.1) + aside, plan.cross + 1.6
            points = np.array([[-half, at], [half, at]])
        else:
            at, half = side * (plan.cross + WALK + 2.1) + aside, plan.half + 1.6
            points = np.array([[at, -half], [at, half]])
        if rng.random() < 0.5:
            points = points[::-1]
        begin = float(rng.uniform(-2.0, 6.0 if plan.story == "right" else 22.0))
        out.append(
            walking("pedestrian crossing", people.pedestrian(rng), t, points, begin, float(rng.uniform(1.2, 1.7)))
        )
    return out


def _bystanders(rng: np.random.Generator, company: Company, t: F64, plan: _Plan) -> None:
    """People on the sidewalks, parked cars beside the road."""
    for k in range(8):
        side, x = float(rng.choice([-1.0, 1.0])), float(rng.uniform(-80.0, 80.0))
        y = side * (plan.half + 0.5 * WALK + rng.uniform(-0.5, 0.5))
        if abs(x) < plan.cross + WALK + 1.0:
            continue
        ahead = float(np.sign(x)) * float(rng.uniform(8.0, 40.0))
        body = (people.pedestrian, people.wheelbarrow, people.crouching, people.pedestrian)[k % 4](rng)
        pace_ = 0.0 if k % 4 == 2 else float(rng.uniform(1.0, 1.6))
        company.offer(
            [walking("pedestrian", body, t, np.array([[x, y], [x + ahead, y]]), float(rng.uniform(-1.0, 8.0)), pace_)]
        )
    for x in np.arange(-150.0, 301.0, 7.5):
        if abs(x) > 45.0 and rng.random() < 0.35:
            car = shapes.car(rng, str(rng.choice(["sedan", "hatch", "suv", "van"])))
            y = plan.half + WALK + 1.6
            company.offer([standing("parked car", car, t, (float(x), float(rng.choice([-1.0, 1.0])) * y), 0.0)])


def _furnish(rng: np.random.Generator, on: Furnishing, plan: _Plan) -> None:
    own, other = ("green", "red") if plan.own_goes else ("red", "green")
    far = plan.half + WALK + 4.6
    beside = (
        0.35,
        WALK - 0.3,
        WALK + 0.5,
        WALK + 2.0,
        WALK + 3.5,
        WALK + 5.0,
    )  # as near to the kerb as who turns allows
    for sign in (-1.0, 1.0):
        places = [np.array([-sign * plan.stop, -sign * (plan.half + d)]) for d in beside]
        any(furniture.traffic_light(on, on.point(p), 0.0 if sign > 0 else np.pi, own) for p in places)
        places = [np.array([sign * (plan.cross + d), -sign * far]) for d in beside]
        any(furniture.traffic_light(on, on.point(p), sign * np.pi / 2, other) for p in places)
    places = [np.array([x, -plan.half - WALK - 0.6]) for x in -plan.stop - np.arange(35.0, 60.0, 2.0)]
    any(furniture.sign(on, on.point(p), 0.0, "direction") for p in places)
    furniture.sign(on, on.point(np.array([plan.cross + 0.8, far + 14.0])), -np.pi / 2, "limit")
    for x in np.arange(-180.0, 321.0, 30.0):
        for side in (-1.0, 1.0):
            spot = np.array([x, side * (plan.half + WALK - 0.4)])
            if abs(x) > 14.0 and on.free(spot, 0.2, None):
                on.take(spot, 0.2)
                furniture.lamp(on, on.point(spot), -side * np.pi / 2)
    for x in (*np.arange(-185.0, -24.0, 17.5), *np.arange(24.0, 326.0, 17.5)):
        for side in (-1.0, 1.0):
            turn, y = -side * np.pi / 2, side * (plan.half + WALK + rng.uniform(11.0, 15.0))
            on.place(rng, partial(built.house, heading=turn), np.array([x, y]), 8.2)
    for y in (*np.arange(-plan.right + 10.0, -44.0, 18.0), *np.arange(44.0, 101.0, 18.0)):
        for side in (-1.0, 1.0):
            turn, x = np.pi if side > 0 else 0.0, side * (plan.cross + WALK + rng.uniform(11.0, 15.0))
            on.place(rng, partial(built.house, heading=turn), np.array([x, y]), 8.2)
    spots = np.column_stack([rng.uniform(-190.0, 330.0, 220), rng.uniform(-plan.right + 5, SIDE - 5, 220)])
    on.scatter(rng, vegetation.tree, spots[:130], 1.6)
    on.scatter(rng, vegetation.bush, spots[130:], 1.3)
