"""The scenarios that a drive can be set in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIX = "mix"


@dataclass(frozen=True)
class Scenario:
    """One kind of drive: its name, and what it is in a sentence."""

    name: str
    description: str


_ALL = (
    Scenario(
        "demo",
        "A winding country road with oncoming traffic, an overtaker and a pedestrian; the truck turns off on a track.",
    ),
)
SCENARIOS = {s.name: s for s in _ALL}
"""Scenarios by name."""


def draw(name: str, seed: int) -> Scenario:
    """The scenario of a name; ``mix`` draws one by the seed.

    Raises:
        ValueError: no such scenario; the message lists the allowed names.
    """
    if name == MIX:
        return list(SCENARIOS.values())[int(np.random.default_rng([seed, 77]).integers(len(SCENARIOS)))]
    if name not in SCENARIOS:
        raise ValueError(f"scenario {name!r}: expected one of {', '.join([*SCENARIOS, MIX])}")
    return SCENARIOS[name]
