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
from autonomy_perception.grid import WorldGrid, to_grid_map_data, to_occupancy_data
from autonomy_perception.simulation.io.landmark_messages import MAP_FRAME
from autonomy_perception.simulation.sensors.camera import Shot
from autonomy_perception.simulation.sensors.lidar import Sweep
from autonomy_perception.simulation.truth.truth import Truth, TruthObjects, TruthTerrain

F64 = NDArray[np.float64]

OBJECTS, RETURNS, STRUCTURES = "/ground_truth/objects", "/ground_truth/returns", "/ground_truth/structures"
OCCUPANCY, MASK, EGO = "/ground_truth/occupancy", "/ground_truth/mask", "/ground_truth/ego"
TERRAIN, POINTS, MAP_TO_ODOM = "/ground_truth/terrain", "/ground_truth/points", "/ground_truth/map_to_odom"
ABOUT, MOUNTS = "/ground_truth/about", "/ground_truth/mounts"
_PKG = "autonomy_perception_msgs/msg/"
_UUID_TAIL = b"ap-truth"
_LABELS = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("instance", "<i4"), ("label", "<u2"), ("cause", "<u2")])


def truth_uuid(number: int, group: int) -> NDArray[np.uint8]:
    """16 bytes: number and group as little-endian uint32, then ``ap-truth``."""
    return np.frombuffer(int(number).to_bytes(4, "little") + int(group).to_bytes(4, "little") + _UUID_TAIL, np.uint8)


def moment_records(vehicle: VehicleConfig, truth: Truth, twist: F64, at: int) -> list[Record]:
    """Truth of one sweep but its terrain, received at ``at`` [ns]; ``twist`` (6,): true motion of base_link."""
    odom, stamp = vehicle.odom_frame, truth.stamp_ns
    head, zero = m.header(odom, stamp), np.zeros(6)
    tracked = m.make(_PKG + "TrackedObjectArray", head, [_tracked(truth.objects, k) for k in range(len(truth.objects))])
    returns, structures = (
        m.make(_PKG + "DetectedObjectArray", head, [_detected(o, k) for k in range(len(o))])
        for o in (truth.objects, truth.structures)
    )
    ego = m.odometry(odom, vehicle.base_frame, stamp, truth.T_odom_base, twist, zero, zero)
    shift = m.transforms(stamp, [(MAP_FRAME, odom, geometry.invert(truth.T_odom_world))]).transforms[0]
    return [
        Record(EGO, m.ODOMETRY, at, ego),
        Record(MAP_TO_ODOM, "geometry_msgs/msg/TransformStamped", at, shift),
        Record(OBJECTS, _PKG + "TrackedObjectArray", at, tracked),
        Record(RETURNS, _PKG + "DetectedObjectArray", at, returns),
        Record(STRUCTURES, _PKG + "DetectedObjectArray", at, structures),
        Record(OCCUPANCY, "nav_msgs/msg/OccupancyGrid", at, _grid(odom, stamp, truth.grid.grid, truth.grid.state)),
        Record(MASK, "nav_msgs/msg/OccupancyGrid", at, _grid(odom, stamp, truth.grid.grid, truth.grid.mask)),
    ]


