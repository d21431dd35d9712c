"""Extrinsics and intrinsics of all sensors, from TF or the vehicle file, with a version hash; never stale.

Extrinsics are asked anew whenever a static edge changes (or for every frame, if an edge moves), and the hash
changes with them, so that an output always says which calibration it was made with. A calibration that changes
while driving is used, and said to have changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import CameraConfig, LidarConfig, VehicleConfig
from autonomy_perception.messages.events import CameraInfoMsg
from autonomy_perception.sensors.lens import LensError, model_of
from autonomy_perception.sensors.tf import TfBuffer, TfError
from autonomy_perception.types import CameraModel

F64 = NDArray[np.float64]


class CalibrationError(LookupError):
    """A sensor's calibration is not known (yet); field, expected, found."""

    def __init__(self, field: str, expected: str, found: str) -> None:
        super().__init__(f"{field}: expected {expected}, found {found}")
        self.field, self.expected, self.found = field, expected, found


@dataclass(frozen=True)
class Rig:
    """All calibration known at one time.

    Attributes:
        T_base_sensor: (4,4) by sensor name, of sensors that sit still on the vehicle; cameras by their optical frame.
        cameras: intrinsics by camera name.
        version: SHA-256 (16 hex digits) over all of it, rounded to 1e-9; empty while nothing is known.
    """

    T_base_sensor: Mapping[str, F64]
    cameras: Mapping[str, CameraModel]
    version: str


@dataclass(frozen=True)
class Change:
    """A calibration that is not what it was: sensor, which part of it, how it differs."""

    sensor: str
    field: str
    found: str


def version_of(T_base_sensor: Mapping[str, F64], cameras: Mapping[str, CameraModel]) -> str:
    """Hash of a rig; the order of the sensors does not matter."""
    if not T_base_sensor and not cameras:
        return ""
    digest = hashlib.sha256()
    for name, T in sorted(T_base_sensor.items()):
        digest.update(name.encode() + (np.round(T, 9) + 0.0).tobytes())
    for name, m in sorted(cameras.items()):
        digest.update(f"{name} {m.width} {m.height} {m.distortion_model}".encode())
        digest.update((np.round(m.K, 9) + 0.0).tobytes() + (np.round(m.D, 9) + 0.0).tobytes())
    return digest.hexdigest()[:16]


class Calibration:
    """Answers where a sensor is and what a camera's lens does.

    Args:
        vehicle: names, frames and (``extrinsics_from: file``) poses of the sensors.
        tf: the transform buffer to ask otherwise.
    """

    def __init__(self, vehicle: VehicleConfig, tf: TfBuffer) -> None:
        self._vehicle, self._tf = vehicle, tf
        self._models: dict[str, CameraModel] = {}
        self._poses: dict[str, F64] = {}
        self._tf_version = -1
        self._rig: Rig | None = None
        self._changes: list[Change] = []

    def on_info(self, camera: str, info: CameraInfoMsg) -> None:
        """Take in the intrinsics of a camera.

        Raises:
            CalibrationError: it cannot be used, see :func:`autonomy_perception.sensors.lens.model_of`.
        """
        try:
            model = model_of(info, self._vehicle.cameras[camera].rectified)
        except LensError as e:
            raise CalibrationError(e.field, e.expected, e.found) from e
        old = self._models.get(camera)
        if old is not None and version_of({}, {camera: old}) == version_of({}, {camera: model}):
            return
        if old is not None:
            self._changes.append(Change(camera, "CameraInfo", _lens_change(old, model)))
        self._models[camera] = model
        self._rig = None

    def model(self, camera: str) -> CameraModel:
        """Intrinsics of a camera. Raises CalibrationError before its first CameraInfo."""
        if camera not in self._models:
            raise CalibrationError("CameraInfo", f"a message on {self._vehicle.cameras[camera].info_topic}", "none yet")
        return self._models[camera]

    def pose(self, sensor: str, stamp_ns: int) -> F64:
        """``T_base_sensor`` (4,4). Raises CalibrationError naming the missing frame."""
        self._refresh()
        return self._poses[sensor] if sensor in self._poses else self._ask(sensor, stamp_ns)

    def rig(self) -> Rig:
        """All that is known now."""
        self._refresh()
        if self._rig is None:
            self._rig = Rig(dict(self._poses), dict(self._models), version_of(self._poses, self._models))
        return self._rig

    def take_changes(self) -> list[Change]:
        """What has changed since the last call, of what was known before."""
        self._refresh()
        changes, self._changes = self._changes, []
        return changes

    def _refresh(self) -> None:
        """Ask for all sensors that sit still, if the transforms have changed."""
        if self._tf_version == self._tf.version:
            return
        self._tf_version, old, self._poses, self._rig = self._tf.version, self._poses, {}, None
        for sensor in (*self._vehicle.lidars, *self._vehicle.cameras):
            with suppress(CalibrationError):
                if self._vehicle.extrinsics_from == "file" or self._tf.is_static(*self._frames(sensor)):
                    self._poses[sensor] = self._ask(sensor, 0)
        for sensor in old.keys() & self._poses.keys():
            if not np.allclose(old[sensor], self._poses[sensor], atol=1e-9):
                self._changes.append(Change(sensor, "TF", _pose_change(old[sensor], self._poses[sensor])))

    def _ask(self, sensor: str, stamp_ns: int) -> F64:
        if self._vehicle.extrinsics_from == "file":
            mounted = self._sensor(sensor).extrinsics
            if mounted is None:
                raise CalibrationError("extrinsics", "xyz and rpy in the vehicle file (extrinsics_from: file)", "none")
            return geometry.make_transform(geometry.rotation_rpy(*mounted.rpy), mounted.xyz)
        base, frame = self._frames(sensor)
        try:
            return self._tf.lookup(base, frame, stamp_ns)
        except TfError as e:
            raise CalibrationError("TF", f"{base} <- {frame}", str(e)) from e

    def _frames(self, sensor: str) -> tuple[str, str]:
        return self._vehicle.base_frame, self._sensor(sensor).frame

    def _sensor(self, name: str) -> LidarConfig | CameraConfig:
        return self._vehicle.lidars[name] if name in self._vehicle.lidars else self._vehicle.cameras[name]


def _pose_change(old: F64, new: F64) -> str:
    """How far a sensor was turned and moved, in words."""
    turn = geometry.invert(old) @ new
    angle = np.degrees(np.arccos(np.clip(0.5 * (np.trace(turn[:3, :3]) - 1.0), -1.0, 1.0)))
    return f"turned by {angle:.2f} deg, moved by {np.linalg.norm(new[:3, 3] - old[:3, 3]):.3f} m"


def _lens_change(old: CameraModel, new: CameraModel) -> str:
    """What differs between two intrinsics, in words."""
    values = {
        "width": (old.width, new.width), "height": (old.height, new.height),
        "distortion_model": (old.distortion_model, new.distortion_model),
        **{f"k[{i}]": (float(old.K.flat[i]), float(new.K.flat[i])) for i in (0, 2, 4, 5)},
    }  # fmt: skip
    parts = [f"{name} {_short(a)} -> {_short(b)}" for name, (a, b) in values.items() if a != b]
    return ", ".join(parts) or f"d {_short(old.D.tolist())} -> {_short(new.D.tolist())}"


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
