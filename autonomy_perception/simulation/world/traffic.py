"""Traffic in lanes: car following (IDM), lane changes (MOBIL), standing obstacles and gates.

The acceleration of a driver is that of the Intelligent Driver Model (Treiber, Hennecke, Helbing 2000, "Congested
traffic states in empirical observations and microscopic simulations"), lanes change as in MOBIL (Kesting, Treiber,
Helbing 2007, "General lane-changing model MOBIL for car-following models").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline

from autonomy_perception.simulation.world.landforms import smoothstep
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]
TICK_S = 0.1
HARDEST = 7.0  # no brake is stronger [m/s^2]
CHANGE_S = 4.0  # a lane change takes this long [s]
SLOWEST_CHANGE = 4.0  # nobody begins to change lanes at a lower speed [m/s]
STEADY_CHANGE = 6.0  # slower than this, a change takes longer in proportion: nobody moves sideways [m/s]
NOTICE_M = 320.0  # the end of a lane is announced so far ahead [m]
PAUSE_S = 4.0  # and the next begins no sooner after it [s]


@dataclass(frozen=True)
class Driver:
    """Habits: speed wanted [m/s], headway [s], gap at rest [m], acceleration and comfortable braking [m/s^2],
    politeness of MOBIL."""

    speed: float
    headway: float = 1.4
    gap: float = 2.5
    accelerate: float = 1.2
    brake: float = 1.8
    politeness: float = 0.3

    @classmethod
    def draw(cls, rng: np.random.Generator, speed: float, heavy: bool = False) -> Driver:
        """A driver who wants about this speed [m/s]."""
        return cls(
            speed * float(np.clip(rng.normal(1.0, 0.05), 0.85, 1.15)),
            float(rng.uniform(1.1, 1.8)) + 0.4 * heavy,
            float(rng.uniform(2.0, 3.5)),
            float(rng.uniform(0.5, 0.8) if heavy else rng.uniform(1.0, 1.8)),
            float(rng.uniform(1.4, 2.2)),
            float(rng.uniform(0.1, 0.5)),
        )


@dataclass
class Mobile:
    """One vehicle of a stream: driver, length with trailer [m], position of its front bumper, speed, lane.

    Attributes:
        limit: speed allowed at a position [m/s]. settled: it never changes lanes by itself.
        sway: amplitude [m], period [s] and phase of its weaving in the lane.
    """

    driver: Driver
    length: float
    s: float
    v: float
    lane: int = 0
    limit: Callable[[float], float] = field(default=lambda s: np.inf)
    settled: bool = False
    sway: tuple[float, float, float] = (0.0, 8.0, 0.0)
    offset: float = 0.0


@dataclass(frozen=True)
class Obstacle:
    """Something that stands in a lane at ``s`` [m] while ``there(t)``."""

    lane: int
    s: float
    there: Callable[[float], bool] = lambda t: True


@dataclass(frozen=True)
class Closure:
    """A lane that is closed between two positions [m]: who drives in it merges to the left in time."""

    lane: int
    begin: float
    end: float


@dataclass(frozen=True)
class CutIn:
    """A vehicle that moves to a lane close ahead of another, not before a time [s], once its rear is ``gap`` [m] ahead."""

    vehicle: int
    lane: int
    ahead_of: int
    after: float
    gap: float


@dataclass(frozen=True)
class Track:
    """What a vehicle did: front bumper s, lateral position d, speed (T,)."""

    s: F64
    d: F64
    v: F64


class Stream:
    """Vehicles that drive the same way in one or more lanes.

    Args:
        lanes: lateral positions d [m] of the lanes, the slowest (rightmost) first.
    """

    def __init__(self, lanes: tuple[float, ...]) -> None:
        self.lanes = lanes
        self.vehicles: list[Mobile] = []
        self.obstacles: list[Obstacle] = []
        self.closures: list[Closure] = []
        self.cut_ins: list[CutIn] = []

    def run(self, t: F64) -> list[Track]:
        """Let everybody drive over the times (T,); one track per vehicle, in order."""
        if not self.vehicles:
            return []
        n = len(self.vehicles)
        ticks = np.arange(t[0], t[-1] + TICK_S, TICK_S)
        s, v = np.array([m.s for m in self.vehicles]), np.array([m.v for m in self.vehicles])
        lane = np.array([m.lane for m in self.vehicles])
        came, since = lane.copy(), np.full(n, -np.inf)  # lane left, and when
        done = np.full(n, np.inf)  # how far the change is [s at a steady speed]
        log_s, log_v, log_u = (np.empty((len(ticks), n)) for _ in range(3))
        steady = np.zeros(n)  # time [s] that counts for changes
        changes: list[tuple[int, float, float]] = []
        for k, now in enumerate(ticks):
            log_s[k], log_v[k], log_u[k] = s, v, steady
            changing = done < CHANGE_S
            for i in range(n):
                rested = now - since[i] > CHANGE_S + (PAUSE_S if not any(c.vehicle == i for c in self.cut_ins) else 0.0)
                if not changing[i] and rested and (k + i) % 5 == 0:
                    target = self._target(i, now, s, v, lane, np.where(changing, came, lane))
                    if target is not None:
                        came[i], lane[i], since[i], done[i] = lane[i], target, now, 0.0
                        changes.append((i, self.lanes[target] - self.lanes[came[i]], float(steady[i])))
            changing = done < CHANGE_S
            a = self._accelerations(now, s, v, lane, np.where(changing, came, lane))
            fresh = np.maximum(v + a * TICK_S, 0.0)
            mean = 0.5 * (v + fresh)
            s, v = s + mean * TICK_S, fresh
            gone = TICK_S * np.minimum(mean / STEADY_CHANGE, 1.0)
            done, steady = done + gone, steady + gone
        d = np.tile(np.array([self.lanes[m.lane] for m in self.vehicles])[:, None], (1, len(t)))
        for i, aside, begin in changes:
            counts = CubicHermiteSpline(ticks, log_u[:, i], np.minimum(log_v[:, i] / STEADY_CHANGE, 1.0))
            d[i] += aside * smoothstep(counts(t), begin, begin + CHANGE_S)
        out = []
        for i, m in enumerate(self.vehicles):
            course = CubicHermiteSpline(ticks, log_s[:, i], log_v[:, i])
            sway = m.sway[0] * np.sin(2 * np.pi * t / m.sway[1] + m.sway[2])
            going = smoothstep(np.interp(t, ticks, log_v[:, i]), 0.3, 3.0)
            drift = np.concatenate([[0.0], np.cumsum(np.diff(sway) * going[1:])])
            out.append(Track(course(t), d[i] + m.offset + drift, np.maximum(course(t, 1), 0.0)))
        return out

    def _idm(self, i: int, s: float, v: float, gap: float, approach: float) -> float:
        """Acceleration with a gap [m] to what is ahead, approached at a rate [m/s]."""
        p = self.vehicles[i].driver
        want = max(min(p.speed, self.vehicles[i].limit(s)), 0.1)
        free = p.accelerate * (1.0 - (v / want) ** 4)
        keep = p.gap + max(v * p.headway + v * approach / (2.0 * np.sqrt(p.accelerate * p.brake)), 0.0)
        follow = p.accelerate * (keep / max(gap, 0.1)) ** 2
        return float(np.clip(max(free, -p.brake) - follow, -HARDEST, p.accelerate))

    def _ahead(
        self, i: int, lane: int, now: float, s: F64, v: F64, a: NDArray[np.int64], b: NDArray[np.int64]
    ) -> tuple[float, float]:
        """Gap [m] and speed [m/s] of what is ahead of ``i`` in a lane."""
        length = np.array([m.length for m in self.vehicles])
        there = ((a == lane) | (b == lane)) & (s > s[i])
        there[i] = False
        gap, speed = np.inf, 0.0
        if there.any():
            who = int(np.flatnonzero(there)[np.argmin((s - length)[there])])
            gap, speed = float(s[who] - length[who] - s[i]), float(v[who])
        ends = () if a[i] != lane == b[i] else self.closures  # who is leaving a lane is not held by its end
        for o in (*self.obstacles, *(Obstacle(c.lane, c.begin) for c in ends)):
            if o.lane == lane and s[i] - 3.0 < o.s < s[i] + gap and o.there(now):
                gap, speed = o.s - float(s[i]), 0.0
        return gap, speed

    def _behind(self, i: int, lane: int, s: F64, a: NDArray[np.int64], b: NDArray[np.int64]) -> int:
        """Number of the next one behind ``i`` in a lane, -1 if there is none."""
        there = ((a == lane) | (b == lane)) & (s <= s[i])
        there[i] = False
        return int(np.flatnonzero(there)[np.argmax(s[there])]) if there.any() else -1

    def _accelerations(self, now: float, s: F64, v: F64, lane: NDArray[np.int64], old: NDArray[np.int64]) -> F64:
        out = np.empty(len(s))
        for i in range(len(s)):
            out[i] = min(
                self._idm(i, s[i], v[i], gap, v[i] - speed)
                for gap, speed in (self._ahead(i, k, now, s, v, lane, old) for k in {int(lane[i]), int(old[i])})
            )
        return out

    def _target(
        self, i: int, now: float, s: F64, v: F64, lane: NDArray[np.int64], old: NDArray[np.int64]
    ) -> int | None:
        """The lane that driver ``i`` changes to now, if any: MOBIL with a slight liking for the right."""
        here = int(lane[i])
        forced = self._forced(i, here, now, s)
        if (self.vehicles[i].settled and not forced) or v[i] < SLOWEST_CHANGE:
            return None
        hardest = -4.0 if forced else -2.0
        own = self._idm(i, s[i], v[i], *self._of(i, here, now, s, v, lane, old))
        best, found = 0.15, None
        for k in forced or (here - 1, here + 1):
            if not 0 <= k < len(self.lanes) or abs(k - here) != 1 or self._closed(k, s[i]):
                continue
            gap, approach = self._of(i, k, now, s, v, lane, old)
            mine = self._idm(i, s[i], v[i], gap, approach)
            b = self._behind(i, k, s, lane, old)
            theirs = before = 0.0
            if b >= 0:
                room = s[i] - self.vehicles[i].length - s[b]
                if room < 3.0 + (0.15 if forced else 0.3) * v[b]:
                    continue
                theirs = self._idm(b, s[b], v[b], room, v[b] - v[i])
                before = self._idm(b, s[b], v[b], *self._of(b, k, now, s, v, lane, old))
            if gap < 4.0 or mine < hardest or theirs < hardest:
                continue
            gain = mine - own + self.vehicles[i].driver.politeness * (theirs - before) + (0.25 if k < here else -0.1)
            if gain > best or forced:
                best, found = gain, k
        return found

    def _forced(self, i: int, here: int, now: float, s: F64) -> list[int]:
        """Lanes that vehicle ``i`` has to change to: it cuts in, or its own lane ends."""
        out = []
        for c in self.cut_ins:
            if c.vehicle == i and now >= c.after and c.lane != here:
                out += [c.lane] if s[i] - self.vehicles[i].length > s[c.ahead_of] + c.gap else []
        ends = any(c.lane == here and c.begin - NOTICE_M < s[i] < c.begin for c in self.closures)
        return [*out, here + 1] if ends else out

    def _closed(self, lane: int, s: float) -> bool:
        return any(c.lane == lane and c.begin - NOTICE_M < s < c.end + 20.0 for c in self.closures)

    def _of(
        self, i: int, lane: int, now: float, s: F64, v: F64, a: NDArray[np.int64], b: NDArray[np.int64]
    ) -> tuple[float, float]:
        gap, speed = self._ahead(i, lane, now, s, v, a, b)
        return gap, float(v[i]) - speed


def pace(way: Way, limit: float, lateral: float = 1.6, brake: float = 1.0) -> Callable[[float], float]:
    """Speed [m/s] that a driver holds along a way: a limit, gentle in bends, braking in time for them."""
    s = way.s
    v = np.minimum(limit, np.sqrt(lateral / np.maximum(np.abs(way.curvature(s)), 1e-5)))
    step = float(s[1] - s[0])
    for k in range(len(s) - 2, -1, -1):
        v[k] = min(v[k], np.sqrt(v[k + 1] ** 2 + 2 * brake * step))
    table = v.tolist()
    return lambda at: table[min(max(int(at / step), 0), len(table) - 1)]
