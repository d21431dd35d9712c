"""The scripted traffic of the demo drive: a fixed story with drawn details, in road coordinates.

Follow a lead car, meet oncoming traffic, be overtaken by a car that cuts in, pass a parked truck, slow down for a
pedestrian who steps out, leave the asphalt, follow a rough track.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.world import heavy, people, shapes
from autonomy_perception.simulation.world.landforms import smoothstep
from autonomy_perception.simulation.world.motion import Company, Plan, following, integrate, towed
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
LANE = 3.5
EGO_S0 = 120.0  # the ego starts here along the road [m]


def _dip(t: F64, center: float, half: float) -> F64:
    """Bump 0..1 around ``center`` [s]."""
    return smoothstep(t, center - half, center - 0.3 * half) * (1.0 - smoothstep(t, center + 0.3 * half, center + half))


@dataclass(frozen=True)
class EgoPlan:
    """Times (T,) [s]; position along the road and speed of the ego then; when it turns off [s] and where [m]."""

    t: F64
    s: F64
    speed: F64
    exit_time: float
    exit_s: float
    crossing_time: float


def plan_ego(rng: np.random.Generator, t: F64) -> EgoPlan:
    """Draw the driver: cruise, slow down for the pedestrian, brake for the turn-off, crawl along the track."""
    cruise, crawl = rng.uniform(12.0, 14.0), rng.uniform(4.6, 5.4)
    crossing_time, exit_time = rng.uniform(19.2, 20.2), rng.uniform(23.8, 24.8)
    speed = cruise + 0.4 * np.sin(2 * np.pi * t / rng.uniform(8, 12) + rng.uniform(0, 6.28))
    speed = speed - (cruise - 7.0) * _dip(t, crossing_time, 6.0)
    slow = smoothstep(t, exit_time - 5.5, exit_time)
    speed = speed * (1 - slow) + crawl * slow + 0.3 * slow * np.sin(2 * np.pi * t / 6.0)
    s = integrate(t, speed, EGO_S0)
    return EgoPlan(t, s, speed, float(exit_time), float(np.interp(exit_time, t, s)), float(crossing_time))


class Story:
    """Draws the traffic around an ego plan, one road user at a time.

    Args:
        rng: seeded generator.
        way: centre line of the road.
        layby: s range [m] of the widened shoulder on the left.
        track_d: lateral position of the rough track over s.
        trailer: how far the own trailer reaches behind the tractor [m].
    """

    def __init__(
        self,
        rng: np.random.Generator,
        way: Way,
        ego: EgoPlan,
        layby: tuple[float, float],
        track_d: Callable[[F64], F64],
        trailer: float,
    ) -> None:
        self._rng, self._way, self._ego, self._layby, self._track_d = rng, way, ego, layby, track_d
        self._behind = trailer
        self._t = ego.t
        self._oncoming_speed = rng.uniform(12.5, 15.5)

    def tell(self, company: Company) -> None:
        """Add all road users to the company.

        Raises:
            NoRoom: someone found no free place in 100 draws.
        """
        for one in (self._lead_and_overtaker, self._crossing, self._oncoming_truck):
            company.join(one)
        for early, late in ((2.4, 3.4), (4.6, 5.8), (22.2, 26.0), (26.5, 30.0)):
            company.join(partial(self._oncoming_car, early, late))
        for one in (self._parked_truck, self._walking, self._cyclist, self._parked_car, self._track_walker):
            company.join(one)

    def _plan(self, name: str, shape: shapes.Shape, s: F64, d: F64, backwards: bool = False) -> Plan:
        return following(name, shape, self._way, s, d, np.pi if backwards else 0.0)

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
        """The car ahead pulls away while a second one overtakes and cuts in between."""
        r, t, ego = self._rng, self._t, self._ego
        pulling = ego.speed + r.uniform(1.8, 2.4) * _dip(t, 11.0, 6.5)
        onwards = float(np.interp(14.0, t, pulling)) + 0.5 * np.sin(0.7 * (t - 14.0))
        lead_speed = np.where(t < 14.0, pulling, onwards)
        lead = self._plan(
            "lead car",
            shapes.car(r, str(r.choice(["sedan", "suv"]))),
            integrate(t, lead_speed, EGO_S0 + r.uniform(30.0, 36.0)),
            self._lane(-1),
        )
        start, end = r.uniform(6.2, 6.8), r.uniform(14.8, 15.4)
        window = np.where((t > start) & (t < end), np.sin(np.pi * (t - start) / (end - start)) ** 2, 0.0)
        gain, behind = r.uniform(44.0, 48.0) + self._behind, r.uniform(22.0, 26.0) + self._behind
        follow = smoothstep(t, 14.0, 18.0)
        speed = (ego.speed + window * gain / (0.5 * (end - start))) * (1 - follow) + lead_speed * follow
        out = smoothstep(t, start + 1.0, start + 3.4) * (1.0 - smoothstep(t, end - 2.6, end - 0.2))
        shape = shapes.car(r, str(r.choice(["sedan", "hatch"])))
        overtaker = self._plan(
            "overtaking car", shape, integrate(t, speed, EGO_S0 - behind), self._lane(-1) + LANE * out
        )
        return [lead, replace(overtaker, group=1)]

    def _towards(self, meet: float, speed: F64) -> F64:
        """s of somebody who drives against the ego and meets it at a time [s]."""
        way = integrate(self._t, speed, 0.0)
        return np.asarray(self._ego_at(meet) + float(np.interp(meet, self._t, way)) - way)

    def _oncoming_car(self, early: float, late: float) -> list[Plan]:
        r = self._rng
        shape = shapes.car(r, str(r.choice(["sedan", "hatch", "suv", "van"])))
        speed = self._oncoming_speed + r.normal(0, 0.4) + 0.3 * np.sin(self._t)
        return [self._plan("oncoming car", shape, self._towards(r.uniform(early, late), speed), self._lane(1))]

    def _oncoming_truck(self) -> list[Plan]:
        s = self._towards(self._rng.uniform(16.6, 17.9), np.full_like(self._t, self._oncoming_speed - 1.0))
        truck = self._plan("oncoming truck", heavy.truck(self._rng), s, np.full_like(s, 0.5 * LANE + 0.1))
        return [truck, towed("its trailer", truck, heavy.trailer(self._rng))]

    def _parked_truck(self) -> list[Plan]:
        """A truck standing in the layby on the left, facing either way."""
        r = self._rng
        s = np.full_like(self._t, 0.5 * (self._layby[0] + self._layby[1]) + r.uniform(-4.0, 4.0))
        shape = heavy.truck(r, float(r.uniform(7.6, 9.0)))
        d = np.full_like(s, r.uniform(6.7, 7.1))
        return [self._plan("parked truck", shape, s, d, backwards=bool(r.random() < 0.5))]

    def _crossing(self) -> list[Plan]:
        """A pedestrian who steps out from the right shoulder ahead of the ego, crosses, and walks on into the field."""
        r, t = self._rng, self._t
        at = self._ego_at(self._ego.crossing_time) + r.uniform(24.0, 32.0)
        walk, cross = r.uniform(1.3, 1.7), self._ego.crossing_time + r.uniform(-1.0, 1.0)
        d = -4.6 + walk * np.clip(t - cross + 2.9 / walk, 0.0, 15.0 / walk)
        return [self._plan("crossing pedestrian", people.pedestrian(r), np.full_like(t, at), d)]

    def _walking(self) -> list[Plan]:
        r, t = self._rng, self._t
        s = self._ego_at(9.0) + r.uniform(-5, 25) + r.uniform(1.2, 1.6) * t
        return [self._plan("walking pedestrian", people.pedestrian(r), s, r.uniform(-4.7, -4.5) + 0.1 * np.sin(t))]

    def _cyclist(self) -> list[Plan]:
        r, t = self._rng, self._t
        s = self._ego_at(21.0) - r.uniform(4.5, 6.0) * (t - r.uniform(20.6, 21.6))
        return [self._plan("cyclist", people.cyclist(r), s, 4.15 + 0.06 * np.sin(1.7 * t))]

    def _parked_car(self) -> list[Plan]:
        r = self._rng
        s = np.full_like(self._t, self._ego.exit_s + r.uniform(66.0, 74.0))
        d = self._track_d(s) - r.uniform(5.2, 6.0)
        return [self._plan("parked car", shapes.car(r, "suv"), s, d, backwards=bool(r.random() < 0.5))]

    def _track_walker(self) -> list[Plan]:
        r, t = self._rng, self._t
        s = self._ego.exit_s + r.uniform(84.0, 90.0) - r.uniform(0.9, 1.2) * np.clip(t - 22.0, 0.0, None)
        return [self._plan("walker at the track", people.pedestrian(r), s, self._track_d(s) + r.uniform(4.2, 5.0))]
