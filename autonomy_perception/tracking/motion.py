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

    def part(self, rows: slice) -> Displacement:
        """Some of the rows."""
        return Displacement(
            self.common[rows], self.center[rows], self.span[rows], self.frames[rows], self.largest_step[rows], self.detour[rows]
        )  # fmt: skip


def displacement(history: F64, window_s: F64) -> Displacement:
    """Displacement within the newest ``window_s`` (N,) seconds of ``history`` (N,HISTORY,5): last third against first."""
    t = history[..., 0]
    inside = t >= t[:, -1:] - window_s[:, None] - 1e-6  # False for NaN
    frames = inside.sum(1)
    rank = np.arange(HISTORY) - (HISTORY - frames)[:, None]
    third = np.maximum(frames // 3, 1)[:, None]
    values = np.where(inside[..., None], history, 0.0)
    first, last = inside & (rank < third), inside & (rank >= frames[:, None] - third)
    parts = np.stack([first, inside & ~first & ~last, last], 1).astype(np.float64)
    means = (parts @ values) / np.maximum(parts.sum(2), 1.0)[..., None]
    shift = means[:, 2] - means[:, 0]
    low, high = shift[:, 1:3], shift[:, 3:5]
    common = np.where(low * high > 0.0, np.sign(low) * np.minimum(np.abs(low), np.abs(high)), 0.0)
    center = 0.5 * (low + high)
    length = np.maximum(np.hypot(center[:, 0], center[:, 1]), 1e-3)
    legs = 0.5 * (np.diff(means, axis=1)[..., 1:3] + np.diff(means, axis=1)[..., 3:5])
    way = np.where(frames >= 3, np.hypot(legs[..., 0], legs[..., 1]).sum(1), length)
    steps = 0.5 * (np.diff(values, axis=1)[..., 1:3] + np.diff(values, axis=1)[..., 3:5])
    along = (steps @ (center / length[:, None])[..., None])[..., 0]
    along = np.where(inside[:, 1:] & inside[:, :-1], along, 0.0)
    return Displacement(common, center, shift[:, 0], frames, along.max(1) / length, way / length)


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
