"""Recorded outputs: ``Perception`` to bag messages (offline replay) and back (accuracy, reports)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.grid import WorldGrid, from_grid_map_data, to_occupancy_data
from autonomy_perception.types import N_CLASSES, Mode, Occupancy, Perception, TerrainGrid, Tracks

GRID, TRACKS, STATUS = "/perception/occupancy_grid", "/perception/tracked_objects", "/perception/status"
TERRAIN = "/perception/terrain"
_PKG = "autonomy_perception_msgs/msg/"


@dataclass(frozen=True)
class RecordedOutput:
    """What was published for one stamp: grid and tracks, and what the status said."""

    stamp_ns: int
    data_stamp_ns: int
    mode: Mode
    reasons: tuple[str, ...]
    occupancy: Occupancy
    tracks: Tracks
    latency_ms: float
    stage_ms: dict[str, float] = field(default_factory=dict)


def write_outputs(writer: BagWriter, result: Perception) -> None:
    """Append grid, tracks and status of one step under the names planning knows."""
    stamp = result.stamp_ns
    writer.write(GRID, "nav_msgs/msg/OccupancyGrid", stamp, occupancy_grid(result))
    writer.write(TRACKS, _PKG + "TrackedObjectArray", stamp, tracked_objects(result.tracks, stamp))
    writer.write(STATUS, _PKG + "PerceptionStatus", stamp, status(result))


def occupancy_grid(result: Perception) -> Any:
    """nav_msgs/OccupancyGrid of a result."""
    grid = result.occupancy.grid
    origin = m.make("geometry_msgs/msg/Pose", m.make("geometry_msgs/msg/Point", *grid.origin, 0.0),
                    m.make("geometry_msgs/msg/Quaternion", 0.0, 0.0, 0.0, 1.0))  # fmt: skip
    info = m.make("nav_msgs/msg/MapMetaData", m.stamp(result.stamp_ns), grid.resolution, grid.nx, grid.ny, origin)
    head = m.header(result.tracks.frame_id, result.stamp_ns)
    return m.make("nav_msgs/msg/OccupancyGrid", head, info, to_occupancy_data(result.occupancy.wire))


def tracked_objects(tracks: Tracks, stamp_ns: int) -> Any:
    """autonomy_perception_msgs/TrackedObjectArray of the confirmed tracks; twist in the object frame."""
    objects = [_tracked_object(tracks, int(k)) for k in np.flatnonzero(tracks.confirmed)]
    return m.make(_PKG + "TrackedObjectArray", m.header(tracks.frame_id, stamp_ns), objects)


def _tracked_object(t: Tracks, k: int) -> Any:
    c, s = float(np.cos(t.yaw[k])), float(np.sin(t.yaw[k]))
    into_object = np.array([[c, s], [-s, c]])
    pose_cov, twist_cov = np.zeros((6, 6)), np.zeros((6, 6))
    index = [0, 1, 2, 5]
    pose_cov[np.ix_(index, index)] = t.covariance[k, :4, :4]
    twist_cov[:2, :2] = into_object @ t.covariance[k, 4:, 4:] @ into_object.T
    pose = geometry.make_transform(geometry.rotation_z(float(t.yaw[k])), t.center[k])
    order = np.argsort(-t.class_probs[k], kind="stable")
    kinds = [
        m.make(_PKG + "ObjectClassification", int(j), float(t.class_probs[k, j]))
        for j in order
        if t.class_probs[k, j] > 0
    ]
    twist = np.zeros(6)
    twist[:2], twist[5] = into_object @ t.velocity[k], t.yaw_rate[k]
    accel = np.zeros(3)
    accel[:2] = into_object @ t.acceleration[k]
    motion = m.make(
        _PKG + "TrackedObjectKinematics",
        m.make("geometry_msgs/msg/PoseWithCovariance", m.pose(pose), pose_cov.ravel()),
        m.make("geometry_msgs/msg/TwistWithCovariance", m.make("geometry_msgs/msg/Twist", m.vector(twist[:3]), m.vector(twist[3:])), twist_cov.ravel()),
        m.make("geometry_msgs/msg/AccelWithCovariance", m.make("geometry_msgs/msg/Accel", m.vector(accel), m.vector(np.zeros(3))), np.zeros(36)),
        int(t.orientation[k]),
        bool(t.is_stationary[k]),
    )  # fmt: skip
    shape = m.make(_PKG + "Shape", 0, m.make("geometry_msgs/msg/Polygon", []), m.vector(t.size[k]))
    uid = m.make("unique_identifier_msgs/msg/UUID", np.ascontiguousarray(t.uuid[k]))
    return m.make(
        _PKG + "TrackedObject",
        uid,
        float(t.existence[k]),
        kinds,
        motion,
        shape,
        float(t.age_s[k]),
        float(t.since_update_s[k]),
    )


def status(result: Perception, latency_ms: float = 0.0) -> Any:
    """autonomy_perception_msgs/PerceptionStatus of an offline step."""
    sensors = [m.make(_PKG + "SensorStatus", h.sensor, int(h.state), h.age_ns * 1e-9, h.message) for h in result.health]
    stages = [m.make(_PKG + "StageTime", name, float(ms)) for name, ms in result.stage_ms.items()]
    return m.make(
        _PKG + "PerceptionStatus", m.header("base_link", result.stamp_ns), m.stamp(result.data_stamp_ns), int(result.mode),
        list(result.reasons), sensors, stages, result.calibration_hash, "", 0, 0, latency_ms, 0.0, 0.0, 0.0, 0.0, 0.0,
    )  # fmt: skip


def read_outputs(path: Path) -> Iterator[RecordedOutput]:
    """Outputs of a recorded bag in order of their stamps; a stamp without grid, tracks or status is left out.

    Raises:
        BagError: the bag cannot be read.
    """
    parts: dict[int, dict[str, Any]] = {}
    with BagReader(path) as bag:
        for raw, message in bag.messages((GRID, TRACKS, STATUS)):
            parts.setdefault(_stamp_ns(message.header.stamp), {})[raw.topic] = message
    for stamp in sorted(parts):
        if len(parts[stamp]) == 3:
            yield _recorded(stamp, parts[stamp][GRID], parts[stamp][TRACKS], parts[stamp][STATUS])


def read_terrain(path: Path) -> Iterator[tuple[int, TerrainGrid]]:
    """Recorded terrain maps with their stamps [ns], in order; nothing if the topic was not recorded.

    Raises:
        BagError: the bag cannot be read.
    """
    with BagReader(path) as bag:
        for _, message in bag.messages((TERRAIN,)):
            info = message.info
            res = float(np.round(info.resolution, 6))
            nx, ny = round(info.length_x / res), round(info.length_y / res)
            at = info.pose.position
            world = WorldGrid(round(at.x / res - nx / 2), round(at.y / res - ny / 2), nx, ny, res)
            layers = {
                name: from_grid_map_data(np.asarray(data.data, np.float32), nx, ny)
                for name, data in zip(message.layers, message.data, strict=True)
            }
            yield _stamp_ns(message.header.stamp), TerrainGrid(world, layers)


def _recorded(stamp: int, grid: Any, tracks: Any, said: Any) -> RecordedOutput:
    info = grid.info
    cell = [round(float(v) / info.resolution) for v in (info.origin.position.x, info.origin.position.y)]
    world = WorldGrid(cell[0], cell[1], info.width, info.height, float(np.round(info.resolution, 6)))
    wire = np.asarray(grid.data, np.int8).reshape(world.shape)
    p = np.clip(wire.astype(np.float32) / 100.0, 0.001, 0.999)
    log_odds = np.where(wire < 0, 0.0, np.log(p / (1 - p))).astype(np.float32)
    return RecordedOutput(
        stamp, _stamp_ns(said.data_stamp), Mode(said.mode), tuple(said.reasons), Occupancy(world, log_odds, wire),
        read_tracks(tracks), float(said.latency_last), {s.name: float(s.milliseconds) for s in said.stages},
    )  # fmt: skip


def read_tracks(message: Any) -> Tracks:
    """Tracks of a decoded TrackedObjectArray (all of them confirmed; covariances of position and yaw only)."""
    out = Tracks.empty(message.header.frame_id)
    if not len(message.objects):
        return out
    rows = [_track_row(o) for o in message.objects]

    def column(name: str, dtype: Any) -> NDArray[Any]:
        return np.array([r[name] for r in rows], dtype)

    return Tracks(
        **{name: column(name, getattr(out, name).dtype) for name in rows[0]},
        confirmed=np.ones(len(rows), np.bool_),
        frame_id=message.header.frame_id,
    )


def _track_row(o: Any) -> dict[str, Any]:
    k = o.kinematics
    pose, twist = k.pose_with_covariance.pose, k.twist_with_covariance.twist
    q = pose.orientation
    yaw = geometry.yaw_of(geometry.rotation_of([q.x, q.y, q.z, q.w]))
    c, s = np.cos(yaw), np.sin(yaw)
    accel = k.acceleration_with_covariance.accel.linear
    probs = np.zeros(N_CLASSES, np.float32)
    for entry in o.classification:
        if entry.label < N_CLASSES:
            probs[entry.label] = entry.probability
    covariance = np.zeros((6, 6), np.float32)
    pose_cov = np.asarray(k.pose_with_covariance.covariance).reshape(6, 6)
    covariance[:4, :4] = pose_cov[np.ix_([0, 1, 2, 5], [0, 1, 2, 5])]
    return {
        "uuid": np.asarray(o.object_id.uuid, np.uint8),
        "center": [pose.position.x, pose.position.y, pose.position.z],
        "size": [o.shape.dimensions.x, o.shape.dimensions.y, o.shape.dimensions.z],
        "yaw": yaw,
        "velocity": [c * twist.linear.x - s * twist.linear.y, s * twist.linear.x + c * twist.linear.y],
        "acceleration": [c * accel.x - s * accel.y, s * accel.x + c * accel.y],
        "yaw_rate": twist.angular.z,
        "covariance": covariance,
        "class_probs": probs,
        "existence": o.existence_probability,
        "orientation": k.orientation_availability,
        "is_stationary": k.is_stationary,
        "age_s": o.age,
        "since_update_s": o.time_since_update,
    }


def _stamp_ns(stamp: Any) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
