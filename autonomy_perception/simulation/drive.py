"""A synthetic drive: sensor data and exact truth, sweep by sweep, without ROS."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import VehicleConfig
from autonomy_perception.simulation import motion
from autonomy_perception.simulation.clock import stamp
from autonomy_perception.simulation.lidar import Sweep
from autonomy_perception.simulation.materials import Semantic
from autonomy_perception.simulation.odometry import Odometry
from autonomy_perception.simulation.rig import Rig, default_rig
from autonomy_perception.simulation.truck import demo_vehicle
from autonomy_perception.simulation.truth import Truth, TruthObjects
from autonomy_perception.simulation.truth_grid import GridTruth, SweepHits
from autonomy_perception.simulation.world import FIRST_STRUCTURE, World
from autonomy_perception.types import CameraFrame, PointCloud, Trajectory

F64 = NDArray[np.float64]
MAX_DURATION_S = motion.STORY_S


@dataclass(frozen=True)
class DriveSample:
    """One sweep: cloud in the lidar's frame (stamp = end of sweep, times -0.1..0), images taken during it, truth."""

    index: int
    cloud: PointCloud
    cameras: tuple[CameraFrame, ...]
    truth: Truth

    @property
    def stamp_ns(self) -> int:
        """Reference stamp: end of the sweep."""
        return self.cloud.stamp_ns


