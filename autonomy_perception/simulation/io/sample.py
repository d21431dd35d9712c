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

ARRAYS = {
    "xyz": "float32 (P,3) [m] in ego, of all lidars and sweeps, as the vehicle's front end gives them: own motion taken out by "
    "measured odometry, own body and trailer masked, levelled by the measured attitude; multiples of 1/512 m",
    "intensity": "uint8 (P,) 0..255 for 0..1",
    "time": "float32 (P,) [s] relative to the sample's moment",
    "ring": "uint16 (P,) beam",
    "lidar": "uint8 (P,) index into info.lidars",
    "sweep": "uint8 (P,) 0: of the sample's moment, k: of the k-th past frame, the last one first",
    "semantic": "uint8 (P,), see classes.semantic; 0: a false return (weather, mixed pixel, ghost)",
    "instance": "int32 (P,) object or structure number, 0 ground and own vehicle, -1 false return",
    "sweep_time": "float64 (1+K,) [s] end of each frame relative to the sample's moment: 0, then the past ones",
    "T_ego_base": "float64 (1+K,4,4) base_link at these times in ego, as the vehicle measures it",
    "T_ego_base_true": "float64 (1+K,4,4) the same as it is",
    "T_ego_lidar": "float64 (L,4,4) each lidar at the sample's moment, as calibration and odometry say",
    "object_number": "int32 (N,) those whose box touches the grid, or that a return or pixel lies on",
    "object_group": "int32 (N,) equal for a tractor and its trailer",
    "object_label": "uint8 (N,), see classes.object",
    "object_center": "float32 (N,3) [m] box centre in ego at the sample's moment",
    "object_size": "float32 (N,3) length, width, height [m]",
    "object_yaw": "float32 (N,) [rad] in ego",
    "object_velocity": "float32 (N,2) over ground [m/s], axes of ego",
    "object_yaw_rate": "float32 (N,) [rad/s]",
    "object_points": "int32 (N,) returns on it in sweep 0",
    "object_visibility": "float32 (N,) share of the rays towards it that nothing hides",
    "object_in_grid": "bool (N,) its centre lies in the grid",
    "object_scan_points": "int32 (N,L,2) returns on it in each lidar's pass in sweep 0; a second pass where the sweep begins "
    "and ends on it",
    "object_scan_time": "float32 (N,L,2) [s] mean time of these returns relative to the sample's moment, NaN without any: own "
    "motion is taken out of the points, that of the object is not, so they lie in the box of that time (sample.moved_boxes)",
    "structure_number": "int32 (S,) every structure within 90 m, and those farther away with a return or pixel",
    "structure_kind": "uint8 (S,), see classes.structure",
    "structure_center": "float32 (S,3) [m] in ego, of a box along the axes of the world",
    "structure_size": "float32 (S,3) length, width, height [m]",
    "structure_yaw": "float32 (S,) [rad] of the world's x axis in ego",
    "structure_points": "int32 (S,) returns on it in sweep 0",
    "bev_state": "int8 (ny,nx): 100 occupied, 0 free, -1 undecided",
    "bev_hits": "uint16 (ny,nx) returns on surfaces in sweep 0, all lidars",
    "bev_false_hits": "uint16 (ny,nx) returns on nothing in sweep 0: weather, ghosts, mixed pixels",
    "bev_visible": "bool (ny,nx) nothing stands between a lidar and the ground in the middle of the cell; says nothing of weather "
    "or returns",
    "bev_observed": "bool (ny,nx) the lidars could judge it: hit, filled by something that was hit, or visible with a return as "
    "near as rings are apart there; elsewhere (behind things and hills, in fog, out of reach) the labels are true but "
    "nobody can know them: leave them out of losses and metrics",
    "bev_pixels": "uint16 (ny,nx) pixels of all cameras that show something in the cell, fog and night no nearer than seen; only "
    "with pixel labels",
    "bev_ditch": "bool (ny,nx)",
    "bev_elevation": "float16 (ny,nx) [m] in ego, NaN beside the modelled ground",
    "bev_slope": "float16 (ny,nx) [rad]",
    "bev_step": "float16 (ny,nx) [m]",
    "bev_class": "uint8 (ny,nx), see classes.semantic",
    "bev_drivable": "uint8 (ny,nx): 1 meant for driving and not blocked, 0 not, 255 unknown",
    "bev_traversability": "uint8 (ny,nx): 0..100, 255 unknown",
    "twist": "float32 (6,) true motion of base_link vx vy vz wx wy wz [m/s, rad/s]",
    "CAMERA_semantic": "uint8 (H,W), see classes.semantic and classes.pixel: sky and what fog or dust hides have codes of their own",
    "CAMERA_instance": "int32 (H,W) as instance; -1 sky or hidden",
    "CAMERA_depth": "float16 (H,W) [m] along the optical axis, inf sky, NaN hidden",
    "CAMERA_K": "float64 (3,3) [px]",
    "CAMERA_D": "float64 (D,) distortion of info.cameras[CAMERA].distortion_model",
    "CAMERA_T_ego_camera": "float64 (4,4) as calibration and odometry say, at the time of the image; optical axes",
}
"""What the arrays of a sample hold; the manifest repeats it."""
PIXEL = {"SKY": 254, "HIDDEN": 255}
"""Codes of ``CAMERA_semantic`` beside those of Semantic."""


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


def moved_boxes(
    center: NDArray[np.floating], yaw: NDArray[np.floating], velocity: NDArray[np.floating], rate: NDArray[np.floating],
    dt: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Centres (N,3) [m] and yaws (N,) [rad] of boxes after ``dt`` (N,) [s], which may be negative: constant turn rate and
    speed; ``velocity`` (N,2) [m/s], ``rate`` (N,) [rad/s]."""
    half = 0.5 * rate * dt
    c, s = np.cos(half) * dt, np.sin(half) * dt
    out = np.array(center, np.float64)
    out[:, 0] += c * velocity[:, 0] - s * velocity[:, 1]
    out[:, 1] += s * velocity[:, 0] + c * velocity[:, 1]
    return out, np.asarray(yaw + rate * dt, np.float64)
