"""What fills real surroundings close to the way: weeds, shrubs, stones, wood, hedges and garden walls."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.rays.scene import join
from autonomy_perception.simulation.world import litter, vegetation
from autonomy_perception.simulation.world.materials import Kind
from autonomy_perception.simulation.world.materials import Material as M
from autonomy_perception.simulation.world.motion import unit
from autonomy_perception.simulation.world.solids import box
from autonomy_perception.simulation.world.structures import Furnishing, Structure

F64 = NDArray[np.float64]
NEAR_M, FAR_M = 1.0, 12.0
"""Beside the own vehicle [m]; what the scenario furnishes begins at 4 to 12 m from the road."""
THINGS = (
    (vegetation.weeds, 0.3, 0.55),
    (vegetation.bush, 1.2, 0.25),
    (litter.rock, 0.8, 0.12),
    (litter.log, 2.0, 0.08),
)
"""Maker, room that it takes [m], share."""
RUNS = 0.06
"""Hedges and walls for each thing that is tried."""
PIECE_M = 1.5
"""Length of the straight pieces that they are made of [m]."""


def strew(rng: np.random.Generator, on: Furnishing, xy: F64, yaw: F64, half_width: float, per_metre: float) -> int:
    """Put things beside the way of the own vehicle, the more the nearer, off the roads and where nobody passes.

    Args:
        xy, yaw: its places (T,2) [m] and directions (T,) [rad]. half_width: of its body [m].
        per_metre: how many are tried for a metre of the way.

    Returns:
        How many found room.
    """
    gone = np.concatenate([[0.0], np.linalg.norm(np.diff(xy, axis=0), axis=1).cumsum()])
    rows = np.arange(len(gone))

    def places(s: F64, d: F64) -> F64:
        """Points (N,2) ``s`` [m] along the way and ``d`` [m] beside its middle."""
        at = np.interp(s, gone, rows).astype(np.int64)
        ahead = unit(yaw[at])
        past = s - np.clip(s, 0.0, gone[-1])
        return np.asarray(xy[at] + past[:, None] * ahead + d[:, None] * np.column_stack([-ahead[:, 1], ahead[:, 0]]))

    def beside(count: int) -> F64:
        return rng.choice([-1.0, 1.0], count) * (half_width + NEAR_M + (FAR_M - NEAR_M) * rng.beta(1.0, 1.6, count))

    found = 0
    for side in beside(int(rng.poisson(RUNS * per_metre * (gone[-1] + 30.0)))):
        s = rng.uniform(-15.0, gone[-1] + 15.0) + np.arange(0.0, rng.uniform(8.0, 25.0), PIECE_M)
        found += _run(rng, on, places(s, np.full(len(s), side)))
    count = int(rng.poisson(per_metre * (gone[-1] + 30.0)))
    spots = places(rng.uniform(-15.0, gone[-1] + 15.0, count), beside(count))
    kinds = rng.choice(len(THINGS), count, p=[share for _, _, share in THINGS])
    return found + sum(
        on.place(rng, THINGS[k][0], p, THINGS[k][1], 0.2, 0.3) for k, p in zip(kinds, spots, strict=True)
    )


def _run(rng: np.random.Generator, on: Furnishing, line: F64) -> int:
    """A hedge or a garden wall along the first pieces of a line (K,2) that have room; 1 if there are three of them."""
    hedge, height = bool(rng.random() < 0.6), float(rng.uniform(0.5, 2.0))
    half = float(rng.uniform(0.25, 0.6)) if hedge else 0.12
    stops = list(itertools.takewhile(lambda xy: on.free(xy, half + 0.3, 0.2, 0.3), line))
    if len(stops) < 3:
        return 0
    parts = []
    for a, b in itertools.pairwise(stops):
        p, along = on.point(0.5 * (a + b)), b - a
        length = 0.5 * float(np.linalg.norm(along)) + 0.05
        piece = box((-length, -half, -0.4), (length, half, height), M.LEAF if hedge else M.BRICK)
        parts.append(
            piece.moved(geometry.make_transform(geometry.rotation_z(float(np.arctan2(along[1], along[0]))), p))
        )
        on.take(p[:2], max(half, 0.5))
    mesh, middle = join(parts), 0.5 * (stops[0] + stops[-1])
    core = (float(middle[0]), float(middle[1]), 0.0)
    on.add(Structure(Kind.BUSH, None, mesh, core) if hedge else Structure(Kind.BUILDING, mesh, None, core))
    return 1
