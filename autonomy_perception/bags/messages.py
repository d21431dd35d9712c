"""The codecs of :mod:`autonomy_perception.messages` with the type store's classes: what importers and recorders write."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.classes import STORE
from autonomy_perception.messages import maps, objects, parts, sensors_out
from autonomy_perception.messages.fields import Pool
from autonomy_perception.types import N_CLASSES, ObjectClass

F64 = NDArray[np.float64]
CLOUD, IMAGE, COMPRESSED_IMAGE = sensors_out.CLOUD, sensors_out.IMAGE, sensors_out.COMPRESSED_IMAGE
CAMERA_INFO, TF, ODOMETRY = sensors_out.CAMERA_INFO, sensors_out.TF, sensors_out.ODOMETRY
TRACKED_OBJECTS = objects.TRACKED.msgtype
make = STORE.make
header, pose, vector = partial(parts.header, STORE), partial(parts.pose, STORE), partial(parts.vector, STORE)
cloud, image = partial(sensors_out.cloud, STORE), partial(sensors_out.image, STORE)
compressed_image, camera_info = partial(sensors_out.compressed_image, STORE), partial(sensors_out.camera_info, STORE)
transform, transforms = partial(sensors_out.transform, STORE), partial(sensors_out.transforms, STORE)
odometry, imu = partial(sensors_out.odometry, STORE), partial(sensors_out.imu, STORE)
joint_state = partial(sensors_out.joint_state, STORE)
occupancy_grid, grid_map = partial(maps.occupancy_grid, STORE), partial(maps.grid_map, STORE)


def objects_message(kind: objects.Kind, frame_id: str, at_ns: int, columns: dict[str, NDArray[Any]]) -> Any:
    """A message of the columns of ``kind``'s table; see :func:`autonomy_perception.messages.objects.message_of`."""
    return objects.message_of(Pool(STORE), kind, frame_id, at_ns, columns)


@dataclass(frozen=True)
class TruthObject:
    """One labelled object: identity text, class, pose of the box centre (4,4), size l w h [m].

    ``velocity`` (vx, vy) [m/s] is over ground, in the axes of the header's frame; None where it is not labelled.
    """

    identity: str
    kind: ObjectClass
    pose: F64
    size: tuple[float, float, float]
    velocity: tuple[float, float] | None = None


def truth(frame_id: str, stamp_ns: int, labels: Sequence[TruthObject]) -> Any:
    """autonomy_perception_msgs/TrackedObjectArray of labels; NaN covariance: not labelled. Twists are in the object's axes."""
    n = len(labels)
    poses = np.array([o.pose for o in labels]).reshape(n, 4, 4)
    velocity = np.array([(0.0, 0.0) if o.velocity is None else o.velocity for o in labels]).reshape(n, 2)
    labelled = np.array([o.velocity is not None for o in labels], np.bool_)
    digests = [uuid.uuid5(uuid.NAMESPACE_URL, o.identity).bytes for o in labels]
    return objects_message(objects.TRACKED, frame_id, stamp_ns, {
        "uuid": np.frombuffer(b"".join(digests), np.uint8).reshape(n, 16), "existence": np.ones(n),
        "class_probs": np.eye(N_CLASSES, dtype=np.float32)[[int(o.kind) for o in labels]],
        "center": poses[:, :3, 3], "quaternion": geometry.quaternions_of(poses), "size": np.array([o.size for o in labels]).reshape(n, 3),
        "velocity": np.einsum("nij,ni->nj", poses[:, :2, :3], velocity), "velocity_covariance": np.full((n, 36), np.where(labelled, 0.0, np.nan)[:, None]),
        "acceleration_covariance": np.full((n, 36), np.nan), "orientation": np.full(n, objects.AVAILABLE),
    })  # fmt: skip
