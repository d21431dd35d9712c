"""Who drives where: the scripted traffic of one drive in road coordinates, seeded, free of collisions.

The drive is a fixed story with drawn details: follow a lead car, meet oncoming traffic, be overtaken, pass a
parked truck, slow down for a crossing pedestrian, leave the asphalt, follow a rough track.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation import shapes
from autonomy_perception.simulation.road import LANE, smoothstep
from autonomy_perception.simulation.shapes import Shape

F64 = NDArray[np.float64]

STORY_S = 34.0  # length of the story [s]
STEP_S = 0.01  # motion is tabulated at this step [s]
LEAD_IN_S = 0.5  # and starts this long before the first sweep
EGO_S0 = 120.0  # the ego starts here along the road [m]


def times() -> F64:
    """Times [s] at which motion is tabulated."""
    return np.arange(-LEAD_IN_S, STORY_S + 0.5, STEP_S)


@dataclass(frozen=True)
class Plan:
    """One road user: shape, and s, d, heading relative to the road [rad] at :func:`times`; group links parts."""

    name: str
    shape: Shape
    s: F64
    d: F64
    turn: F64
    group: int

    @property
    def moving(self) -> bool:
        """Whether it ever moves."""
        return bool(np.ptp(self.s) + np.ptp(self.d) > 0.1)


def integrate(speed: F64, start: float) -> F64:
    """Distance travelled [m] at :func:`times`, ``start`` at time 0."""
    distance = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1]) * STEP_S)])
    return np.asarray(start + distance - np.interp(0.0, times(), distance))


def _dip(t: F64, center: float, half: float) -> F64:
    """Bump 0..1 around ``center`` [s]."""
    return smoothstep(t, center - half, center - 0.3 * half) * (1.0 - smoothstep(t, center + 0.3 * half, center + half))


@dataclass(frozen=True)
class EgoPlan:
    """Speed and way of the ego along the road: s at :func:`times`, when it turns off [s] and where [m]."""

    s: F64
    speed: F64
    exit_time: float
    exit_s: float
    crossing_time: float


def plan_ego(rng: np.random.Generator) -> EgoPlan:
    """Draw the driver: cruise, slow down for the pedestrian, brake for the turn-off, crawl along the track."""
    t = times()
    cruise, crawl = rng.uniform(12.0, 14.0), rng.uniform(4.6, 5.4)
    crossing_time, exit_time = rng.uniform(19.2, 20.2), rng.uniform(23.8, 24.8)
    speed = cruise + 0.4 * np.sin(2 * np.pi * t / rng.uniform(8, 12) + rng.uniform(0, 6.28))
    speed = speed - (cruise - 7.0) * _dip(t, crossing_time, 6.0)
    slow = smoothstep(t, exit_time - 5.5, exit_time)
    speed = speed * (1 - slow) + crawl * slow + 0.3 * slow * np.sin(2 * np.pi * t / 6.0)
    s = integrate(speed, EGO_S0)
    return EgoPlan(s, speed, float(exit_time), float(np.interp(exit_time, t, s)), float(crossing_time))


def _plan(name: str, shape: Shape, s: F64, d: F64, group: int = 0, backwards: bool = False) -> Plan:
    ds, dd = np.gradient(s, STEP_S), np.gradient(d, STEP_S)
    moving = np.hypot(ds, dd) > 0.05
    turn = np.where(moving, np.arctan2(dd, ds), np.pi if backwards else 0.0)
    return Plan(name, shape, s, d, turn, group)


class Traffic:
    """Draws the traffic around an ego plan, one road user at a time; a draw that touches anybody is drawn anew.

    Args:
        rng: seeded generator.
        ego: the ego's plan; ``own`` is the same as a road user, so that nobody runs into it.
        layby: s range [m] of the widened shoulder on the left.
        track_d: lateral position of the rough track over s.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        ego: EgoPlan,
        own: Plan,
        layby: tuple[float, float],
        track_d: Callable[[F64], F64],
    ) -> None:
        self._rng, self._ego, self._layby, self._track_d = rng, ego, layby, track_d
        self._t = times()
        self._placed = [own]
        self._oncoming_speed = rng.uniform(12.5, 15.5)

    def draw(self) -> list[Plan]:
        """All road users but the ego.

        Raises:
            RuntimeError: someone found no free place in 100 draws (a fault of the story, not of the seed).
        """
        for one in (self._lead_and_overtaker, self._crossing, self._oncoming_truck):
            self._place(one)
        for early, late in ((2.4, 3.4), (4.6, 5.8), (22.2, 26.0), (26.5, 30.0)):
            self._place(partial(self._oncoming_car, early, late))
        for one in (self._parked_truck, self._walking, self._cyclist, self._parked_car, self._track_walker):
            self._place(one)
        return self._placed[1:]

    def _place(self, draw: Callable[[], list[Plan]]) -> None:
        found = None
        for _ in range(100):
            group = 1 + max(p.group for p in self._placed)
            fresh = [replace(p, group=group + p.group) for p in draw()]
            found = collision(self._placed, fresh)
            if found is None:
                self._placed += fresh
                return
        raise RuntimeError(f"no free place on the road: {found}")

    def _lane(self, side: float) -> F64:
        """Lateral position in a lane with a little weaving."""
        r = self._rng
        return np.asarray(
            side * 0.5 * LANE
            + np.clip(r.normal(0, 0.1), -0.2, 0.2)
            + 0.1 * np.sin(2 * np.pi * self._t / r.uniform(6, 10) + r.uniform(0, 6.28))
        )

    def _ego_at(self, t: float) -> float:
        return float(np.interp(t, self._t, self._ego.s))

    def _lead_and_overtaker(self) -> list[Plan]:
        """The car ahead pulls away while a second one overtakes and falls in between."""
        r, t, ego = self._rng, self._t, self._ego
        pulling = ego.speed + r.uniform(1.8, 2.4) * _dip(t, 11.0, 6.5)
        onwards = float(np.interp(14.0, t, pulling)) + 0.5 * np.sin(0.7 * (t - 14.0))
        lead_speed = np.where(t < 14.0, pulling, onwards)
        lead = _plan(
            "lead car",
            shapes.car(r, str(r.choice(["sedan", "suv"]))),
            integrate(lead_speed, EGO_S0 + r.uniform(30.0, 36.0)),
            self._lane(-1),
        )
        start, end = r.uniform(6.2, 6.8), r.uniform(14.8, 15.4)
        window = np.where((t > start) & (t < end), np.sin(np.pi * (t - start) / (end - start)) ** 2, 0.0)
        gain, behind = r.uniform(44.0, 48.0), r.uniform(22.0, 26.0)
        follow = smoothstep(t, 14.0, 18.0)
        speed = (ego.speed + window * gain / (0.5 * (end - start))) * (1 - follow) + lead_speed * follow
        out = smoothstep(t, start + 1.0, start + 3.4) * (1.0 - smoothstep(t, end - 2.6, end - 0.2))
        shape = shapes.car(r, str(r.choice(["sedan", "hatch"])))
        return [lead, _plan("overtaking car", shape, integrate(speed, EGO_S0 - behind), self._lane(-1) + LANE * out, 1)]

    def _towards(self, meet: float, speed: F64) -> F64:
        """s of somebody who drives against the ego and meets it at a time [s]."""
        way = integrate(speed, 0.0)
        return np.asarray(self._ego_at(meet) + float(np.interp(meet, self._t, way)) - way)

    def _oncoming_car(self, early: float, late: float) -> list[Plan]:
        r = self._rng
        shape = shapes.car(r, str(r.choice(["sedan", "hatch", "suv", "van"])))
        speed = self._oncoming_speed + r.normal(0, 0.4) + 0.3 * np.sin(self._t)
        return [_plan("oncoming car", shape, self._towards(r.uniform(early, late), speed), self._lane(1))]

    def _oncoming_truck(self) -> list[Plan]:
        s = self._towards(self._rng.uniform(16.6, 17.9), np.full_like(self._t, self._oncoming_speed - 1.0))
        d = np.full_like(s, 0.5 * LANE + 0.1)
        truck, tail = shapes.truck(self._rng), shapes.trailer(self._rng)
        gap = 0.5 * (truck.size[0] + tail.size[0]) + 1.1
        return [_plan("oncoming truck", truck, s, d), _plan("its trailer", tail, s + gap, d)]

    def _parked_truck(self) -> list[Plan]:
        """A truck standing in the layby on the left, facing either way."""
        r = self._rng
        s = np.full_like(self._t, 0.5 * (self._layby[0] + self._layby[1]) + r.uniform(-4.0, 4.0))
        shape = shapes.truck(r, float(r.uniform(7.6, 9.0)))
        return [_plan("parked truck", shape, s, np.full_like(s, r.uniform(6.7, 7.1)), backwards=bool(r.random() < 0.5))]

    def _crossing(self) -> list[Plan]:
        """A pedestrian who crosses the road ahead of the ego from the right shoulder and walks on into the field."""
        r, t = self._rng, self._t
        at = self._ego_at(self._ego.crossing_time) + r.uniform(24.0, 32.0)
        walk, cross = r.uniform(1.3, 1.7), self._ego.crossing_time + r.uniform(-1.0, 1.0)
        d = -4.6 + walk * np.clip(t - cross + 2.9 / walk, 0.0, 15.0 / walk)
        return [_plan("crossing pedestrian", shapes.pedestrian(r), np.full_like(t, at), d, backwards=True)]

    def _walking(self) -> list[Plan]:
        r, t = self._rng, self._t
        s = self._ego_at(9.0) + r.uniform(-5, 25) + r.uniform(1.2, 1.6) * t
        return [_plan("walking pedestrian", shapes.pedestrian(r), s, r.uniform(-4.7, -4.5) + 0.1 * np.sin(t))]

    def _cyclist(self) -> list[Plan]:
        r, t = self._rng, self._t
        s = self._ego_at(21.0) - r.uniform(4.5, 6.0) * (t - r.uniform(20.6, 21.6))
        return [_plan("cyclist", shapes.cyclist(r), s, 4.15 + 0.06 * np.sin(1.7 * t))]

    def _parked_car(self) -> list[Plan]:
        r = self._rng
        s = np.full_like(self._t, self._ego.exit_s + r.uniform(66.0, 74.0))
        return [
            _plan(
                "parked car",
                shapes.car(r, "suv"),
                s,
                self._track_d(s) - r.uniform(5.2, 6.0),
                backwards=bool(r.random() < 0.5),
            )
        ]

    def _track_walker(self) -> list[Plan]:
        r, t = self._rng, self._t
        s = self._ego.exit_s + r.uniform(84.0, 90.0) - r.uniform(0.9, 1.2) * np.clip(t - 22.0, 0.0, None)
        return [
            _plan(
                "walker at the track", shapes.pedestrian(r), s, self._track_d(s) + r.uniform(4.2, 5.0), backwards=True
            )
        ]