def terrain_record(frame: str, stamp_ns: int, terrain: TruthTerrain, at: int) -> Record:
    """True terrain as grid_map_msgs/GridMap in ``frame``."""
    grid, layers = terrain.grid, terrain.layers()
    size = grid.nx * grid.resolution, grid.ny * grid.resolution
    middle = np.eye(4)
    middle[:2, 3] = np.array(grid.origin) + 0.5 * np.array(size)
    info = m.make("grid_map_msgs/msg/GridMapInfo", grid.resolution, *size, m.pose(middle))
    dims = [
        m.make("std_msgs/msg/MultiArrayDimension", "column_index", grid.ny, grid.nx * grid.ny),
        m.make("std_msgs/msg/MultiArrayDimension", "row_index", grid.nx, grid.nx),
    ]
    layout = m.make("std_msgs/msg/MultiArrayLayout", dims, 0)
    data = [m.make("std_msgs/msg/Float32MultiArray", layout, to_grid_map_data(layer)) for layer in layers.values()]
    message = m.make(
        "grid_map_msgs/msg/GridMap", m.header(frame, stamp_ns), info, list(layers), ["elevation"], data, 0, 0
    )
    return Record(TERRAIN, "grid_map_msgs/msg/GridMap", at, message)


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
    h, w = shot.depth.shape
    pixels = np.frombuffer(shot.depth.astype("<f4").tobytes(), np.uint8)
    depth = m.make("sensor_msgs/msg/Image", m.header(frame_id, stamp), h, w, "32FC1", 0, 4 * w, pixels)
    return [*out, Record(f"{prefix}/depth", "sensor_msgs/msg/Image", at, depth)]


def mount_record(vehicle: VehicleConfig, mounts: Mapping[str, F64], stamp_ns: int) -> Record:
    """Where the sensors really sit: true T_base_sensor (4,4) by frame."""
    edges = [(vehicle.base_frame, frame, T) for frame, T in mounts.items()]
    return Record(MOUNTS, m.TF, stamp_ns, m.transforms(stamp_ns, edges))


def _grid(frame: str, stamp_ns: int, grid: WorldGrid, layer: NDArray[np.int8]) -> Any:
    corner = np.eye(4)
    corner[:2, 3] = grid.origin
    info = m.make("nav_msgs/msg/MapMetaData", m.stamp(stamp_ns), grid.resolution, grid.nx, grid.ny, m.pose(corner))
    return m.make("nav_msgs/msg/OccupancyGrid", m.header(frame, stamp_ns), info, to_occupancy_data(layer))


def _parts(o: TruthObjects, k: int) -> tuple[Any, Any, Any, Any]:
    """Classification, pose, twist and shape messages of one object."""
    yaw = float(o.yaw[k])
    c, s = np.cos(yaw), np.sin(yaw)
    v = np.array([[c, s], [-s, c]]) @ o.velocity[k]
    pose = m.make(
        "geometry_msgs/msg/PoseWithCovariance",
        m.pose(geometry.make_transform(geometry.rotation_z(yaw), o.center[k])),
        np.zeros(36),
    )
    twist = m.make("geometry_msgs/msg/Twist", m.vector((float(v[0]), float(v[1]), 0.0)), m.vector((0.0, 0.0, 0.0)))
    shape = m.make(_PKG + "Shape", 0, m.make("geometry_msgs/msg/Polygon", []), m.vector(o.size[k]))
    kind = m.make(_PKG + "ObjectClassification", int(o.label[k]), 1.0)
    return [kind], pose, m.make("geometry_msgs/msg/TwistWithCovariance", twist, np.zeros(36)), shape


def _tracked(o: TruthObjects, k: int) -> Any:
    kinds, pose, twist, shape = _parts(o, k)
    zero = m.vector((0.0, 0.0, 0.0))
    accel = m.make(
        "geometry_msgs/msg/AccelWithCovariance", m.make("geometry_msgs/msg/Accel", zero, zero), np.full(36, np.nan)
    )
    still = bool(np.hypot(*o.velocity[k]) < 0.1)
    motion = m.make(_PKG + "TrackedObjectKinematics", pose, twist, accel, 2, still)
    uid = m.make("unique_identifier_msgs/msg/UUID", truth_uuid(int(o.number[k]), int(o.group[k])))
    return m.make(_PKG + "TrackedObject", uid, 1.0, kinds, motion, shape, 0.0, 0.0)


def _detected(o: TruthObjects, k: int) -> Any:
    kinds, pose, twist, shape = _parts(o, k)
    motion = m.make(_PKG + "DetectedObjectKinematics", pose, True, 2, twist, True, True)
    return m.make(_PKG + "DetectedObject", float(o.visibility[k]), kinds, motion, shape, int(o.points[k]), 0)
