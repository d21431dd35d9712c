"""One training sample: a moment of a drive in the vehicle's own frame, and its way into and out of files.

Files of a sample (names in a WebDataset shard, https://github.com/webdataset/webdataset): ``KEY.npz`` holds the arrays,
``KEY.CAMERA.jpg`` the images as encoded, ``KEY.json`` what was drawn. The frame ``ego`` has its origin in base_link and
the heading of the vehicle, and is level (z up along gravity), at the end of the reference sweep.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.drive import DriveSample, SyntheticDrive, level
from autonomy_perception.simulation.world.truck import mounting
from autonomy_perception.simulation.world.world import FIRST_STRUCTURE

ARRAYS = {
    "xyz": "float32 (P,3) [m] in ego, all lidars, own motion during the sweep taken out; multiples of 1/512 m",
    "intensity": "uint8 (P,) 0..255 for 0..1",
    "time": "float32 (P,) [s] relative to the sample's moment",
    "ring": "uint16 (P,) beam",
    "lidar": "uint8 (P,) index into info.lidars",
    "semantic": "uint8 (P,), see classes.semantic; 0: a false return (weather, mixed pixel, ghost)",
    "instance": "int32 (P,) object or structure number, 0 ground and own vehicle, -1 false return",
    "object_number": "int32 (N,)",
    "object_group": "int32 (N,) equal for a tractor and its trailer",
    "object_label": "uint8 (N,), see classes.object",
    "object_center": "float32 (N,3) [m] box centre in ego",
    "object_size": "float32 (N,3) length, width, height [m]",
    "object_yaw": "float32 (N,) [rad] in ego",
    "object_velocity": "float32 (N,2) over ground [m/s], axes of ego",
    "object_points": "int32 (N,) returns on it",
    "object_visibility": "float32 (N,) share of the rays towards it that nothing hides",
    "structure_number": "int32 (S,) every structure within 90 m, and those farther away with a return or pixel",
    "structure_kind": "uint8 (S,), see classes.structure",
    "structure_center": "float32 (S,3) [m] in ego, of a box along the axes of the world",
    "structure_size": "float32 (S,3) length, width, height [m]",
    "structure_yaw": "float32 (S,) [rad] of the world's x axis in ego",
    "structure_points": "int32 (S,) returns on it",
    "bev_state": "int8 (ny,nx): 100 occupied, 0 free, -1 undecided",
    "bev_visible": "bool (ny,nx) the lidars see the surface",
    "bev_ditch": "bool (ny,nx)",
    "bev_elevation": "float16 (ny,nx) [m] in ego, NaN beside the modelled ground",
    "bev_slope": "float16 (ny,nx) [rad]",
    "bev_step": "float16 (ny,nx) [m]",
    "bev_class": "uint8 (ny,nx), see classes.semantic",
    "bev_drivable": "uint8 (ny,nx): 1 meant for driving and not blocked, 0 not, 255 unknown",
    "bev_traversability": "uint8 (ny,nx): 0..100, 255 unknown",
    "twist": "float32 (6,) true motion of base_link vx vy vz wx wy wz [m/s, rad/s]",
    "CAMERA_semantic": "uint8 (H,W), see classes.semantic; 0 sky",
    "CAMERA_instance": "int32 (H,W) as instance",
    "CAMERA_depth": "float16 (H,W) [m] along the optical axis, inf sky",
    "CAMERA_K": "float64 (3,3) [px]",
    "CAMERA_D": "float64 (D,) distortion of info.cameras[CAMERA].distortion_model",
    "CAMERA_T_ego_camera": "float64 (4,4) as the calibration says, at the time of the image; optical axes",
}
"""What the arrays of a sample hold; the manifest repeats it."""


@dataclass(frozen=True)
class Sample:
    """Arrays by name (see :data:`ARRAYS`), encoded images by camera, and what was drawn."""

    arrays: Mapping[str, NDArray[Any]]
    images: Mapping[str, bytes]
    info: Mapping[str, Any]

    def files(self, key: str) -> dict[str, bytes]:
        """The sample's files by name."""
        out = {f"{key}.npz": packed(self.arrays)}
        out |= {f"{key}.{camera}.jpg": data for camera, data in self.images.items()}
        return out | {f"{key}.json": json.dumps(self.info, sort_keys=True).encode()}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Sample:
        """From files by what follows the key: ``npz``, ``json``, ``CAMERA.jpg``.

        Raises:
            ValueError: a file is missing or broken.
        """
        try:
            with np.load(io.BytesIO(files["npz"])) as arrays:
                content = {name: arrays[name] for name in arrays.files}
            info = json.loads(files["json"])
        except (KeyError, OSError, ValueError, zipfile.BadZipFile) as e:
            raise ValueError(f"not a sample: {e}") from e
        return cls(content, {k[: -len(".jpg")]: v for k, v in files.items() if k.endswith(".jpg")}, info)


