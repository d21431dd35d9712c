"""Who takes part in a scenario: drawn vehicles with what they pull, the ego among them, people and animals on foot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation.scenarios.staging import total_length
from autonomy_perception.simulation.world import heavy, people, shapes
from autonomy_perception.simulation.world.landforms import smoothstep
from autonomy_perception.simulation.world.motion import Plan, following, heading_of, towed
from autonomy_perception.simulation.world.shapes import Shape
from autonomy_perception.simulation.world.traffic import Driver, Mobile, Obstacle, Stream, Track
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Rider:
    """A drawn vehicle with what it pulls."""

    name: str
    shape: Shape
    trailer: Shape | None = None

    @property
    def heavy(self) -> bool:
        """Whether it drives like a truck."""
        return bool(self.shape.size[0] > 5.6)

    @property
    def length(self) -> float:
        """From front to rear, when straight [m]."""
        own = float(self.shape.size[0])
        if self.trailer is None:
            return own
        return 0.5 * own - self.shape.hitch + self.trailer.pin + 0.5 * float(self.trailer.size[0])


def rider(rng: np.random.Generator, mix: dict[str, float]) -> Rider:
    """Draw a vehicle; ``mix`` has the share of car, van, truck, semi, drawbar, bus, motorcycle, bicycle, dumper."""
    kind = str(rng.choice(list(mix), p=np.array(list(mix.values())) / sum(mix.values())))
    if kind == "car":
        return Rider("car", shapes.car(rng, str(rng.choice(["sedan", "hatch", "suv"]))))
    if kind == "semi":
        return Rider("tractor", heavy.tractor(rng), heavy.semitrailer(rng))
    if kind == "drawbar":
        return Rider("truck", heavy.truck(rng), heavy.trailer(rng))
    single: dict[str, Callable[[], Shape]] = {
        "van": lambda: shapes.car(rng, "van"),
        "truck": lambda: heavy.truck(rng, float(rng.uniform(7.0, 9.0))),
        "bus": lambda: heavy.bus(rng),
        "motorcycle": lambda: people.motorcycle(rng),
        "bicycle": lambda: people.cyclist(rng),
        "dumper": lambda: heavy.dumper(rng),
    }
    return Rider(kind, single[kind]())


def mobile(
    rng: np.random.Generator,
    who: Rider,
    speed: float,
    s: float,
    lane: int,
    limit: Callable[[float], float] | None = None,
) -> Mobile:
    """The rider as a member of a stream, at the speed it wants."""
    driver = Driver.draw(rng, min(speed, 24.0) if who.heavy else speed, who.heavy)
    limit = limit or (lambda at: np.inf)
    sway = (float(rng.uniform(0.03, 0.12)), float(rng.uniform(6.0, 11.0)), float(rng.uniform(0, 6.28)))
    offset = float(np.clip(rng.normal(0.0, 0.12), -0.25, 0.25))
    return Mobile(driver, who.length, s, min(driver.speed, limit(s)), lane, limit, sway=sway, offset=offset)


def own_mobile(
    rng: np.random.Generator,
    vehicle: VehicleConfig,
    speed: float,
    s: float,
    lane: int,
    limit: Callable[[float], float] | None = None,
) -> Mobile:
    """The ego as a member of a stream: a calm driver of a heavy vehicle who stays in the lane; ``s`` of base_link."""
    driver = Driver(
        speed, float(rng.uniform(1.5, 2.0)), 4.0, float(rng.uniform(0.6, 0.9)), float(rng.uniform(1.3, 1.8))
    )
    limit = limit or (lambda at: np.inf)
    s += vehicle.dimensions.front
    sway = (float(rng.uniform(0.04, 0.09)), float(rng.uniform(7.0, 11.0)), float(rng.uniform(0, 6.28)))
    return Mobile(driver, total_length(vehicle), s, min(speed, limit(s)), lane, limit, settled=True, sway=sway)


def fill(
    rng: np.random.Generator,
    stream: Stream,
    mix: dict[str, float],
    speeds: Sequence[float],
    span: tuple[float, float],
    headway: tuple[float, float],
    limit: Callable[[float], float] | None = None,
) -> list[Rider]:
    """Fill every lane of a stream between two positions; who would be too near to one already there is left out."""
    out = []
    for lane, speed in enumerate(speeds):
        s = span[0] + float(rng.uniform(0.0, headway[1] * speed))
        while s < span[1]:
            who = rider(rng, {**mix, "semi": 0.0, "drawbar": 0.0, "truck": 0.0, "bus": 0.0} if lane > 1 else mix)
            own = mobile(rng, who, speed, s, lane, limit)
            clear = all(
                o.lane != lane or s - own.length > o.s + 1.2 * o.v + 4.0 or o.s - o.length > s + 1.2 * own.v + 4.0
                for o in stream.vehicles
            )
            if clear:
                stream.vehicles.append(own)
                out.append(who)
            s += who.length + float(rng.uniform(*headway)) * speed + 6.0
    return out


def ridden(who: Rider, track: Track, way: Way, name: str = "") -> list[Plan]:
    """The plans of a vehicle of a stream and of its trailer."""
    name = name or who.name
    own = following(name, who.shape, way, track.s - 0.5 * float(who.shape.size[0]), track.d)
    return [own, towed(f"trailer of {name}", own, who.trailer)] if who.trailer else [own]


def walking(name: str, shape: Shape, t: F64, points: ArrayLike, start: float, speed: float) -> Plan:
    """Somebody who walks through points (K,2) [m] from time ``start`` [s] on, standing before and after."""
    way = Way(points)
    s = np.clip((t - start) * speed, 0.0, way.length)
    s = way.length * smoothstep(s, -0.4, way.length + 0.4) if way.length < 1.0 else s
    return Plan(name, shape, way.xy(s), heading_of(way.xy(s), way.heading(s)))


@dataclass(frozen=True)
class Crosser:
    """Somebody who crosses a way at ``s`` [m]: the plan, and lateral position d (T,) [m] at the times t (T,) [s]."""

    plan: Plan
    s: float
    t: F64
    d: F64

    @classmethod
    def over(
        cls, name: str, shape: Shape, t: F64, way: Way, s: float, d: tuple[float, float], start: float, speed: float
    ) -> Crosser:
        """From one lateral position to another [m], beginning at time ``start`` [s]."""
        moved = np.clip((t - start) * speed, 0.0, abs(d[1] - d[0]))
        at = d[0] + np.sign(d[1] - d[0]) * moved
        facing = np.sign(d[1] - d[0]) * np.pi / 2
        return cls(following(name, shape, way, np.full_like(t, s), at, facing), s, t, at)

    def stops(self, stream: Stream, way_length: float | None = None) -> None:
        """Make a stream wait while somebody is in, or steps towards, one of its lanes.

        Args:
            way_length: length of the way, for a stream that drives it backwards [m].
        """
        moving = np.abs(np.gradient(self.d)) > 1e-6
        s = self.s if way_length is None else way_length - self.s
        for lane, center in enumerate(stream.lanes):
            aside = self.d - center if way_length is None else -self.d - center
            within = np.flatnonzero(
                (np.abs(aside) < 2.3) | (moving & (np.sign(aside) * np.gradient(self.d) < 0.0) & (way_length is None))
            )
            if len(within):
                begin, end = float(self.t[within[0]]) - 0.5, float(self.t[within[-1]])
                stream.obstacles.append(Obstacle(lane, s - 4.0, during(begin, end)))


def during(begin: float, end: float) -> Callable[[float], bool]:
    """Whether a time lies between two others [s]."""
    return lambda now: begin <= now <= end
