"""A quarry: benches, a haul road with berms that climbs, rock falls, heaps, pools; dumpers and loaders at work."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.scenarios.cast import Rider, mobile, own_mobile, ridden, walking
from autonomy_perception.simulation.scenarios.staging import Own, Scenario, Staging
from autonomy_perception.simulation.world import built, heavy, litter, people, vegetation
from autonomy_perception.simulation.world.ground import Ground, Lattice, lines
from autonomy_perception.simulation.world.landforms import Patch, Waves, bank, discs, smoothstep, still_water
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.motion import Company, NoRoom, Plan, standing
from autonomy_perception.simulation.world.roadway import Roadway, Section
from autonomy_perception.simulation.world.structures import Furnishing
from autonomy_perception.simulation.world.traffic import Obstacle, Stream, pace
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
HALF, LANE, SIDE, RIM = 6.0, 3.0, 125.0, 165.0
EGO_S = 25.0


class _Pit:
    """The form of a quarry: a floor, benches that rise behind it, a haul road that climbs from one to the next.

    x runs along the face, y towards it; the road runs on the floor, turns, climbs along the face at ``grade``, and
    turns again on the bench above.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rise, self.grade = float(rng.uniform(6.0, 9.0)), float(rng.uniform(0.10, 0.16))
        self.face = float(rng.uniform(34.0, 44.0))  # y of the foot of the first face
        self.gradient = float(rng.uniform(0.25, 1.6))  # of the faces: from a ramp of 25 % to steep rock
        self.bulge = Waves.draw(rng, (30.0, 80.0), 3.0)
        self.rough, self.small = Waves.draw(rng, (5.0, 14.0), 0.12), Waves.draw(rng, (1.2, 3.0), 0.035)
        mirror = float(rng.choice([-1.0, 1.0]))
        climb = self.rise / self.grade
        corners = [(-SIDE + 6, -8.0), (-30.0, -8.0), (-30.0 + 10.0, 14.0), (-20.0 + climb, 24.0), (SIDE - 10.0, 52.0)]
        self.way = Way.cornering(np.array(corners) * [1.0, mirror], 22.0)
        self.mirror = mirror

    def land(self, xy: F64) -> F64:
        """Elevation (N,) [m] before the road is cut in."""
        y = xy[:, 1] * self.mirror + self.bulge(xy)
        z = self.rough(xy) + self.small(xy) + 0.01 * xy[:, 0]
        for k in range(3):
            foot = self.face + 34.0 * k
            z = z + self.rise * smoothstep(y, foot, foot + 1.5 * self.rise / (self.gradient + 0.6 * k))
        return np.asarray(z - 4.0 * smoothstep(-y, 45.0, 75.0))

    def profile(self) -> F64:
        """Elevation (M,) [m] of the road: on the floor, up at the grade, on the bench."""
        s = self.way.s
        start = float(self.way.project(np.array([[-16.0, 15.0 * self.mirror]]))[0][0])
        climb = np.clip((s - start) * self.grade, 0.0, self.rise)
        kernel = np.ones(61) / 61
        padded = np.pad(climb, 30, mode="edge")
        return np.asarray(np.convolve(padded, kernel, "valid") + 0.01 * self.way.points[:, 0] + 0.2)


def build(rng: np.random.Generator, vehicle: VehicleConfig, t: F64) -> Staging:
    """Lay out a quarry."""
    pit = _Pit(rng)
    ground = _ground(rng, pit)
    own, company = _company(rng, vehicle, t, pit)
    furnishing = Furnishing(ground, [*own.plans, *company.plans])
    _furnish(rng, furnishing, pit)
    return Staging(ground, own, company.plans, furnishing)


SCENARIO = Scenario(
    "quarry",
    "Off the road: benches and faces, a climbing haul road with berms, slopes from 25 % on, rocks, dumpers at work.",
    build,
    45.0,
)


