"""nuScenes keyframes (Caesar et al., 2020): the data set's own tables, or one YAML file for each keyframe.

A keyframe is one scan of the 32-beam lidar, six images, the ego pose at each of their times, and labelled boxes. In
``SRC`` are either ``v1.0-*/`` and ``samples/`` as downloaded (choose a scene with ``--sequence``), or YAML files with
the fields of the ``infos`` that detection frameworks make of the tables, beside ``INDEX.bin`` and ``imgs/CAMERA.jpg``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import ego, files, parts
from autonomy_perception.bags.importers.base import Drive, ImportOptions, Record
from autonomy_perception.bags.messages import TruthObject
from autonomy_perception.types import ObjectClass

F64 = NDArray[np.float64]
LIDAR = "lidar_top"
LABELS = (
    ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.TRAILER, ObjectClass.UNKNOWN,
    ObjectClass.MOTORCYCLE, ObjectClass.BICYCLE, ObjectClass.PEDESTRIAN, ObjectClass.UNKNOWN,
)  # fmt: skip
"""Our class by detection label: car, truck, construction vehicle, bus, trailer, barrier, motorcycle, bicycle, pedestrian,
traffic cone."""


@dataclass(frozen=True)
class View:
    """One sensor of a keyframe: file, stamp, ``T_base_sensor`` and ``T_global_base`` at its time, K of a camera."""

    file: Path
    stamp_ns: int
    T_base_sensor: F64
    T_global_base: F64
    K: F64 | None = None


@dataclass(frozen=True)
class Keyframe:
    """Lidar, cameras by name, objects in base_link (None: not labelled)."""

    lidar: View
    cameras: Mapping[str, View]
    objects: Sequence[TruthObject] | None


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open keyframes. Raises BagError if a needed file is missing or broken."""
    from autonomy_perception.bags.importers import nuscenes_tables

    version = nuscenes_tables.version_of(folder)
    if version is not None:
        drive, keyframes = nuscenes_tables.read_scene(folder, version, options)
    else:
        paths = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
        if not paths:
            raise BagError(f"{folder}: expected v1.0-*/ tables or sampleNNNN.yaml files, found neither")
        drive, keyframes = folder.name, [read_keyframe(path) for path in paths]
    keyframes = sorted(keyframes, key=lambda k: k.lidar.stamp_ns)[: options.limit or None]
    motion = _motion(keyframes) if options.ego == "poses" else None
    notes = parts.notes_of(
        "nuscenes-keyframe", drive, ego="recorded (ego poses at the sensors' times)" if motion else "none",
        stamps="recorded", point_times="none", stamp_at="end",
    )  # fmt: skip

    def records() -> Iterator[Sequence[Record]]:
        first = keyframes[0]
        edges = [(parts.BASE_FRAME, LIDAR, first.lidar.T_base_sensor)]
        edges += [(parts.BASE_FRAME, f"{name}_optical", c.T_base_sensor) for name, c in first.cameras.items()]
        begin = min(v.stamp_ns for v in (first.lidar, *first.cameras.values()))
        yield [parts.static_record(begin, edges)]
        for frame in keyframes:
            views = (frame.lidar, *frame.cameras.values())
            stamps = [v.stamp_ns for v in views]
            out = list(motion.between(min(stamps), max(stamps) + 1)) if motion else []
            for name, camera in frame.cameras.items():
                assert camera.K is not None
                out += parts.image_records(name, camera.file, camera.stamp_ns, parts.Lens(camera.K))
            out.append(_cloud(frame.lidar, max(stamps)))
            if frame.objects is not None:
                out.append(parts.truth_record(frame.lidar.stamp_ns, frame.objects))
            yield out

    return Drive(len(keyframes), notes, records)


def _cloud(lidar: View, received_ns: int) -> Record:
    table = files.read_points(lidar.file, 5)
    cloud = parts.points(table[:, :3], intensity=table[:, 3], ring=table[:, 4].astype(np.uint16))
    return parts.cloud_record(LIDAR, lidar.stamp_ns, cloud, received_ns)


