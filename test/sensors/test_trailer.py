"""The trailer: its angle from points, topic and TF, and masks that hide all of it and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.config import Hitch
from autonomy_perception.sensors import trailer

SEMI = Hitch(x=0.4, trailer_front=1.4, trailer_length=11.0, trailer_width=2.5, trailer_height=4.0)
ROOF = (3.6, 0.0, 3.2)
MIRRORS = ((3.9, 1.5, 2.2), (3.9, -1.5, 2.2))


def outline(hitch: Hitch, angle: float) -> np.ndarray:
    """Corners (4,2) in base_link, counter-clockwise from the front left."""
    half = hitch.trailer_width / 2.0
    local = np.array([[hitch.trailer_front, half], [-hitch.trailer_length, half], [-hitch.trailer_length, -half],
                      [hitch.trailer_front, -half]])  # fmt: skip
    c, s = math.cos(angle), math.sin(angle)
    return local @ np.array([[c, s], [-s, c]]) + [hitch.x, 0.0]


def cast(origin: tuple[float, float, float], walls: list[np.ndarray], top: float, step_deg: float = 0.2) -> np.ndarray:
    """What a lidar sees of upright walls [(2,2) segments] of a height, 12 beams; points (N,3) in base_link."""
    azimuth = np.deg2rad(np.arange(-180.0, 180.0, step_deg))
    d = np.stack([np.cos(azimuth), np.sin(azimuth)], 1)
    nearest = np.full(len(d), np.inf)
    for a, b in walls:
        e, o = b - a, a - np.array(origin[:2])
        det = e[0] * d[:, 1] - e[1] * d[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (e[0] * o[1] - e[1] * o[0]) / det
            u = (d[:, 0] * o[1] - d[:, 1] * o[0]) / det
        nearest = np.where((t > 0.3) & (u >= 0) & (u <= 1) & (t < nearest), t, nearest)
    hit = np.isfinite(nearest)
    xy = np.array(origin[:2]) + d[hit] * nearest[hit, None]
    out = []
    for elevation in np.deg2rad(np.linspace(-22, 8, 12)):
        z = origin[2] + nearest[hit] * math.tan(elevation)
        out.append(np.concatenate([xy, z[:, None]], 1)[(z > 0.2) & (z < top)])
    return np.concatenate(out)


def box_walls(corners: np.ndarray) -> list[np.ndarray]:
    return [np.stack([corners[k], corners[(k + 1) % len(corners)]]) for k in range(len(corners))]


def seen(hitch: Hitch, angle: float, origins, seed: int = 0, clutter: list[np.ndarray] = ()) -> list:
    """Views of the trailer (with 2 cm of noise) and of what stands around, from several lidars."""
    rng = np.random.default_rng(seed)
    walls = box_walls(outline(hitch, angle)) + [w for c in clutter for w in box_walls(c)]
    views = [(np.array(o), cast(o, walls, hitch.trailer_height)) for o in origins]
    return [(o, (xyz + rng.normal(0.0, 0.02, xyz.shape)).astype(np.float32)) for o, xyz in views]


def found(views: list, hitch: Hitch, expected: float | None = None) -> trailer.Fit | None:
    return trailer.fit(trailer.Cells.of(views, hitch), hitch, expected)


def car(x: float, y: float, yaw: float = 0.0, length: float = 4.5, width: float = 1.9) -> np.ndarray:
    c, s = math.cos(yaw), math.sin(yaw)
    half = np.array([[length, width], [-length, width], [-length, -width], [length, -width]]) / 2
    return half @ np.array([[c, s], [-s, c]]) + [x, y]


@given(st.floats(-80, 80), st.sampled_from(["roof", "mirrors", "left mirror"]), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_angle_of_a_box_trailer_is_found_from_whatever_sees_it(degrees, where, seed):
    origins = {"roof": [ROOF], "mirrors": MIRRORS, "left mirror": MIRRORS[:1]}[where]
    truth = math.radians(degrees)
    got = found(seen(SEMI, truth, origins, seed), SEMI)
    assert got is not None, "no trailer found"
    assert abs(got.angle - truth) < math.radians(0.6), math.degrees(got.angle)


@given(st.floats(-30, 30), st.integers(0, 99), st.floats(2.5, 5), st.floats(-12, 4), st.sampled_from([-1, 1]))
@settings(max_examples=40, deadline=None)
def test_trucks_and_walls_beside_it_do_not_mislead(degrees, seed, gap, x, side):
    truth = math.radians(degrees)
    swing = abs(math.sin(truth)) * SEMI.trailer_length
    neighbour = car(x, side * (1.25 + swing + gap + 1.25), 0.0, 12.0, 2.5)
    wall = car(-5.0, -side * (6.0 + swing), 0.0, 60.0, 0.4)
    got = found(seen(SEMI, truth, [ROOF, *MIRRORS], seed, [neighbour, wall]), SEMI)
    assert got is not None and abs(got.angle - truth) < math.radians(0.6)


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_without_a_trailer_traffic_walls_and_bushes_are_none(seed):
    rng = np.random.default_rng(seed)
    things = []
    for _ in range(rng.integers(1, 6)):
        x, y = rng.uniform(-16, 8), rng.uniform(2.4, 7) * rng.choice([-1, 1])
        things.append(car(x, y, rng.normal(0, 0.1), *((12.0, 2.5) if rng.random() < 0.5 else (4.5, 1.9))))
    things.append(car(-rng.uniform(3.0, 6.0) - 6.0, rng.normal(0, 0.5), rng.normal(0, 0.05), 12.0, 2.5))  # a truck behind
    walls = [w for c in things for w in box_walls(c)]
    bush = rng.normal([rng.uniform(-10, -3), rng.choice([-1, 1]) * rng.uniform(3, 6), 2.0], [1.0, 0.7, 0.6], (400, 3))
    views = []
    for o in (ROOF, *MIRRORS):
        xyz = np.concatenate([cast(o, walls, 3.8), bush[rng.random(400) < 0.5]])
        body = (xyz[:, 0] > -1.45) & (np.abs(xyz[:, 1]) < 1.35) & (xyz[:, 0] < 5)
        views.append((np.array(o), xyz[~body]))
    assert found(views, SEMI) is None


def test_nothing_or_too_little_is_no_trailer():
    assert found([(np.array(ROOF), np.zeros((0, 3), np.float32))], SEMI) is None
    assert found([(np.array(ROOF), np.float32([[1.8, 0.1, 2.0]] * 50))], SEMI) is None


@pytest.mark.parametrize("hitch", [
    Hitch(x=-1.2, trailer_front=-1.6, trailer_length=8.0, trailer_width=2.5, trailer_height=3.6),  # drawbar
    Hitch(x=-0.9, trailer_front=-1.0, trailer_length=4.2, trailer_width=2.1, trailer_height=2.4),  # horse box
])  # fmt: skip
def test_drawbar_trailers_with_their_front_behind_the_hitch(hitch):
    for degrees in (-35, -10, 0, 4, 25):
        points = seen(hitch, math.radians(degrees), [(1.2, 0.0, 2.4), *MIRRORS], 3)
        got = found(points, hitch)
        assert got is not None and abs(math.degrees(got.angle) - degrees) < 1.0
