"""Who is where when: the tabulated motion of road users over the plane, and whether they touch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.simulation.world.shapes import Shape
from autonomy_perception.simulation.world.ways import Way

F64 = NDArray[np.float64]

STORY_S = 34.0  # usual length of a drive [s]
STEP_S = 0.01  # motion is tabulated at this step [s]
LEAD_IN_S = 0.5  # and starts this long before the first sweep
CLEARANCE_M = 0.25  # nobody comes nearer to anybody else,
MIRROR_M = 0.05  # and mirrors not nearer than this to each other


class NoRoom(RuntimeError):
    """Somebody who has to be there touches somebody in every draw."""


def times(duration_s: float = STORY_S) -> F64:
    """Times [s] at which motion is tabulated."""
    return np.arange(-LEAD_IN_S, duration_s + 0.5, STEP_S)


@dataclass(frozen=True)
class Plan:
    """One road user: body, position (T,2) [m] of its origin and direction (T,) [rad] at :func:`times`.

    ``group`` links a tractor and its trailer.
    """

    name: str
    shape: Shape
    xy: F64
    yaw: F64
    group: int = 0

    @property
    def half(self) -> tuple[float, float]:
        """Half its length and width [m]; mirrors stand out beyond that."""
        length, width, _ = self.shape.size
        return 0.5 * float(length), 0.5 * float(width)

    @property
    def moving(self) -> bool:
        """Whether it ever moves."""
        return bool(np.ptp(self.xy, axis=0).sum() > 0.1)


def following(name: str, shape: Shape, way: Way, s: F64, d: ArrayLike, facing: float = 0.0) -> Plan:
    """Somebody at road coordinates (T,); who stands still faces ``facing`` [rad] from the way's direction."""
    s, d = np.broadcast_arrays(s, np.asarray(d, np.float64))
    xy = way.xy(s, d)
    return Plan(name, shape, xy, heading_of(xy, way.heading(s) + facing))


def standing(name: str, shape: Shape, t: F64, xy: ArrayLike, yaw: float) -> Plan:
    """Somebody who stays at a place (2,) [m]."""
    return Plan(name, shape, np.tile(np.asarray(xy, np.float64), (len(t), 1)), np.full(len(t), yaw))


def heading_of(xy: F64, otherwise: F64) -> F64:
    """Direction of motion (T,) [rad]; where it stands still that of the moment before, or ``otherwise``."""
    step = np.gradient(xy, STEP_S, axis=0)
    goes = np.hypot(step[:, 0], step[:, 1]) > 0.05
    if not goes.any():
        return np.asarray(otherwise)
    last = np.maximum.accumulate(np.where(goes, np.arange(len(goes)), -1))
    last = np.where(last < 0, np.argmax(goes), last)
    return np.unwrap(np.arctan2(step[:, 1], step[:, 0])[last])


def integrate(t: F64, speed: F64, start: float) -> F64:
    """Distance travelled [m] at times (T,), ``start`` at time 0."""
    distance = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1]) * np.diff(t))])
    return np.asarray(start + distance - np.interp(0.0, t, distance))


def swing(pin: F64, yaw: float, length: float) -> F64:
    """Direction (T,) [rad] of a trailer pulled at ``pin`` (T,2) [m] whose axle lies ``length`` [m] behind it.

    Kinematic trailer (e.g. Altafini 2001): the axle does not slip sideways, so yaw' = (heading x velocity) / length.
    """
    out = np.empty(len(pin))
    for k, (dx, dy) in enumerate(np.diff(pin, axis=0, prepend=pin[:1]).tolist()):
        yaw += (math.cos(yaw) * dy - math.sin(yaw) * dx) / length
        out[k] = yaw
    return out


def towed(name: str, puller: Plan, shape: Shape) -> Plan:
    """The trailer that hangs on ``puller`` (whose shape has a hitch)."""
    pin = puller.xy + puller.shape.hitch * unit(puller.yaw)
    yaw = swing(pin, float(puller.yaw[0]), shape.pin - shape.axle)
    return Plan(name, shape, pin - shape.pin * unit(yaw), yaw, puller.group)


