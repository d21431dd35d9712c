"""Truth of one scan as the evaluation needs it, straight from a simulated sweep or read back from a bag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.grid import WorldGrid
from autonomy_perception.simulation.io.truth_messages import EGO, MASK, OBJECTS, OCCUPANCY, RETURNS, STRUCTURES
from autonomy_perception.simulation.truth.truth import Mask, Truth, TruthGrid, TruthObjects

TOPICS = (OBJECTS, RETURNS, STRUCTURES, OCCUPANCY, MASK, EGO)


@dataclass(frozen=True)
class TruthFrame:
    """Truth at one stamp, in ``odom``: exact ego pose (4,4), road users, structures, grid."""

    stamp_ns: int
    T_odom_base: NDArray[np.float64]
    objects: TruthObjects
    structures: TruthObjects
    grid: TruthGrid

    @classmethod
    def of(cls, truth: Truth) -> TruthFrame:
        """From a simulated sweep."""
        return cls(truth.stamp_ns, truth.T_odom_base, truth.objects, truth.structures, truth.grid)


def read_truth(bag: Path) -> Iterator[TruthFrame]:
    """Truth frames of a recorded synthetic drive, in order (scan times are not recorded: 0).

    Raises:
        BagError: the bag cannot be read, or a truth topic is missing.
    """
    with BagReader(bag) as reader:
        missing = [t for t in TOPICS if t not in reader.topics]
        if missing:
            raise BagError(f"{bag}: expected the truth of a synthetic drive, found no {', '.join(missing)}")
        parts: dict[int, dict[str, Any]] = {}
        for raw, message in reader.messages(TOPICS):
            stamp = int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)
            parts.setdefault(stamp, {})[raw.topic] = message
            if len(parts[stamp]) == len(TOPICS):
                yield _frame(stamp, parts.pop(stamp))


def _frame(stamp: int, part: dict[str, Any]) -> TruthFrame:
    tracked = part[OBJECTS].objects
    objects = _objects(part[RETURNS].objects)
    ids = np.array(
        [np.frombuffer(np.asarray(o.object_id.uuid, np.uint8).tobytes()[:8], "<u4") for o in tracked], np.int32
    ).reshape(-1, 2)
    objects = replace(objects, number=ids[:, 0], group=ids[:, 1])
    info = part[OCCUPANCY].info
    cell = [round(float(v) / info.resolution) for v in (info.origin.position.x, info.origin.position.y)]
    world = WorldGrid(cell[0], cell[1], info.width, info.height, float(np.round(info.resolution, 6)))
    state, mask = (np.asarray(part[t].data, np.int8).reshape(world.shape) for t in (OCCUPANCY, MASK))
    grid = TruthGrid(world, state, (mask & Mask.VISIBLE) > 0, (mask & Mask.DITCH) > 0)
    return TruthFrame(stamp, _pose(part[EGO].pose.pose), objects, _objects(part[STRUCTURES].objects), grid)


def _pose(p: Any) -> NDArray[np.float64]:
    q = [p.orientation.x, p.orientation.y, p.orientation.z, p.orientation.w]
    return geometry.make_transform(geometry.rotation_of(q), [p.position.x, p.position.y, p.position.z])


def _objects(messages: Any) -> TruthObjects:
    """DetectedObjects as truth rows; numbers count up from 0."""
    poses = np.array([_pose(o.kinematics.pose_with_covariance.pose) for o in messages]).reshape(-1, 4, 4)
    yaw = np.arctan2(poses[:, 1, 0], poses[:, 0, 0])
    speed = np.array(
        [
            [o.kinematics.twist_with_covariance.twist.linear.x, o.kinematics.twist_with_covariance.twist.linear.y]
            for o in messages
        ]
    )
    speed = speed.reshape(-1, 2)
    velocity = np.column_stack(
        [np.cos(yaw) * speed[:, 0] - np.sin(yaw) * speed[:, 1], np.sin(yaw) * speed[:, 0] + np.cos(yaw) * speed[:, 1]]
    )
    size = np.array(
        [[o.shape.dimensions.x, o.shape.dimensions.y, o.shape.dimensions.z] for o in messages], np.float32
    ).reshape(-1, 3)
    number = np.arange(len(messages), dtype=np.int32)
    return TruthObjects(
        number, number, np.array([o.classification[0].label for o in messages], np.uint8), poses[:, :3, 3], size, yaw.astype(np.float32),
        velocity.astype(np.float32), np.minimum([o.point_count for o in messages], 2**31 - 1).astype(np.int32), np.zeros(len(messages), np.float32),
        np.array([o.existence_probability for o in messages], np.float32),
    )  # fmt: skip
