"""What a perception process does: the whole suite, or one stage of it as a node of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autonomy_perception import topics
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.ops.library import Library
from autonomy_perception.pipeline.build import WHOLE as ALL_STAGES
from autonomy_perception.pipeline.build import make_pipeline
from autonomy_perception.pipeline.stage import DETECTIONS, TRACKS, Key
from autonomy_perception.platform import Platform
from autonomy_perception.runtime.gather import FramesAlone, Gather, WithObjects
from autonomy_perception.runtime.runner import Runner
from autonomy_perception.sensors.frontend import SensorFrontEnd


@dataclass(frozen=True)
class Role:
    """One kind of perception process.

    Attributes:
        node: default name of the node.
        stages: what its pipeline runs; given: what other nodes hand in.
        outputs: topics that it publishes.
        objects: topics of other nodes that it takes in.
        driven_by_objects: every message of the first of ``objects`` makes an output, not every frame of sensors.
        cameras: whether images are subscribed.
    """

    node: str
    stages: tuple[str, ...]
    outputs: tuple[topics.Topic, ...]
    objects: tuple[topics.Topic, ...] = ()
    given: tuple[Key[Any], ...] = ()
    driven_by_objects: bool = False
    cameras: bool = False

    def vehicle(self, vehicle: VehicleConfig) -> VehicleConfig:
        """The vehicle as this process sees it."""
        return vehicle if self.cameras else vehicle.model_copy(update={"cameras": {}})

    def runner(self, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> Runner:
        """The loop of such a process."""
        names, silence_ns = [topic.name for topic in self.objects], int(config.sensors.no_data_after_ms * 1e6)

        def gather(front: SensorFrontEnd) -> Gather:
            if not names:
                return FramesAlone(front)
            return WithObjects(front, Platform.of(vehicle), names, self.driven_by_objects, silence_ns)

        return Runner(config, vehicle, lib, make_pipeline(config, vehicle, lib, self.stages, self.given), gather)


WHOLE = Role(
    "perception",
    ALL_STAGES,
    (topics.OCCUPANCY_GRID, topics.TRACKED_OBJECTS, topics.DETECTED_OBJECTS, topics.TERRAIN_MAP, topics.STATUS),
    cameras=True,
)
TERRAIN = Role("terrain", ("ground", "terrain"), (topics.TERRAIN_MAP,))
DETECTOR = Role("detector", ("ground", "detection"), (topics.DETECTED_OBJECTS,))
TRACKER = Role(
    "tracker",
    ("tracking",),
    (topics.TRACKED_OBJECTS, topics.TENTATIVE_OBJECTS),
    (topics.DETECTED_OBJECTS,),
    (DETECTIONS,),
    driven_by_objects=True,
)
OCCUPANCY = Role(
    "occupancy_grid",
    ("ground", "terrain", "occupancy"),
    (topics.OCCUPANCY_GRID, topics.STATUS),
    (topics.DETECTED_OBJECTS, topics.TRACKED_OBJECTS, topics.TENTATIVE_OBJECTS),
    (DETECTIONS, TRACKS),
)