def unit(yaw: F64) -> F64:
    """Unit vectors (..., 2) of directions (...)."""
    return np.stack([np.cos(yaw), np.sin(yaw)], -1)


@dataclass(frozen=True)
class _Outline:
    """A footprint every 0.1 s: middle (T,2), direction (T,2), half its length and width, mirrors [m]; and its bounds."""

    middle: F64
    ahead: F64
    half: tuple[float, float]
    mirrors: float
    low: F64
    high: F64

    @classmethod
    def of(cls, plan: Plan) -> _Outline:
        middle, reach = plan.xy[::10], math.hypot(*plan.half)
        ahead, mirrors = unit(plan.yaw[::10]), plan.shape.mirrors
        return cls(middle, ahead, plan.half, mirrors, middle.min(0) - reach, middle.max(0) + reach)

    def touches(self, other: _Outline) -> bool:
        """Whether no line separates the two rectangles by the clearance at some time (separating axis theorem)."""
        room = max(CLEARANCE_M, self.mirrors + other.mirrors + MIRROR_M)
        if np.any(self.low > other.high + room) or np.any(other.low > self.high + room):
            return False
        to = other.middle - self.middle
        near = np.linalg.norm(to, axis=-1) < math.hypot(*self.half) + math.hypot(*other.half) + room
        to, a, b = to[near], self.ahead[near], other.ahead[near]
        along, across = np.abs((a * b).sum(-1)), np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
        apart = np.full(len(to), -np.inf)
        for axis, own, its in ((a, self.half, other.half), (b, other.half, self.half)):
            ahead, aside = (to * axis).sum(-1), axis[:, 0] * to[:, 1] - axis[:, 1] * to[:, 0]
            apart = np.maximum(apart, np.abs(ahead) - own[0] - along * its[0] - across * its[1])
            apart = np.maximum(apart, np.abs(aside) - own[1] - across * its[0] - along * its[1])
        return bool((apart < room).any())


def collision(placed: Sequence[Plan], fresh: Sequence[Plan]) -> str | None:
    """Names of the first of ``fresh`` that touches one of ``placed`` (or of another group of ``fresh``), or None."""
    outlines = {id(p): _Outline.of(p) for p in [*placed, *fresh]}
    for i, plan in enumerate(fresh):
        for other in [*placed, *(f for f in fresh[:i] if f.group != plan.group)]:
            if outlines[id(plan)].touches(outlines[id(other)]):
                return f"{plan.name} / {other.name}"
    return None


class Company:
    """The road users of a drive; whoever would touch somebody is drawn anew.

    Args:
        own: the ego (and its trailer), so that nobody runs into it.
    """

    def __init__(self, own: Sequence[Plan]) -> None:
        self._own, self.plans = list(own), list[Plan]()
        self._groups = 0

    def join(self, draw: Callable[[], Sequence[Plan]], tries: int = 100) -> None:
        """Add what ``draw`` returns as soon as it touches nobody.

        Raises:
            NoRoom: someone found no free place.
        """
        found = None
        for _ in range(tries):
            found = self.offer(draw())
            if found is None:
                return
        raise NoRoom(f"no free place: {found}")

    def admit(self, groups: Sequence[Sequence[Plan]], required: int = 0) -> str | None:
        """Add all groups but those who would touch somebody; names of the first two of the ``required`` first groups
        who would, None if those are all there."""
        refused = [self.offer(group) for group in groups]
        return next((names for names in refused[:required] if names), None)

    def offer(self, fresh: Sequence[Plan]) -> str | None:
        """Add these if they touch nobody; otherwise the names of the first two who would touch."""
        fresh = [replace(p, group=self._groups + 1 + p.group) for p in fresh]
        found = collision([*self._own, *self.plans], fresh)
        if found is None:
            self.plans += fresh
            self._groups = max([self._groups, *(p.group for p in fresh)])
        return found
