"""Composed bodies of people, of two-wheelers with their riders, and of animals."""

from __future__ import annotations

import numpy as np

from autonomy_perception.simulation.rays.scene import Mesh, join
from autonomy_perception.simulation.world.materials import Material as M
from autonomy_perception.simulation.world.shapes import Shape
from autonomy_perception.simulation.world.solids import box, cylinder, ellipsoid, prism
from autonomy_perception.types import ObjectClass


def _person(height: float, swing: float) -> list[Mesh]:
    k = height / 1.75
    hip, step = 0.86 * k, 0.34 * k * swing
    parts = [
        ellipsoid((0.0, 0.0, 1.18 * k), (0.15 * k, 0.23 * k, 0.36 * k), M.CLOTH),
        ellipsoid((0.01, 0.0, 1.63 * k), (0.11 * k, 0.09 * k, 0.13 * k), M.SKIN),
    ]
    for side in (-1.0, 1.0):
        parts.append(cylinder((0.0, side * 0.1 * k, hip), (side * step, 0.0, -hip + 0.02), 0.085 * k, M.TROUSERS, 9))
        parts.append(
            cylinder(
                (0.0, side * 0.25 * k, 1.42 * k), (-side * 0.8 * step, side * 0.03, -0.58 * k), 0.055 * k, M.CLOTH, 8
            )
        )
    return parts


def pedestrian(rng: np.random.Generator) -> Shape:
    """A walking person in eight phases of one stride."""
    height = float(rng.uniform(1.62, 1.88))
    color = _clothes(rng)
    phases = tuple(join(_person(height, float(np.sin(2 * np.pi * p / 8)))) for p in range(8))
    return Shape((phases[2], *phases[3:], *phases[:2]), ObjectClass.PEDESTRIAN, color)  # the widest step gives the box


def cyclist(rng: np.random.Generator) -> Shape:
    """A bicycle with its rider."""
    wheel = 0.34
    parts = [cylinder((x, -0.03, wheel), (0.0, 0.06, 0.0), wheel, M.TYRE, 16) for x in (-0.53, 0.53)]
    parts += [
        cylinder((-0.53, 0.0, wheel), (0.36, 0.0, 0.5), 0.03, M.PAINT, 6),
        cylinder((-0.17, 0.0, 0.84), (0.6, 0.0, 0.06), 0.03, M.PAINT, 6),
        cylinder((0.53, 0.0, wheel), (-0.1, 0.0, 0.62), 0.03, M.PAINT, 6),
        cylinder((0.43, -0.28, 1.0), (0.0, 0.56, 0.0), 0.025, M.DARK_METAL, 6),
        ellipsoid((0.02, 0.0, 1.28), (0.17, 0.2, 0.34), M.CLOTH),
        ellipsoid((0.2, 0.0, 1.7), (0.11, 0.09, 0.13), M.SKIN),
        cylinder((-0.15, 0.1, 0.95), (0.28, 0.0, -0.55), 0.085, M.TROUSERS, 8),
        cylinder((-0.15, -0.1, 0.95), (0.18, 0.0, -0.75), 0.085, M.TROUSERS, 8),
        cylinder((0.08, 0.2, 1.45), (0.36, 0.04, -0.42), 0.05, M.CLOTH, 7),
        cylinder((0.08, -0.2, 1.45), (0.36, -0.04, -0.42), 0.05, M.CLOTH, 7),
    ]
    color = [(200, 60, 60), (60, 130, 200), (230, 190, 40)][int(rng.integers(3))]
    return Shape((join(parts),), ObjectClass.BICYCLE, color)


def crouching(rng: np.random.Generator) -> Shape:
    """A person crouching, about 1.1 m high."""
    k = float(rng.uniform(0.92, 1.05))
    parts = [
        ellipsoid((0.0, 0.0, 0.62 * k), (0.2 * k, 0.24 * k, 0.3 * k), M.CLOTH),
        ellipsoid((0.18 * k, 0.0, 0.98 * k), (0.11 * k, 0.09 * k, 0.13 * k), M.SKIN),
    ]
    for side in (-1.0, 1.0):
        y = side * 0.14 * k
        parts.append(cylinder((-0.05, y, 0.42 * k), (0.36 * k, 0.0, 0.05), 0.09 * k, M.TROUSERS, 9))
        parts.append(cylinder((0.28 * k, y, 0.47 * k), (-0.2 * k, 0.0, -0.46 * k), 0.075 * k, M.TROUSERS, 9))
        parts.append(
            cylinder((0.1 * k, side * 0.24 * k, 0.78 * k), (0.32 * k, -side * 0.08, -0.36 * k), 0.05 * k, M.CLOTH, 8)
        )
    return _upright(parts, _clothes(rng))


def wheelbarrow(rng: np.random.Generator) -> Shape:
    """A person who pushes a wheelbarrow."""
    height = float(rng.uniform(1.65, 1.85))
    behind = [_shifted(m, -0.75) for m in _person(height, 0.7)]
    parts = [
        *behind,
        prism([(0.0, 0.42), (0.55, 0.42), (0.85, 0.8), (-0.15, 0.8)], -0.32, 0.32, M.METAL),
        cylinder((0.82, -0.04, 0.2), (0.0, 0.08, 0.0), 0.2, M.TYRE, 12),
        ellipsoid((0.3, 0.0, 0.82), (0.4, 0.27, 0.16), M.SAND),
    ]
    for side in (-1.0, 1.0):
        parts.append(cylinder((-0.72, side * 0.3, 0.84), (1.0, -side * 0.12, -0.3), 0.025, M.WOOD, 6))
        parts.append(cylinder((0.05, side * 0.22, 0.02), (0.0, 0.0, 0.42), 0.02, M.METAL, 6))
    return _upright(parts, _clothes(rng))


