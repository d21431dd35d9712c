"""The rooms of floor 2 as stages: each reads the context, calls its room, and writes the context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autonomy_perception import geometry
from autonomy_perception.config import PerceptionConfig
from autonomy_perception.detection.clusters import ClusterDetector
from autonomy_perception.grid import WorldGrid, resample_largest
from autonomy_perception.occupancy.grid import OccupancyMap, ScanEvidence
from autonomy_perception.ops.library import Library
from autonomy_perception.ops.side_by_side import side_by_side
from autonomy_perception.ops.transform import transform
from autonomy_perception.pipeline.stage import (
    DETECTIONS,
    LETHAL,
    OCCUPANCY,
    SCANS,
    TERRAIN,
    TRACKS,
    Context,
    Key,
    LabelledScan,
    Layer,
    Stage,
    State,
)
from autonomy_perception.platform import Platform
from autonomy_perception.terrain.ground import GroundSegmenter
from autonomy_perception.terrain.map import TerrainMap
from autonomy_perception.tracking.sweep import Sweep
from autonomy_perception.tracking.tracker import Tracker
from autonomy_perception.types import Detections, GroundLabels, LidarScan, Mode, Tracks


class GroundStage(Stage):
    """Scans of the frame in anchor, every return labelled."""

    name, gives = "ground", (SCANS,)

    def __init__(self, config: PerceptionConfig, platform: Platform, lib: Library) -> None:
        self._lib = lib
        self._ground = GroundSegmenter(config.ground, platform.served, lib)

    def ready(self, context: Context) -> bool:
        return bool(seen(context))

    def run(self, context: Context) -> None:
        T = context.ego.T_anchor_base

        def label(scan: LidarScan) -> LabelledScan:
            xyz = transform(self._lib, scan.cloud.xyz, T)
            origin = geometry.transform_points(T, scan.origin[None])[0].astype(np.float32)
            return LabelledScan(xyz, origin, self._ground.segment(xyz, origin, float(T[2, 3]), scan.beam_elevations))

        context[SCANS] = side_by_side(self._lib, label, seen(context))

    def release(self) -> None:
        self._lib.release()


class TerrainStage(Stage):
    """The rolling elevation map, and what of it the vehicle cannot drive."""

    name, needs, gives = "terrain", (SCANS,), (TERRAIN, LETHAL)

    def __init__(self, config: PerceptionConfig, platform: Platform, lib: Library) -> None:
        self._config = config.terrain
        self._map = TerrainMap(config.terrain, platform.served, lib)

    def run(self, context: Context) -> None:
        if not context.ego.has_motion:  # nothing ties this scan to the ones before: a map of a single scan
            self._map.reset()
        world = WorldGrid.around(*context.ego.xy, self._config.side, self._config.resolution)
        for scan in context[SCANS]:
            self._map.update(scan.xyz, scan.labels, scan.origin, context.ego.anchor, world, context.stamp_ns)
        self._give(context)

    def age(self, context: Context) -> None:
        self._map.place(WorldGrid.around(*context.ego.xy, self._config.side, self._config.resolution))
        self._give(context)

    def _give(self, context: Context) -> None:
        context[TERRAIN] = self._map.grid(context.stamp_ns)
        context[LETHAL] = Layer(context[TERRAIN].grid, self._map.lethal())

    def reset(self) -> None:
        self._map.reset()

    def save(self) -> State:
        return self._map.save()

    def load(self, state: State) -> None:
        self._map.load(state)


class DetectionStage(Stage):
    """Clusters of what stands on the ground."""

    name, needs, gives = "detection", (SCANS,), (DETECTIONS,)

    def __init__(self, config: PerceptionConfig, platform: Platform, lib: Library) -> None:
        self._clusters = ClusterDetector(config.detection, lib)

    def run(self, context: Context) -> None:
        scans = context[SCANS]
        xyz = scans[0].xyz if len(scans) == 1 else np.concatenate([s.xyz for s in scans])
        labels = scans[0].labels
        if len(scans) > 1:
            labels = GroundLabels(
                np.concatenate([s.labels.label for s in scans]), np.concatenate([s.labels.height for s in scans])
            )
        found, ego = self._clusters.detect(xyz, labels, scans[0].origin), context.ego
        context[DETECTIONS] = replace(found, center=(found.center + ego.anchor).astype(np.float32), frame_id=ego.frame)

    def release(self) -> None:
        self._clusters.work.release()


class TrackingStage(Stage):
    """Identity, velocity and extent of what was detected."""

    name, needs, gives = "tracking", (DETECTIONS,), (TRACKS,)

    def __init__(self, config: PerceptionConfig, platform: Platform, lib: Library) -> None:
        self._tracker = Tracker(config.tracking, lib, config.pipeline.seed)

    def run(self, context: Context) -> None:
        scans = seen(context)  # they only say when the lidar looked where
        sweep = Sweep.from_scans(scans) if scans else None
        context[TRACKS] = self._tracker.step(context[DETECTIONS], context.stamp_ns, context.ego.T_odom_base, sweep)

    def age(self, context: Context) -> None:
        stopped = context.mode == Mode.STOPPED
        context[TRACKS] = Tracks.empty(context.ego.frame) if stopped else self._tracker.predict(context.stamp_ns)

    def reset(self) -> None:
        self._tracker.reset()

    def counters(self) -> Mapping[str, int]:
        return {"refused_updates": self._tracker.refused}

    def save(self) -> State:
        return self._tracker.save()

    def load(self, state: State) -> None:
        self._tracker.load(state)


class OccupancyStage(Stage):
    """Free and occupied cells over time."""

    name, needs, gives = "occupancy", (SCANS, LETHAL, DETECTIONS, TRACKS), (OCCUPANCY,)

    def __init__(self, config: PerceptionConfig, platform: Platform, lib: Library) -> None:
        self._map = OccupancyMap(config.occupancy, lib)

    def run(self, context: Context) -> None:
        ego = context.ego
        if not ego.has_motion:
            self._map.reset()
        evidence = [ScanEvidence(s.xyz, s.labels.label, s.origin) for s in context[SCANS]]
        lethal = resample_largest(context[LETHAL].values, context[LETHAL].grid, self._map.around(*ego.xy))
        context[OCCUPANCY] = self._map.update(
            evidence, ego.anchor, ego.xy, context.stamp_ns, lethal, context[TRACKS], context[DETECTIONS]
        )

    def age(self, context: Context) -> None:
        context[OCCUPANCY] = self._map.age(context.stamp_ns, context.ego.xy)

    def reset(self) -> None:
        self._map.reset()

    def save(self) -> State:
        return self._map.save()

    def load(self, state: State) -> None:
        self._map.load(state)


class GivenStage(Stage):
    """Results of other nodes, handed in with every frame: detections in base_link, tracks in the ego state's frame."""

    name = "given"

    def __init__(self, gives: Sequence[Key[Any]]) -> None:
        self.gives = tuple(gives)
        self.reset()

    def run(self, context: Context) -> None:
        ego = context.ego
        if DETECTIONS in self.gives:
            found = context.given.get(DETECTIONS, Detections.empty())
            context[DETECTIONS] = found.moved(ego.T_odom_base, ego.frame)
        if TRACKS in self.gives:
            self._tracks, self._stamp_ns = context.given.get(TRACKS, Tracks.empty(ego.frame)), context.stamp_ns
            context[TRACKS] = self._tracks

    def age(self, context: Context) -> None:
        if TRACKS in self.gives and context.mode != Mode.STOPPED:
            dt = np.float32(max((context.stamp_ns - self._stamp_ns) * 1e-9, 0.0))
            center = self._tracks.center.copy()
            center[:, :2] += self._tracks.velocity * dt
            context[TRACKS] = replace(self._tracks, center=center)

    def reset(self) -> None:
        self._tracks, self._stamp_ns = Tracks.empty(), 0


def seen(context: Context) -> list[LidarScan]:
    """Lidars of the frame that saw anything."""
    return [scan for scan in context.frame.scans if len(scan.cloud)] if context.frame is not None else []
