"""Write a synthetic drive as the bag a vehicle would have recorded, with its truth on topics beside it.

Truth topics: ``/ground_truth/objects`` (TrackedObjectArray in odom; the first bytes of the UUID hold the object's
number and its group, see :func:`truth_uuid`), ``/ground_truth/returns`` and ``/ground_truth/structures``
(DetectedObjectArray in odom with the returns of the sweep per object, same order, and per structure),
``/ground_truth/occupancy`` (OccupancyGrid: 100 occupied, 0 free, -1 undecided) and ``/ground_truth/mask``
(OccupancyGrid whose values are bits: 1 visible, 2 ditch), and ``/ground_truth/ego`` (Odometry: the exact pose in odom).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.importers.base import Record
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.config import VehicleConfig
from autonomy_perception.grid import WorldGrid, to_occupancy_data
from autonomy_perception.simulation.drive import DriveSample, SyntheticDrive
from autonomy_perception.simulation.truck import mounting
from autonomy_perception.simulation.truth import Truth, TruthObjects
from autonomy_perception.types import PointCloud, Trajectory

OBJECTS, RETURNS, STRUCTURES = "/ground_truth/objects", "/ground_truth/returns", "/ground_truth/structures"
OCCUPANCY, MASK, EGO = "/ground_truth/occupancy", "/ground_truth/mask", "/ground_truth/ego"
_PKG = "autonomy_perception_msgs/msg/"
_LAYOUT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("t", "<f4"), ("ring", "<u2")])
_UUID_TAIL = b"ap-truth"
LATENCY_NS = {"cloud": 4_000_000, "image": 12_000_000, "odometry": 1_000_000}
"""How long after its stamp a message is received [ns]."""


def truth_uuid(number: int, group: int) -> NDArray[np.uint8]:
    """16 bytes: number and group as little-endian uint32, then ``ap-truth``."""
    return np.frombuffer(int(number).to_bytes(4, "little") + int(group).to_bytes(4, "little") + _UUID_TAIL, np.uint8)


def write_bag(
    drive: SyntheticDrive, path: Path, workers: int = 2, progress: Callable[[int], None] = lambda done: None
) -> int:
    """Make and write all sweeps; returns the number of messages. ``progress`` is told the sweeps done so far.

    Raises:
        BagError: the bag exists already, or the disk refuses.
    """
    notes = {
        "source": f"synthetic drive, seed {drive.seed}, {drive.duration_s:g} s from {drive.start_s:g} s",
        "vehicle": drive.vehicle.name,
    }
    count = 0
    with BagWriter(path, notes) as bag:
        for record in drive_records(drive.vehicle, drive.trajectory, drive.samples(workers), progress):
            bag.write(record.topic, record.msgtype, record.receive_ns, record.message)
            count += 1
    return count


def drive_records(
    vehicle: VehicleConfig,
    motion: Trajectory,
    samples: Iterable[DriveSample],
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[Record]:
    """All messages of a drive in order of reception."""
    waiting = [record for k in range(len(motion.stamps_ns)) for record in odometry_records(vehicle, motion, k)]
    first = int(motion.stamps_ns[0])
    yield Record("/tf_static", m.TF, first, m.transforms(first, static_edges(vehicle)))
    for done, sample in enumerate(samples, start=1):
        fresh = sorted(
            [*sensor_records(vehicle, sample), *truth_records(vehicle, sample.truth)], key=lambda r: r.receive_ns
        )
        for record in fresh:
            while waiting and waiting[0].receive_ns <= record.receive_ns:
                yield waiting.pop(0)
            yield record
        progress(done)
    yield from waiting


def static_edges(vehicle: VehicleConfig) -> list[tuple[str, str, NDArray[np.float64]]]:
    """Where the sensors sit: (parent, child, T_parent_child)."""
    lidars = [(c.frame, mounting(c.extrinsics, name)) for name, c in vehicle.lidars.items()]
    cameras = [(c.frame, mounting(c.extrinsics, name)) for name, c in vehicle.cameras.items()]
    return [(vehicle.base_frame, frame, T) for frame, T in (*lidars, *cameras)]


def odometry_records(vehicle: VehicleConfig, motion: Trajectory, k: int) -> list[Record]:
    """Odometry and /tf of one moment."""
    stamp = int(motion.stamps_ns[k])
    T, at = motion.T_odom_base[k], stamp + LATENCY_NS["odometry"]
    variance, twist_variance = (
        np.array([0.01, 0.01, 0.01, 1e-5, 1e-5, 1e-4]),
        np.array([4e-4, 1e-4, 1e-4, 1e-6, 1e-6, 1e-6]),
    )
    odometry = m.odometry(vehicle.odom_frame, vehicle.base_frame, stamp, T, motion.twist[k], variance, twist_variance)
    tf = m.transforms(stamp, [(vehicle.odom_frame, vehicle.base_frame, T)])
    return [Record(vehicle.odometry.topic, m.ODOMETRY, at, odometry), Record("/tf", m.TF, at, tf)]


def sensor_records(vehicle: VehicleConfig, sample: DriveSample) -> list[Record]:
    """Cloud, images and camera infos of one sweep."""
    lidar = next(iter(vehicle.lidars.values()))
    out = [
        Record(
            lidar.topic,
            m.CLOUD,
            sample.stamp_ns + LATENCY_NS["cloud"],
            m.cloud(lidar.frame, sample.stamp_ns, packed(sample.cloud)),
        )
    ]
    for frame in sample.cameras:
        config, at = vehicle.cameras[frame.sensor], frame.stamp_ns + LATENCY_NS["image"]
        image = m.compressed_image(
            config.frame, frame.stamp_ns, bytes(frame.encoded or b""), "rgb8; jpeg compressed bgr8"
        )
        info = m.camera_info(config.frame, frame.stamp_ns, (frame.model.width, frame.model.height), frame.model.K)
        out += [Record(config.topic, m.COMPRESSED_IMAGE, at, image), Record(config.info_topic, m.CAMERA_INFO, at, info)]
    return out


def packed(cloud: PointCloud) -> NDArray[Any]:
    """Structured array (N,) as a lidar driver lays its points out: x y z intensity t ring, 22 bytes each."""
    out = np.empty(len(cloud), _LAYOUT)
    for axis, name in enumerate("xyz"):
        out[name] = cloud.xyz[:, axis]
    out["intensity"], out["t"], out["ring"] = cloud.intensity, cloud.time, cloud.ring
    return out


def truth_records(vehicle: VehicleConfig, truth: Truth) -> list[Record]:
    """Truth of one sweep, received with its cloud."""
    at, odom = truth.stamp_ns + LATENCY_NS["cloud"], vehicle.odom_frame
    head = m.header(odom, truth.stamp_ns)
    tracked = m.make(_PKG + "TrackedObjectArray", head, [_tracked(truth.objects, k) for k in range(len(truth.objects))])
    returns, structures = (
        m.make(_PKG + "DetectedObjectArray", head, [_detected(o, k) for k in range(len(o))])
        for o in (truth.objects, truth.structures)
    )
    return [
        Record(
            EGO,
            m.ODOMETRY,
            at,
            m.odometry(
                odom, vehicle.base_frame, truth.stamp_ns, truth.T_odom_base, np.zeros(6), np.zeros(6), np.zeros(6)
            ),
        ),
        Record(OBJECTS, _PKG + "TrackedObjectArray", at, tracked),
        Record(RETURNS, _PKG + "DetectedObjectArray", at, returns),
        Record(STRUCTURES, _PKG + "DetectedObjectArray", at, structures),
        Record(
            OCCUPANCY, "nav_msgs/msg/OccupancyGrid", at, _grid(odom, truth.stamp_ns, truth.grid.grid, truth.grid.state)
        ),
        Record(MASK, "nav_msgs/msg/OccupancyGrid", at, _grid(odom, truth.stamp_ns, truth.grid.grid, truth.grid.mask)),
    ]


def _grid(frame: str, stamp_ns: int, grid: WorldGrid, layer: NDArray[np.int8]) -> Any:
    point, turn = (
        m.make("geometry_msgs/msg/Point", *grid.origin, 0.0),
        m.make("geometry_msgs/msg/Quaternion", 0.0, 0.0, 0.0, 1.0),
    )
    info = m.make(
        "nav_msgs/msg/MapMetaData",
        m.stamp(stamp_ns),
        grid.resolution,
        grid.nx,
        grid.ny,
        m.make("geometry_msgs/msg/Pose", point, turn),
    )
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
