"""Static or moving? Decided on displacement that both ends of the object show, with hysteresis.

The filter's speed is no witness: the outline of a bush or a wall flickers, and flicker looks like speed. An
object has moved when the lower *and* the upper bound of its detections went the same way, farther than noise
explains, and step by step rather than in one jump (re-association, merged clusters).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.tracking.state import HISTORY
from autonomy_perception.types import ObjectClass

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

START_WINDOW_S = 2.4
STOP_WINDOW_S = 0.8
MIN_FRAMES = 3  # of what surely is a road user; others must show more
FEW_FRAMES = 4  # with fewer, motion must be twice as plain
NEVER_LONGER = 20.0  # [m] unknown things longer than this are structure


class Displacement(NamedTuple):
    """Over one window: common shift of both bounds (N,2) [m], shift of the centre (N,2) [m], time between (N,) [s],
    frames (N,), largest single step along the shift as a share of it (N,), way by the middle third over the direct
    one (N,) >= 1."""

    common: F64
    center: F64
    span: F64
    frames: I64
    largest_step: F64
    detour: F64


def displacements(history: F64, windows_s: tuple[float, ...]) -> list[Displacement]:
    """Displacement within the newest ``windows_s`` seconds of ``history`` (N,HISTORY,5): last third against first third."""
    time = history[..., 0]
    values = np.where(np.isnan(time)[..., None], 0.0, history)
    sums = np.zeros((len(history), HISTORY + 1, history.shape[2]))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    middle = 0.5 * (values[..., 1:3] + values[..., 3:5])
    steps = middle[:, 1:] - middle[:, :-1]
    return [_within(time >= time[:, -1:] - window - 1e-6, sums, steps) for window in windows_s]


def _within(inside: Bools, sums: F64, steps: F64) -> Displacement:
    """One window: ``inside`` (N,HISTORY) its frames, ``sums`` (N,HISTORY+1,5) running sums, ``steps`` (N,HISTORY-1,2)."""
    rows = np.arange(len(inside))
    frames = inside.sum(1)
    third = np.maximum(frames // 3, 1)
    start = HISTORY - frames
    ends = sums[rows, HISTORY], sums[rows, HISTORY - third], sums[rows, start + third], sums[rows, start]
    first, last = (ends[2] - ends[3]) / third[:, None], (ends[0] - ends[1]) / third[:, None]
    between = (ends[1] - ends[2]) / np.maximum(frames - 2 * third, 1)[:, None]
    shift = last - first
    low, high = shift[:, 1:3], shift[:, 3:5]
    common = np.where(low * high > 0.0, np.copysign(np.minimum(np.abs(low), np.abs(high)), low), 0.0)
    center = 0.5 * (low + high)
    length = np.maximum(np.hypot(center[:, 0], center[:, 1]), 1e-3)
    leg = 0.5 * (between[:, 1:3] - first[:, 1:3] + between[:, 3:5] - first[:, 3:5])
    rest = center - leg
    way = np.hypot(leg[:, 0], leg[:, 1]) + np.hypot(rest[:, 0], rest[:, 1])
    along = (steps @ (center / length[:, None])[..., None])[..., 0]
    largest = np.where(inside[:, :-1], along, 0.0).max(1)  # a frame inside has its successor inside too
    return Displacement(common, center, shift[:, 0], frames, largest / length, np.where(frames >= 3, way / length, 1.0))


def threshold(probs: F64, size: F64, distance: F64) -> F64:
    """Displacement (N,) [m] that counts as motion: small for people, larger for what has no class or is far away."""
    unknown = probs[:, ObjectClass.UNKNOWN]
    small = probs[:, ObjectClass.MOTORCYCLE :].sum(1)
    longest = size.max(1)
    base = 0.4 * small + 0.7 * (1.0 - small - unknown) + unknown * (0.7 + 0.15 * longest)
    return np.asarray(base + (0.006 + 0.012 * unknown) * distance)


def starts(moved: Displacement, limit: F64, probs: F64, size: F64, credit: F64) -> Bools:
    """Resting tracks (N,) that have begun to move; ``credit`` (N,) [nat] log-odds of being a road user."""
    plain = np.where(moved.frames < FEW_FRAMES, 2.0, 1.0)
    far = np.hypot(moved.common[:, 0], moved.common[:, 1]) > plain * limit
    needed = MIN_FRAMES + (credit < 1.0) + 2 * (credit < 0.0)
    steady = (moved.frames >= needed) & (moved.largest_step < 0.7) & (moved.detour < 1.4)
    structure = (probs[:, ObjectClass.UNKNOWN] > 0.5) & (size.max(1) > NEVER_LONGER)
    return np.asarray(far & steady & ~structure)


def plainness(moved: Displacement, limit: F64) -> F64:
    """How plainly (N,) 0..1 a track travels: far beyond the noise, and straight on rather than back and forth."""
    far = np.hypot(moved.common[:, 0], moved.common[:, 1]) / limit - 1.0
    straight = (1.5 - moved.detour) / 0.4
    return np.asarray(np.clip(far, 0.0, 1.0) * np.clip(straight, 0.0, 1.0))


def rests(moved: Displacement, limit: F64) -> Bools:
    """Moving tracks (N,) that show no displacement in a window long enough to tell."""
    near = np.hypot(moved.common[:, 0], moved.common[:, 1]) < 0.4 * limit
    return np.asarray(near & (moved.frames >= FEW_FRAMES) & (moved.span > 0.4))


def remember(history: F64, rows: I64, time_s: F64, low: F64, high: F64) -> None:
    """Append detections (M,) to the history of ``rows``: time since birth [s], bounds ``low``, ``high`` (M,2) [m]."""
    history[rows, :-1] = history[rows, 1:]
    history[rows, -1] = np.concatenate([time_s[:, None], low, high], 1)
