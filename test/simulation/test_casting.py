"""Rays shared out over threads meet what they meet alone."""

from __future__ import annotations

import multiprocessing
from itertools import pairwise

import numpy as np
import pytest

from autonomy_perception.simulation.rays import casting
from autonomy_perception.simulation.rays.scene import Scene
from autonomy_perception.simulation.world.materials import Material
from autonomy_perception.simulation.world.solids import box


def test_parts_say_what_the_whole_says(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    scene = Scene(box((-1.0, -2.0, -1.5), (1.0, 2.0, 1.5), Material.METAL))._scene
    directions = rng.standard_normal((5001, 3)).astype(np.float32)
    origins = (3.0 * directions / np.linalg.norm(directions, axis=1)[:, None]).astype(np.float32)
    aim = (rng.uniform(-1.5, 1.5, (5001, 3)) - origins).astype(np.float32)
    reach = rng.uniform(0.3, 3.0, 5001).astype(np.float32)
    alone = casting.first_hits(scene, origins, aim, reach.copy())
    monkeypatch.setattr(casting, "_parts", lambda rays: [slice(k, min(k + 700, rays)) for k in range(0, rays, 700)])
    shared = casting.first_hits(scene, origins, aim, reach.copy())
    assert 0.2 < np.mean(alone["geomID"] >= 0) < 0.9
    for name, values in alone.items():
        np.testing.assert_array_equal(shared[name], values, err_msg=name)


def test_parts_cover_every_ray_once_and_worker_processes_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casting.os, "sched_getaffinity", lambda pid: set(range(4)))
    for rays in (0, 1, casting.LEAST, 2 * casting.LEAST, 1_000_003):
        parts = casting._parts(rays)
        assert parts[0].start == 0 and parts[-1].stop == rays and len(parts) <= 8
        assert all(a.stop == b.start for a, b in pairwise(parts))
    assert len(casting._parts(1_000_003)) == 8
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: object())
    assert casting._parts(1_000_003) == [slice(0, 1_000_003)]
