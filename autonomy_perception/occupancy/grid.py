"""The occupancy map: evidence per scan, fading with time, and a layer of its own for what moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import OccupancyConfig
from autonomy_perception.grid import WorldGrid, scroll
from autonomy_perception.ops import freespace
from autonomy_perception.ops.footprint import footprint
from autonomy_perception.ops.library import Library
from autonomy_perception.types import Detections, Occupancy, Tracks


@dataclass(frozen=True)
class ScanEvidence:
    """One labelled scan: xyz float32 (N,3) [m] and origin (3,) in anchor, label uint8 (N,) of PointLabel."""

    xyz: NDArray[np.float32]
    label: NDArray[np.uint8]
    origin: NDArray[np.float32]


class OccupancyMap:
    """Static log-odds that remember, and moving objects that are drawn anew in every step.

    Points inside a moving track never enter the static map, and the ground such a track has just
    left is reset to unknown: that is why nothing trails behind it. Ground under an object is never free.
    """

    def __init__(self, config: OccupancyConfig, lib: Library) -> None:
        self._config, self._lib = config, lib
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._world: WorldGrid | None = None
        self._static = np.zeros((0, 0), np.float32)
        self._stamp_ns = 0
        self._moving_before = np.zeros((0, 0), np.bool_)

    def around(self, x: float, y: float) -> WorldGrid:
        """Where the map lies when the vehicle is at (x, y) [m] in odom."""
        return WorldGrid.around(x, y, self._config.side, self._config.resolution)

    def _place(self, x: float, y: float) -> WorldGrid:
        world = self.around(x, y)
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
        detections: Detections,
    ) -> Occupancy:
        """Take in the scans of one frame.

        Args:
            anchor: float64 (3,) of the anchor frame in odom [m].
            xy: vehicle position in odom [m]; the map is scrolled there.
            lethal: float32 (ny,nx) 0..1 on the placement ``around(*xy)``, or None.
            tracks, detections: of this frame, in odom.
        """
        world = self._place(*xy)
        moving = _boxes(self._lib, tracks, tracks.confirmed & ~tracks.is_stationary, world, self._config.box_margin)
        covered = moving | self._covered(tracks, detections, world, self._config.box_margin)
        seen = freespace.Evidence.none(self._lib, world.shape)
        for scan in scans:
            freespace.free_space(
                self._lib, scan.xyz, scan.label, scan.origin, anchor, world, seen, self._config.free_range
            )
        hits, free = seen.hits, seen.free
        # Something may have moved in where nobody can look, and the ground under a far end shows between the wheels.
        hidden, unseen, near = (
            seen.shadow > 0,
            free == 0,
            self._covered(tracks, detections, world, self._config.far_end),
        )
        covered |= (unseen & (hidden | near)) | (hidden & near)
        moving_hits = moving & (hits > 0)
        np.putmask(hits, moving, 0)
        np.putmask(free, covered, 0)  # what lies under an object is not seen, whatever grazes its edge
        np.maximum(self._static, 0.0, out=self._static, where=covered)
        left = self._moving_before | moving
        np.minimum(self._static, 0.0, out=self._static, where=left)
        self._moving_before = moving
        wire = np.empty(world.shape, np.int8)
        fusion = self._fusion(stamp_ns)
        freespace.update_log_odds(self._lib, self._static, hits, free, lethal, wire, fusion)
        self._stamp_ns = max(
            stamp_ns, self._stamp_ns
        )  # a late frame after a tick must not let the same time fade twice
        return self._published(wire, moving_hits)

    def _covered(self, tracks: Tracks, detections: Detections, world: WorldGrid, margin: float) -> NDArray[np.bool_]:
        """Cells (ny,nx) within ``margin`` [m] of objects: tracks, also unconfirmed ones, and compact detections."""
        compact = detections.size[:, 0] * detections.size[:, 1] < self._config.compact_area
        known = _boxes(self._lib, tracks, np.ones(len(tracks), np.bool_), world, margin)
        return known | _boxes(self._lib, detections, compact, world, margin)

    def age(self, now_ns: int, xy: tuple[float, float] = (0.0, 0.0)) -> Occupancy:
        """The map around ``xy`` [m] at ``now_ns`` without new data: faded towards unknown."""
        if self._world is None:
            return Occupancy.unknown(self.around(*xy))
        world = self._place(*xy)
        none = freespace.Evidence.none(self._lib, world.shape)
        wire = np.empty(world.shape, np.int8)
        freespace.update_log_odds(self._lib, self._static, none.hits, none.free, None, wire, self._fusion(now_ns))
        self._stamp_ns = max(now_ns, self._stamp_ns)
        return self._published(wire, None)

    def save(self) -> dict[str, NDArray[Any]]:
        """Everything remembered, as arrays; nothing before the first scan."""
        if self._world is None:
            return {}
        w = self._world
        place = np.array([w.cell_x, w.cell_y, w.nx, w.ny, self._stamp_ns], np.int64)
        return {"place": place, "static": self._static.copy(), "moving_before": self._moving_before.copy()}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from :meth:`save`. Raises KeyError or ValueError if the state is not of this map."""
        self.reset()
        if not state:
            return
        cell_x, cell_y, nx, ny, stamp_ns = (int(v) for v in state["place"])
        world, expected = WorldGrid(cell_x, cell_y, nx, ny, self._config.resolution), self.around(0.0, 0.0).shape
        if world.shape != expected:
            raise ValueError(f"a grid of {world.shape} cells, expected {expected}")
        self._world, self._stamp_ns = world, stamp_ns
        self._static, self._moving_before = state["static"].copy(), state["moving_before"].copy()

    def _fusion(self, stamp_ns: int) -> freespace.Fusion:
        c = self._config
        dt = max(0, stamp_ns - self._stamp_ns) * 1e-9 if self._stamp_ns else 0.0
        fade, fade_free = (float(0.5 ** (dt / life)) for life in (c.half_life_s, c.free_half_life_s))
        return freespace.Fusion(fade, fade_free, c.hit, c.miss, c.clamp, c.clamp_free, c.unknown_below)

    def _published(self, wire: NDArray[np.int8], moving_hits: NDArray[np.bool_] | None) -> Occupancy:
        assert self._world is not None
        log_odds = self._static.copy()
        if moving_hits is not None:
            log_odds[moving_hits] = self._config.clamp
            wire[moving_hits] = round(100.0 / (1.0 + np.exp(-self._config.clamp)))
        return Occupancy(self._world, log_odds, wire)


def _boxes(
    lib: Library, objects: Tracks | Detections, use: NDArray[np.bool_], world: WorldGrid, margin: float
) -> NDArray[np.bool_]:
    mask = footprint(lib, objects.center[use], objects.size[use], objects.yaw[use], world, margin)
    return np.asarray(lib.to_host(mask), np.bool_)


def to_autoware(wire: NDArray[np.int8]) -> NDArray[np.int8]:
    """Autoware's encoding of a wire grid: 1..99 with 50 for unknown."""
    return np.where(wire < 0, 50, np.clip(wire, 1, 99)).astype(np.int8)
