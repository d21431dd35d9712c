"""Which worlds a data set is made of, and which moments of them: even over what is drawn, and apart in place."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.drive import Names, SyntheticDrive, drawn
from autonomy_perception.simulation.scenarios import MIX, MIXED
from autonomy_perception.simulation.world.weather import LIGHTS, WEATHERS
from autonomy_perception.types import ObjectClass

RARE = frozenset({
    int(c) for c in (ObjectClass.PEDESTRIAN, ObjectClass.ANIMAL, ObjectClass.BICYCLE, ObjectClass.MOTORCYCLE, ObjectClass.BUS)
})  # fmt: skip
"""Classes that most moments are without."""
NEAR_M = 40.0
"""Somebody nearer than this counts."""
RAISED = 0.5
"""Share of the moments that are chosen for whom they show."""
LOOKS = 6
"""Sweeps of a stretch of the way among which that is chosen."""
STANDING_MPS = 0.5
"""A second counts as much as this way, so that the moments of who stands are apart in time [m/s]."""


def even(index: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """One of the combinations of ``sizes`` choices, by number: every prefix holds each choice equally often (but one), and
    each product(sizes) consecutive numbers hold every combination once.

    All counters run at once; where two are back where they began before all pairs are through, the second skips one.
    """
    out, period = [], 1
    for size in sizes:
        out.append((index + index // math.lcm(period, size) % math.gcd(period, size)) % size)
        period *= size
    return tuple(out)


def names_of(world: int, scenario: str, weather: str, time_of_day: str) -> Names:
    """Names of what a world is set in: those given, and where they are ``mix`` those that :func:`even` takes in turn.

    Raises:
        ValueError: a name is not known (the message lists those that are).
    """
    tables = tuple(
        list(table) if name == MIX else [name]
        for name, table in ((scenario, MIXED), (weather, WEATHERS), (time_of_day, LIGHTS))
    )
    picked = even(world, [len(table) for table in tables])
    return drawn(world, *(table[k] for table, k in zip(tables, picked, strict=True)))


def turn_of(world: int, count: int) -> int:
    """One of ``count`` things for a world: each once in ``count`` consecutive worlds, in an order drawn anew every time, so
    that it goes together with no scenario."""
    block, place = divmod(world, count)
    return int(np.random.default_rng([block, 33]).permutation(count)[place])


def moment_index(drive: SyntheticDrive, number: int, count: int, first: int = 0) -> int:
    """Which sweep of a drive is moment ``number`` of ``count``.

    The way is cut into ``count`` stretches of equal length, and a moment comes from the middle half of its stretch: two
    are never nearer to each other than half a stretch. Half of them show more of the rare road users near by than other
    sweeps of their stretch.

    Args:
        first: earliest sweep that may be taken.
    """
    t = np.array([drive.end_of(k) for k in range(first, len(drive))])
    if len(t) <= count:
        return first + number % len(t)
    place = drive.world.ego.places(t)
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(place, axis=0), axis=1))])
    way += STANDING_MPS * (t - t[0])
    share = way / way[-1] * count - number
    inner = np.flatnonzero((share >= 0.25) & (share <= 0.75))
    if len(inner) == 0:
        return first + int(np.abs(share - 0.5).argmin())
    rng = np.random.default_rng([drive.seed, 32, number])
    looks = rng.choice(inner, LOOKS)
    if rng.random() >= RAISED:
        return first + int(looks[0])
    shown = [rare_near(drive, float(t[k]), place[k]) for k in looks]
    return first + int(looks[int(np.argmax(shown))])


def rare_near(drive: SyntheticDrive, t: float, place: NDArray[np.float64]) -> int:
    """How many road users of rare classes are near a place (3,) of the world at drive time ``t`` [s]."""
    who = [a for a in drive.world.actors if int(a.shape.label) in RARE and a.present(t)]
    at = np.array([t])
    return sum(bool(np.linalg.norm(a.path.places(at)[0, :2] - place[:2]) < NEAR_M) for a in who)
