"""``bench tracker``: 100 tracks x 100 detections, beside a loop of filterpy Kalman filters with scipy assignment."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from filterpy.kalman import KalmanFilter
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from autonomy_perception.bench.result import BenchResult, Figures
from autonomy_perception.config import TrackingConfig
from autonomy_perception.latency import Percentiles
from autonomy_perception.metrics.mot import MotTally
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.tracking.tracker import Tracker
from autonomy_perception.types import N_CLASSES, Detections, ObjectClass

F64 = NDArray[np.float64]

OBJECTS = 100
PERIOD_S = 0.1
DETECTED = 0.95
POSITION_NOISE = 0.15  # [m]
YAW_NOISE = 0.05  # [rad]
SPACING = 15.0  # [m] between the starts of the objects
SEED = 20240521


@dataclass(frozen=True)
class Frame:
    """One scan of the scene: truth (100,4) x y vx vy and exactly 100 detections, clutter in place of misses."""

    stamp_ns: int
    truth: F64
    detections: Detections


def scene(frames: int, seed: int = SEED) -> Iterator[Frame]:
    """Cars on a grid of starts; each drives at 0-12 m/s and turns at up to 0.25 rad/s; boxes point either way."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(OBJECTS)))
    start = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[:OBJECTS] * SPACING
    speed, turn = rng.uniform(0.0, 12.0, OBJECTS), rng.uniform(-0.25, 0.25, OBJECTS)
    speed[::5] = 0.0
    heading = rng.uniform(-np.pi, np.pi, OBJECTS)
    xy = start.astype(np.float64)
    for k in range(frames):
        velocity = speed[:, None] * np.stack([np.cos(heading), np.sin(heading)], 1)
        yield Frame(10**9 + k * 10**8, np.concatenate([xy, velocity], 1), _detect(xy, heading, rng))
        xy = xy + velocity * PERIOD_S
        heading = heading + np.where(speed > 0.0, turn, 0.0) * PERIOD_S


def _detect(xy: F64, heading: F64, rng: np.random.Generator) -> Detections:
    n = len(xy)
    seen = rng.random(n) < DETECTED
    clutter = rng.uniform(xy.min(0) - 10.0, xy.max(0) + 10.0, (n, 2))
    center = np.where(seen[:, None], xy + rng.normal(0.0, POSITION_NOISE, (n, 2)), clutter)
    yaw = heading + rng.normal(0.0, YAW_NOISE, n) + np.pi * rng.integers(0, 2, n)
    probs = np.full((n, N_CLASSES), 0.02)
    probs[:, ObjectClass.CAR] = 1.0 - 0.02 * (N_CLASSES - 1)
    order = rng.permutation(n)
    cov = np.diag([POSITION_NOISE**2, POSITION_NOISE**2, 0.05**2, YAW_NOISE**2])
    f32 = np.float32
    return Detections(
        np.column_stack([center, np.full(n, 0.8)])[order].astype(f32), np.tile(np.array([4.4, 1.8, 1.6], f32), (n, 1)),
        yaw[order].astype(f32), np.full((n, 2), np.nan, f32), np.tile(cov.astype(f32), (n, 1, 1)), probs.astype(f32),
        np.where(seen, 0.9, 0.5)[order].astype(f32), np.full(n, 60, np.int32), np.zeros(n, np.bool_),
        np.zeros(n, np.uint8), "odom",
    )  # fmt: skip


class FilterpyTracker:
    """The usual loop: one constant-velocity filterpy.KalmanFilter per track, Euclidean cost, scipy assignment, counters."""

    def __init__(self, gate: float = 3.0, min_hits: int = 3, max_misses: int = 5) -> None:
        self._gate, self._min_hits, self._max_misses = gate, min_hits, max_misses
        self._tracks: list[tuple[int, KalmanFilter, list[int]]] = []  # identity, filter, [hits, misses in a row]
        self._born = 0

    def step(self, detections: Detections) -> tuple[list[int], F64]:
        """Identities and x y vx vy (K,4) of the confirmed tracks after one scan."""
        for _, kf, _ in self._tracks:
            kf.predict()
        place = np.array([kf.x[:2, 0] for _, kf, _ in self._tracks]).reshape(-1, 2)
        center = detections.center[:, :2].astype(np.float64)
        distance = np.hypot(*np.moveaxis(place[:, None] - center[None], -1, 0))
        rows, cols = linear_sum_assignment(np.minimum(distance, self._gate))
        free = set(range(len(center)))
        matched = set()
        for i, j in zip(rows, cols, strict=True):
            if distance[i, j] < self._gate:
                self._tracks[i][1].update(center[j])
                self._tracks[i][2][0] += 1
                self._tracks[i][2][1] = 0
                matched.add(int(i))
                free.discard(int(j))
        for k, (_, _, count) in enumerate(self._tracks):
            count[1] += k not in matched
        self._tracks = [t for t in self._tracks if t[2][1] <= self._max_misses]
        self._tracks += [self._birth(center[j]) for j in sorted(free)]
        shown = [t for t in self._tracks if t[2][0] >= self._min_hits]
        return [t[0] for t in shown], np.array([t[1].x[:, 0] for t in shown]).reshape(-1, 4)

    def _birth(self, xy: F64) -> tuple[int, KalmanFilter, list[int]]:
        kf = KalmanFilter(dim_x=4, dim_z=2)
        kf.x[:2, 0] = xy
        kf.F = np.eye(4)
        kf.F[0, 2] = kf.F[1, 3] = PERIOD_S
        kf.H = np.eye(2, 4)
        kf.P = np.diag([0.1, 0.1, 36.0, 36.0])
        kf.R = np.eye(2) * POSITION_NOISE**2
        kf.Q = np.diag([0.01, 0.01, 0.1, 0.1])
        self._born += 1
        return self._born, kf, [1, 0]


def run(frames: int = 200, settle: int = 10) -> BenchResult:
    """Both trackers over the same scene, frame by frame in turn.

    Args:
        frames: scans of the scene; settle: scans at the start that are neither timed nor scored.
    """
    ours, peer = Tracker(TrackingConfig(), CpuLibrary(), 0), FilterpyTracker()
    times: tuple[list[float], list[float]] = ([], [])
    tallies = (MotTally(), MotTally())
    pose = np.eye(4)
    gc.collect()
    for k, frame in enumerate(scene(frames)):
        begin = time.perf_counter_ns()
        tracks = ours.step(frame.detections, frame.stamp_ns, pose)
        middle = time.perf_counter_ns()
        names, states = peer.step(frame.detections)
        end = time.perf_counter_ns()
        if k < settle:
            continue
        times[0].append((middle - begin) * 1e-6)
        times[1].append((end - middle) * 1e-6)
        keep = np.flatnonzero(tracks.confirmed)
        state = np.column_stack([tracks.center[keep, :2], tracks.velocity[keep]]).astype(np.float64)
        truth_ids = list(range(len(frame.truth)))
        tallies[0].add(truth_ids, frame.truth, [tracks.uuid[i].tobytes() for i in keep], state)
        tallies[1].add(truth_ids, frame.truth, names, states)
    figures: list[Figures] = [
        {"ms": (p := Percentiles.of(t)).p50, "p99_ms": p.p99, **tally.figures()}
        for t, tally in zip(times, tallies, strict=True)
    ]
    return BenchResult("tracker", figures[0], figures[1], figures[0]["ms"] / figures[1]["ms"])
