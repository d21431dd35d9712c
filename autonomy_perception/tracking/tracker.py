"""3D multi-object tracker: detections of one scan in, tracks with identity, velocity and covariance out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import TrackingConfig
from autonomy_perception.ops.library import Library
from autonomy_perception.tracking import association, existence, upkeep
from autonomy_perception.tracking.birth import newborn
from autonomy_perception.tracking.classes import compatibility_table, process_noise
from autonomy_perception.tracking.extent import is_vehicle
from autonomy_perception.tracking.measurement import apply
from autonomy_perception.tracking.models import VX, VY
from autonomy_perception.tracking.output import to_tracks
from autonomy_perception.tracking.scan import Scan, read_scan
from autonomy_perception.tracking.state import TrackState
from autonomy_perception.tracking.sweep import Sweep
from autonomy_perception.types import Detections, Tracks

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class Tracker:
    """Tracks objects in the frame of the detections: odom, or base_link when there is no ego motion.

    All state is batched over tracks. Given the same seed and the same inputs the output is the same bit for
    bit, identities included.

    Attributes:
        refused: measurements left out so far because their innovation covariance was none (or no number); the tracks
            coast instead.
    """

    def __init__(self, config: TrackingConfig, lib: Library, seed: int = 0) -> None:
        """``config``: limits and thresholds. ``lib``: runs the kernels. ``seed``: namespace of the track identities."""
        self._config, self._lib = config, lib
        self._affinity = compatibility_table(config.association)
        self.refused = 0
        self.reset(seed)

    def reset(self, seed: int | None = None) -> None:
        """Drop all tracks; a new ``seed`` changes the identities that follow."""
        if seed is not None:
            self._seed = seed
        self._state = TrackState.zeros(self._lib, 0)
        self._stamp_ns: int | None = None
        self._frame = "odom"
        self._velocity = np.zeros((0, 2))

    def step(self, detections: Detections, stamp_ns: int, T_odom_base: F64, sweep: Sweep | None = None) -> Tracks:
        """Take in the detections of one scan.

        A stamp before the last one, or another frame than before, drops all tracks first.

        Args:
            detections: in odom (or base_link with ``T_odom_base`` = identity); rows that are not finite are ignored.
            stamp_ns: time of the detections [ns].
            T_odom_base: float64 (4,4), pose of the vehicle in the frame of the detections.
            sweep: place of the (main) lidar and the times at which it looked; by default base_link and the stamp.

        Returns:
            All tracks in the frame of the detections; ``confirmed`` marks those to publish.
        """
        if detections.frame_id != self._frame or (self._stamp_ns is not None and stamp_ns < self._stamp_ns):
            self.reset()
            self._frame = detections.frame_id
        dt = 0.0 if self._stamp_ns is None else (stamp_ns - self._stamp_ns) * 1e-9
        self._stamp_ns = stamp_ns
        scan = read_scan(self._lib, detections, T_odom_base, sweep or Sweep(), self._config.face)
        self._advance(dt)
        mean, cov = self._state.filter.combined()
        rows, cols, absorbed = self._associate(scan, mean, cov, dt)
        self._measure(scan, rows, cols, absorbed, mean, cov, dt)
        free = np.ones(len(scan), np.bool_)
        free[cols] = free[absorbed] = False
        self._bear(scan, np.flatnonzero(free))
        mean, cov = self._state.filter.combined()
        self._velocity = mean[:, VX : VY + 1]
        return to_tracks(self._state, mean, cov, self._frame, stamp_ns, self._config.motion)

    def predict(self, now_ns: int) -> Tracks:
        """Tracks moved to ``now_ns`` without new data: ages and existence decays; the tracker itself is unchanged."""
        if self._stamp_ns is None or len(self._state) == 0:
            return Tracks.empty(self._frame)
        dt = max((now_ns - self._stamp_ns) * 1e-9, 0.0)
        kept = self._state
        self._state = kept.take(np.arange(len(kept)))
        try:
            self._advance(dt)
            # Without data nothing speaks for the object; half of the belief goes per coasting time.
            self._state.existence *= 0.5 ** (dt / self._config.max_coast_s)
            upkeep.confirm(self._state, now_ns, self._config)
            fresh = (now_ns - self._state.update_ns) * 1e-9 <= self._config.max_coast_s
            left = self._state.take(fresh)
            return to_tracks(left, *left.filter.combined(), self._frame, now_ns, self._config.motion)
        finally:
            self._state = kept

    def save(self) -> dict[str, NDArray[Any]]:
        """Everything remembered, as arrays."""
        stamp = -1 if self._stamp_ns is None else self._stamp_ns
        seed = np.frombuffer((self._seed % 2**128).to_bytes(16, "big"), np.uint8)
        own: dict[str, NDArray[Any]] = {
            "stamp_ns": np.array(stamp, np.int64),
            "seed": seed,
            "frame": np.array(self._frame),
            "velocity": self._velocity,
        }
        return {**own, **{f"tracks.{name}": array for name, array in self._state.arrays().items()}}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from :meth:`save`. Raises KeyError or ValueError if the state is not of a tracker."""
        tracks = {name[7:]: array for name, array in state.items() if name.startswith("tracks.")}
        self._state = TrackState.of(self._lib, tracks)
        self._seed = int.from_bytes(state["seed"].tobytes(), "big")
        self._stamp_ns = int(state["stamp_ns"]) if state["stamp_ns"] >= 0 else None
        self._frame, self._velocity = str(state["frame"]), state["velocity"].copy()

    def _advance(self, dt: float) -> None:
        state = self._state
        if len(state) == 0 or dt == 0.0:
            return
        imm = state.filter
        imm.predict(process_noise(state.probs), state.size[:, 0], is_vehicle(state.probs) > 0.5, dt)
        state.store(imm)
        state.vertical_var += 0.3**2 * dt
        state.existence = existence.survive(state.existence, dt, self._config.existence)

    def _associate(self, scan: Scan, mean: F64, cov: F64, dt: float) -> tuple[I64, I64, I64]:
        """Pairs (rows, cols) and the detections that are parts of a tracked object (no pair, no birth)."""
        state, config = self._state, self._config.association
        tracks = upkeep.boxes_of(state, mean)
        spread = np.sqrt(np.maximum(cov[:, 0, 0], cov[:, 1, 1]))
        reach = np.minimum(config.slack + config.surprise * dt + spread, config.reach)
        noise = scan.face**2 + 0.01
        cost = association.costs(self._lib, tracks, cov[:, :2, :2], scan.boxes, noise, reach, self._affinity)
        rows, cols = association.assign(cost)
        free = np.ones(len(scan), np.bool_)
        free[cols] = False
        open_cols = np.flatnonzero(free)
        if len(open_cols) == 0 or len(rows) == 0:
            return rows, cols, np.empty(0, np.int64)
        part = association.inside(self._lib, tracks.take(rows), scan.boxes.take(open_cols), config.part_margin)
        part &= (state.hits[rows] >= 3)[:, None]
        for k in np.flatnonzero(part.any(1)):
            scan.stretch(int(cols[k]), open_cols[part[k]])
        return rows, cols, open_cols[part.any(0)]

    def _measure(self, scan: Scan, rows: I64, cols: I64, absorbed: I64, mean: F64, cov: F64, dt: float) -> None:
        state, config = self._state, self._config
        if len(state) == 0:
            return
        assert self._stamp_ns is not None
        self.refused += apply(state, mean, cov, scan, rows, cols, self._stamp_ns, config)
        mean, cov = state.filter.combined()
        upkeep.existences(state, mean, scan, rows, cols, config.existence)
        upkeep.orientations(state, mean, cov, config.orientation)
        self.refused += upkeep.motions(state, mean, scan.sensor, rows, self._stamp_ns, dt, config.motion)
        mean = state.filter.average()
        upkeep.accelerations(state, mean, self._velocity, dt)
        upkeep.confirm(state, self._stamp_ns, config)
        self._state = upkeep.prune(state, mean, self._stamp_ns, config)

    def _bear(self, scan: Scan, cols: I64) -> None:
        assert self._stamp_ns is not None
        if len(cols) == 0:
            return
        room = self._config.max_tracks
        fresh = newborn(scan, cols, self._stamp_ns, self._seed, self._config)
        joined = self._state.join(fresh)
        if len(joined) > room:  # the least credible go first; ties keep the older track
            keep = np.sort(np.argsort(-joined.existence, kind="stable")[:room])
            joined = joined.take(keep)
        self._state = joined
