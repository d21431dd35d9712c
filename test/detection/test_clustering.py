"""Clustering kernel against a reference in NumPy and scipy.sparse.csgraph."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from autonomy_perception.ops.cluster import ClusterIds, LinkRule, Workspace, cluster_points
from autonomy_perception.ops.library import CpuLibrary, KernelError
from autonomy_perception.types import PointLabel

LIB = CpuLibrary()
BINS, BIN = 24, 0.2
F32 = NDArray[np.float32]
ORIGIN = np.zeros(3, np.float32)


def run(
    xyz: F32, label: NDArray[np.uint8], height: F32, rule: LinkRule, origin: F32, min_points: int = 1
) -> ClusterIds:
    return cluster_points(Workspace(LIB), xyz, label, height, origin, 20.0, min_points, rule)


def height_bin(height: float) -> int:
    return 0 if not height > 0 else min(int(np.float32(height) * np.float32(1 / np.float32(BIN))), BINS - 1)


def split(bins: set[int], rise: int) -> list[tuple[int, int]]:
    """Occupied bins as one or two (low, high): cut at the first empty stretch longer than ``rise``."""
    own = sorted(bins)
    for a, b in pairwise(own):
        if b - a - 1 > rise:
            return [(own[0], a), (b, own[-1])]
    return [(own[0], own[-1])]


class Reference:
    """The rules of kernels/cluster.cuh, written for reading."""

    def __init__(self, xyz: F32, label: NDArray[np.uint8], height: F32, rule: LinkRule, origin: F32) -> None:
        self.rule, self.origin = rule, origin
        cell = np.float32(rule.cell)
        with np.errstate(invalid="ignore", over="ignore"):
            near = ((xyz[:, :2] - origin[:2]) ** 2).sum(1) <= np.float32(20.0) ** 2
            near &= np.abs(xyz[:, 2]) < 1e6
        joins = np.isin(label, (PointLabel.OBSTACLE, PointLabel.OVERHANG, PointLabel.LOW)) & near
        makes = joins & (label != PointLabel.LOW)
        index = np.zeros((len(xyz), 2), np.int64)
        index[joins] = np.floor(xyz[joins, :2] * (np.float32(1) / cell)).astype(np.int64)
        bins: dict[tuple[int, int], set[int]] = {}
        for i in np.flatnonzero(makes):
            bins.setdefault((int(index[i, 1]), int(index[i, 0])), set()).add(height_bin(height[i]))
        nodes = []
        for y, x in sorted(bins):
            distance = self.distance(x, y)
            rise = int((np.float32(rule.rise) + np.float32(rule.rise_slope) * distance) / np.float32(BIN))
            nodes += [(x, y, low, high, rise) for low, high in split(bins[y, x], rise)]
        self.nodes = np.array(nodes, np.int64).reshape(-1, 5)
        self.component, self.level = self.link()
        self.id = np.full(len(xyz), -1)
        for i in np.flatnonzero(joins):
            own = [k for k, n in enumerate(nodes) if (n[1], n[0]) == (index[i, 1], index[i, 0])]
            if own:
                self.id[i] = self.component[own[-1 if height_bin(height[i]) >= nodes[own[-1]][2] else 0]]

    def distance(self, x: int, y: int) -> np.float32:
        cell, half = np.float32(self.rule.cell), np.float32(0.5)
        dx, dy = (np.float32(x) + half) * cell - self.origin[0], (np.float32(y) + half) * cell - self.origin[1]
        return np.float32(np.sqrt(dx * dx + dy * dy))

    def reach2(self, level: int) -> F32:
        r, one = self.rule, np.float32
        d = np.array([self.distance(n[0], n[1]) for n in self.nodes], np.float32)
        reach = (one(r.gap) + one(r.gap_slope) * d) / one(r.cell)
        reach = np.maximum(reach * one((1.0, 0.5, 0.35)[level]), one((1.5, 1.5, 1.0)[level]))
        return np.asarray(reach * reach)

    def link(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n = len(self.nodes)
        component, level = np.arange(n), np.zeros(n, np.int64)
        x, y, low, high, rise = (self.nodes[:, k] for k in range(5))
        for lv in range(3):
            reach2 = self.reach2(lv)
            far = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
            loose = np.minimum(rise[:, None], rise)
            apart = np.maximum(low[:, None] - high, low - high[:, None]) - 1
            edge = (far <= np.minimum(reach2[:, None], reach2)) & (apart <= loose) & (far > 0)
            edge &= (level == lv)[:, None] & (level == lv)
            if lv:
                edge &= np.abs(high[:, None] - high) <= (0, 5, 3)[lv] + loose // 2
            part = connected_components(coo_matrix(edge), directed=False)[1] if n else np.zeros(0, np.int64)
            for p in np.unique(part[level == lv]):
                rows = np.flatnonzero((part == p) & (level == lv))
                component[rows] = rows[0]
                if lv < 2 and self.oversize(x[rows], y[rows]):
                    level[rows] = lv + 1
            component[level > lv] = np.flatnonzero(level > lv)
        return component, level

    def oversize(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> bool:
        if len(x) < 2:
            return False
        minor, major = np.sqrt(12 * np.maximum(np.linalg.eigvalsh(np.cov(x, y, bias=True)), 0)) * self.rule.cell
        return bool(major > self.rule.max_length or minor > self.rule.max_width)


def same_partition(a: NDArray[np.integer], b: NDArray[np.integer]) -> bool:
    pairs = set(zip(a.tolist(), b.tolist(), strict=True))
    one_to_one = len(pairs) == len({p[0] for p in pairs}) == len({p[1] for p in pairs})
    return one_to_one and bool(np.array_equal(a < 0, b < 0))


def random_scene(seed: int, n: int) -> tuple[F32, NDArray[np.uint8], F32]:
    rng = np.random.default_rng(seed)
    spots = rng.uniform(-12, 12, (max(n // 12, 1), 2))
    xy = spots[rng.integers(len(spots), size=n)] + rng.normal(0, rng.choice([0.2, 0.6, 1.5]), (n, 2))
    xy = np.where(rng.random((n, 1)) < 0.3, np.round(xy * 5) / 5, xy)  # on cell borders
    height = rng.choice([0.1, 0.6, 1.1, 1.9, 2.7, 4.0], n) + rng.uniform(0, 0.19, n)
    xyz = np.column_stack([xy, height - 1.7]).astype(np.float32)
    bad = rng.random(n) < 0.03
    xyz[bad, rng.integers(3, size=bad.sum())] = rng.choice([np.nan, np.inf, -np.inf, 1e30], bad.sum())
    height[rng.random(n) < 0.03] = np.nan
    label = rng.choice([0, 1, 2, 2, 2, 3, 4], n).astype(np.uint8)
    return xyz, label, height.astype(np.float32)


RULES = [
    LinkRule(cell=0.25),
    LinkRule(cell=0.25, gap=0.3, max_length=4.0, max_width=1.0),
    LinkRule(cell=0.5, gap=0.25, gap_slope=0.05, rise=0.1, rise_slope=0.0, max_length=3.0, max_width=2.0),
]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 250), st.sampled_from(RULES))
def test_equals_reference(seed: int, n: int, rule: LinkRule) -> None:
    xyz, label, height = random_scene(seed, n)
    origin = np.array([0.375 * (seed % 3), -0.25, 0.0], np.float32)
    got, want = run(xyz, label, height, rule, origin), Reference(xyz, label, height, rule, origin)
    assert same_partition(np.asarray(got.id), want.id)
    first = [np.flatnonzero(np.asarray(got.id) == c)[0] for c in range(len(got))]
    assert [int(want.level[want.id[i]]) for i in first] == got.level.tolist()
    assert np.all(np.diff([want.id[i] for i in first]) > 0), "clusters are numbered by their first cell"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(1, 8))
def test_groups_points_in_order_and_drops_small_clusters(seed: int, n: int, min_points: int) -> None:
    xyz, label, height = random_scene(seed, n)
    got = run(xyz, label, height, RULES[0], ORIGIN, min_points)
    ids = np.asarray(got.id)
    order = np.argsort(np.where(ids < 0, len(got), ids), kind="stable")[: int((ids >= 0).sum())]
    np.testing.assert_array_equal(got.order, order)
    np.testing.assert_array_equal(np.diff(got.offsets), np.bincount(ids[ids >= 0], minlength=len(got)))
    np.testing.assert_array_equal(got.grouped, np.column_stack([xyz, height])[order])
    assert len(got) == 0 or np.diff(got.offsets).min() >= min_points


def test_does_not_depend_on_the_order_of_points() -> None:
    xyz, label, height = random_scene(3, 4000)
    shuffle = np.random.default_rng(0).permutation(len(xyz))
    a = np.array(run(xyz, label, height, RULES[1], ORIGIN).id)
    b = np.array(run(xyz[shuffle], label[shuffle], height[shuffle], RULES[1], ORIGIN).id)
    assert len(np.unique(a)) > 10
    np.testing.assert_array_equal(a[shuffle], b)


@pytest.mark.parametrize("n", [0, 1])
def test_no_point_and_one_point(n: int) -> None:
    xyz, label, height = np.ones((n, 3), np.float32), np.full(n, 2, np.uint8), np.ones(n, np.float32)
    got = run(xyz, label, height, LinkRule(), ORIGIN)
    assert len(got) == n and got.offsets.tolist() == list(range(n + 1)) and np.asarray(got.id).tolist() == [0] * n


def test_crown_over_a_car_is_not_part_of_it() -> None:
    x = np.repeat(np.arange(5.0, 9.0, 0.1), 2)
    height = np.tile([1.0, 3.2], 40).astype(np.float32)
    xyz = np.column_stack([x, np.zeros(80), height]).astype(np.float32)
    got = run(xyz, np.full(80, 2, np.uint8), height, LinkRule(), ORIGIN)
    assert len(got) == 2 and np.array_equal(got.id[0::2], np.zeros(40)) and np.array_equal(got.id[1::2], np.ones(40))


def test_refuses_arguments_out_of_range() -> None:
    with pytest.raises(KernelError):
        run(
            np.zeros((1, 3), np.float32), np.full(1, 2, np.uint8), np.zeros(1, np.float32), LinkRule(cell=0.001), ORIGIN
        )
