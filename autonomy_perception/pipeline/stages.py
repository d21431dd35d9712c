"""The pipeline with some of its stages left to others: what the separate nodes run (floor 3).

Each class is :class:`Pipeline` with the same state, modes, resets and ticks, in which stages that run elsewhere are
answered by stand-ins, and their results, where a stage needs them, are handed in as :class:`Given`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.grid import WorldGrid
from autonomy_perception.ops.library import Library
from autonomy_perception.pipeline.pipeline import EgoState, LabelledScan, Pipeline, StageClock
from autonomy_perception.types import Detections, Occupancy, Perception, SensorFrame, TerrainGrid, Tracks

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


@dataclass
class Given:
    """Results of other nodes for the next step: detections in base_link, tracks in odom (or base_link)."""

    detections: Detections = field(default_factory=Detections.empty)
    tracks: Tracks = field(default_factory=Tracks.empty)


class _NoTerrain:
    """Stands in for the terrain map."""

    def __init__(self) -> None:
        self._world = WorldGrid.around(0.0, 0.0, 1.0, 1.0)

    def update(self, xyz: F32, labels: object, origin: F32, anchor: F64, world: WorldGrid, stamp_ns: int) -> None:
        self._world = world

    def grid(self, stamp_ns: int) -> TerrainGrid:
        return TerrainGrid(self._world, {})

    def lethal(self, world: WorldGrid) -> F32:
        return np.zeros(world.shape, np.float32)

    def reset(self) -> None:
        pass


class _NoOccupancy:
    """Stands in for the occupancy map: one unknown cell where the vehicle is."""

    def __init__(self) -> None:
        self._grid: Occupancy | None = None

    def place(self, x: float, y: float) -> WorldGrid:
        return WorldGrid.around(x, y, 1.0, 1.0)

    def update(self, evidence: object, anchor: F64, xy: tuple[float, float], stamp_ns: int, lethal: F32, tracks: Tracks,
               detections: Detections) -> Occupancy:  # fmt: skip
        world = self.place(*xy)
        self._grid = Occupancy(world, np.zeros(world.shape, np.float32), np.full(world.shape, -1, np.int8))
        return self._grid

    def age(self, now_ns: int) -> Occupancy | None:
        return self._grid

    def reset(self) -> None:
        self._grid = None


class _GivenTracker:
    """Stands in for the tracker: the tracks that another node made, moved on while nothing new comes."""

    def __init__(self) -> None:
        self._tracks, self._stamp_ns = Tracks.empty(), 0

    def take(self, tracks: Tracks, stamp_ns: int) -> Tracks:
        self._tracks, self._stamp_ns = tracks, stamp_ns
        return tracks

    def predict(self, now_ns: int) -> Tracks:
        dt = np.float32(max((now_ns - self._stamp_ns) * 1e-9, 0.0))
        center = self._tracks.center.copy()
        center[:, :2] += self._tracks.velocity * dt
        return replace(self._tracks, center=center)

    def reset(self, seed: int | None = None) -> None:
        self._tracks = Tracks.empty(self._tracks.frame_id)


class StagePipeline(Pipeline):
    """All stages by stand-ins but the ground segmentation; the classes below put in the one that they run."""

    def __init__(self, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> None:
        super().__init__(config, vehicle, lib)
        self.given = Given()
        self._stand_in = _GivenTracker()
        self._own = (self._terrain, self._tracker, self._occupancy)
        # the stand-ins answer the same calls
        self._terrain, self._tracker, self._occupancy = _NoTerrain(), self._stand_in, _NoOccupancy()  # type: ignore[assignment]

    def _detect(self, scans: list[LabelledScan], ego: EgoState) -> Detections:
        return self.given.detections.moved(ego.T_odom_base, self._vehicle.odom_frame)

    def _track(self, detections: Detections, frame: SensorFrame, ego: EgoState) -> Tracks:
        return self._stand_in.take(self.given.tracks, frame.stamp_ns)


class TerrainPipeline(StagePipeline):
    """Clouds in, terrain out."""

    def __init__(self, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> None:
        super().__init__(config, vehicle, lib)
        self._terrain = self._own[0]


class DetectionPipeline(StagePipeline):
    """Clouds in, detections out."""

    def _detect(self, scans: list[LabelledScan], ego: EgoState) -> Detections:
        return Pipeline._detect(self, scans, ego)


class OccupancyPipeline(StagePipeline):
    """Clouds, detections and tracks in, grid out; the terrain map runs along for what is lethal."""

    def __init__(self, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> None:
        super().__init__(config, vehicle, lib)
        self._terrain, self._occupancy = self._own[0], self._own[2]


class TrackingPipeline(StagePipeline):
    """Detections in, tracks out; scans of the same stamp only say when the lidar looked where."""

    def __init__(self, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> None:
        super().__init__(config, vehicle, lib)
        self._tracker = self._own[1]

    def step(self, frame: SensorFrame) -> Perception:
        """Take in ``given.detections`` of the frame's stamp."""
        if frame.reset_reason:
            self.reset(frame.reset_reason, frame.stamp_ns)
        self._clock_offset = frame.clock_offset_ns
        clock = StageClock()
        ego = self._ego(frame)
        with clock.stage("tracking"):
            detections = self._detect([], ego)
            tracks = Pipeline._track(self, detections, frame, ego)
        occupancy = self._occupancy.update(
            (), ego.anchor, ego.xy, frame.stamp_ns, np.empty(0, np.float32), tracks, detections
        )
        terrain = self._terrain.grid(frame.stamp_ns)
        return self._remember(frame, ego, detections, tracks, terrain, occupancy, clock)
