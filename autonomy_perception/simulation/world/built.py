"""Buildings, bridges and canopies; what is high enough is passed under."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.rays.scene import join
from autonomy_perception.simulation.world.materials import Kind
from autonomy_perception.simulation.world.materials import Material as M
from autonomy_perception.simulation.world.solids import box, cylinder, prism
from autonomy_perception.simulation.world.structures import Structure

F64 = NDArray[np.float64]


def barn(rng: np.random.Generator, p: F64, heading: float) -> Structure:
    """A wooden barn with a gable roof."""
    half = float(rng.uniform(6.0, 9.0))
    parts = [
        box((-5, -half, -1.0), (5, half, 4.1), M.BARK),
        prism([(-5.4, 4.0), (5.4, 4.0), (0.0, 6.6)], -half - 0.4, half + 0.4, M.ROOF),
        box((-5.05, -1.6, -0.2), (-4.95, 1.6, 3.2), M.DARK_METAL),
    ]
    return Structure.house(join(parts), p, heading, (-5.0, 5.0), half)


def house(rng: np.random.Generator, p: F64, heading: float) -> Structure:
    """A house of one to three storeys with windows and a gable roof; its front faces ``heading``."""
    depth, half, storeys = float(rng.uniform(4.0, 5.5)), float(rng.uniform(5.0, 8.5)), int(rng.integers(1, 4))
    top = 2.9 * storeys + 0.4
    wall = M.BRICK if rng.random() < 0.5 else M.CANVAS
    parts = [
        box((-depth, -half, -1.5), (depth, half, top), wall),
        prism([(-depth - 0.5, top), (depth + 0.5, top), (0.0, top + 0.8 * depth)], -half - 0.4, half + 0.4, M.ROOF),
    ]
    for storey in range(storeys):
        for y in np.arange(-half + 1.2, half - 1.0, 2.4):
            low = 1.0 + 2.9 * storey
            parts.append(box((depth - 0.02, y, low), (depth + 0.03, y + 1.1, low + 1.3), M.GLASS))
            parts.append(box((-depth - 0.03, y, low), (-depth + 0.02, y + 1.1, low + 1.3), M.GLASS))
    return Structure.house(join(parts), p, heading, (-depth, depth), half)


def hall(p: F64, heading: float, length: float, depth: float, docks: int) -> Structure:
    """A warehouse whose front (towards ``heading``, at ``p``) has loading docks under a canopy 5 m high."""
    half = 0.5 * length
    parts = [
        box((-depth, -half, -1.0), (0.0, half, 9.0), M.METAL),
        box((0.0, -half, 5.0), (2.6, half, 5.25), M.CONCRETE),
    ]
    for y in np.linspace(-half, half, docks + 2)[1:-1]:
        parts.append(box((0.0, y - 1.4, 1.15), (0.06, y + 1.4, 4.2), M.DARK_METAL))
        parts += [box((0.0, y + s * 1.75 - 0.15, 0.4), (0.35, y + s * 1.75 + 0.15, 1.3), M.TYRE) for s in (-1.0, 1.0)]
    return Structure.house(join(parts), p, heading, (-depth, 0.0), half)


def bridge(p: F64, heading: float, span: float, clearance: float, width: float = 9.0) -> Structure:
    """A road bridge over the way: its deck runs across ``heading``, ``clearance`` [m] above ``p``, on two abutments."""
    half, deck = 0.5 * span, clearance
    parts = [
        box((-0.5 * width, -half - 45.0, deck), (0.5 * width, half + 45.0, deck + 1.1), M.CONCRETE),
        *(
            box((-0.5 * width, s * half - 0.6, -1.5), (0.5 * width, s * half + 0.6, deck), M.CONCRETE)
            for s in (-1.0, 1.0)
        ),
        *(
            box(
                (s * (0.5 * width - 0.15) - 0.08, -half - 45.0, deck + 1.1),
                (s * (0.5 * width - 0.15) + 0.08, half + 45.0, deck + 2.1),
                M.METAL,
            )
            for s in (-1.0, 1.0)
        ),
    ]
    for s in (-1.0, 1.0):  # ramps of earth behind the abutments
        foot, top = half + 45.0, half + 0.6
        side = [(s * top, -2.0), (s * foot, -2.0), (s * foot, deck), (s * top, deck)]
        earth = prism(
            [(x, z) for x, z in (side if s > 0 else side[::-1])], -0.5 * width - 4.0, 0.5 * width + 4.0, M.GRASS, 3.0
        )
        turned = earth.vertices[:, [1, 0, 2]] * np.array([1.0, 1.0, 1.0])
        parts.append(type(earth)(turned, earth.faces[:, ::-1], earth.material))
    return Structure.of(Kind.BRIDGE, join(parts), p, heading)


CONVEYOR_M = 17.0
"""How far a crusher's conveyor reaches from its middle [m]."""


def crusher(rng: np.random.Generator, p: F64, heading: float) -> Structure:
    """A stone crusher of a quarry: hopper, housing and a conveyor that rises to 8 m and is passed under."""
    parts = [
        box((-3.0, -2.0, -0.5), (3.0, 2.0, 4.5), M.YELLOW_SIGN),
        prism([(-2.5, 4.5), (2.5, 4.5), (3.6, 6.5), (-3.6, 6.5)], -2.2, 2.2, M.METAL),
        prism([(3.0, 2.6), (CONVEYOR_M, 8.0), (CONVEYOR_M, 8.6), (3.0, 3.2)], -0.6, 0.6, M.DARK_METAL),
        *(cylinder((12.5, y, -0.5), (0.0, 0.0, 6.9), 0.15, M.METAL, 8) for y in (-0.5, 0.5)),
    ]
    return Structure.of(Kind.BUILDING, join(parts), p, heading, 2.0)
