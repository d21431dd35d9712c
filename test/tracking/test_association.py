"""Gates, costs, assignment, containment."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.config import AssociationConfig
from autonomy_perception.ops import pairs
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.tracking.association import FORBIDDEN, Boxes, assign, costs, inside, united
from autonomy_perception.tracking.classes import compatibility_table
from autonomy_perception.types import N_CLASSES, ObjectClass

LIB = CpuLibrary()
AFFINITY = compatibility_table(AssociationConfig())


def boxes(center, size, yaw=None, label=ObjectClass.CAR, velocity=None, delay=None) -> Boxes:  # type: ignore[no-untyped-def]
    center, size = np.asarray(center, float).reshape(-1, 2), np.asarray(size, float).reshape(-1, 2)
    n = len(center)
    probs = np.zeros((n, N_CLASSES))
    probs[:, label] = 1.0
    heading = np.zeros(n) if yaw is None else np.asarray(yaw, float)
    motion = [np.zeros(2) if a is None else np.asarray(a, float) for a in (velocity, delay)]
    return Boxes.of(center, size, heading, np.array([0.0, 1.6]), np.ones(n), *motion, probs)


def cost_of(tracks: Boxes, found: Boxes) -> np.ndarray:
    n = len(tracks.center)
    return costs(
        LIB,
        tracks,
        np.tile(0.04 * np.eye(2), (n, 1, 1)),
        found,
        np.full(len(found.center), 0.01),
        np.full(n, 2.0),
        AFFINITY,
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10**6))
def test_assignment_is_optimal(n: int, m: int, seed: int) -> None:
    cost = np.minimum(np.random.default_rng(seed).uniform(0, 45, (n, m)), FORBIDDEN)
    rows, cols = assign(cost)
    ours = cost[rows, cols].sum() + FORBIDDEN * (min(n, m) - len(rows))
    if n <= m:
        best = min(sum(cost[i, j] for i, j in enumerate(p)) for p in itertools.permutations(range(m), n))
    else:
        best = min(sum(cost[i, j] for j, i in enumerate(p)) for p in itertools.permutations(range(n), m))
    assert ours <= best + 1e-9
    assert len(set(rows)) == len(rows) and len(set(cols)) == len(cols)


def test_nothing_to_assign() -> None:
    assert [len(a) for a in assign(np.zeros((0, 3)))] == [0, 0]
    assert cost_of(boxes([], []), boxes([[0, 0]], [[1, 1]])).shape == (0, 1)


def test_partial_view_is_no_distance() -> None:
    track = boxes([[0, 0]], [[8.0, 2.5]])
    part = boxes([[-3.0, 0.0]], [[2.0, 2.5]])  # the rear 2 m of the truck
    beyond = boxes([[-6.5, 0.0]], [[2.0, 2.5]])
    assert cost_of(track, part)[0, 0] < FORBIDDEN
    assert cost_of(track, beyond)[0, 0] == FORBIDDEN


def test_class_and_height_close_the_gate() -> None:
    track = boxes([[0, 0]], [[4.4, 1.8]])
    assert cost_of(track, boxes([[0.2, 0]], [[4.4, 1.8]], label=ObjectClass.PEDESTRIAN))[0, 0] == FORBIDDEN
    above = boxes([[0.2, 0]], [[4.4, 1.8]])
    above.vertical[:] = 4.0, 5.0
    assert cost_of(track, above)[0, 0] == FORBIDDEN


def test_a_moving_track_is_compared_where_it_was_seen() -> None:
    track = boxes([[10.0, 0.0]], [[4.4, 1.8]], velocity=[[20.0, 0.0]])
    seen = [[8.2, 0.0]]  # 0.09 s earlier
    late = boxes(seen, [[4.4, 1.8]], delay=[[-0.09, -0.09]])
    seam = boxes(seen, [[4.4, 1.8]], delay=[[0.0, -0.09]])
    now = boxes(seen, [[4.4, 1.8]])
    assert abs(pairs.along(LIB, track.table, late.table)[0, 0, 0]) < 1e-9
    assert abs(pairs.along(LIB, track.table, seam.table)[0, 0, 0]) < 1e-9
    assert abs(pairs.along(LIB, track.table, now.table)[0, 0, 0] + 1.8) < 1e-9


def test_inside_and_united_in_turned_axes() -> None:
    outer = boxes([[5.0, 5.0]], [[8.0, 2.5]], yaw=[np.pi / 2])
    part = boxes([[5.0, 8.0], [9.0, 5.0]], [[2.0, 1.0], [2.0, 1.0]], yaw=[np.pi / 2, 0.0])
    assert inside(LIB, outer, part, 0.2).tolist() == [[True, False]]
    both = Boxes(np.concatenate([outer.table, boxes([[5.0, 10.0]], [[2.0, 2.5]], yaw=[np.pi / 2]).table]))
    center, size = united(LIB, both, 0, np.array([1]))
    np.testing.assert_allclose(center, [5.0, 6.0], atol=1e-9)
    np.testing.assert_allclose(size, [10.0, 2.5], atol=1e-9)