def motorcycle(rng: np.random.Generator) -> Shape:
    """A motorcycle with its rider."""
    parts = [cylinder((x, -0.07, 0.32), (0.0, 0.14, 0.0), 0.32, M.TYRE, 16) for x in (-0.72, 0.72)]
    parts += [
        prism(
            [(-0.55, 0.35), (0.35, 0.3), (0.5, 0.75), (0.2, 0.98), (-0.2, 0.82), (-0.95, 0.9), (-0.6, 0.6)],
            -0.16,
            0.16,
            M.PAINT,
        ),
        cylinder((0.72, 0.0, 0.32), (-0.3, 0.0, 0.7), 0.05, M.METAL, 8),
        cylinder((0.42, -0.36, 1.04), (0.0, 0.72, 0.0), 0.025, M.DARK_METAL, 6),
        box((0.52, -0.1, 0.78), (0.62, 0.1, 0.95), M.HEADLIGHT),
        box((-1.0, -0.08, 0.78), (-0.94, 0.08, 0.88), M.TAILLIGHT),
        ellipsoid((-0.12, 0.0, 1.2), (0.2, 0.23, 0.36), M.CLOTH),
        ellipsoid((0.06, 0.0, 1.62), (0.15, 0.13, 0.15), M.DARK_METAL),
    ]
    for side in (-1.0, 1.0):
        parts.append(cylinder((-0.2, side * 0.14, 0.92), (0.4, side * 0.1, -0.22), 0.09, M.TROUSERS, 8))
        parts.append(cylinder((0.2, side * 0.22, 0.72), (-0.3, 0.0, -0.38), 0.08, M.TROUSERS, 8))
        parts.append(cylinder((-0.05, side * 0.22, 1.4), (0.46, side * 0.1, -0.32), 0.055, M.CLOTH, 7))
    return _upright(parts, ((40, 42, 46), (170, 36, 34), (36, 70, 140))[int(rng.integers(3))], ObjectClass.MOTORCYCLE)


def animal(rng: np.random.Generator, kind: str) -> Shape:
    """A ``deer``, ``cow``, ``boar`` or ``dog`` in eight phases of its gait."""
    length, shoulder, girth, head, color = {
        "deer": (1.5, 0.95, 0.21, 1.5, (146, 102, 62)),
        "cow": (2.1, 1.3, 0.4, 1.08, (92, 58, 40)),
        "boar": (1.3, 0.7, 0.27, 0.85, (58, 50, 44)),
        "dog": (0.8, 0.55, 0.13, 1.25, (60, 48, 40)),
    }[kind]
    k = float(rng.uniform(0.88, 1.12))
    gait = (2, 3, 4, 5, 6, 7, 0, 1)  # the widest step first: it gives the box
    sizes = (k * length, k * shoulder, k * girth, head)
    phases = [join(_beast(*sizes, float(np.sin(2 * np.pi * p / 8)))) for p in gait]
    middle = 0.5 * float(phases[0].vertices[:, 0].min() + phases[0].vertices[:, 0].max())
    return Shape(tuple(_shifted(m, -middle) for m in phases), ObjectClass.ANIMAL, color)


def _beast(length: float, shoulder: float, girth: float, head: float, swing: float) -> list[Mesh]:
    """Trunk, neck, head (at ``head`` times the shoulder's height) and four legs."""
    leg, chest = shoulder - 1.2 * girth, np.array([0.4 * length, 0.0, shoulder - 0.1 * girth])
    skull = np.array([0.62 * length, 0.0, head * shoulder])
    parts = [
        ellipsoid((0.0, 0.0, shoulder - 0.2 * girth), (0.52 * length, girth, 1.15 * girth), M.FUR),
        cylinder(chest, skull - chest, 0.42 * girth, M.FUR, 8),
        ellipsoid(
            skull + np.array([0.06 * length, 0.0, -0.1 * girth]), (0.15 * length, 0.4 * girth, 0.45 * girth), M.FUR
        ),
    ]
    for x, sign in ((0.34 * length, 1.0), (-0.34 * length, -1.0)):
        for side in (-1.0, 1.0):
            step = 0.28 * leg * swing * sign * side
            parts.append(cylinder((x, side * 0.55 * girth, leg), (step, 0.0, -leg + 0.02), 0.26 * girth, M.FUR, 7))
    return parts


def _clothes(rng: np.random.Generator) -> tuple[float, float, float]:
    """Colour of the upper clothing; every fourth wears a warning vest."""
    if rng.random() < 0.25:
        return (232, 150, 30)
    return ((186, 52, 46), (40, 92, 150), (214, 180, 60), (70, 120, 70), (60, 60, 66), (200, 200, 196))[
        int(rng.integers(6))
    ]


def _shifted(mesh: Mesh, x: float) -> Mesh:
    return Mesh(mesh.vertices + np.array([x, 0.0, 0.0]), mesh.faces, mesh.material)


def _upright(
    parts: list[Mesh], color: tuple[float, float, float], label: ObjectClass = ObjectClass.PEDESTRIAN
) -> Shape:
    """One rigid phase, its origin under the middle of its box."""
    mesh = join(parts)
    return Shape((_shifted(mesh, -0.5 * float(mesh.vertices[:, 0].min() + mesh.vertices[:, 0].max())),), label, color)