def _ground(rng: np.random.Generator, pit: _Pit) -> Ground:
    section = Section(
        HALF,
        HALF,
        (0.0, 0.0),
        (Semantic.TRACK, Material.SAND),
        crown=0.015,
        slope=0.9,
        lanes=(-LANE, LANE),
        ruts=0.05,
        rough=0.04,
    )
    road = Roadway.along(rng, pit.way, section, pit.profile())
    height, gaps = float(rng.uniform(0.8, 1.4)), Waves.draw(rng, (15.0, 40.0), 1.0)

    def berm(xy: F64, z: F64, field: F64) -> F64:
        s, d = pit.way.project(xy)
        along = smoothstep(s, 70.0, 80.0) * (1.0 - smoothstep(s, pit.way.length - 40.0, pit.way.length - 30.0))
        along = along * smoothstep(gaps(xy), -1.6, -1.2)
        return np.asarray(z + along * bank(np.abs(d) - HALF - 1.7, height, 1.7))

    count = 14
    pools = np.column_stack([rng.uniform(-SIDE + 10, SIDE - 10, count), pit.mirror * rng.uniform(-40.0, 26.0, count)])
    size, ragged = rng.uniform(0.8, 3.5, count), Waves.draw(rng, (1.0, 3.0), 0.7)
    on = (Semantic.SOIL, Semantic.TRACK)
    patches = [
        Patch(lambda xy: np.ones(len(xy)), (), form=berm),
        Patch(discs(pools, size + 0.8, ragged), on, Semantic.MUD, Material.MUD, wet=0.6),
        Patch(
            discs(pools, size, ragged), (*on, Semantic.MUD), Semantic.WATER, Material.WATER, still_water(pools), wet=1.0
        ),
    ]
    frame = Way(np.array([[-RIM, 0.0], [RIM, 0.0]]))
    along = lines((0.0, 2.0), (RIM - SIDE, 0.5), (RIM + SIDE, 2.0), end=2 * RIM)
    lattice = Lattice(frame, along, lines((-RIM, 2.0), (-70.0, 0.5), (90.0, 2.0), end=RIM))
    return Ground(
        lattice, pit.land, (Semantic.SOIL, Material.SAND, 0.0), [road], patches, Waves.draw(rng, (2.0, 6.0), 1.0)
    )


def _company(rng: np.random.Generator, vehicle: VehicleConfig, t: F64, pit: _Pit) -> tuple[Own, Company]:
    """The ego climbs, dumpers come down, a loader works at a heap, people walk about."""
    speed, back, found = float(rng.uniform(3.8, 5.2)), Way(pit.way.points[::-1]), None
    for _ in range(30):
        stream, oncoming = Stream((-LANE,)), Stream((-LANE,))
        stream.vehicles.append(own_mobile(rng, vehicle, speed, EGO_S, 0, pace(pit.way, speed, 0.8)))
        stream.obstacles.append(Obstacle(0, pit.way.length - 30.0))
        lead = Rider("dumper", heavy.dumper(rng))
        stream.vehicles.append(
            mobile(rng, lead, speed + 0.5, EGO_S + float(rng.uniform(30.0, 55.0)), 0, pace(pit.way, 7.0, 1.0))
        )
        against = []
        for s in (float(rng.uniform(10.0, 40.0)), float(rng.uniform(90.0, 130.0))):
            against.append(
                Rider("dumper", heavy.dumper(rng)) if rng.random() < 0.7 else Rider("truck", heavy.truck(rng, 8.0))
            )
            oncoming.vehicles.append(mobile(rng, against[-1], float(rng.uniform(5.0, 8.0)), s, 0, pace(back, 8.0, 1.0)))
        tracks = stream.run(t)
        own = Own.along(vehicle, pit.way, tracks[0].s - vehicle.dimensions.front, tracks[0].d)
        company = Company(own.plans)
        groups = [ridden(lead, tracks[1], pit.way)]
        groups += [ridden(w, k, back, f"oncoming {w.name}") for w, k in zip(against, oncoming.run(t), strict=True)]
        found = company.admit(groups, 1)
        if found is None:
            break
    else:
        raise NoRoom(f"traffic collides: {found}")
    _at_work(rng, company, t, pit)
    return own, company