class SyntheticDrive:
    """Deterministic drive: the same arguments give the same bytes, whatever the order or number of processes.

    Args:
        seed: draws road, structures, traffic, driver and noise.
        duration_s: at most ``MAX_DURATION_S`` [s]; shorter drives are the beginning of the same story.
        cameras: False leaves the images out (faster).
        vehicle: who drives; the demo truck by default.
        start_s: drive time [s] at which the first sweep begins.

    Raises:
        ValueError: start and duration do not fit into the story.
    """

    def __init__(
        self,
        seed: int = 0,
        duration_s: float = 30.0,
        *,
        cameras: bool = True,
        vehicle: VehicleConfig | None = None,
        start_s: float = 0.0,
    ) -> None:
        if not (start_s >= 0.0 and duration_s >= 0.1 and start_s + duration_s <= MAX_DURATION_S + 1e-6):
            raise ValueError(
                f"start_s + duration_s must lie in 0.1 .. {MAX_DURATION_S} s, got {start_s} + {duration_s}"
            )
        self.seed, self.duration_s, self.start_s = seed, duration_s, start_s
        self.vehicle = vehicle or demo_vehicle()
        self.world = World(seed, self.vehicle)
        rig = Rig.of("demo_truck", default_rig().setup, self.vehicle)
        self.lidar = rig.lidars[0]
        self.cameras = rig.cameras if cameras else ()
        odometry_rng = np.random.default_rng([seed, 1])
        self.odometry = Odometry(odometry_rng, self.world.ego, MAX_DURATION_S)
        way = self.world.ego.poses(np.linspace(start_s, start_s + duration_s, 2 + int(duration_s)))[:, :2, 3]
        self._grid = GridTruth(self.world, self.vehicle.dimensions, [self.lidar], way)

    def __len__(self) -> int:
        return int(self.duration_s / self.lidar.period + 1e-6)

    @property
    def trajectory(self) -> Trajectory:
        """Odometry as the vehicle measures it (50 Hz), from 0.2 s before to 0.1 s after the drive."""
        whole = self.odometry.trajectory
        keep = (whole.stamps_ns >= stamp(self.start_s - 0.2)) & (
            whole.stamps_ns <= stamp(self.start_s + self.duration_s + 0.1)
        )
        return Trajectory(whole.stamps_ns[keep], whole.T_odom_base[keep], whole.twist[keep])

    def end_of(self, index: int) -> float:
        """Drive time [s] at which a sweep ends."""
        return self.start_s + (index + 1) * self.lidar.period

    def sample(self, index: int) -> DriveSample:
        """Sweep number ``index`` (0 .. len-1). Raises IndexError beyond."""
        if not 0 <= index < len(self):
            raise IndexError(f"sweep {index} of a drive of {len(self)}")
        t = self.end_of(index)
        rng = np.random.default_rng([self.seed, 2, round(t * 1e3)])
        sweep = self.lidar.sweep(self.world, t, rng)
        when = t - 0.5 * self.lidar.period
        noise = [np.random.default_rng([self.seed, 3, k, round(t * 1e3)]) for k in range(len(self.cameras))]
        images = tuple(c.shoot(self.world, when, r).frame for c, r in zip(self.cameras, noise, strict=True))
        return DriveSample(index, sweep.cloud, images, self._truth(t, sweep))

    def samples(self, workers: int = 2) -> Iterator[DriveSample]:
        """All sweeps in order, made by ``workers`` processes (1: in this one)."""
        if workers <= 1:
            yield from (self.sample(i) for i in range(len(self)))
            return
        arguments = (self.seed, self.duration_s, bool(self.cameras), self.vehicle, self.start_s)
        with _single_threaded(), multiprocessing.get_context("spawn").Pool(workers, _start_worker, arguments) as pool:
            yield from pool.imap(_work, range(len(self)), chunksize=2)

    def _truth(self, t: float, sweep: Sweep) -> Truth:
        T_world_base = self.world.ego.poses(np.array([t]))[0]
        T_odom_world = self.odometry.T_odom_world(np.array([t]))[0]
        instance, semantic, xyz, time = sweep.instance, sweep.semantic, sweep.xyz.copy(), sweep.time
        for actor in self.world.actors:
            mine = np.flatnonzero(instance == actor.number)
            if len(mine) and actor.moving:  # carried along to where it is at the end of the sweep
                then = geometry.invert(actor.path.poses(t + time[mine]))
                local = np.einsum("nij,nj->ni", then[:, :3, :3], xyz[mine]) + then[:, :3, 3]
                xyz[mine] = geometry.transform_points(actor.path.poses(np.array([t]))[0], local)
        thing = (semantic == Semantic.OBJECT) | (semantic == Semantic.STRUCTURE)
        height = np.zeros(len(xyz))
        height[thing] = xyz[thing, 2] - self.world.ground(xyz[thing, :2])
        grid, terrain = self._grid.make(t, T_world_base, T_odom_world, SweepHits(xyz, height, semantic, instance))
        objects = self._objects(t, T_odom_world, sweep)
        structures = self._structures(T_world_base, T_odom_world, instance)
        T_odom_base = T_odom_world @ T_world_base
        return Truth(stamp(t), T_odom_world, T_odom_base, objects, structures, grid, terrain, semantic, instance)

    def _objects(self, t: float, T_odom_world: F64, sweep: Sweep) -> TruthObjects:
        instance, time = sweep.instance, sweep.time
        there = [a for a in self.world.actors if a.present(t)]
        pose = [T_odom_world @ a.path.poses(np.array([t]))[0] for a in there]
        size = np.array([a.shape.size for a in there])
        center = np.array([p[:3, 3] + p[:3, 2] * 0.5 * s[2] for p, s in zip(pose, size, strict=True)])
        velocity = np.array([(T_odom_world[:3, :3] @ a.path.velocity(t))[:2] for a in there])
        points = np.array([np.count_nonzero(instance == a.number) for a in there], np.int32)
        when = [time[instance == a.number].mean() if n else 0.0 for a, n in zip(there, points, strict=True)]
        ideal = np.array([sweep.reached.get(a.number, 0) for a in there], np.int32)
        unhidden = np.array([sweep.seen.get(a.number, 0) for a in there], np.int32)
        visibility = (unhidden / np.maximum(ideal, 1)).astype(np.float32)
        return TruthObjects(
            np.array([a.number for a in there], np.int32), np.array([a.group for a in there], np.int32),
            np.array([a.shape.label for a in there], np.uint8), center, size.astype(np.float32),
            np.array([geometry.yaw_of(p) for p in pose], np.float32), velocity.astype(np.float32), points, np.array(when, np.float32), visibility,
        )  # fmt: skip

    def _structures(self, T_world_base: F64, T_odom_world: F64, instance: NDArray[np.int32]) -> TruthObjects:
        """Boxes (upright, along world axes) of the structures within 90 m."""
        number = np.arange(FIRST_STRUCTURE, FIRST_STRUCTURE + len(self.world.structures), dtype=np.int32)
        low, high = self.world.bounds
        near = np.flatnonzero(np.linalg.norm(0.5 * (low + high)[:, :2] - T_world_base[:2, 3], axis=1) < 90.0)
        count = np.bincount(instance[instance >= FIRST_STRUCTURE] - FIRST_STRUCTURE, minlength=len(number))
        zero = np.zeros(len(near), np.float32)
        return TruthObjects(
            number[near], number[near], zero.astype(np.uint8), geometry.transform_points(T_odom_world, 0.5 * (low + high)[near]),
            (high - low)[near].astype(np.float32), np.full(len(near), geometry.yaw_of(T_odom_world), np.float32),
            np.zeros((len(near), 2), np.float32), count[near].astype(np.int32), zero, np.ones(len(near), np.float32),
        )  # fmt: skip


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Keeps the linear algebra of child processes to one thread each: they are the parallelism."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {n: os.environ.get(n) for n in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


_worker: list[SyntheticDrive] = []


def _start_worker(seed: int, duration_s: float, cameras: bool, vehicle: VehicleConfig, start_s: float) -> None:
    _worker.append(SyntheticDrive(seed, duration_s, cameras=cameras, vehicle=vehicle, start_s=start_s))


def _work(index: int) -> DriveSample:
    return _worker[0].sample(index)
