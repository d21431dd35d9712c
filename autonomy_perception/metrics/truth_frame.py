"""Truth of one scan as the evaluation needs it, straight from a simulated sweep or read back from a bag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.messages.maps import occupancy_of
from autonomy_perception.messages.objects import DETECTED, INT32_MAX, columns_of, heading_and_velocity
from autonomy_perception.messages.parts import stamp_ns, transform_of
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
            stamp = stamp_ns(message.header.stamp)
            parts.setdefault(stamp, {})[raw.topic] = message
            if len(parts[stamp]) == len(TOPICS):
                yield _frame(stamp, parts.pop(stamp))


def _frame(stamp: int, part: dict[str, Any]) -> TruthFrame:
    names = [o.object_id.uuid for o in part[OBJECTS].objects]
    ids = np.array(names, np.uint8).reshape(-1, 16)[:, :8].copy().view("<u4").astype(np.int32)
    objects = replace(_objects(part[RETURNS]), number=ids[:, 0], group=ids[:, 1])
    (world, state), (_, mask) = occupancy_of(part[OCCUPANCY]), occupancy_of(part[MASK])
    grid = TruthGrid(world, state, (mask & Mask.VISIBLE) > 0, (mask & Mask.DITCH) > 0)
    return TruthFrame(stamp, transform_of(part[EGO].pose.pose), objects, _objects(part[STRUCTURES]), grid)


def _objects(message: Any) -> TruthObjects:
    """A DetectedObjectArray as truth rows; numbers count up from 0."""
    columns = columns_of(DETECTED, message)
    yaw, velocity = heading_and_velocity(columns)
    number = np.arange(len(yaw), dtype=np.int32)
    return TruthObjects(
        number, number, columns["class_probs"].argmax(axis=1).astype(np.uint8), columns["center"],
        columns["size"].astype(np.float32), yaw.astype(np.float32), velocity.astype(np.float32),
        np.minimum(columns["points"], INT32_MAX).astype(np.int32), np.zeros(len(yaw), np.float32),
        columns["existence"].astype(np.float32),
    )  # fmt: skip
