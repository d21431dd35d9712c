"""Furniture of roads: posts, signs, lights, poles, rails, barriers, cones, fences; as maps know them where they matter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.rays.scene import Mesh, join
from autonomy_perception.simulation.world.materials import Kind
from autonomy_perception.simulation.world.materials import Material as M
from autonomy_perception.simulation.world.solids import box, cylinder, prism
from autonomy_perception.simulation.world.structures import Furnishing, Landmark, Structure

F64 = NDArray[np.float64]


def _mark(kind: Kind, p: F64, up: float, heading: float, size: tuple[float, float], text: str = "") -> Landmark:
    return Landmark(kind, 0, (float(p[0]), float(p[1]), float(p[2]) + up), float(heading), size, text)


def post(on: Furnishing, p: F64) -> None:
    """Delineator beside the shoulder, if nobody passes there: 1 m high with a reflector."""
    if not on.clear(p[:2], 0.1):
        return
    body = box((-0.05, -0.06, -0.2), (0.05, 0.06, 1.0), M.WHITE_PLASTIC)
    body = join([body, box((-0.055, -0.04, 0.7), (0.055, 0.04, 0.88), M.RETRO)])
    on.add(Structure.of(Kind.POST, body, p), _mark(Kind.POST, p, 0.8, 0.0, (0.12, 1.0)))


def sign(on: Furnishing, p: F64, heading: float, text: str) -> bool:
    """A round or triangular sign 2.2 m above the ground, read from the side that ``heading`` points away from; whether
    it stands there: only if nobody passes."""
    face = {"stop": M.RED_SIGN, "limit": M.RETRO, "warning": M.YELLOW_SIGN, "direction": M.BLUE_SIGN}[text]
    width = 0.9 if text == "direction" else 0.38
    if not on.clear(p[:2], width):
        return False
    if text == "direction":
        plate = box((-0.03, -width, 1.7), (0.0, width, 2.7), face)
    else:
        plate = cylinder((-0.05, 0.0, 2.2), (-0.02, 0.0, 0.0), width, face, 8 if text == "stop" else 18)
    body = join([cylinder((0, 0, -0.3), (0, 0, 2.7), 0.045, M.METAL, 8), plate])
    size = (2 * width, 1.0 if text == "direction" else 2 * width)
    on.add(Structure.of(Kind.SIGN, body, p, heading), _mark(Kind.SIGN, p, 2.2, heading + np.pi, size, text))
    return True


def gantry(on: Furnishing, left: F64, right: F64, heading: float) -> None:
    """A sign bridge over the whole road; trucks pass under it."""
    middle, span = 0.5 * (left + right), float(np.linalg.norm((left - right)[:2]))
    base = min(left[2], right[2]) - middle[2]
    parts = [
        box((-0.2, s * 0.5 * span - 0.2, base - 0.5), (0.2, s * 0.5 * span + 0.2, 7.4), M.METAL) for s in (-1.0, 1.0)
    ]
    parts += [box((-0.25, -0.5 * span, z), (0.25, 0.5 * span, z + 0.2), M.METAL) for z in (5.9, 7.2)]
    marks = []
    for y in (-0.3 * span, 0.3 * span):
        parts.append(box((-0.35, y - 2.2, 5.4), (-0.27, y + 2.2, 7.6), M.BLUE_SIGN))
        at = middle + np.append(geometry.rotation_z(heading)[:2, :2] @ np.array([-0.35, y]), 0.0)
        marks.append(_mark(Kind.SIGN, at, 6.5, heading + np.pi, (4.4, 2.2), "direction"))
    on.add(Structure.of(Kind.SIGN, join(parts), middle, heading), *marks)


def pole(on: Furnishing, p: F64, heading: float) -> None:
    """A wooden pole of a power line, 8 m."""
    body = [cylinder((0, 0, -0.3), (0, 0, 8.3), 0.14, M.BARK, 10), box((-0.06, -1.1, 7.3), (0.06, 1.1, 7.45), M.BARK)]
    on.add(Structure.of(Kind.POLE, join(body), p, heading, 0.1), _mark(Kind.POLE, p, 4.0, heading, (0.28, 8.0)))


def lamp(on: Furnishing, p: F64, heading: float) -> None:
    """A lamp post of 9 m whose arm reaches 2 m along ``heading``."""
    body = [
        cylinder((0, 0, -0.3), (0, 0, 9.3), 0.09, M.METAL, 10),
        box((0.0, -0.05, 8.9), (2.0, 0.05, 9.0), M.METAL),
        box((1.5, -0.14, 8.82), (2.2, 0.14, 8.92), M.WHITE_PLASTIC),
    ]
    on.add(Structure.of(Kind.POLE, join(body), p, heading, 0.07), _mark(Kind.POLE, p, 4.5, heading, (0.18, 9.0)))


def traffic_light(on: Furnishing, p: F64, heading: float, state: str) -> bool:
    """A light on a pole, facing who comes along ``heading``; ``state`` red or green. Whether it stands there: only if
    nobody passes."""
    if not on.clear(p[:2], 0.2):
        return False
    lit = {"red": M.LAMP_RED, "green": M.LAMP_GREEN}[state]
    head = [box((-0.18, -0.17, 2.6), (0.02, 0.17, 3.6), M.DARK_METAL)]
    for z, own in ((3.4, "red"), (3.1, "amber"), (2.8, "green")):
        head.append(cylinder((-0.18, 0.0, z), (-0.03, 0.0, 0.0), 0.1, lit if own == state else M.LAMP_OFF, 12))
    body = join([cylinder((0, 0, -0.3), (0, 0, 3.9), 0.07, M.METAL, 8), *head])
    mark = _mark(Kind.TRAFFIC_LIGHT, p, 3.1, heading + np.pi, (0.34, 1.0), state)
    on.add(Structure.of(Kind.TRAFFIC_LIGHT, body, p, heading), mark)
    return True


def _between(a: F64, b: F64) -> tuple[F64, float]:
    """Transform to a piece that runs from ``a`` to ``b`` (3,), and its length [m]."""
    along = b - a
    length = float(np.linalg.norm(along))
    turn = geometry.rotation_rpy(0.0, -float(np.arcsin(along[2] / length)), float(np.arctan2(along[1], along[0])))
    return geometry.make_transform(turn, a), length


def _section(kind: Kind, parts: list[Mesh], a: F64, b: F64) -> Structure:
    turn, _ = _between(a, b)
    middle = 0.5 * (a + b)
    return Structure(kind, join(parts).moved(turn), None, (float(middle[0]), float(middle[1]), 0.0))


def rail(on: Furnishing, stops: list[F64]) -> None:
    """Guard rail through points (3,): one section from each to the next, with gaps where somebody passes."""
    for a, b in pairwise(stops):
        if not on.clear_between(a[:2], b[:2], 0.1):
            continue
        n = float(np.linalg.norm(b - a))
        parts = [box((-0.02, -0.04, z), (n + 0.02, 0.04, z + 0.13), M.METAL) for z in (0.46, 0.62)]
        parts += [
            box((-0.02, -0.005, 0.56), (n + 0.02, 0.02, 0.66), M.METAL),
            box((-0.05, -0.1, -0.3), (0.05, -0.03, 0.72), M.METAL),
        ]
        on.add(_section(Kind.RAIL, parts, a, b))


def barrier(on: Furnishing, stops: list[F64], material: M = M.CONCRETE) -> None:
    """Concrete (or red plastic) barrier through points (3,)."""
    profile = [(-0.3, -0.1), (0.3, -0.1), (0.12, 0.3), (0.09, 0.82), (-0.09, 0.82), (-0.12, 0.3)]
    for a, b in pairwise(stops):
        n = float(np.linalg.norm(b - a))
        body = prism([(x, z) for x, z in profile], 0.0, n - 0.04, material)
        on.add(
            _section(
                Kind.BARRIER, [body.moved(geometry.make_transform(geometry.rotation_z(-np.pi / 2), np.zeros(3)))], a, b
            )
        )


def fence(on: Furnishing, stops: list[F64]) -> None:
    """Pasture fence through points (3,): posts with three rails, with gaps where somebody passes."""
    for a, b in pairwise(stops):
        if not on.clear_between(a[:2], b[:2], 0.1):
            continue
        n = float(np.linalg.norm(b - a))
        parts = [cylinder((0, 0, -0.3), (0, 0, 1.5), 0.06, M.WOOD, 7)]
        parts += [box((0.0, -0.015, z), (n, 0.015, z + 0.09), M.WOOD) for z in (0.35, 0.7, 1.05)]
        on.add(_section(Kind.FENCE, parts, a, b))


def cone(rng: np.random.Generator, p: F64) -> Structure:
    """A traffic cone, 0.75 m."""
    rings = [(0.16, 0.03, 0.28, M.ORANGE_PLASTIC), (0.125, 0.28, 0.46, M.RETRO), (0.085, 0.46, 0.75, M.ORANGE_PLASTIC)]
    parts = [box((-0.2, -0.2, 0.0), (0.2, 0.2, 0.04), M.TYRE)]
    parts += [cylinder((0, 0, low), (0, 0, high - low), r, m, 10) for r, low, high, m in rings]
    return Structure.of(Kind.CONE, join(parts), p, float(rng.uniform(0, 6.28)), 0.1)


def beacon(rng: np.random.Generator, p: F64, heading: float) -> Structure:
    """A striped guide beacon of a work zone, 1.2 m, facing who comes along ``heading`` [rad]."""
    parts = [box((-0.2, -0.4, 0.0), (0.2, 0.4, 0.1), M.TYRE)]
    for k in range(4):
        parts.append(
            box((-0.02, -0.13, 0.15 + 0.26 * k), (0.02, 0.13, 0.41 + 0.26 * k), M.RED_SIGN if k % 2 else M.RETRO)
        )
    return Structure.of(Kind.CONE, join(parts), p, heading + float(rng.normal(0.0, 0.1)), 0.1)
