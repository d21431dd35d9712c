"""The scenarios that a drive can be set in."""

from __future__ import annotations

import numpy as np

from autonomy_perception.simulation.scenarios import demo, gravel, highway, junction, quarry, rural, track, yard
from autonomy_perception.simulation.scenarios.staging import Scenario

MIX = "mix"
_ROOMS = (demo, highway, rural, gravel, track, quarry, yard, junction)
SCENARIOS: dict[str, Scenario] = {room.SCENARIO.name: room.SCENARIO for room in _ROOMS}
"""Scenarios by name."""
MIXED = ("demo", "highway", "rural", "gravel", "track", "quarry", "yard", "junction")
"""Those that ``mix`` draws from, in an order that seeds depend on: a new one is put at the end, and redraws them all."""


def draw(name: str, seed: int) -> Scenario:
    """The scenario of a name; ``mix`` draws one by the seed.

    Raises:
        ValueError: no such scenario; the message lists the allowed names.
    """
    if name == MIX:
        return SCENARIOS[MIXED[int(np.random.default_rng([seed, 77]).integers(len(MIXED)))]]
    if name not in SCENARIOS:
        raise ValueError(f"scenario {name!r}: expected one of {', '.join([*SCENARIOS, MIX])}")
    return SCENARIOS[name]
