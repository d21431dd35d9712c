"""Extrinsics and intrinsics of all sensors, from TF or the vehicle file, with a version hash; never stale.

Extrinsics are asked anew whenever a static edge changes (or for every frame, if an edge moves), and the hash
changes with them, so that an output always says which calibration it was made with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import CameraConfig, LidarConfig, VehicleConfig
from autonomy_perception.sensors.events import CameraInfoMsg
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
        T_base_sensor: (4,4) by sensor name; cameras by their optical frame.
        cameras: intrinsics by camera name.
        version: SHA-256 (16 hex digits) over all of it, rounded to 1e-9.
    """

    T_base_sensor: Mapping[str, F64]
    cameras: Mapping[str, CameraModel]
    version: str


def version_of(T_base_sensor: Mapping[str, F64], cameras: Mapping[str, CameraModel]) -> str:
    """Hash of a rig; the order of the sensors does not matter."""
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
        self._poses_version = -1
        self._rig: Rig | None = None

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
        if old is None or version_of({}, {camera: old}) != version_of({}, {camera: model}):
            self._models[camera] = model
            self._rig = None

    def model(self, camera: str) -> CameraModel:
        """Intrinsics of a camera. Raises CalibrationError before its first CameraInfo."""
        if camera not in self._models:
            raise CalibrationError("CameraInfo", f"a message on {self._vehicle.cameras[camera].info_topic}", "none yet")
        return self._models[camera]

    def pose(self, sensor: str, stamp_ns: int) -> F64:
        """``T_base_sensor`` (4,4). Raises CalibrationError naming the missing frame."""
        if self._poses_version != self._tf.version:
            self._poses.clear()
            self._poses_version = self._tf.version
        if sensor not in self._poses:
            self._ask(sensor, stamp_ns)
        return self._poses[sensor]

    def _ask(self, sensor: str, stamp_ns: int) -> None:
        config = self._sensor(sensor)
        if self._vehicle.extrinsics_from == "file":
            if config.extrinsics is None:
                raise CalibrationError("extrinsics", "xyz and rpy in the vehicle file (extrinsics_from: file)", "none")
            pose = geometry.make_transform(geometry.rotation_rpy(*config.extrinsics.rpy), config.extrinsics.xyz)
        else:
            base = self._vehicle.base_frame
            try:
                pose = self._tf.lookup(base, config.frame, stamp_ns)
            except TfError as e:
                raise CalibrationError("TF", f"{base} <- {config.frame}", str(e)) from e
            if not self._tf.is_static(base, config.frame):
                self._poses_version = -1  # ask again next time
        self._poses[sensor] = pose
        self._rig = None

    def _sensor(self, name: str) -> LidarConfig | CameraConfig:
        return self._vehicle.lidars[name] if name in self._vehicle.lidars else self._vehicle.cameras[name]

    def rig(self) -> Rig:
        """All that is known now."""
        if self._rig is None or self._rig.T_base_sensor.keys() != self._poses.keys():
            self._rig = Rig(dict(self._poses), dict(self._models), version_of(self._poses, self._models))
        return self._rig
