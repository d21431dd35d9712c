"""Composed bodies of road users: origin on the ground under the box centre, x forward [m]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.rays.scene import Mesh, join
from autonomy_perception.simulation.world.materials import Material as M
from autonomy_perception.simulation.world.solids import box, cylinder, prism
from autonomy_perception.types import ObjectClass


@dataclass(frozen=True)
class Shape:
    """A body: mesh, class, body colour RGB (3,) 0..255; several ``phases`` where it changes while moving.

    Attributes:
        mirrors: how far mirrors stand out on each side [m]; as in labelled data sets the box leaves them out.
        hitch: x of the coupling of what can pull [m]. pin, axle: x of the coupling and of the (middle) axle of a trailer.
    """

    phases: tuple[Mesh, ...]
    label: ObjectClass
    color: tuple[float, float, float]
    mirrors: float = 0.0
    hitch: float = 0.0
    pin: float = 0.0
    axle: float = 0.0

    @property
    def size(self) -> NDArray[np.float64]:
        """Extents l, w, h [m] of the first phase (its box is centred over the origin), without mirrors."""
        v = self.phases[0].vertices
        return np.asarray([2 * np.abs(v[:, 0]).max(), 2 * (np.abs(v[:, 1]).max() - self.mirrors), v[:, 2].max()])


def wheels(xs: tuple[float, ...], half_width: float, radius: float, width: float) -> list[Mesh]:
    """Pairs of wheels at positions along the body [m], flush with its sides."""
    return [
        cylinder((x, side * half_width - (width if side > 0 else 0.0), radius), (0.0, width, 0.0), radius, M.TYRE)
        for x in xs
        for side in (-1.0, 1.0)
    ]


def lights(front: float, rear: float, half_width: float, z: float) -> list[Mesh]:
    """Head and tail lights and plates at the ends of a body [m]."""
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
    parts += wheels((h - 0.19 * length, -h + 0.19 * length), w + 0.01, 0.33, 0.22)
    parts += lights(h, -h, w, 0.66 * belt + 0.05)
    parts += [
        box((h - nose - 0.35, s * (w + 0.1) - 0.09, belt), (h - nose - 0.2, s * (w + 0.1) + 0.09, belt + 0.16), M.PAINT)
        for s in (-1, 1)
    ]
    return Shape((join(parts),), ObjectClass.CAR, paint(rng), mirrors=0.18)


_PAINTS = (
    (226, 227, 229),
    (26, 27, 30),
    (104, 108, 113),
    (176, 180, 184),
    (30, 62, 124),
    (188, 32, 36),
    (28, 92, 70),
    (196, 148, 44),
)
_SHARES = (0.28, 0.20, 0.20, 0.12, 0.09, 0.07, 0.02, 0.02)


def paint(rng: np.random.Generator) -> tuple[float, float, float]:
    """Body colour RGB of a car, with about the shares of colours on European roads."""
    base = np.array(_PAINTS[int(rng.choice(len(_PAINTS), p=_SHARES))], np.float64)
    r, g, b = np.clip(base + rng.normal(0.0, 6.0, 3), 0.0, 255.0)
    return float(r), float(g), float(b)