def own_plan(ego: EgoPlan, shape: Shape, d: F64) -> Plan:
    """The ego as a road user (its box centre is ahead of base_link)."""
    return _plan("ego", shape, ego.s + 2.0, d)


def _circles(plan: Plan) -> tuple[F64, float]:
    """Centres (3,T,2) and radius of three circles that cover a footprint along its length."""
    size, every = plan.shape.size, slice(None, None, 10)
    reach = max(0.5 * size[0] - 0.5 * size[1], 0.0)
    k = np.array([-reach, 0.0, reach])[:, None]
    turn = plan.turn[every]
    return np.stack([plan.s[every] + k * np.cos(turn), plan.d[every] + k * np.sin(turn)], -1), 0.55 * float(size[1])


def collision(placed: list[Plan], fresh: list[Plan]) -> str | None:
    """Names of the first of ``fresh`` that touches one of ``placed`` (or of another group of ``fresh``), or None."""
    covers = {id(p): _circles(p) for p in [*placed, *fresh]}
    for i, plan in enumerate(fresh):
        for other in [*placed, *(f for f in fresh[:i] if f.group != plan.group)]:
            (a, ra), (b, rb) = covers[id(plan)], covers[id(other)]
            if np.linalg.norm(a[:, None] - b[None], axis=-1).min() < ra + rb + 0.25:
                return f"{plan.name} / {other.name}"
    return None
