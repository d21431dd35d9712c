"""Argoverse 2 sensor logs (Wilson et al., 2021): sensors/lidar/*.feather, cameras, annotations, ego poses.

Sweeps hold the points of both lidars in the vehicle's frame, compensated for its motion to the sweep's stamp; images are
undistorted. The data set's frame ``egovehicle`` lies in the rear axle, base_link below it on the ground.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import ego, files, parts
from autonomy_perception.bags.importers.base import Drive, ImportOptions, Record
from autonomy_perception.bags.importers.feather import read_feather
from autonomy_perception.bags.messages import TruthObject
from autonomy_perception.types import ObjectClass

F64 = NDArray[np.float64]
EGO = "egovehicle"
AXLE_HEIGHT = 0.33
"""Rear axle over ground [m]: the wheel's radius (235/50 R17 on a Ford Fusion)."""
LIDARS = {"up_lidar": (0, 32), "down_lidar": (32, 64)}
"""Lidars by name: first and one past the last of their ``laser_number``."""
NOMINAL = {
    "up_lidar": ((0.0, 0.0, 0.0, 1.0), (1.35, 0.0, 1.64)),
    "down_lidar": ((-0.9945, 0.1048, 0.0, 0.0), (1.355, 0.0, 1.565)),
}
"""Quaternion x y z w and position [m] in ``egovehicle`` as in the data set's documentation, for logs without calibration."""
POSE = ("qx", "qy", "qz", "qw", "tx_m", "ty_m", "tz_m")
SWEEP_NS = 110_000_000
AROUND_NS = 300_000_000
CLASSES = {
    "REGULAR_VEHICLE": ObjectClass.CAR, "LARGE_VEHICLE": ObjectClass.TRUCK, "BOX_TRUCK": ObjectClass.TRUCK,
    "TRUCK": ObjectClass.TRUCK, "TRUCK_CAB": ObjectClass.TRUCK, "BUS": ObjectClass.BUS, "SCHOOL_BUS": ObjectClass.BUS,
    "ARTICULATED_BUS": ObjectClass.BUS, "VEHICULAR_TRAILER": ObjectClass.TRAILER, "MOTORCYCLE": ObjectClass.MOTORCYCLE,
    "MOTORCYCLIST": ObjectClass.MOTORCYCLE, "BICYCLE": ObjectClass.BICYCLE, "BICYCLIST": ObjectClass.BICYCLE,
    "PEDESTRIAN": ObjectClass.PEDESTRIAN, "OFFICIAL_SIGNALER": ObjectClass.PEDESTRIAN,
    "WHEELCHAIR": ObjectClass.PEDESTRIAN, "DOG": ObjectClass.ANIMAL, "ANIMAL": ObjectClass.ANIMAL,
}  # fmt: skip
"""The taxonomy in our classes; signs, cones, barrels and the like are UNKNOWN."""


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open one log. Raises BagError if a needed file is missing or broken."""
    folder = parts.sequence_folder(folder, "sensors/lidar", options)
    scans = files.numbered(folder / "sensors" / "lidar", ".feather")
    if not scans:
        raise BagError(
            f"{folder / 'sensors/lidar'}: expected TIMESTAMP_NS.feather, found none (SRC is one log's folder)"
        )
    stamps = sorted(scans)[: options.limit or None]
    poses, calibrated = _rig(folder / "calibration" / "egovehicle_SE3_sensor.feather")
    lenses = _lenses(folder / "calibration" / "intrinsics.feather")
    images = {name: files.numbered(folder / "sensors" / "cameras" / name, *files.IMAGES) for name in lenses}
    images = {name: found for name, found in images.items() if found and name in poses}
    motion = _motion(folder / "city_SE3_egovehicle.feather") if options.ego == "poses" else None
    truth = _annotations(folder / "annotations.feather")
    T_base_ego = geometry.make_transform(None, (0.0, 0.0, AXLE_HEIGHT))
    notes = parts.notes_of(
        "argoverse2", folder.name, ego="city_SE3_egovehicle" if motion else "none", stamps="recorded",
        point_times="none: the sweeps are compensated to their stamp", stamp_at="mid (the points are valid at the stamp)",
        lidar_poses="recorded" if calibrated else "nominal (no calibration folder): the points stay where they are, the "
        "rays' origin may be off by centimetres", base_link=f"on the ground, {AXLE_HEIGHT} m below {EGO}",
    )  # fmt: skip

    def records() -> Iterator[Sequence[Record]]:
        edges = [(parts.BASE_FRAME, EGO, T_base_ego)]
        edges += [(EGO, name, poses[name]) for name in LIDARS]
        edges += [(EGO, f"{name}_optical", poses[name]) for name in images]
        yield [parts.static_record(stamps[0] - AROUND_NS, edges)]
        done = stamps[0] - AROUND_NS
        for stamp, after in zip(stamps, [*stamps[1:], stamps[-1] + AROUND_NS], strict=True):
            out = list(motion.between(done, after)) if motion else []
            for name, found in images.items():
                for at in (t for t in sorted(found) if done <= t < after):
                    out += parts.image_records(name, found[at], at, lenses[name])
            done = after
            out += list(_clouds(scans[stamp], stamp, poses))
            if truth is not None:
                boxes = [TruthObject(o.identity, o.kind, T_base_ego @ o.pose, o.size) for o in truth.get(stamp, [])]
                out.append(parts.truth_record(stamp, boxes))
            yield out

    return Drive(len(stamps), notes, records)


def _clouds(path: Path, stamp: int, poses: Mapping[str, F64]) -> Iterator[Record]:
    """The sweep as one cloud for each lidar, in that lidar's frame; the reference comes last and closes the frame."""
    table = read_feather(path, ("x", "y", "z", "intensity", "laser_number"))
    xyz = np.stack([table[name].astype(np.float64) for name in "xyz"], axis=1)
    for name, (first, last) in reversed(LIDARS.items()):
        mine = (table["laser_number"] >= first) & (table["laser_number"] < last)
        local = geometry.transform_points(geometry.invert(poses[name]), xyz[mine])
        ring = (table["laser_number"][mine] - first).astype(np.uint16)
        cloud = parts.points(local, intensity=table["intensity"][mine].astype(np.float32), ring=ring)
        yield parts.cloud_record(name, stamp, cloud, stamp + SWEEP_NS)