def _motion(keyframes: Sequence[Keyframe]) -> parts.Ego:
    """Ego poses at all sensors' times; odom has its origin at the first and the map's axes."""
    at = {v.stamp_ns: v.T_global_base for k in keyframes for v in (k.lidar, *k.cameras.values())}
    stamps = np.array(sorted(at), np.int64)
    T = np.stack([at[int(s)] for s in stamps])
    T[:, :3, 3] -= T[0, :3, 3].copy()
    return parts.Ego(stamps, T, ego.twists(T, stamps), np.zeros(len(T)))


def quaternion_pose(rotation_wxyz: Sequence[float], translation: Sequence[float], what: str) -> F64:
    """(4,4) of nuScenes' quaternion w x y z and translation [m]. Raises BagError naming ``what``."""
    if len(rotation_wxyz) != 4 or len(translation) != 3:
        raise BagError(f"{what}: expected 4 and 3 numbers, found {len(rotation_wxyz)} and {len(translation)}")
    w, x, y, z = rotation_wxyz
    return files.pose_of((x, y, z, w), translation, what)


def read_keyframe(path: Path) -> Keyframe:
    """A keyframe of one YAML file; ``sample0004.yaml`` has its points in ``4.bin``, where they are not found by the
    names that it says. Raises BagError naming file and field."""
    digits = re.sub(r"\D", "", path.stem) or "0"
    try:
        info = yaml.load(files.read_text(path), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        name = Path(info["lidar_path"]).name
        places = [
            path.parent / "samples" / "LIDAR_TOP" / name,
            path.with_name(name),
            path.with_name(f"{int(digits)}.bin"),
        ]
        lidar = _view(info, path, "lidar", places)
        cameras = {}
        for name, item in info["cams"].items():
            stored = path.parent / "samples" / name / Path(item["data_path"]).name
            places = [stored, path.parent / "imgs" / f"{name}.jpg"]
            cameras[name.lower()] = _view(item, path, f"cams.{name}", places)
        objects = None
        if "ann_infos" in info:
            boxes, labels = info["ann_infos"]
            objects = [_object(k, box, label, path) for k, (box, label) in enumerate(zip(boxes, labels, strict=True))]
    except KeyError as e:
        raise BagError(f"{path}: expected a field {e.args[0]}, found none") from None
    except (yaml.YAMLError, TypeError, ValueError, AttributeError, IndexError) as e:
        raise BagError(f"{path}: not a keyframe: {str(e).splitlines()[0]}") from e
    return Keyframe(lidar, cameras, objects)


def _view(item: Mapping[str, Any], path: Path, field: str, places: Sequence[Path]) -> View:
    kind = "lidar2ego" if field == "lidar" else "sensor2ego"
    file = next((p for p in places if p.exists()), None)
    if file is None:
        raise BagError(f"{path}: {field}: expected {' or '.join(str(p) for p in places)}, found neither")
    T_base_sensor = quaternion_pose(item[f"{kind}_rotation"], item[f"{kind}_translation"], f"{path}: {field}.{kind}")
    T_global_base = quaternion_pose(
        item["ego2global_rotation"], item["ego2global_translation"], f"{path}: {field}.ego2global"
    )
    K = np.array(item["cam_intrinsic"], np.float64).reshape(3, 3) if "cam_intrinsic" in item else None
    if field != "lidar" and K is None:
        raise BagError(f"{path}: expected a field {field}.cam_intrinsic, found none")
    return View(file, int(item["timestamp"]) * 1000, T_base_sensor, T_global_base, K)


def _object(index: int, box: Sequence[float], label: int, path: Path) -> TruthObject:
    """``x y z l w h yaw vx vy`` in base_link, and the detection label."""
    x, y, z, length, width, height, yaw, vx, vy = (float(v) for v in box)
    pose = geometry.make_transform(geometry.rotation_z(yaw), (x, y, z))
    kind = LABELS[label] if 0 <= label < len(LABELS) else ObjectClass.UNKNOWN
    return TruthObject(f"nuscenes/{path.stem}/{index}", kind, pose, (length, width, height), (vx, vy))
