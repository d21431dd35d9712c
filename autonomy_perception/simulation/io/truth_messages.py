"""Truth as messages: what a synthetic drive's bag holds under ``/ground_truth`` (docs/simulation.md lists it)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.importers.base import Record
from autonomy_perception.config import VehicleConfig
from autonomy_perception.messages.maps import GRID_MAP, OCCUPANCY_GRID
from autonomy_perception.messages.objects import AVAILABLE, DETECTED, TRACKED, into_object
from autonomy_perception.simulation.io.landmark_messages import MAP_FRAME
from autonomy_perception.simulation.sensors.camera import Shot
from autonomy_perception.simulation.sensors.lidar import Sweep
from autonomy_perception.simulation.truth.truth import Truth, TruthObjects, TruthTerrain
from autonomy_perception.types import N_CLASSES

F64 = NDArray[np.float64]

OBJECTS, RETURNS, STRUCTURES = "/ground_truth/objects", "/ground_truth/returns", "/ground_truth/structures"
OCCUPANCY, MASK, EGO = "/ground_truth/occupancy", "/ground_truth/mask", "/ground_truth/ego"
TERRAIN, POINTS, MAP_TO_ODOM = "/ground_truth/terrain", "/ground_truth/points", "/ground_truth/map_to_odom"
ABOUT, MOUNTS = "/ground_truth/about", "/ground_truth/mounts"
_UUID_TAIL = b"ap-truth"
_LABELS = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("instance", "<i4"), ("label", "<u2"), ("cause", "<u2")])


def truth_uuid(number: int, group: int) -> NDArray[np.uint8]:
    """16 bytes: number and group as little-endian uint32, then ``ap-truth``."""
    return np.frombuffer(int(number).to_bytes(4, "little") + int(group).to_bytes(4, "little") + _UUID_TAIL, np.uint8)


def moment_records(vehicle: VehicleConfig, truth: Truth, twist: F64, at: int) -> list[Record]:
    """Truth of one sweep but its terrain, received at ``at`` [ns]; ``twist`` (6,): true motion of base_link."""
    odom, stamp, zero = vehicle.odom_frame, truth.stamp_ns, np.zeros(6)
    tracked = m.objects_message(TRACKED, odom, stamp, _tracked(truth.objects))
    returns, structures = (
        m.objects_message(DETECTED, odom, stamp, _detected(o)) for o in (truth.objects, truth.structures)
    )
    ego = m.odometry(odom, vehicle.base_frame, stamp, truth.T_odom_base, twist, zero, zero)
    shift = m.transform(stamp, MAP_FRAME, odom, geometry.invert(truth.T_odom_world))
    state, mask = (
        m.occupancy_grid(odom, stamp, truth.grid.grid, layer) for layer in (truth.grid.state, truth.grid.mask)
    )
    return [
        Record(EGO, m.ODOMETRY, at, ego),
        Record(MAP_TO_ODOM, "geometry_msgs/msg/TransformStamped", at, shift),
        Record(OBJECTS, TRACKED.msgtype, at, tracked),
        Record(RETURNS, DETECTED.msgtype, at, returns),
        Record(STRUCTURES, DETECTED.msgtype, at, structures),
        Record(OCCUPANCY, OCCUPANCY_GRID, at, state),
        Record(MASK, OCCUPANCY_GRID, at, mask),
    ]


def terrain_record(frame: str, stamp_ns: int, terrain: TruthTerrain, at: int) -> Record:
    """True terrain as grid_map_msgs/GridMap in ``frame``."""
    return Record(TERRAIN, GRID_MAP, at, m.grid_map(frame, stamp_ns, terrain.grid, terrain.layers()))


def point_record(topic: str, sweep: Sweep, at: int) -> Record:
    """Labels of a cloud's points, in the cloud's order: x y z as measured, instance, label (Semantic), cause."""
    cloud = sweep.cloud
    out = np.zeros(len(cloud), _LABELS)
    for axis, name in enumerate("xyz"):
        out[name] = cloud.xyz[:, axis]
    out["instance"], out["label"], out["cause"] = sweep.instance, sweep.semantic, sweep.cause
    return Record(topic, m.CLOUD, at, m.cloud(cloud.frame_id, cloud.stamp_ns, out))


def pixel_records(prefix: str, frame_id: str, shot: Shot, at: int) -> list[Record]:
    """Semantic and instance of every pixel as PNG, depth as 32FC1."""
    stamp, out = shot.frame.stamp_ns, []
    for name, layer, kind in (
        ("labels", shot.semantic, "mono8; png compressed mono8"),
        ("instances", shot.instance.astype(np.uint16), "mono16; png compressed mono16"),
    ):
        ok, data = cv2.imencode(".png", layer, [cv2.IMWRITE_PNG_COMPRESSION, 2])
        if not ok:
            raise ValueError(f"{prefix}/{name}: image {layer.shape} {layer.dtype} cannot be encoded")
        message = m.compressed_image(frame_id, stamp, data.tobytes(), kind)
        out.append(Record(f"{prefix}/{name}", m.COMPRESSED_IMAGE, at, message))
    depth = m.image(frame_id, stamp, shot.depth.astype("<f4"), "32FC1")
    return [*out, Record(f"{prefix}/depth", m.IMAGE, at, depth)]


def mount_record(vehicle: VehicleConfig, mounts: Mapping[str, F64], stamp_ns: int) -> Record:
    """Where the sensors really sit: true T_base_sensor (4,4) by frame."""
    edges = [(vehicle.base_frame, frame, T) for frame, T in mounts.items()]
    return Record(MOUNTS, m.TF, stamp_ns, m.transforms(stamp_ns, edges))


def _boxes(o: TruthObjects) -> dict[str, NDArray[Any]]:
    """Columns of the messages' tables that both kinds have."""
    turn = into_object(o.yaw.astype(np.float64))
    rotation = np.tile(np.eye(3), (len(o), 1, 1))
    rotation[:, :2, :2] = np.swapaxes(turn, 1, 2)
    velocity = np.zeros((len(o), 3))
    velocity[:, :2] = (turn @ o.velocity[:, :, None])[:, :, 0]
    return {
        "class_probs": np.eye(N_CLASSES, dtype=np.float32)[o.label], "center": o.center, "size": o.size, "velocity": velocity,
        "quaternion": geometry.quaternions_of(rotation), "orientation": np.full(len(o), AVAILABLE),
    }  # fmt: skip


def _tracked(o: TruthObjects) -> dict[str, NDArray[Any]]:
    uuids = [truth_uuid(*pair) for pair in zip(o.number.tolist(), o.group.tolist(), strict=True)]
    return {
        **_boxes(o), "uuid": np.array(uuids, np.uint8).reshape(-1, 16), "existence": np.ones(len(o)),
        "is_stationary": np.hypot(*o.velocity.T) < 0.1, "acceleration_covariance": np.full((len(o), 36), np.nan),
    }  # fmt: skip


def _detected(o: TruthObjects) -> dict[str, NDArray[Any]]:
    known = np.ones(len(o), np.bool_)
    return {
        **_boxes(o), "existence": o.visibility, "points": o.points, "has_covariance": known, "has_velocity": known,
        "has_velocity_covariance": known,
    }  # fmt: skip
