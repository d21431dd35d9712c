"""The whole product without ROS: ``Pipeline.step(frame) -> Perception`` (floor 3). It owns all state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.detection.clusters import ClusterDetector
from autonomy_perception.grid import WorldGrid
from autonomy_perception.occupancy.grid import OccupancyMap, ScanEvidence
from autonomy_perception.ops.library import Library
from autonomy_perception.ops.side_by_side import side_by_side
from autonomy_perception.ops.transform import transform
from autonomy_perception.pipeline.modes import ModeMachine, Reason
from autonomy_perception.terrain.ground import GroundSegmenter
from autonomy_perception.terrain.map import TerrainMap
from autonomy_perception.tracking.sweep import Sweep
from autonomy_perception.tracking.tracker import Tracker
from autonomy_perception.types import (
    Detections,
    GroundLabels,
    LidarScan,
    Mode,
    Occupancy,
    Perception,
    SensorFrame,
    SensorHealth,
    SensorState,
    TerrainGrid,
    Tracks,
    Trajectory,
)

ANCHOR_STEP = 10.0
"""The anchor frame's origin moves in steps of this many metres."""
JUMPS = {"TIME_JUMPED_BACK": Reason.TIME_JUMP, "ODOMETRY_TIME_BACK": Reason.TIME_JUMP, "ODOMETRY_GAP": Reason.TIME_JUMP,
         "ODOMETRY_JUMP": Reason.EGO_JUMP}  # fmt: skip
"""First word of a reset's reason, and what the status says of it."""
JUMP_TOLD_NS = 1_000_000_000
"""So long after a jump the outputs still say that maps and tracks began anew."""


class StageClock:
    """Milliseconds per stage of one step, in order; monotonic."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the body and add it to ``name``."""
        start = time.perf_counter_ns()
        try:
            yield
        finally:
            self.ms[name] = self.ms.get(name, 0.0) + (time.perf_counter_ns() - start) * 1e-6


@dataclass(frozen=True)
class EgoState:
    """Where the vehicle is in one step: pose in odom and the anchor frame's origin (3,) in odom [m]."""

    T_odom_base: NDArray[np.float64]
    anchor: NDArray[np.float64]
    has_motion: bool

    @property
    def xy(self) -> tuple[float, float]:
        """Position of base_link in odom [m]."""
        return float(self.T_odom_base[0, 3]), float(self.T_odom_base[1, 3])

    @property
    def T_anchor_base(self) -> NDArray[np.float64]:
        """base_link to anchor (4,4)."""
        out = self.T_odom_base.copy()
        out[:3, 3] -= self.anchor
        return out


@dataclass(frozen=True)
class LabelledScan:
    """A lidar scan in anchor with its ground labels."""

    xyz: NDArray[np.float32]
    origin: NDArray[np.float32]
    labels: GroundLabels


