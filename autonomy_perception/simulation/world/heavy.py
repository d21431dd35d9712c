"""Composed bodies of heavy vehicles: rigid trucks, tractors with semi-trailers, drawbar trailers, buses, dumpers."""

from __future__ import annotations

import numpy as np

from autonomy_perception.simulation.rays.scene import Mesh, join
from autonomy_perception.simulation.world.materials import Material as M
from autonomy_perception.simulation.world.shapes import Shape, lights, wheels
from autonomy_perception.simulation.world.solids import box, cylinder, prism
from autonomy_perception.types import ObjectClass

_COLORS = ((190, 44, 36), (30, 84, 150), (235, 235, 232), (220, 150, 40), (60, 110, 70))
_TARPS = ((206, 204, 196), (60, 90, 140), (170, 60, 50), (70, 120, 90), (220, 220, 222))


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
    parts += wheels((h - 1.25, -h + 1.5, -h + 2.55), w, 0.5, 0.34)
    parts += lights(h, -h, w, 0.9)
    return Shape((join(parts),), ObjectClass.TRUCK, _COLORS[int(rng.integers(5))], hitch=-h - 0.1)


def trailer(rng: np.random.Generator, length: float = 7.4) -> Shape:
    """A drawbar trailer with a canvas body; it bends where its drawbar meets the truck."""
    h, w, top = 0.5 * length, 1.25, float(rng.uniform(3.1, 3.4))
    parts = [
        box((-h, -w, 1.05), (h, w, top), M.CANVAS),
        box((-h + 0.1, -0.5, 0.6), (h - 0.1, 0.5, 1.06), M.DARK_METAL),
        box((-h + 0.02, -w + 0.1, 0.5), (-h + 0.12, w - 0.1, 0.68), M.DARK_METAL),
    ]
    parts += wheels((h - 1.3, -h + 1.3), w, 0.48, 0.34)
    parts += lights(h, -h, w, 0.9)
    return centred(parts, ObjectClass.TRAILER, _TARPS[int(rng.integers(5))], pin=h + 1.05, axle=-h + 1.3)


def centred(
    parts: list[Mesh],
    label: ObjectClass,
    color: tuple[float, float, float],
    hitch: float = 0.0,
    pin: float = 0.0,
    axle: float = 0.0,
) -> Shape:
    """A shape whose origin is moved along x under the middle of its box."""
    mesh = join(parts)
    middle = 0.5 * float(mesh.vertices[:, 0].min() + mesh.vertices[:, 0].max())
    moved = Mesh(mesh.vertices - np.array([middle, 0.0, 0.0]), mesh.faces, mesh.material)
    return Shape((moved,), label, color, hitch=hitch - middle, pin=pin - middle, axle=axle - middle)


def tractor(rng: np.random.Generator) -> Shape:
    """A two-axle tractor for semi-trailers: cab over engine, chassis, fifth wheel."""
    w, high = 1.25, float(rng.uniform(3.3, 3.9))
    front, back = 1.45, -4.5
    cab = [
        (-0.75, 0.5),
        (front - 0.06, 0.5),
        (front, 1.3),
        (front - 0.2, 0.86 * high),
        (front - 0.7, high),
        (-0.75, high),
    ]
    glass = [(front - 0.08, 1.75), (front + 0.015, 1.75), (front - 0.14, 0.8 * high), (front - 0.24, 0.8 * high)]
    parts = [
        prism(cab, -w + 0.02, w - 0.02, M.PAINT, 0.05),
        prism(glass, -w + 0.15, w - 0.15, M.GLASS),
        box((back, -0.45, 0.6), (front - 0.5, 0.45, 0.98), M.DARK_METAL),
        box((-1.9, -w + 0.05, 0.45), (-0.85, w - 0.05, 1.0), M.METAL),
        cylinder((-3.3, 0.0, 0.98), (0.0, 0.0, 0.16), 0.5, M.DARK_METAL),
        box((front - 0.05, -w + 0.1, 0.32), (front + 0.02, w - 0.1, 0.62), M.DARK_METAL),
    ]
    for side in (-1.0, 1.0):
        y = side * (w - 0.02)
        parts.append(box((0.1, y - 0.02, 1.75), (0.95, y + 0.02, 2.5), M.GLASS))
    parts += wheels((0.0, -3.7), w, 0.5, 0.34) + lights(front, back, w, 0.85)
    return centred(parts, ObjectClass.TRUCK, _COLORS[int(rng.integers(5))], hitch=-3.3)