def _rig(path: Path) -> tuple[dict[str, F64], bool]:
    """``T_ego_sensor`` by sensor name, and whether it was recorded."""
    if not path.exists():
        nominal = {name: files.pose_of(q, t, name) for name, (q, t) in NOMINAL.items()}
        return nominal, False
    table = read_feather(path, ("sensor_name", *POSE))
    rows = np.column_stack([table[c].astype(np.float64) for c in POSE])
    out = {str(name): files.pose_of(row[:4], row[4:], f"{path}: {name}")
           for name, row in zip(table["sensor_name"], rows, strict=True)}  # fmt: skip
    for name in LIDARS:
        if name not in out:
            raise BagError(f"{path}: sensor_name: expected {name}, found {', '.join(out)}")
    return out, True


def _lenses(path: Path) -> dict[str, parts.Lens]:
    if not path.exists():
        return {}
    table = read_feather(path, ("sensor_name", "fx_px", "fy_px", "cx_px", "cy_px"))
    out = {}
    for k, name in enumerate(table["sensor_name"]):
        fx, fy, cx, cy = (float(table[c][k]) for c in ("fx_px", "fy_px", "cx_px", "cy_px"))
        out[str(name)] = parts.Lens(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]))
    return out


def _motion(path: Path) -> parts.Ego | None:
    """Ego poses; odom has its origin at the first and the city's axes."""
    if not path.exists():
        return None
    table = read_feather(path, ("timestamp_ns", *POSE))
    stamps, first = np.unique(table["timestamp_ns"].astype(np.int64), return_index=True)
    rows = np.column_stack([table[c].astype(np.float64)[first] for c in POSE])
    T = np.tile(np.eye(4), (len(rows), 1, 1))
    T[:, :3, :3], T[:, :3, 3] = geometry.rotation_of(rows[:, :4]), rows[:, 4:]
    T = T @ geometry.make_transform(None, (0.0, 0.0, -AXLE_HEIGHT))
    T[:, :3, 3] -= T[0, :3, 3].copy()
    apart = np.concatenate([[True], np.diff(stamps) > 1_000_000])  # poses a few ns apart would give any velocity
    return parts.Ego(stamps[apart], T[apart], ego.twists(T[apart], stamps[apart]), np.zeros(int(apart.sum())))


def _annotations(path: Path) -> dict[int, list[TruthObject]] | None:
    """Boxes by stamp, in ``egovehicle``."""
    if not path.exists():
        return None
    sizes = ("length_m", "width_m", "height_m")
    table = read_feather(path, ("timestamp_ns", "track_uuid", "category", *sizes, *POSE))
    rotation = geometry.rotation_of(np.column_stack([table[c] for c in POSE[:4]]).astype(np.float64))
    out: dict[int, list[TruthObject]] = {}
    for k, stamp in enumerate(table["timestamp_ns"]):
        pose = geometry.make_transform(rotation[k], [float(table[c][k]) for c in POSE[4:]])
        length, width, height = (float(table[c][k]) for c in sizes)
        kind = CLASSES.get(str(table["category"][k]), ObjectClass.UNKNOWN)
        out.setdefault(int(stamp), []).append(
            TruthObject(f"argoverse2/{table['track_uuid'][k]}", kind, pose, (length, width, height))
        )
    return out
