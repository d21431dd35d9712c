"""A dual carriageway: lanes, shoulders, guard rails, an exit with its gore, a work zone, gantries and bridges."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.scenarios.cast import Rider, fill, mobile, own_mobile, ridden, walking
from autonomy_perception.simulation.scenarios.staging import Own, Scenario, Staging, corridor, winding
from autonomy_perception.simulation.world import built, furniture, heavy, litter, people, shapes, vegetation
from autonomy_perception.simulation.world.ground import Ground
from autonomy_perception.simulation.world.landforms import Waves, smoothstep
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.motion import STORY_S, Company, NoRoom, standing
from autonomy_perception.simulation.world.roadway import Ditch, Line, Roadway, Section
from autonomy_perception.simulation.world.structures import Furnishing, beside
from autonomy_perception.simulation.world.traffic import Closure, CutIn, Driver, Mobile, Stream, Track
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
LANE, MEDIAN, HARD = 3.75, 1.1, 2.7  # lane width, from the middle to the first line, hard shoulder [m]
EGO_S = 150.0
CUT_IN_M = 25.0  # so near ahead of the ego somebody cuts in
TAPER = (-30.0, 25.0)  # where the cones that close a lane begin and end, from the work zone's position [m]
MIX = {"car": 0.58, "van": 0.12, "semi": 0.17, "truck": 0.06, "bus": 0.03, "motorcycle": 0.04}


class _Plan:
    """What is drawn of a highway before anybody drives."""

    def __init__(self, rng: np.random.Generator, duration: float) -> None:
        self.lanes = int(rng.integers(2, 4))
        self.length = EGO_S + 25.0 * duration + 260.0
        self.centers = tuple(-(MEDIAN + LANE * (self.lanes - k - 0.5)) for k in range(self.lanes))  # rightmost first
        self.shoulder = -(MEDIAN + LANE * self.lanes + 0.5 * HARD)
        self.paved = MEDIAN + LANE * self.lanes + HARD
        story = str(rng.choice(["work", "exit", "both", "free"], p=[0.35, 0.25, 0.25, 0.15]))
        self.work = None
        if story in ("work", "both"):  # so far ahead that whoever comes sees it in time
            self.work = max(float(rng.uniform(0.45, 0.65)) * self.length, EGO_S + 300.0)
            self.length = max(self.length, self.work + 220.0)
        self.exit = float(rng.uniform(0.2, 0.32)) * self.length if story in ("exit", "both") else None


def build(rng: np.random.Generator, vehicle: VehicleConfig, t: F64) -> Staging:
    """Lay out a highway."""
    plan = _Plan(rng, float(t[-1]))
    way = winding(rng, plan.length, [((900.0, 1500.0), (0.06, 0.16)), ((450.0, 700.0), (0.01, 0.03))])
    ground = _ground(rng, way, plan)
    own, company = _traffic(rng, vehicle, t, way, plan)
    furnishing = Furnishing(ground, [*own.plans, *company.plans])
    _furnish(rng, furnishing, way, plan)
    return Staging(ground, own, company.plans, furnishing)


SCENARIO = Scenario(
    "highway", "Two or three lanes each way at 80 to 130 km/h: cut-ins, an exit, a work zone that closes a lane.", build
)


def _ground(rng: np.random.Generator, way: Way, plan: _Plan) -> Ground:
    broad, small = Waves.draw(rng, (90.0, 220.0), float(rng.uniform(0.8, 2.2))), Waves.draw(rng, (5.0, 14.0), 0.05)
    borders = [MEDIAN + LANE * k for k in range(1, plan.lanes)]
    painted = [Line(s * d, (6.0, 12.0)) for s in (-1, 1) for d in borders]
    painted += [Line(s * d, None, 0.25) for s in (-1, 1) for d in (MEDIAN - 0.3, MEDIAN + LANE * plan.lanes + 0.15)]
    section = Section(
        plan.paved, plan.paved, (1.5, 1.5), lanes=(*plan.centers, *(-c for c in plan.centers)), rank=1,
        lines=tuple(painted), ditches=tuple(Ditch(s, 2.0, 1.5, 0.8, float(rng.uniform(0.6, 1.1))) for s in (-1, 1)),
    )  # fmt: skip

    def land(xy: F64) -> F64:
        return np.asarray(broad(xy) + small(xy))

    main = Roadway.laid(rng, way, section, land, 80.0, float(rng.uniform(0.3, 1.6)))
    roads = [main]
    if plan.exit is not None:
        along = np.arange(0.0, 330.0, 2.0)
        d = plan.shoulder - 0.2 - 38.0 * smoothstep(along, 120.0, 400.0)
        ramp = Section(2.9, 2.4, (1.0, 1.5), lanes=(0.2,), lines=(Line(2.55, None, 0.25), Line(-2.1, None, 0.25)))
        roads.insert(0, Roadway.joining(rng, Way(way.xy(plan.exit + along, d)), ramp, land, main, 60.0))
    lattice = corridor(way, 1.0, (plan.paved + 6.0, plan.paved + 6.0), 0.5, 0.6)
    return Ground(lattice, land, (Semantic.GRASS, Material.GRASS, 0.16), roads, [], Waves.draw(rng, (1.5, 6.0), 1.0))


def _traffic(rng: np.random.Generator, vehicle: VehicleConfig, t: F64, way: Way, plan: _Plan) -> tuple[Own, Company]:
    """Draw traffic until nobody touches anybody (car following keeps them apart but for rare cut-ins) and, in a drive of
    usual length, somebody cuts in."""
    found: str | None = "nobody comes near ahead"
    for _ in range(40):
        stream, riders = _stream(rng, vehicle, plan)
        tracks = stream.run(t)
        if t[-1] >= STORY_S and not _cuts_in(tracks[1], stream.vehicles[1].length, tracks[0]):
            continue
        own = Own.along(vehicle, way, tracks[0].s - vehicle.dimensions.front, tracks[0].d)
        company = Company(own.plans)
        found = company.admit([ridden(w, k, way) for w, k in zip(riders, tracks[1:], strict=True)], 1)
        if found is not None:
            continue
        _oncoming(rng, company, t, way, plan)
        _standing(rng, company, t, way, plan)
        return own, company
    raise NoRoom(f"nobody can cut in: {found}")


def _cuts_in(other: Track, length: float, ego: Track) -> bool:
    """Whether a vehicle of a length [m] gets ahead of the ego in its lane with its rear within ``CUT_IN_M``."""
    gap = other.s - length - ego.s
    return bool(np.any((gap > 0.0) & (gap < CUT_IN_M) & (np.abs(other.d - ego.d) < 0.4 * LANE)))


def _stream(rng: np.random.Generator, vehicle: VehicleConfig, plan: _Plan) -> tuple[Stream, list[Rider]]:
    """The own carriageway; the ego is vehicle 0, vehicle 1 cuts in ahead of it."""
    stream = Stream(plan.centers)
    cruise = float(rng.uniform(21.5, 24.0))
    lane = int(rng.integers(0, plan.lanes - 1))
    speeds = [23.0, 29.0, 34.0][: plan.lanes] if plan.lanes == 3 else [23.5, 30.0]
    stream.vehicles.append(own_mobile(rng, vehicle, cruise, EGO_S, lane))
    cutter = Rider("car cutting in", shapes.car(rng, str(rng.choice(["sedan", "suv", "hatch"]))))
    behind = EGO_S - float(rng.uniform(14.0, 30.0))
    hasty = Driver(cruise + float(rng.uniform(3.5, 5.0)), 0.8, 2.5, 1.6, 2.0)
    stream.vehicles.append(Mobile(hasty, cutter.length, behind, hasty.speed, lane + 1, settled=True))
    stream.cut_ins.append(CutIn(1, lane, 0, float(rng.uniform(3.0, 6.0)), float(rng.uniform(7.0, 14.0))))
    ahead = EGO_S + float(rng.uniform(110.0, 150.0))
    lead = rider_of(rng)
    stream.vehicles.append(mobile(rng, lead, cruise - 0.5, ahead, lane))
    if plan.work is not None:
        stream.closures.append(Closure(0, plan.work + TAPER[0], plan.work + 180.0))
    riders = fill(rng, stream, MIX, speeds, (-150.0, 420.0), (1.6, 4.5))
    free = (behind - 30.0, EGO_S + 220.0)  # the lane beside the ego, so that somebody can overtake and cut in
    open_to = (
        np.inf if plan.work is None else plan.work + TAPER[0] - 120.0
    )  # who starts behind it can still leave the lane
    stays = [
        (m.lane != lane + 1 or not free[0] < m.s < free[1]) and (m.lane > 0 or m.s < open_to)
        for m in stream.vehicles[3:]
    ]
    stream.vehicles[3:] = [m for m, stay in zip(stream.vehicles[3:], stays, strict=True) if stay]
    return stream, [cutter, lead, *(r for r, stay in zip(riders, stays, strict=True) if stay)]


def rider_of(rng: np.random.Generator) -> Rider:
    """A tractor with its semi-trailer."""
    return Rider("tractor", heavy.tractor(rng), heavy.semitrailer(rng))


def _oncoming(rng: np.random.Generator, company: Company, t: F64, way: Way, plan: _Plan) -> None:
    """The other carriageway."""
    back = Way(way.points[::-1])
    stream = Stream(plan.centers)
    speeds = [23.5, 30.0, 34.0][: plan.lanes]
    riders = fill(rng, stream, MIX, speeds, (-400.0, plan.length - 100.0), (2.5, 8.0))
    for who, track in zip(riders, stream.run(t), strict=True):
        company.offer(ridden(who, track, back, f"oncoming {who.name}"))


def _standing(rng: np.random.Generator, company: Company, t: F64, way: Way, plan: _Plan) -> None:
    """A broken-down car on the hard shoulder with its driver; a work truck and workers in the work zone."""
    if rng.random() < 0.6:
        s = float(rng.uniform(0.25, 0.42)) * plan.length
        car = shapes.car(rng, str(rng.choice(["sedan", "van"])))
        company.offer([standing("broken-down car", car, t, way.xy(s, plan.shoulder - 0.2), float(way.heading(s)))])
        person = people.crouching(rng) if rng.random() < 0.4 else people.pedestrian(rng)
        company.offer([standing("its driver", person, t, way.xy(s - 4.5, plan.shoulder - 0.6), float(way.heading(s)))])
    if plan.work is None:
        return
    s, d = plan.work + 95.0, plan.centers[0]
    company.offer([standing("work truck", heavy.truck(rng, 7.5), t, way.xy(s, d - 0.6), float(way.heading(s)))])
    for k in range(int(rng.integers(2, 5))):
        at = s + float(rng.uniform(14.0, 60.0))
        goes = way.xy(at + np.array([0.0, rng.uniform(4.0, 12.0)]), d + rng.uniform(-1.4, 0.2, 2))
        shape = (people.wheelbarrow, people.crouching, people.pedestrian)[k % 3](rng)
        pace = 0.0 if k % 3 == 1 else float(rng.uniform(0.5, 1.1))
        company.offer([walking("worker", shape, t, goes, float(rng.uniform(0.0, 15.0)), pace)])


def _furnish(rng: np.random.Generator, on: Furnishing, way: Way, plan: _Plan) -> None:
    def at(s: float, d: float) -> F64:
        return on.point(way.xy(s, d))

    half = plan.paved
    furniture.barrier(on, [at(s, 0.0) for s in np.arange(2.0, plan.length - 2.0, 8.0)])
    for side in (-1.0, 1.0):
        start = float(rng.uniform(0.0, 0.3)) * plan.length
        stops = np.arange(start, min(start + rng.uniform(150.0, 450.0), plan.length - 5.0), 4.0)
        if side < 0 and plan.exit is not None:
            stops = stops[(stops < plan.exit - 10.0)]
        furniture.rail(on, [at(s, side * (half + 0.9)) for s in stops])
        for s in np.arange(20.0, plan.length - 10.0, 50.0):
            if side > 0 or plan.exit is None or not plan.exit - 5.0 < s < plan.exit + 340.0:
                furniture.post(on, at(float(s), side * (half + 1.3)))
    s = float(rng.uniform(0.3, 0.8)) * plan.length
    middle = at(s, 0.0)
    if rng.random() < 0.7:
        on.add(built.bridge(middle, float(way.heading(s)), 2 * half + 12.0, float(rng.uniform(4.9, 5.6))))
        for d in np.arange(-half - 50.0, half + 50.1, 8.0):
            on.take(way.xy(s, d), 10.0)
    signs = float(rng.uniform(0.18, 0.28)) * plan.length
    furniture.gantry(on, at(signs, half + 2.2), at(signs, -half - 2.2), float(way.heading(signs)))
    if plan.exit is not None:
        for ahead in (200.0, 100.0):
            s = max(plan.exit - ahead, 10.0)
            furniture.sign(on, at(s, -half - 2.0), float(way.heading(s)), "direction")
        nose = plan.exit + 232.0
        furniture.sign(on, at(nose, -half - 2.2), float(way.heading(nose)), "warning")
    if plan.work is not None:
        _work_zone(rng, on, way, plan)
    for _ in range(int(rng.integers(1, 4))):
        s = float(rng.uniform(0.2, 0.75)) * plan.length
        on.place(
            rng,
            litter.tread if rng.random() < 0.6 else litter.load,
            way.xy(s, plan.shoulder - rng.uniform(0, 1)),
            0.5,
            None,
        )
    for make, count, near, far in (
        (vegetation.tree, 150, 9.0, 90.0),
        (vegetation.conifer, 60, 20.0, 95.0),
        (vegetation.bush, 220, 7.0, 60.0),
    ):
        on.scatter(rng, make, beside(rng, way.xy, (5.0, plan.length - 5.0), count, half + near, half + far), 1.6)


def _work_zone(rng: np.random.Generator, on: Furnishing, way: Way, plan: _Plan) -> None:
    """Warning signs, a taper of cones across the right lane, beacons and barriers along it."""
    assert plan.work is not None
    border = (
        plan.centers[0] + 0.5 * LANE - 0.5
    )  # within the closed lane: 0.7 m from who drives in the middle of the next
    outer = plan.shoulder - 0.9
    for s in (plan.work - 150.0, plan.work - 60.0):
        furniture.sign(on, on.point(way.xy(s, -plan.paved - 1.8)), float(way.heading(s)), "warning")
    for k in np.linspace(0.0, 1.0, 12):
        spot = way.xy(plan.work + TAPER[0] + (TAPER[1] - TAPER[0]) * k, outer + (border - outer) * k)
        on.place(rng, furniture.cone, spot, 0.28, None, 0.1)
    for s in np.arange(plan.work + 32.0, plan.work + 85.0, 9.0):
        beacon = partial(furniture.beacon, heading=float(way.heading(s)))
        on.place(rng, beacon, way.xy(s, border), 0.4, None, 0.1)
    furniture.barrier(on, [on.point(way.xy(s, border)) for s in np.arange(plan.work + 88.0, plan.work + 168.0, 4.0)])
    on.place(rng, litter.heap, way.xy(plan.work + 175.0, plan.shoulder), 3.0, None)
