"""What a perception process does: the whole suite, or one stage of it as a node of its own (no rclpy here)."""

from __future__ import annotations

from dataclasses import dataclass

from autonomy_perception import topics
from autonomy_perception.config import VehicleConfig
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.pipeline.stages import DetectionPipeline, OccupancyPipeline, TerrainPipeline, TrackingPipeline


@dataclass(frozen=True)
class Role:
    """One kind of perception process.

    Attributes:
        node: default name of the node.
        pipeline: what its worker runs.
        outputs: topics that it publishes.
        objects: topics of other nodes that it takes in.
        driven_by_objects: every message of the first of ``objects`` makes an output, not every frame of sensors.
        cameras: whether images are subscribed.
    """

    node: str
    pipeline: type[Pipeline]
    outputs: tuple[topics.Topic, ...]
    objects: tuple[topics.Topic, ...] = ()
    driven_by_objects: bool = False
    cameras: bool = False

    def vehicle(self, vehicle: VehicleConfig) -> VehicleConfig:
        """The vehicle as this process sees it."""
        return vehicle if self.cameras else vehicle.model_copy(update={"cameras": {}})


WHOLE = Role(
    "perception",
    Pipeline,
    (topics.OCCUPANCY_GRID, topics.TRACKED_OBJECTS, topics.DETECTED_OBJECTS, topics.TERRAIN_MAP, topics.STATUS),
    cameras=True,
)
TERRAIN = Role("terrain", TerrainPipeline, (topics.TERRAIN_MAP,))
DETECTOR = Role("detector", DetectionPipeline, (topics.DETECTED_OBJECTS,))
TRACKER = Role(
    "tracker",
    TrackingPipeline,
    (topics.TRACKED_OBJECTS, topics.TENTATIVE_OBJECTS),
    (topics.DETECTED_OBJECTS,),
    driven_by_objects=True,
)
OCCUPANCY = Role(
    "occupancy_grid",
    OccupancyPipeline,
    (topics.OCCUPANCY_GRID, topics.STATUS),
    (topics.DETECTED_OBJECTS, topics.TRACKED_OBJECTS, topics.TENTATIVE_OBJECTS),
)
