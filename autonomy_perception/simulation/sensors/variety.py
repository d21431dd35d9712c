"""Rigs and receivers that differ, so that a network does not learn one vehicle: drawn around the rigs that are stated.

Reasons for the ranges: mounts of published research cars, shuttles and trucks lie 1.6 to 3.0 m high; returns of a KITTI drive
have a median intensity of 0.28 and 10 % zeros, simulated ones 0.05 to 0.18 and none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import Extrinsics
from autonomy_perception.simulation.sensors.beams import lidar_model
from autonomy_perception.simulation.sensors.camera import lens_of
from autonomy_perception.simulation.sensors.lidar import Sweep
from autonomy_perception.simulation.sensors.rig import Rig
from autonomy_perception.simulation.sensors.setups import CameraSetup
from autonomy_perception.simulation.world.truck import mounting

MODELS = ("spinning64", "spinning32", "dense_middle32", "even64", "dense_middle128", "even128")
"""Lidars that take the place of one that turns."""
OWN_MODEL = 0.4
"""Share of the worlds in which a lidar is of the model that the rig says."""
LOWEST_M, HIGHEST_M = 1.6, 3.0
ROBOT_M = 1.2
"""Lidars that sit lower are on robots and stay where they are, but for centimetres."""


def varied(rig: Rig, rng: np.random.Generator) -> Rig:
    """The rig with other lidar models, mounting heights, small turns of all mounts, and other focal lengths of lenses without
    distortion. The vehicle file knows all of it: nothing is miscalibrated.

    A lidar that turns comes to 1.6 to 3.0 m, no lower than the roof of a truck that carries it lets it (0.15 m below its own
    place); higher ones and those of robots move by 0.1 m.
    """
    stated = rig.stated or rig.vehicle
    models = {n: _model(s.model, rng) for n, s in rig.setup.lidars.items()}
    lidars = {
        n: s.model_copy(update={"model": models[n], "mount": _lidar_mount(rig, n, lidar_model(models[n]).turns, rng)})
        for n, s in rig.setup.lidars.items()
    }
    cameras = {n: _camera(rig, n, s, rng) for n, s in rig.setup.cameras.items()}
    tables = {
        n: c
        if n not in models or models[n] == rig.setup.lidars[n].model
        else c.model_copy(update={"beam_elevations_deg": []})
        for n, c in stated.lidars.items()
    }
    setup = rig.setup.model_copy(update={"lidars": lidars, "cameras": cameras})
    return Rig.of(rig.name, setup, stated.model_copy(update={"lidars": tables}))


def about(rig: Rig) -> dict[str, dict[str, float | str]]:
    """Model and mounting height [m] of every lidar, height and focal length [px] of every camera, as the vehicle knows them."""
    out: dict[str, dict[str, float | str]] = {}
    for name, lidar in rig.setup.lidars.items():
        z = mounting(rig.vehicle.lidars[name].extrinsics, name)[2, 3]
        out[name] = {"model": lidar.model, "height": round(float(z), 3)}
    for name, camera in rig.setup.cameras.items():
        z = mounting(rig.vehicle.cameras[name].extrinsics, name)[2, 3]
        out[name] = {"height": round(float(z), 3), "focal": round(float(lens_of(camera).K[0, 0]), 1)}
    return out


def _model(own: str, rng: np.random.Generator) -> str:
    other = str(rng.choice(MODELS))
    return own if rng.random() < OWN_MODEL or not lidar_model(own).turns else other


def _lidar_mount(rig: Rig, name: str, turns: bool, rng: np.random.Generator) -> Extrinsics:
    T = mounting(rig.vehicle.lidars[name].extrinsics, name)
    z = float(T[2, 3])
    if not turns or z < ROBOT_M or z > HIGHEST_M:
        low, high = z - 0.1, z + 0.1
    else:
        low, high = max(LOWEST_M, z - 0.15), HIGHEST_M
    to = low + (high - low) * float(rng.beta(1.0, 1.6))  # more of them low: cars are more than trucks
    return _moved(T, (0.0, 0.0, to - z), np.radians(rng.normal(0.0, (0.4, 0.6, 0.5))))


def _camera(rig: Rig, name: str, setup: CameraSetup, rng: np.random.Generator) -> CameraSetup:
    T = mounting(rig.vehicle.cameras[name].extrinsics, name)
    mount = _moved(T, (0.0, 0.0, float(rng.uniform(-0.15, 0.3))), np.radians(rng.normal(0.0, (0.4, 1.5, 1.0))))
    longer, update = float(rng.uniform(0.85, 1.2)), dict[str, Any](mount=mount)
    if not any(setup.D) and setup.K is not None:
        update["K"] = [setup.K[0] * longer, setup.K[1] * longer, *setup.K[2:]]
    elif not any(setup.D):
        half = np.tan(np.radians(0.5 * min(setup.fov_deg, 150.0))) / longer
        update["fov_deg"] = float(np.degrees(2.0 * np.arctan(half)))
    return setup.model_copy(update=update)


def _moved(T: NDArray[np.float64], shift: tuple[float, float, float], rpy: NDArray[np.float64]) -> Extrinsics:
    """A mount moved [m] and turned [rad] in the axes of base_link."""
    R = geometry.rotation_rpy(*rpy) @ T[:3, :3]
    roll, pitch, yaw = (
        np.arctan2(R[2, 1], R[2, 2]),
        np.arcsin(np.clip(-R[2, 0], -1.0, 1.0)),
        np.arctan2(R[1, 0], R[0, 0]),
    )
    return Extrinsics(xyz=(T[:3, 3] + shift).tolist(), rpy=[float(roll), float(pitch), float(yaw)])


@dataclass(frozen=True)
class Receiver:
    """What a receiver makes of returns besides what its model says; of a sample, all its lidars and frames.

    Attributes:
        gamma, gain: intensity becomes ``gain * intensity ** gamma``. zeros: share of the returns, the weaker ones mostly, whose
            intensity is 0.
        reach_m: farther returns are lost. lost: share of the returns that are. rings_lost: of the beams, all of the sample.
        gaps: number of spans of 1 to 6 ms of every sweep that are lost.
    """

    gamma: float = 1.0
    gain: float = 1.0
    zeros: float = 0.0
    reach_m: float = 1e3
    lost: float = 0.0
    rings_lost: float = 0.0
    gaps: int = 0

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Receiver:
        """One of many: each fault is there in some of the samples only."""

        def sometimes(share: float, value: float, otherwise: float = 0.0) -> float:
            return value if rng.random() < share else otherwise

        return cls(
            gamma=float(np.exp(rng.normal(-0.35, 0.4))),
            gain=float(np.exp(rng.normal(0.0, 0.25))),
            zeros=sometimes(0.6, float(rng.uniform(0.0, 0.2))),
            reach_m=sometimes(0.5, float(rng.uniform(60.0, 120.0)), 1e3),
            lost=sometimes(0.5, float(rng.uniform(0.0, 0.1))),
            rings_lost=sometimes(0.3, float(rng.uniform(0.0, 0.15))),
            gaps=int(sometimes(0.2, float(rng.integers(1, 4)))),
        )

    def receive(
        self, sweep: Sweep, beams: int, period: float, fixed: np.random.Generator, rng: np.random.Generator
    ) -> Sweep:
        """The sweep as this receiver gives it.

        Args:
            beams, period: of the lidar [s]. fixed: draws what stays over the frames of a sample; rng: what does not.
        """
        cloud = sweep.cloud
        n = len(cloud)
        keep = np.linalg.norm(cloud.xyz, axis=1) < self.reach_m
        keep &= rng.random(n, np.float32) >= self.lost
        dead = fixed.random(beams) < self.rings_lost
        keep &= ~dead[np.minimum(cloud.ring, beams - 1)]
        for _ in range(self.gaps):
            start, length = -period * rng.random(), rng.uniform(1e-3, 6e-3)
            keep &= (sweep.time < start) | (sweep.time > start + length)
        rows = np.flatnonzero(keep)
        intensity = np.clip(np.float32(self.gain) * cloud.intensity[rows] ** np.float32(self.gamma), 0.0, 1.0)
        if self.zeros > 0.0 and len(rows):
            strength = intensity * np.exp(0.7 * rng.standard_normal(len(rows), np.float32))
            intensity[strength < np.quantile(strength, self.zeros)] = 0.0
        received = replace(
            cloud,
            xyz=cloud.xyz[rows],
            intensity=intensity.astype(np.float32),
            time=cloud.time[rows],
            ring=cloud.ring[rows],
        )
        return replace(
            sweep, cloud=received, semantic=sweep.semantic[rows], instance=sweep.instance[rows], cause=sweep.cause[rows],
            time=sweep.time[rows], xyz=sweep.xyz[rows],
        )  # fmt: skip
