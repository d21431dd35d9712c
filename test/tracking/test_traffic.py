"""Traffic seen as partial views: the accuracy that planning is promised, and the bench's scene."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("filterpy", reason="what the benches compare with is not installed: requirements/bench.txt")

from tracking.partial_views import PERIOD_NS, START_NS, Thing, bush, observe, together

from autonomy_perception.bench.tracker import run
from autonomy_perception.config import TrackingConfig
from autonomy_perception.geometry import make_transform
from autonomy_perception.metrics.mot import MotTally
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.tracking.tracker import Tracker
from autonomy_perception.types import ObjectClass

CAR, TRUCK, PERSON = ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.PEDESTRIAN


def _road(rng: np.random.Generator) -> list[Thing]:
    def car(x: float, y: float, heading: float, speed: float, turn: float = 0.0) -> Thing:
        return Thing((x, y), heading, speed, (rng.uniform(4.0, 4.9), rng.uniform(1.7, 1.9), 1.5), CAR, turn)

    return [
        car(14.0, 0.0, 0.0, rng.uniform(7, 9)), car(-18.0, 0.0, 0.0, rng.uniform(7, 9)),
        car(45.0, 3.8, np.pi, rng.uniform(8, 14)), car(30.0, -16.0, np.pi / 2, 5.0, 0.15),
        car(20.0, -7.0, 0.1, 0.0), Thing((38.0, -7.5), 0.02, 0.0, (8.5, 2.5, 3.2), TRUCK),
        Thing((95.0, 3.8), np.pi, 11.0, (8.0, 2.5, 3.2), TRUCK),
        Thing((18.0, 9.0), np.pi, 1.3, (0.6, 0.6, 1.7), PERSON), Thing((8.0, -9.5), 0.5, 0.0, (0.6, 0.6, 1.7), PERSON),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_accuracy_on_partial_views(seed: int) -> None:
    rng = np.random.default_rng(seed)
    things, tracker, tally = _road(rng), Tracker(TrackingConfig(), CpuLibrary(), 0), MotTally()
    for k in range(60):
        t = 0.1 * k
        ego = np.array([8.0 * t, 0.0])
        bushes = [bush((float(x), 14.0 + (x % 7)), rng) for x in range(0, 60, 8)]
        seen = together(observe(things, t, ego, rng), *bushes)
        tracks = tracker.step(seen, START_NS + k * PERIOD_NS, make_transform(None, (*ego, 0.0)))
        if k < 5:
            continue
        i = np.flatnonzero(tracks.confirmed)
        state = np.column_stack([tracks.center[i, :2], tracks.velocity[i]]).astype(np.float64)
        truth = np.array([[*thing.pose(t)[0], *thing.velocity(t)] for thing in things])
        near = np.hypot(*(truth[:, :2] - ego).T) < 50.0
        visible = np.array([np.hypot(*(seen.center[:, :2] - p).T).min() < 2.5 for p in truth[:, :2]])
        tally.add(list(range(len(things))), truth, [u.tobytes() for u in tracks.uuid[i]], state, near & visible)
    figures = tally.figures()
    assert figures["recall"] >= 0.90, figures
    assert figures["false_per_frame"] <= 0.5, figures
    assert figures["pos_rmse"] <= 0.4, figures
    assert figures["speed_rmse"] <= 1.0, figures
    assert figures["id_switches"] <= 2, figures


def test_bench_scene() -> None:
    result = run(frames=40, settle=12)
    assert result.bench == "tracker" and set(result.ours) == set(result.peer)
    assert result.ours["mota"] > 0.98 and result.ours["id_switches"] == 0
    assert result.ours["pos_rmse"] < 0.2 and result.ours["speed_rmse"] < 0.5
    assert result.ratio > 0.0 and result.ours["p99_ms"] >= result.ours["ms"]
