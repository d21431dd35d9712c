"""Composed bodies of road users: origin on the ground under the box centre, x forward [m]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.materials import Material as M
from autonomy_perception.simulation.scene import Mesh, join
from autonomy_perception.simulation.solids import box, cylinder, ellipsoid, prism
from autonomy_perception.types import ObjectClass


@dataclass(frozen=True)
class Shape:
    """A body: mesh, class, body colour RGB (3,) 0..255; several ``phases`` where it changes while moving.

    ``mirrors`` [m] is how far mirrors stand out on each side; as in labelled data sets the box leaves them out.
    """

    phases: tuple[Mesh, ...]
    label: ObjectClass
    color: tuple[float, float, float]
    mirrors: float = 0.0

    @property
    def size(self) -> NDArray[np.float64]:
        """Extents l, w, h [m] of the first phase (its box is centred over the origin), without mirrors."""
        v = self.phases[0].vertices
        return np.asarray([2 * np.abs(v[:, 0]).max(), 2 * (np.abs(v[:, 1]).max() - self.mirrors), v[:, 2].max()])


def _wheels(xs: tuple[float, ...], half_width: float, radius: float, width: float) -> list[Mesh]:
    return [
        cylinder((x, side * half_width - (width if side > 0 else 0.0), radius), (0.0, width, 0.0), radius, M.TYRE)
        for x in xs
        for side in (-1.0, 1.0)
    ]


def _lights(front: float, rear: float, half_width: float, z: float) -> list[Mesh]:
    parts = [
        box((rear - 0.01, -0.26, z - 0.16), (rear + 0.02, 0.26, z - 0.05), M.RETRO),
        box((front - 0.02, -0.26, z - 0.24), (front + 0.01, 0.26, z - 0.13), M.RETRO),
    ]
    for side in (-1.0, 1.0):
        y = side * (half_width - 0.22)
        parts.append(box((front - 0.05, y - 0.16, z - 0.08), (front, y + 0.16, z + 0.06), M.HEADLIGHT))
        parts.append(box((rear, y - 0.14, z - 0.06), (rear + 0.04, y + 0.14, z + 0.1), M.TAILLIGHT))
    return parts


def car(rng: np.random.Generator, kind: str) -> Shape:
    """A passenger car: ``sedan``, ``hatch``, ``suv`` or ``van``."""
    base = {"sedan": (4.7, 1.82, 1.45), "hatch": (4.1, 1.76, 1.48), "suv": (4.6, 1.9, 1.72), "van": (5.2, 1.98, 2.05)}[
        kind
    ]
    length, width, height = (float(v * rng.uniform(0.97, 1.03)) for v in base)
    h, w, clear = 0.5 * length, 0.5 * width, 0.22
    belt = 0.64 * height
    nose = {"sedan": 0.30, "hatch": 0.24, "suv": 0.28, "van": 0.16}[kind] * length
    tail = {"sedan": 0.14, "hatch": 0.02, "suv": 0.02, "van": 0.01}[kind] * length
    lower = [
        (-h + 0.06, clear),
        (h - 0.08, clear),
        (h, 0.45 * belt),
        (h - 0.04, 0.78 * belt),
        (h - nose, belt),
        (-h + 0.03, belt),
        (-h, 0.6 * belt),
    ]
    rake = 0.22 * length if kind != "van" else 0.1 * length
    upper = [(h - nose, belt), (h - nose - rake, height), (-h + tail + 0.28, height), (-h + tail + 0.02, belt)]
    roof = [
        (h - nose - rake + 0.04, height - 0.06),
        (h - nose - rake - 0.05, height + 0.012),
        (-h + tail + 0.34, height + 0.012),
        (-h + tail + 0.24, height - 0.06),
    ]
    parts = [
        prism(lower, -w, w, M.PAINT),
        prism(upper, -w + 0.05, w - 0.05, M.GLASS, 0.16),
        prism(roof, -w + 0.19, w - 0.19, M.PAINT),
    ]
    for x in (h - nose - 0.55 * rake - 0.75, -h + tail + 0.75):  # pillars
        parts += [
            box((x - 0.04, y - 0.02, belt), (x + 0.04, y + 0.02, height - 0.05), M.PAINT) for y in (-w + 0.12, w - 0.12)
        ]
    parts += _wheels((h - 0.19 * length, -h + 0.19 * length), w + 0.01, 0.33, 0.22)
    parts += _lights(h, -h, w, 0.66 * belt + 0.05)
    parts += [
        box((h - nose - 0.35, s * (w + 0.1) - 0.09, belt), (h - nose - 0.2, s * (w + 0.1) + 0.09, belt + 0.16), M.PAINT)
        for s in (-1, 1)
    ]
    color = [
        (198, 30, 38),
        (28, 62, 128),
        (225, 226, 228),
        (44, 46, 50),
        (150, 156, 160),
        (24, 96, 74),
        (190, 140, 40),
    ][int(rng.integers(7))]
    return Shape((join(parts),), ObjectClass.CAR, color, mirrors=0.18)


def truck(rng: np.random.Generator, length: float = 8.2) -> Shape:
    """A rigid truck: cab, box body, chassis, three axles."""
    h, w, top = 0.5 * length, 1.25, float(rng.uniform(3.2, 3.5))
    cab = [(h - 1.9, 0.5), (h - 0.03, 0.5), (h, 1.3), (h - 0.22, 2.75), (h - 1.9, 2.8)]
    glass = [(h - 0.10, 1.62), (h + 0.0, 1.62), (h - 0.17, 2.55), (h - 0.27, 2.55)]
    parts = [
        prism(cab, -w + 0.05, w - 0.05, M.PAINT, 0.06),
        prism(glass, -w + 0.2, w - 0.2, M.GLASS),
        box((-h, -w, 1.05), (h - 2.05, w, top), M.CANVAS),
        box((-h + 0.1, -0.5, 0.6), (h - 0.6, 0.5, 1.06), M.DARK_METAL),
        box((h - 0.06, -w + 0.1, 0.35), (h + 0.01, w - 0.1, 0.7), M.DARK_METAL),
        box((-h + 0.02, -w + 0.1, 0.5), (-h + 0.12, w - 0.1, 0.68), M.DARK_METAL),
    ]
    for side in (-1.0, 1.0):
        parts.append(box((h - 1.5, side * (w - 0.06) - 0.02, 1.7), (h - 0.6, side * (w - 0.06) + 0.02, 2.4), M.GLASS))
        parts.append(
            box((-h + 2.4, side * (w - 0.05) - 0.02, 0.45), (h - 3.2, side * (w - 0.05) + 0.02, 0.95), M.METAL)
        )
    parts += _wheels((h - 1.25, -h + 1.5, -h + 2.55), w, 0.5, 0.34)
    parts += _lights(h, -h, w, 0.9)
    color = [(190, 44, 36), (30, 84, 150), (235, 235, 232), (220, 150, 40)][int(rng.integers(4))]
    return Shape((join(parts),), ObjectClass.TRUCK, color)


def trailer(rng: np.random.Generator, length: float = 7.4) -> Shape:
    """A two-axle drawbar trailer with a canvas body."""
    h, w, top = 0.5 * length, 1.25, float(rng.uniform(3.1, 3.4))
    parts = [
        box((-h, -w, 1.05), (h, w, top), M.CANVAS),
        box((-h + 0.1, -0.5, 0.6), (h - 0.1, 0.5, 1.06), M.DARK_METAL),
        box((-h + 0.02, -w + 0.1, 0.5), (-h + 0.12, w - 0.1, 0.68), M.DARK_METAL),
    ]
    parts += _wheels((h - 1.3, -h + 1.3), w, 0.48, 0.34)
    parts += _lights(h, -h, w, 0.9)
    return Shape((join(parts),), ObjectClass.TRAILER, (200, 200, 196))


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
    color = [(186, 52, 46), (40, 92, 150), (214, 180, 60), (70, 120, 70)][int(rng.integers(4))]
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