def _at_work(rng: np.random.Generator, company: Company, t: F64, pit: _Pit) -> None:
    """A loader that shuttles at a heap, parked trucks, workers."""
    m = pit.mirror
    base = np.array([rng.uniform(-60.0, 20.0), m * rng.uniform(-34.0, -26.0)])
    shuttle = Way(np.array([base, base + np.array([16.0, 3.0])]))
    s = 8.0 + 8.0 * np.sin(2 * np.pi * t / float(rng.uniform(22.0, 30.0)))
    shape, heading = heavy.loader(rng), float(shuttle.heading(0.0))
    company.offer([Plan("loader", shape, shuttle.xy(s), np.full(len(t), heading))])  # it backs up, never turns
    for name, shape, spot in (
        ("parked dumper", heavy.dumper(rng), (rng.uniform(-90.0, -60.0), m * rng.uniform(-30.0, -22.0))),
        ("parked truck", heavy.truck(rng), (rng.uniform(40.0, 90.0), m * rng.uniform(-35.0, -5.0))),
    ):
        company.offer([standing(name, shape, t, spot, float(rng.uniform(0.0, 6.28)))])
    for k in range(3):
        a = np.array([rng.uniform(-80.0, 60.0), m * rng.uniform(-40.0, -18.0)])
        body = (people.pedestrian, people.crouching, people.wheelbarrow)[k](rng)
        goes = np.array([a, a + rng.uniform(-12.0, 12.0, 2)])
        company.offer([walking("worker", body, t, goes, float(rng.uniform(0.0, 8.0)), 0.0 if k == 1 else 1.2)])


def _furnish(rng: np.random.Generator, on: Furnishing, pit: _Pit) -> None:
    m = pit.mirror
    spot = np.array([float(rng.uniform(10.0, 70.0)), m * float(rng.uniform(-48.0, -36.0))])
    for heading in float(rng.uniform(0.0, 6.28)) + np.arange(6) * (
        np.pi / 3.0
    ):  # its conveyor reaches over nobody's way
        end = spot + built.CONVEYOR_M * np.array([np.cos(heading), np.sin(heading)])
        if on.clear_between(spot, end, 0.7):
            on.place(rng, partial(built.crusher, heading=float(heading)), spot, 6.0)
            break
    xs = rng.uniform(-SIDE + 6, SIDE - 6, 260)
    foot = pit.face + 34.0 * rng.integers(0, 2, 260) + rng.normal(0.0, 3.0, 260)
    on.scatter(
        rng, litter.rock, np.column_stack([xs, m * (foot - pit.bulge(np.column_stack([xs, m * foot])))]), 0.7, 2.5
    )
    anywhere = np.column_stack([rng.uniform(-SIDE + 6, SIDE - 6, 260), rng.uniform(-SIDE + 6, SIDE - 6, 260)])
    on.scatter(rng, litter.rock, anywhere, 0.7, 2.5)
    on.scatter(rng, litter.heap, anywhere[:14], 4.0, 3.0)
    on.scatter(
        rng,
        partial(litter.boulder, r=0.08),
        pit.way.xy(rng.uniform(30, pit.way.length, 40), rng.uniform(-6, 6, 40)),
        0.1,
        None,
    )
    rim = np.column_stack([rng.uniform(-SIDE + 4, SIDE - 4, 80), m * rng.uniform(105.0, SIDE - 4, 80)])
    on.scatter(rng, vegetation.conifer, rim, 1.5)
    on.scatter(rng, vegetation.bush, anywhere[:40], 1.3, 3.0)
