"""What lies about: rocks, logs, heaps, tyre treads and lost loads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.rays.scene import join
from autonomy_perception.simulation.world.materials import Kind
from autonomy_perception.simulation.world.materials import Material as M
from autonomy_perception.simulation.world.solids import blob, box, cylinder
from autonomy_perception.simulation.world.structures import Structure

F64 = NDArray[np.float64]


def rock(rng: np.random.Generator, p: F64) -> Structure:
    """A rock, 0.1 to 2 m across; small ones are common (log-uniform)."""
    return boulder(rng, p, 0.5 * float(np.exp(rng.uniform(np.log(0.1), np.log(2.0)))))


def field_rock(rng: np.random.Generator, p: F64) -> Structure:
    """A rock of 0.8 to 1.6 m across."""
    return boulder(rng, p, float(rng.uniform(0.4, 0.8)))


def boulder(rng: np.random.Generator, p: F64, r: float) -> Structure:
    """A rock of a radius [m], partly in the ground."""
    radii = (r, r * rng.uniform(0.7, 1.0), r * rng.uniform(0.6, 1.0))
    body = blob(rng, p + np.array([0, 0, 0.25 * r]), radii, M.ROCK, 0.15)
    return Structure(Kind.ROCK, body, None, (p[0], p[1], 0.55 * r if r > 0.4 else 0.0))


def log(rng: np.random.Generator, p: F64) -> Structure:
    """A felled trunk, 2 to 7 m long."""
    length, radius = float(rng.uniform(2.0, 7.0)), float(rng.uniform(0.12, 0.3))
    body = cylinder((-0.5 * length, 0.0, 0.85 * radius), (length, 0.0, float(rng.normal(0.0, 0.1))), radius, M.BARK, 10)
    return Structure.of(Kind.LOG, body, p, float(rng.uniform(0.0, 2 * np.pi)))


def log_pile(rng: np.random.Generator, p: F64, heading: float) -> Structure:
    """Trunks stacked beside the way, along ``heading``."""
    r, length = 0.2, float(rng.uniform(3.5, 5.5))
    parts = []
    for row in range(4):
        for k in range(7 - row):
            y, z = (k - 0.5 * (6 - row)) * 2 * r, r + row * 1.73 * r
            parts.append(cylinder((-0.5 * length, y, z), (length + rng.normal(0, 0.1), 0.0, 0.0), 0.96 * r, M.WOOD, 9))
    return Structure.of(Kind.LOG, join(parts), p, heading)


def heap(rng: np.random.Generator, p: F64) -> Structure:
    """A heap of gravel, 1 to 2.5 m high."""
    h = float(rng.uniform(1.0, 2.5))
    return Structure(Kind.ROCK, blob(rng, p, (1.7 * h, 1.6 * h, h), M.GRAVEL, 0.06), None, (p[0], p[1], 0.9 * h))


def tread(rng: np.random.Generator, p: F64) -> Structure:
    """A strip of a burst truck tyre."""
    parts = []
    for k in range(int(rng.integers(3, 6))):
        turn = geometry.make_transform(geometry.rotation_z(0.35 * k), np.array([0.32 * k, 0.07 * k * k, 0.0]))
        parts.append(box((-0.18, -0.12, 0.0), (0.18, 0.12, 0.06 + 0.05 * (k % 2)), M.TYRE).moved(turn))
    return Structure.of(Kind.DEBRIS, join(parts), p, float(rng.uniform(0.0, 2 * np.pi)))


def load(rng: np.random.Generator, p: F64) -> Structure:
    """A lost load: boxes, a pallet or planks."""
    parts = [box((-0.6, -0.4, 0.0), (0.6, 0.4, 0.14), M.WOOD)]
    for _ in range(int(rng.integers(1, 4))):
        x, y, h = rng.uniform(-0.7, 0.7), rng.uniform(-0.5, 0.5), float(rng.uniform(0.25, 0.6))
        parts.append(box((x - 0.25, y - 0.2, 0.0), (x + 0.25, y + 0.2, h), M.WOOD if rng.random() < 0.5 else M.CANVAS))
    return Structure.of(Kind.DEBRIS, join(parts), p, float(rng.uniform(0.0, 2 * np.pi)), 0.2)
