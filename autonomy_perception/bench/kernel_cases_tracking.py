"""The tracker's kernels once each; see :mod:`autonomy_perception.bench.kernel_cases`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autonomy_perception.bench.kernel_case import KernelCase
from autonomy_perception.bench.kernel_scene import KernelScene
from autonomy_perception.ops import imm, pairs, tracks
from autonomy_perception.ops.library import Library


def _imm(lib: Library, s: KernelScene, verb: str) -> KernelCase:
    n = len(s.boxes)
    mean = np.zeros((n, imm.N_MODELS, imm.N_STATES))
    mean[..., :2], mean[..., 2:4], mean[..., 4] = s.boxes[:, None, :2], s.boxes[:, None, 3:5], s.boxes[:, None, 6]
    mean[..., 5] = 0.1 * np.sin(np.arange(3.0 * n)).reshape(n, 3)
    cov, mu = np.tile(np.diag([0.1, 0.1, 4.0, 4.0, 0.05, 0.1]), (n, 3, 1, 1)), np.tile([0.5, 0.2, 0.3], (n, 1))
    noise, length, vehicle = np.tile([2.0, 0.5, 0.05], (n, 1)), s.boxes[:, 3].astype(np.float64), np.arange(n) % 2
    rows, z, delay = np.arange(n)[::-1], mean[::-1, 0][:, [0, 1, 4]] + 0.1, np.full(n, -0.05)
    r, velocity, variance = np.tile(0.02 * np.eye(3), (n, 1, 1)), mean[::-1, 0, 2:4] + 0.5, np.full(n, 0.2)

    def run() -> dict[str, Any]:
        m, p, w = (lib.to_device(a.copy()) for a in (mean, cov, mu))  # the filters change in place
        put = lib.to_device
        if verb == "predict":
            m, p, w = imm.predict(lib, m, p, w, put(noise), put(length), put(vehicle.astype(np.uint8)), 0.1)
        elif verb == "update":
            m, p, w, _ = imm.update(lib, m, p, w, put(rows), put(z), put(r), put(delay))
        elif verb == "velocity":
            m, p, _ = imm.update_velocity(lib, m, p, put(rows), put(velocity), put(variance))
        else:
            m, p = imm.combine(lib, m, p, w)
        return {"mean": m, "cov": p, "mu": w}

    return KernelCase(run, 2 * (mean.nbytes + cov.nbytes + mu.nbytes), 1e-9)


def _pairs(lib: Library, s: KernelScene, verb: str) -> KernelCase:
    n = len(s.boxes)
    table = np.full((n, pairs.BOX_WIDTH), 1.0 / 9.0)
    table[:, :5], table[:, 5:7] = s.boxes[:, [0, 1, 3, 4, 6]], s.boxes[:, 2:3] + [-0.8, 0.8]
    table[:, 7:12] = 0.5 * np.sin(np.arange(5.0 * n)).reshape(n, 5)
    boxes, cov, each = lib.to_device(table), lib.to_device(np.tile(0.1 * np.eye(2), (n, 1, 1))), np.full(n, 2.0)
    discs = np.stack([np.hypot(table[:, 0], table[:, 1]), np.arctan2(table[:, 1], table[:, 0]), np.full(n, 0.05)], 1)
    reach, noise, screens = lib.to_device(each), lib.to_device(0.01 * each), lib.to_device(discs)
    affinity = lib.to_device(np.full((9, 9), 0.5))

    def run() -> dict[str, Any]:
        if verb == "costs":
            return {"cost": pairs.costs(lib, boxes, cov, reach, boxes, noise, affinity)}
        if verb == "inside":
            return {"inside": pairs.inside(lib, boxes, boxes, 0.3)}
        if verb == "along":
            return {"along": pairs.along(lib, boxes, boxes)}
        hidden, touched = pairs.shadowed(lib, screens, screens, 2.0)
        return {"hidden": hidden, "touched": touched}

    size = {"costs": 8 * n * n, "inside": n * n, "along": 32 * n * n, "shadowed": 9 * n}[verb]
    return KernelCase(run, size + 2 * table.nbytes, 1e-9, 1e-5)


def _tracks(lib: Library, s: KernelScene, verb: str) -> KernelCase:
    n = len(s.boxes)
    wave = np.sin(np.arange(n * 24 * 5.0)).reshape(n, 24, 5)
    history = s.boxes[:, None, [0, 0, 1, 0, 1]] + 0.2 * wave + np.linspace(0.0, 2.0, 24)[:, None]
    history[..., 0] = 0.1 * np.arange(24)
    history[::2, :10] = np.nan
    classes = np.abs(wave[:9, 0, [0, 1, 2, 3, 4, 0, 1]]) + 1.0
    past, rows = lib.to_device(history), lib.to_device(np.arange(n)[::-1].copy())
    seen, height = s.boxes[:, 3:5].astype(np.float64), s.boxes[:, 5].astype(np.float64)
    given = (wave[:, :9, 0], wave[:, 0, 0], seen, np.abs(wave[:, 0, :2]), height, 9.0 * height, np.abs(wave[:, 1, 1]))
    arrays = [lib.to_device(a) for a in (*given, classes)]

    def run() -> dict[str, Any]:
        if verb == "posterior":
            return {"probs": tracks.class_posterior(lib, *arrays)}
        return {"shift": tracks.displacement(lib, past, rows, 1.25)}

    return KernelCase(run, 25 * 8 * n if verb == "posterior" else history.nbytes, 1e-9)


TRACKING_CASES: dict[str, Callable[[Library, KernelScene], KernelCase]] = {
    **{f"imm_{v}": partial(_imm, verb=v) for v in ("predict", "update", "velocity", "combine")},
    **{f"pairs_{v}": partial(_pairs, verb=v) for v in ("costs", "inside", "along", "shadowed")},
    **{f"tracks_{v}": partial(_tracks, verb=v) for v in ("posterior", "displacement")},
}