class Pipeline:
    """Terrain, detection, tracking and occupancy for one vehicle.

    Args:
        config: stage parameters.
        vehicle: sensors, frames and body.
        lib: kernels of the device to run on.
    """

    def __init__(self, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> None:
        self._config, self._vehicle, self._lib = config, vehicle, lib
        body = vehicle.dimensions
        self._ground = GroundSegmenter(config.ground, body, lib)
        self._terrain = TerrainMap(config.terrain, body, lib)
        self._clusters = ClusterDetector(config.detection, lib)
        self._tracker = Tracker(config.tracking, lib, config.pipeline.seed)
        self._occupancy = OccupancyMap(config.occupancy, lib)
        self.modes = ModeMachine(config.pipeline)
        self._last: Perception | None = None
        self._clock_offset = 0
        self._jump: tuple[int, Reason] | None = None
        self._ego_reasons: dict[Reason, bool] = {}

    def step(self, frame: SensorFrame) -> Perception:
        """Take in one frame. A frame without lidar points only ages what is there."""
        if frame.reset_reason:
            self.reset(frame.reset_reason, frame.stamp_ns)
        self._clock_offset = frame.clock_offset_ns
        if not any(len(s.cloud) for s in frame.scans):
            return self._aged(frame.stamp_ns, frame.health)
        clock = StageClock()
        ego = self._ego(frame)
        with clock.stage("terrain"):
            scans = self._label(frame, ego)
            self._update_terrain(scans, ego, frame.stamp_ns)
            terrain = self._terrain.grid(frame.stamp_ns)
            lethal = self._terrain.lethal(self._occupancy.place(*ego.xy))
        with clock.stage("detection"):
            detections = self._detect(scans, ego)
        with clock.stage("tracking"):
            tracks = self._track(detections, frame, ego)
        with clock.stage("occupancy"):
            evidence = [ScanEvidence(s.xyz, s.labels.label, s.origin) for s in scans]
            occupancy = self._occupancy.update(evidence, ego.anchor, ego.xy, frame.stamp_ns, lethal, tracks, detections)
        return self._remember(frame, ego, detections, tracks, terrain, occupancy, clock)

    def due(self, now_ns: int) -> bool:
        """Whether no frame has come for ``tick_ms`` at ``now_ns`` (ROS time), so that :meth:`tick` has work."""
        now_ns -= self._clock_offset
        return self._last is not None and now_ns - self._last.stamp_ns >= self._config.pipeline.tick_ms * 1e6

    def tick(self, now_ns: int, health: tuple[SensorHealth, ...] | None = None) -> Perception | None:
        """The aged outputs with stamp ``now_ns`` (by the clock of the sensors, where that is another) if they are due;
        otherwise None.

        Args:
            now_ns: ROS time.
            health: state of the sensors now; that of the last frame if not given.
        """
        if self._last is None or not self.due(now_ns):
            return None
        return self._aged(now_ns - self._clock_offset, self._last.health if health is None else health)

    def reset(self, reason: str, stamp_ns: int = 0) -> None:
        """Drop all maps and tracks (time or odometry jumped); the reason goes to the mode machine."""
        self._terrain.reset()
        self._tracker.reset()
        self._occupancy.reset()
        self.modes.reset(stamp_ns, reason)
        self._last = None
        word = JUMPS.get(reason.partition(" ")[0])
        self._jump = (stamp_ns, word) if word else self._jump

    def release(self) -> None:
        """Give back work memory, which has grown with the largest frame so far (by the thread that steps)."""
        self._clusters.work.release()
        self._lib.release()

    def _ego(self, frame: SensorFrame) -> EgoState:
        has_motion = frame.trajectory is not None and len(frame.trajectory.stamps_ns) > 0
        if self._last is not None and has_motion != self._last.has_ego_motion:
            self.reset("EGO_MOTION_RETURNED" if has_motion else Reason.NO_EGO_MOTION, frame.stamp_ns)
        if not has_motion or frame.trajectory is None:
            return EgoState(np.eye(4), np.zeros(3), False)
        pose = frame.trajectory.pose(frame.stamp_ns)
        return EgoState(pose, np.floor(pose[:3, 3] / ANCHOR_STEP) * ANCHOR_STEP, True)

    def _label(self, frame: SensorFrame, ego: EgoState) -> list[LabelledScan]:
        T = ego.T_anchor_base

        def label(scan: LidarScan) -> LabelledScan:
            xyz = transform(self._lib, scan.cloud.xyz, T)
            origin = geometry.transform_points(T, scan.origin[None])[0].astype(np.float32)
            return LabelledScan(xyz, origin, self._ground.segment(xyz, origin, float(T[2, 3]), scan.beam_elevations))

        return side_by_side(self._lib, label, [scan for scan in frame.scans if len(scan.cloud)])

    def _update_terrain(self, scans: list[LabelledScan], ego: EgoState, stamp_ns: int) -> None:
        if not ego.has_motion:  # nothing ties this scan to the ones before: maps of a single scan
            self._terrain.reset()
            self._occupancy.reset()
        world = WorldGrid.around(*ego.xy, self._config.terrain.side, self._config.terrain.resolution)
        for scan in scans:
            self._terrain.update(scan.xyz, scan.labels, scan.origin, ego.anchor, world, stamp_ns)

    def _detect(self, scans: list[LabelledScan], ego: EgoState) -> Detections:
        xyz = scans[0].xyz if len(scans) == 1 else np.concatenate([s.xyz for s in scans])
        labels = scans[0].labels
        if len(scans) > 1:
            labels = GroundLabels(
                np.concatenate([s.labels.label for s in scans]), np.concatenate([s.labels.height for s in scans])
            )
        found = self._clusters.detect(xyz, labels, scans[0].origin)
        return replace(found, center=(found.center + ego.anchor).astype(np.float32), frame_id=self._vehicle.odom_frame)

    def _track(self, detections: Detections, frame: SensorFrame, ego: EgoState) -> Tracks:
        scans = [scan for scan in frame.scans if len(scan.cloud)]
        sweep = Sweep.from_scans(scans) if scans else None
        tracks = self._tracker.step(detections, frame.stamp_ns, ego.T_odom_base, sweep)
        return tracks if ego.has_motion else replace(tracks, frame_id=self._vehicle.base_frame)

    def _remember(self, frame: SensorFrame, ego: EgoState, detections: Detections, tracks: Tracks, terrain: TerrainGrid,
                  occupancy: Occupancy, clock: StageClock) -> Perception:  # fmt: skip
        self._ego_reasons = ego_reasons(frame.trajectory)
        self._last = Perception(
            frame.stamp_ns, frame.stamp_ns, self.modes.on_frame(frame.stamp_ns), self._reasons(ego.has_motion, frame.health, frame.stamp_ns),
            ego.T_odom_base, detections.moved(geometry.invert(ego.T_odom_base), self._vehicle.base_frame), tracks, terrain, occupancy,
            frame.health, clock.ms, frame.calibration_hash, ego.has_motion,
        )  # fmt: skip
        return self._last

    def _reasons(self, has_motion: bool, health: tuple[SensorHealth, ...], now_ns: int) -> tuple[str, ...]:
        """Why the mode is not better."""
        bad = {h.sensor for h in health if h.state != SensorState.OK}
        found = {
            Reason.NO_EGO_MOTION: not has_motion,
            **(self._ego_reasons if has_motion else {}),
            Reason.NO_NETWORK: True,
            Reason.LIDAR_MISSING: bool(bad & self._vehicle.lidars.keys()),
            Reason.CAMERA_MISSING: bool(bad & self._vehicle.cameras.keys()),
        }
        if self._jump is not None and 0 <= now_ns - self._jump[0] < JUMP_TOLD_NS:
            found[self._jump[1]] = True
        return tuple(reason for reason, holds in found.items() if holds)

    def _aged(self, now_ns: int, health: tuple[SensorHealth, ...]) -> Perception:
        occupancy = self._occupancy.age(now_ns)
        last = self._last
        if last is None or occupancy is None:
            return self._nothing(now_ns, health)
        mode = self.modes.on_age(now_ns, last.data_stamp_ns)
        stopped = mode == Mode.STOPPED
        self._last = replace(
            last, stamp_ns=now_ns, mode=mode, reasons=(*self._reasons(last.has_ego_motion, health, now_ns), Reason.NO_DATA),
            detections=Detections.empty(self._vehicle.base_frame),
            tracks=Tracks.empty(last.tracks.frame_id) if stopped else self._tracker.predict(now_ns),
            terrain=self._terrain.grid(now_ns), occupancy=occupancy, health=health, stage_ms={},
        )  # fmt: skip
        return self._last

    def _nothing(self, now_ns: int, health: tuple[SensorHealth, ...]) -> Perception:
        """Before the first lidar points: an unknown world, so that health and mode still reach planning."""
        world = self._occupancy.place(0.0, 0.0)
        unknown = Occupancy(world, np.zeros(world.shape, np.float32), np.full(world.shape, -1, np.int8))
        terrain_world = WorldGrid.around(0.0, 0.0, self._config.terrain.side, self._config.terrain.resolution)
        self._occupancy.reset()
        return Perception(
            now_ns, 0, self.modes.mode, (*self._reasons(False, health, now_ns), Reason.NO_DATA), np.eye(4), Detections.empty(self._vehicle.base_frame),
            Tracks.empty(self._vehicle.base_frame), TerrainGrid(terrain_world, {}), unknown, health, has_ego_motion=False,
        )  # fmt: skip


def ego_reasons(trajectory: Trajectory | None) -> dict[Reason, bool]:
    """What is short of odometry in an ego motion."""
    if trajectory is None:
        return {}
    return {Reason.DEAD_RECKONING: trajectory.dead_reckoned, Reason.EGO_MOTION_HELD: trajectory.held}
