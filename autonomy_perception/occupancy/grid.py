"""The occupancy map: evidence per scan, fading with time, and a layer of its own for what moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import OccupancyConfig
from autonomy_perception.grid import WorldGrid, scroll
from autonomy_perception.ops import freespace
from autonomy_perception.ops.library import Library
from autonomy_perception.types import Occupancy, Tracks

UNKNOWN_BELOW = 0.2  # |log-odds| below this goes out as unknown


@dataclass(frozen=True)
class ScanEvidence:
    """One labelled scan: xyz float32 (N,3) [m] and origin (3,) in anchor, label uint8 (N,) of PointLabel."""

    xyz: NDArray[np.float32]
    label: NDArray[np.uint8]
    origin: NDArray[np.float32]


class OccupancyMap:
    """Static log-odds that remember, and moving objects that are drawn anew in every step.

    Points inside a moving track never enter the static map, and the ground such a track has just
    left is reset to unknown: that is why nothing trails behind it.
    """

    def __init__(self, config: OccupancyConfig, lib: Library, max_range: float = 80.0) -> None:
        self._config, self._lib, self._max_range = config, lib, max_range
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._world: WorldGrid | None = None
        self._static = np.zeros((0, 0), np.float32)
        self._stamp_ns = 0
        self._moving_before = np.zeros((0, 0), np.bool_)

    def place(self, x: float, y: float) -> WorldGrid:
        """Scroll the map so that it surrounds (x, y) [m] in odom; returns its placement."""
        world = WorldGrid.around(x, y, self._config.side, self._config.resolution)
        if self._world is None:
            self._static = np.zeros(world.shape, np.float32)
            self._moving_before = np.zeros(world.shape, np.bool_)
        else:
            self._static = np.asarray(scroll(self._static, self._world, world, 0.0), np.float32)
            self._moving_before = np.asarray(scroll(self._moving_before, self._world, world, 0), np.bool_)
        self._world = world
        return world

    def update(
        self,
        scans: Sequence[ScanEvidence],
        anchor: NDArray[np.float64],
        xy: tuple[float, float],
        stamp_ns: int,
        lethal: NDArray[np.float32] | None,
        tracks: Tracks,
    ) -> Occupancy:
        """Take in the scans of one frame.

        Args:
            anchor: float64 (3,) of the anchor frame in odom [m].
            xy: vehicle position in odom [m]; the grid is placed around it.
            lethal: float32 (ny,nx) 0..1 on the grid that ``place(*xy)`` gives, or None.
            tracks: tracks of this frame in odom.
        """
        world = self.place(*xy)
        moving = moving_mask(tracks, world)
        hits, free = np.zeros(world.shape, np.int32), np.zeros(world.shape, np.uint8)
        for scan in scans:
            freespace.free_space(
                self._lib, scan.xyz, scan.label, scan.origin, anchor, world, hits, free, self._max_range
            )
        moving_hits = moving & (hits > 0)
        static_hits = np.where(moving, 0, hits)
        self._static[self._moving_before | moving] = np.minimum(self._static[self._moving_before | moving], 0.0)
        self._moving_before = moving
        wire = np.empty(world.shape, np.int8)
        c = self._config
        freespace.update_log_odds(
            self._lib,
            self._static,
            static_hits,
            free,
            lethal,
            wire,
            self._fade(stamp_ns),
            c.hit,
            c.miss,
            c.clamp,
            UNKNOWN_BELOW,
        )
        self._stamp_ns = stamp_ns
        return self._published(wire, moving_hits, c.clamp)

    def age(self, now_ns: int) -> Occupancy | None:
        """The map at ``now_ns`` without new data: faded towards unknown. None before the first update."""
        if self._world is None:
            return None
        zero, none = np.zeros(self._world.shape, np.int32), np.zeros(self._world.shape, np.uint8)
        wire = np.empty(self._world.shape, np.int8)
        c = self._config
        fade = self._fade(now_ns)
        freespace.update_log_odds(
            self._lib, self._static, zero, none, None, wire, fade, c.hit, c.miss, c.clamp, UNKNOWN_BELOW
        )
        self._stamp_ns = now_ns
        return self._published(wire, None, c.clamp)

    def _fade(self, stamp_ns: int) -> float:
        dt = max(0, stamp_ns - self._stamp_ns) * 1e-9 if self._stamp_ns else 0.0
        return float(0.5 ** (dt / self._config.half_life_s))

    def _published(self, wire: NDArray[np.int8], moving_hits: NDArray[np.bool_] | None, clamp: float) -> Occupancy:
        assert self._world is not None
        log_odds = self._static.copy()
        if moving_hits is not None:
            log_odds[moving_hits] = clamp
            wire[moving_hits] = round(100.0 / (1.0 + np.exp(-clamp)))
        return Occupancy(self._world, log_odds, wire)


def moving_mask(tracks: Tracks, world: WorldGrid, margin: float = 0.3) -> NDArray[np.bool_]:
    """Cells (ny,nx) whose centre lies in the box of a confirmed, moving track, grown by ``margin`` [m]."""
    mask = np.zeros(world.shape, np.bool_)
    x0, y0 = world.origin
    res = world.resolution
    for k in np.flatnonzero(tracks.confirmed & ~tracks.is_stationary):
        cx, cy = float(tracks.center[k, 0]) - x0, float(tracks.center[k, 1]) - y0
        half_l, half_w = tracks.size[k, 0] / 2 + margin, tracks.size[k, 1] / 2 + margin
        reach = float(np.hypot(half_l, half_w))
        i0, i1 = max(0, int((cx - reach) / res)), min(world.nx, int((cx + reach) / res) + 2)
        j0, j1 = max(0, int((cy - reach) / res)), min(world.ny, int((cy + reach) / res) + 2)
        if i0 >= i1 or j0 >= j1:
            continue
        dx = (np.arange(i0, i1) + 0.5) * res - cx
        dy = ((np.arange(j0, j1) + 0.5) * res - cy)[:, None]
        c, s = np.cos(tracks.yaw[k]), np.sin(tracks.yaw[k])
        mask[j0:j1, i0:i1] |= (np.abs(c * dx + s * dy) <= half_l) & (np.abs(-s * dx + c * dy) <= half_w)
    return mask


def to_autoware(wire: NDArray[np.int8]) -> NDArray[np.int8]:
    """Autoware's encoding of a wire grid: 1..99 with 50 for unknown."""
    return np.where(wire < 0, 50, np.clip(wire, 1, 99)).astype(np.int8)