def semitrailer(rng: np.random.Generator, body: str | None = None, length: float = 13.6) -> Shape:
    """A semi-trailer: ``box``, ``container``, ``tank`` or ``flatbed`` (drawn if None); three axles at the rear."""
    body = body or str(rng.choice(["box", "container", "tank", "flatbed"], p=[0.5, 0.2, 0.15, 0.15]))
    w, front = 1.25, 1.2  # the pin is the origin until it is centred
    back, top = front - length, 3.95
    deck = [
        box((back, -w, 1.12), (front, w, 1.3), M.METAL),
        box((back + 0.3, -0.5, 0.85), (front - 2.6, 0.5, 1.12), M.DARK_METAL),
        box((back, -w + 0.08, 0.45), (back + 0.1, w - 0.08, 0.62), M.DARK_METAL),
    ]
    deck += wheels((back + 2.3, back + 3.6, back + 4.9), w, 0.5, 0.36)
    deck += [box((front - 3.2, s * 0.9 - 0.08, 0.02), (front - 3.0, s * 0.9 + 0.08, 1.1), M.METAL) for s in (-1, 1)]
    deck += [box((back - 0.01, s * 0.95 - 0.2, 0.9), (back + 0.02, s * 0.95 + 0.2, 1.08), M.TAILLIGHT) for s in (-1, 1)]
    deck.append(box((back - 0.015, -0.26, 0.9), (back + 0.02, 0.26, 1.02), M.RETRO))
    if body == "box":
        deck.append(box((back, -w - 0.02, 1.3), (front, w + 0.02, top), M.PAINT))
        deck += [
            box((back - 0.012, s * 0.62 - 0.6, 1.34), (back + 0.01, s * 0.62 + 0.6, top - 0.1), M.CANVAS)
            for s in (-1, 1)
        ]
    elif body == "container":
        ribs = np.arange(back + 0.5, front - 0.3, 0.55)
        deck.append(box((back + 0.1, -w + 0.06, 1.3), (front - 0.1, w - 0.06, top), M.PAINT))
        deck += [box((x, -w + 0.01, 1.4), (x + 0.22, w - 0.01, top - 0.12), M.PAINT) for x in ribs]
    elif body == "tank":
        deck.append(cylinder((back + 0.2, 0.0, 2.35), (length - 0.5, 0.0, 0.0), 1.05, M.METAL, 18))
        deck.append(box((back + 2.0, -0.3, 3.36), (front - 2.0, 0.3, 3.46), M.DARK_METAL))
    else:
        deck.append(box((front - 0.12, -w, 1.3), (front, w, 2.3), M.METAL))
        for x in np.arange(back + 1.2, front - 2.5, 3.0)[: int(rng.integers(2, 5))]:
            height = float(rng.uniform(0.5, 1.5))
            deck.append(box((x, -1.0, 1.3), (x + 2.2, 1.0, 1.3 + height), M.WOOD))
    return centred(deck, ObjectClass.TRAILER, _TARPS[int(rng.integers(5))], pin=0.0, axle=back + 3.6)


def bus(rng: np.random.Generator) -> Shape:
    """A two-axle bus of 12 m."""
    length, w, top = float(rng.uniform(11.6, 12.6)), 1.27, float(rng.uniform(3.0, 3.3))
    h = 0.5 * length
    profile = [(-h, 0.3), (h - 0.05, 0.3), (h, 0.9), (h - 0.18, top - 0.1), (h - 0.5, top), (-h, top)]
    screen = [(h - 0.11, 1.1), (h + 0.01, 1.1), (h - 0.16, top - 0.35), (h - 0.28, top - 0.35)]
    parts = [
        prism(profile, -w, w, M.PAINT),
        prism(screen, -w + 0.1, w - 0.1, M.GLASS),
        box((-h + 0.4, -w - 0.01, 1.35), (h - 0.6, w + 0.01, top - 0.65), M.GLASS),
        box((-h + 1.5, -0.9, top), (h - 5.0, 0.9, top + 0.18), M.CANVAS),
    ]
    parts += wheels((h - 2.7, -h + 3.3), w + 0.01, 0.48, 0.3) + lights(h, -h, w, 0.8)
    return Shape(
        (join(parts),),
        ObjectClass.BUS,
        ((228, 190, 50), (235, 235, 235), (60, 120, 90), (170, 40, 50))[int(rng.integers(4))],
    )


def dumper(rng: np.random.Generator) -> Shape:
    """A rigid dump truck of a quarry, about 9 m long, 4 m wide."""
    h, w, k = 4.6, 1.95, float(rng.uniform(0.9, 1.1))
    parts = [
        prism([(-h, 2.2), (-3.6, 1.5), (1.3, 1.9), (1.8, 3.5), (-h, 3.5)], -w, w, M.PAINT),
        prism([(1.7, 3.4), (4.5, 3.85), (4.5, 4.0), (1.7, 3.6)], -w, w, M.PAINT),
        box((1.9, -w + 0.2, 1.0), (4.5, w - 0.2, 2.0), M.PAINT),
        box((2.2, 0.2, 2.0), (3.9, w - 0.3, 3.5), M.GLASS),
        box((-3.8, -0.8, 0.9), (3.5, 0.8, 1.4), M.DARK_METAL),
    ]
    if rng.random() < 0.6:
        parts.append(prism([(-4.0, 3.4), (1.5, 3.4), (-0.8, 4.2)], -w + 0.3, w - 0.3, M.SAND, 0.6))
    parts += wheels((2.9, -2.4), w + 0.05, 0.95, 0.65) + lights(h, -h, w, 1.6)
    grown = join(parts)
    return centred([Mesh(grown.vertices * k, grown.faces, grown.material)], ObjectClass.TRUCK, (226, 170, 36))


def loader(rng: np.random.Generator) -> Shape:
    """A wheel loader with its bucket low, about 8 m long."""
    lift = float(rng.uniform(0.1, 0.9))
    parts = [
        box((-3.6, -1.2, 1.0), (-0.6, 1.2, 2.3), M.PAINT),
        box((-1.2, -0.8, 2.3), (0.4, 0.8, 3.5), M.GLASS),
        box((-1.25, -0.85, 3.5), (0.45, 0.85, 3.6), M.PAINT),
        box((-0.6, -0.7, 0.9), (2.2, 0.7, 1.5), M.PAINT),
        prism([(0.8, 1.8), (1.0, 1.6), (3.4, 0.5 + lift), (3.4, 0.75 + lift)], -0.7, 0.7, M.PAINT),
        prism(
            [(3.2, lift), (4.6, lift), (4.6, 0.1 + lift), (3.5, 0.4 + lift), (3.4, 1.3 + lift), (3.2, 1.3 + lift)],
            -1.45,
            1.45,
            M.DARK_METAL,
        ),
    ]
    return centred(parts + wheels((1.5, -1.9), 1.35, 0.8, 0.6), ObjectClass.TRUCK, (226, 170, 36))