def packed(arrays: Mapping[str, NDArray[Any]], level: int = 3) -> bytes:
    """As ``numpy.savez_compressed``, but twice as fast at about the same size, and without the time of day."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, array in arrays.items():
            raw = io.BytesIO()
            np.lib.format.write_array(raw, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, raw.getvalue(), compresslevel=level)
    return out.getvalue()


def make_sample(drive: SyntheticDrive, index: int, info: Mapping[str, Any]) -> Sample:
    """Sweep ``index`` of a drive as a sample; ``info`` goes with it."""
    taken = drive.sample(index, in_odom=False, newest_shots=True)
    lidars = list(dict.fromkeys(r.sensor for r in taken.sweeps))
    cameras = {r.sensor: r for r in taken.shots}
    arrays = {**_points(drive, taken, lidars), **_objects(taken), **_grid(taken)}
    arrays["twist"] = drive.twist(taken.t).astype(np.float32)
    for name, reading in cameras.items():
        shot, model = reading.data, reading.data.frame.model
        if drive.pixel_labels:
            arrays |= {
                f"{name}_semantic": shot.semantic, f"{name}_instance": shot.instance,
                f"{name}_depth": shot.depth.astype(np.float16),
            }  # fmt: skip
        arrays |= {
            f"{name}_K": model.K, f"{name}_D": model.D,
            f"{name}_T_ego_camera": _T_ego_base(drive, taken.t, reading.t) @ shot.frame.T_base_camera,
        }  # fmt: skip
    labelled = [arrays[f"{name}_instance"] for name in cameras if drive.pixel_labels]
    arrays |= _structures(drive, taken, arrays["instance"], labelled)
    about = {
        n: {"distortion_model": r.data.frame.model.distortion_model, "time": r.t - taken.t} for n, r in cameras.items()
    }
    images = {name: bytes(r.data.frame.encoded or b"") for name, r in cameras.items()}
    return Sample(arrays, images, {**info, "drive_time": taken.t, "lidars": lidars, "cameras": about})


def _T_ego_base(drive: SyntheticDrive, moment: float, t: float) -> NDArray[np.float64]:
    """T_ego_base (4,4) at time ``t`` [s], ego being that of ``moment`` [s]."""
    poses = drive.world.ego.poses(np.array([moment, t]))
    return np.asarray(geometry.invert(level(poses[0])) @ poses[1])


def _points(drive: SyntheticDrive, taken: DriveSample, lidars: list[str]) -> dict[str, NDArray[Any]]:
    T_ego_world = geometry.invert(level(drive.world.ego.poses(np.array([taken.t]))[0]))
    columns: dict[str, list[NDArray[Any]]] = {}
    for reading in taken.sweeps:
        sweep, cloud = reading.data, reading.data.cloud
        T_base_lidar = mounting(drive.vehicle.lidars[reading.sensor].extrinsics, reading.sensor)
        T = T_ego_world @ drive.world.ego.poses(reading.t + sweep.time) @ T_base_lidar
        xyz = np.einsum("nij,nj->ni", T[:, :3, :3], cloud.xyz.astype(np.float64)) + T[:, :3, 3]
        fresh = {
            "xyz": (np.round(xyz * 512.0) / 512.0).astype(np.float32),
            "intensity": np.round(cloud.intensity * 255.0).astype(np.uint8),
            "time": (reading.t - taken.t + sweep.time).astype(np.float32),
            "ring": cloud.ring,
            "lidar": np.full(len(cloud), lidars.index(reading.sensor), np.uint8),
            "semantic": sweep.semantic,
            "instance": sweep.instance,
        }
        for name, column in fresh.items():
            columns.setdefault(name, []).append(column)
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _objects(taken: DriveSample) -> dict[str, NDArray[Any]]:
    o = taken.truth.objects
    names = ("number", "group", "label", "center", "size", "yaw", "velocity", "points", "visibility")
    out = {f"object_{name}": getattr(o, name) for name in names}
    return out | {"object_center": o.center.astype(np.float32)}


def _structures(
    drive: SyntheticDrive, taken: DriveSample, returns: NDArray[np.int32], pixels: list[NDArray[np.int32]]
) -> dict[str, NDArray[Any]]:
    """What stands near the vehicle or is met by a return or a pixel, with the instance numbers of these."""
    near, world, T = taken.truth.structures.number, drive.world, taken.truth.T_odom_world
    seen = np.unique(np.concatenate([near, returns, *(p.ravel() for p in pixels)]))
    row = seen[seen >= FIRST_STRUCTURE] - FIRST_STRUCTURE
    low, high = (bound[row] for bound in world.bounds)
    points = np.bincount(returns[returns >= FIRST_STRUCTURE] - FIRST_STRUCTURE, minlength=len(world.structures))
    return {
        "structure_number": (row + FIRST_STRUCTURE).astype(np.int32),
        "structure_kind": np.array([int(world.structures[k].kind) for k in row], np.uint8),
        "structure_center": geometry.transform_points(T, 0.5 * (low + high)).astype(np.float32),
        "structure_size": (high - low).astype(np.float32),
        "structure_yaw": np.full(len(row), geometry.yaw_of(T), np.float32),
        "structure_points": points[row].astype(np.int32),
    }


def _grid(taken: DriveSample) -> dict[str, NDArray[Any]]:
    grid, ground = taken.truth.grid, taken.truth.terrain

    def share(layer: NDArray[np.float32], scale: float) -> NDArray[np.uint8]:
        return np.where(np.isfinite(layer), np.round(np.nan_to_num(layer) * scale), 255).astype(np.uint8)

    return {
        "bev_state": grid.state, "bev_visible": grid.visible, "bev_ditch": grid.ditch,
        "bev_elevation": ground.elevation.astype(np.float16), "bev_slope": ground.slope.astype(np.float16),
        "bev_step": ground.step.astype(np.float16), "bev_class": ground.terrain_class,
        "bev_drivable": share(ground.drivable, 1.0), "bev_traversability": share(ground.traversability, 100.0),
    }  # fmt: skip
