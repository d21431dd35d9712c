"""Rigs: which simulated sensors sit on a vehicle, how good they are, and what is wrong with them.

A rig file (``config/rigs/*.yaml``) names the vehicle file that the perception uses, for topics, frames, mounts and body,
and adds only what a simulation must know besides: the model of each lidar, lenses, clocks, noise, and faults to inject.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autonomy_perception import paths
from autonomy_perception.config import CameraConfig, ConfigError, Extrinsics, LidarConfig, VehicleConfig, load_vehicle
from autonomy_perception.simulation.sensors.beams import lidar_model
from autonomy_perception.simulation.sensors.camera import Camera, lens_of
from autonomy_perception.simulation.sensors.lens import check_lens
from autonomy_perception.simulation.sensors.lidar import Lidar
from autonomy_perception.simulation.sensors.setups import CameraSetup, ImuSetup, LidarSetup, OdometrySetup, RigFile
from autonomy_perception.wrong_fields import sentences


@dataclass(frozen=True)
class SensorFault:
    """Injected truth: where a sensor really sits seen from where the file says (4,4), how late its stamps are at drive time
    0 [s], and how fast its clock runs [1e-6]."""

    T_stated_true: NDArray[np.float64]
    time_offset_s: float
    drift_ppm: float


class Rig(BaseModel):
    """Sensors on a vehicle; plain data that can be sent to other processes. Made by :meth:`of` or :func:`load_rig`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    setup: RigFile
    vehicle: VehicleConfig = Field(
        description="the vehicle file completed by mounts and beam tables: what the perception needs to run on the drive"
    )
    stated: VehicleConfig | None = Field(None, description="the vehicle file as it is: for recordings of the real one")

    @classmethod
    def of(cls, name: str, setup: RigFile, vehicle: VehicleConfig) -> Rig:
        """A rig from the contents of both files.

        Raises:
            ConfigError: a sensor is not in the vehicle file, nobody says where it sits, or a lens cannot be inverted.
        """
        lidars = {n: _lidar(n, s, vehicle) for n, s in setup.lidars.items()}
        cameras = {n: _camera(n, s, vehicle) for n, s in setup.cameras.items()}
        completed = vehicle.model_copy(update={"lidars": lidars, "cameras": cameras})
        return cls(name=name, setup=setup, vehicle=completed, stated=vehicle)

    @cached_property
    def lidars(self) -> tuple[Lidar, ...]:
        """The lidars, in order; the first is the reference."""
        return tuple(
            Lidar(
                n, self.vehicle.lidars[n], lidar_model(s.model), self.vehicle.dimensions, s.clock,
                s.miscalibration.matrix(),
            )
            for n, s in self.setup.lidars.items()
        )  # fmt: skip

    @cached_property
    def cameras(self) -> tuple[Camera, ...]:
        """The cameras, in order."""
        return tuple(
            Camera(n, self.vehicle.cameras[n], s, self.vehicle.dimensions) for n, s in self.setup.cameras.items()
        )

    @property
    def imu(self) -> ImuSetup | None:
        """The inertial unit, if there is one."""
        return self.setup.imu

    @property
    def odometry(self) -> OdometrySetup:
        """How wheels and gyroscope err."""
        return self.setup.odometry

    def faults(self) -> dict[str, SensorFault]:
        """What is wrong with each sensor that anything is wrong with, ``imu`` and ``odometry`` among them."""
        mounted: dict[str, LidarSetup | CameraSetup] = {**self.setup.lidars, **self.setup.cameras}
        known = [(n, s.miscalibration.matrix(), s.clock) for n, s in mounted.items()]
        known += [("imu", np.eye(4), self.setup.imu.clock)] if self.setup.imu else []
        known += [("odometry", np.eye(4), self.setup.odometry.clock)]
        return {
            name: SensorFault(T, clock.offset_ms * 1e-3, clock.drift_ppm)
            for name, T, clock in known
            if clock.offset_ms != 0.0 or clock.drift_ppm != 0.0 or not np.array_equal(T, np.eye(4))
        }


def _stated(kind: str, name: str, table: dict[str, Any], mount: Extrinsics | None) -> tuple[Any, Extrinsics]:
    if name not in table:
        raise ConfigError(f"{kind}.{name}: not in the vehicle file, expected one of {', '.join(table) or '(none)'}")
    pose = mount or table[name].extrinsics
    if pose is None:
        raise ConfigError(f"{kind}.{name}.mount: the vehicle file has no extrinsics for it, expected xyz and rpy")
    return table[name], pose


def _lidar(name: str, s: LidarSetup, vehicle: VehicleConfig) -> LidarConfig:
    config, pose = _stated("lidars", name, vehicle.lidars, s.mount)
    beams = config.beam_elevations_deg or list(lidar_model(s.model).elevations_deg)
    out: LidarConfig = config.model_copy(
        update={"extrinsics": pose, "beam_elevations_deg": beams, "intensity_max": 1.0}
    )
    return out


def _camera(name: str, s: CameraSetup, vehicle: VehicleConfig) -> CameraConfig:
    config, pose = _stated("cameras", name, vehicle.cameras, s.mount)
    try:
        check_lens(lens_of(s))
    except ConfigError as e:
        raise ConfigError(f"cameras.{name}.{e}") from e
    out: CameraConfig = config.model_copy(update={"extrinsics": pose})
    return out


def rig_file(rig: str | Path) -> Path:
    """Rig YAML of a path, or of a bare name under config/rigs/. Raises ConfigError listing the names that exist."""
    path, folder = Path(rig).expanduser(), paths.share() / "config" / "rigs"
    if path.is_file():
        return path.resolve()
    named = folder / f"{rig}.yaml"
    if len(path.parts) == 1 and named.is_file():
        return named
    names = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
    raise ConfigError(f"rig {str(rig)!r}: neither a file nor one of {names}")


def load_rig(rig: str | Path) -> Rig:
    """Rig by path or name. Raises ConfigError naming file, field, what was expected and what came."""
    path = rig_file(rig)
    try:
        data = yaml.safe_load(path.read_text())
        setup = RigFile.model_validate(data if data is not None else {})
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path}: not valid YAML: {e}") from e
    except ConfigError as e:
        raise ConfigError(f"{path}: {e}") from e
    except ValidationError as e:
        lines = [f"  {text}" for text in sentences(e, RigFile)]
        raise ConfigError(f"{path}: {len(lines)} wrong field(s)\n" + "\n".join(lines)) from e
    vehicle = load_vehicle((path.parent / setup.vehicle).resolve())
    try:
        return Rig.of(path.stem, setup, vehicle)
    except ConfigError as e:
        raise ConfigError(f"{path}: {e}") from e


def default_rig() -> Rig:
    """The demo truck."""
    return load_rig("demo_truck")
