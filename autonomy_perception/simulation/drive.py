"""A synthetic drive: sensor data and exact truth, sweep by sweep, without ROS."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.io.workers import end_on_interrupt, interrupt_held, single_threaded
from autonomy_perception.simulation.scenarios import MIX, draw
from autonomy_perception.simulation.sensors.camera import Camera, Shot
from autonomy_perception.simulation.sensors.clock import Ticks
from autonomy_perception.simulation.sensors.lidar import Lidar, Sweep
from autonomy_perception.simulation.sensors.odometry import Odometry
from autonomy_perception.simulation.sensors.rig import Rig, default_rig
from autonomy_perception.simulation.truth.sight import Sight
from autonomy_perception.simulation.truth.sweep import TruthMaker
from autonomy_perception.simulation.truth.truth import Truth
from autonomy_perception.simulation.world import motion
from autonomy_perception.simulation.world.actors import relative_motion
from autonomy_perception.simulation.world.weather import LIGHTS, WEATHERS, conditions
from autonomy_perception.simulation.world.world import World
from autonomy_perception.types import CameraFrame, PointCloud, Trajectory

F64 = NDArray[np.float64]
T = TypeVar("T")
EARLIEST_S = 0.1 - motion.LEAD_IN_S
"""Earliest image, for a first sweep that ends before the next one [s]: motion begins little before."""


@dataclass(frozen=True)
class Reading(Generic[T]):
    """What one sensor gave: true drive time of the exposure (end of a sweep) [s], time of reception [ns], data."""

    sensor: str
    t: float
    receive_ns: int
    data: T


@dataclass(frozen=True)
class DriveSample:
    """One sweep of the reference lidar with everything that ended since the sweep before, and the truth of its end.

    Attributes:
        t: true drive time of the end of the reference sweep [s].
        sweeps: of all lidars, the reference one first. shots: images of all cameras.
    """

    index: int
    t: float
    sweeps: tuple[Reading[Sweep], ...]
    shots: tuple[Reading[Shot], ...]
    truth: Truth

    @property
    def cloud(self) -> PointCloud:
        """Cloud of the reference lidar, in its frame."""
        return self.sweeps[0].data.cloud

    @property
    def cameras(self) -> tuple[CameraFrame, ...]:
        """The images."""
        return tuple(r.data.frame for r in self.shots)

    @property
    def stamp_ns(self) -> int:
        """Stamp of the truth."""
        return self.truth.stamp_ns


class SyntheticDrive:
    """Deterministic drive: the same arguments give the same bytes, whatever the order or number of processes.

    Args:
        seed: draws world, traffic, driver, clocks and noise.
        duration_s: at most what the scenario can be laid out for [s] (the demo: 34).
        scenario, weather, time_of_day: names; ``mix`` draws a scenario by the seed.
        rig: vehicle and sensors; the demo truck by default.
        cameras: False leaves the images out (faster). pixel_labels: whether a bag holds the labels of every pixel.
        start_s: drive time [s] at which the first sweep begins.
        grid: edge length and cell edge of the truth grids [m], and how far ahead of the vehicle their middle lies: along
            x of the frame in which the truth is wanted.
        clutter: things strewn close to the way, see :class:`World`.

    Raises:
        ValueError: start and duration do not fit into the story, or a name is not known (the message lists them).
    """

    def __init__(
        self,
        seed: int = 0,
        duration_s: float = 30.0,
        *,
        scenario: str = "demo",
        rig: Rig | None = None,
        weather: str = "clear",
        time_of_day: str = "noon",
        cameras: bool = True,
        pixel_labels: bool = False,
        start_s: float = 0.0,
        grid: tuple[float, float] | tuple[float, float, float] = (150.0, 0.5),
        clutter: float = 0.0,
    ) -> None:
        self.seed, self.duration_s, self.start_s = seed, duration_s, start_s
        self.rig = rig or default_rig()
        self.vehicle, self.pixel_labels = self.rig.vehicle, pixel_labels
        self.weather, self.time_of_day = weather, time_of_day
        self.conditions = conditions(weather, time_of_day)
        end = start_s + duration_s
        kind = draw(scenario, seed)
        if not (start_s >= 0.0 and duration_s >= 0.1 and end <= kind.longest_s + 1e-6):
            raise ValueError(
                f"start_s + duration_s of scenario {kind.name}: expected 0.1 .. {kind.longest_s:g} s, "
                f"found {start_s:g} + {duration_s:g}"
            )
        longest = kind.longest_s if kind.name == "demo" else end  # a told story is built whole, others as far as needed
        self.world = World(seed, self.vehicle, kind.name, longest, clutter)
        self.lidars = self.rig.lidars
        self.cameras: tuple[Camera, ...] = self.rig.cameras if cameras else ()
        self.odometry = Odometry(
            np.random.default_rng([seed, 1]), self.world.ego, longest, self.rig.odometry, seed * 64 + 63
        )
        sensors: list[Lidar | Camera] = [*self.lidars, *self.cameras]
        begin = [*(start_s for _ in self.lidars), *(max(start_s - c.period, EARLIEST_S) for c in self.cameras)]
        self._ticks = [s.ticks(begin[k], end, seed * 64 + k) for k, s in enumerate(sensors)]
        self._truth = TruthMaker(self.world, self.vehicle.dimensions, self.lidars, grid)
        self._arguments: dict[str, Any] = {
            "seed": seed, "duration_s": duration_s, "scenario": scenario, "weather": weather,
            "rig": Rig.model_validate(self.rig.model_dump()),  # without the scenes of its sensors
            "time_of_day": time_of_day, "cameras": cameras, "pixel_labels": pixel_labels, "start_s": start_s, "grid": grid, "clutter": clutter,
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self._ticks[0])

    @property
    def lidar(self) -> Lidar:
        """The reference lidar."""
        return self.lidars[0]

    @property
    def trajectory(self) -> Trajectory:
        """Odometry as the vehicle measures it (50 Hz), from 0.2 s before to 0.1 s after the drive."""
        whole, keep = self.odometry.trajectory, self._measured
        return Trajectory(whole.stamps_ns[keep], whole.T_odom_base[keep], whole.twist[keep])

    @property
    def odometry_ticks(self) -> Ticks:
        """When :attr:`trajectory` was measured and its messages come."""
        whole, keep = self.odometry.ticks, self._measured
        return Ticks(whole.t[keep], whole.stamp_ns[keep], whole.receive_ns[keep])

    @property
    def _measured(self) -> slice:
        ends = (self.start_s - 0.2 - 1e-9, self.start_s + self.duration_s + 0.1 + 1e-9)
        return slice(*np.searchsorted(self.odometry.t, ends).tolist())

    def end_of(self, index: int) -> float:
        """True drive time [s] at which a sweep of the reference lidar ends."""
        return float(self._ticks[0].t[index])

    def twist(self, t: float) -> F64:
        """True motion (6,) of base_link vx vy vz wx wy wz [m/s, rad/s]."""
        return np.asarray(relative_motion(self.world.ego, np.array([t]))[1][0])

    def sample(self, index: int, in_odom: bool = True, newest_shots: bool = False) -> DriveSample:
        """Sweep number ``index`` (0 .. len-1).

        Args:
            in_odom: truth in the drifting frame ``odom``; otherwise in the level frame of the vehicle at that moment.
            newest_shots: one image of every camera, the newest by then, instead of those since the sweep before: none
                of a camera slower than the lidar.

        Raises:
            IndexError: no such sweep.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"sweep {index} of a drive of {len(self)}")
        t = self.end_of(index)
        since = self.end_of(index - 1) if index else self.start_s
        sweeps = self.sweeps(since, t)
        shots = self.newest_shots(t) if newest_shots else self._shots(lambda ticks: _within(ticks, since, t))
        truth = self.truth(index, sweeps, in_odom)
        return DriveSample(index, t, sweeps, shots, truth)

    def sweeps(self, since: float, until: float, later: float = 0.0) -> tuple[Reading[Sweep], ...]:
        """Sweeps of all lidars that end with since < t <= until [s], the reference's first; of the others also those that
        end up to ``later`` [s] after it."""
        return tuple(
            self._sweep(k, tick)
            for k in range(len(self.lidars))
            for tick in _within(self._ticks[k], since, until + (later if k else 0.0))
        )

    def newest_shots(self, t: float) -> tuple[Reading[Shot], ...]:
        """The newest image of every camera at drive time ``t`` [s]."""
        return self._shots(lambda ticks: _within(ticks, -np.inf, t)[-1:])

    def _shots(self, wanted: Callable[[Ticks], range]) -> tuple[Reading[Shot], ...]:
        of_cameras = enumerate(self._ticks[len(self.lidars) :])
        return tuple(self._shoot(k, tick) for k, ticks in of_cameras for tick in wanted(ticks))

    def truth(self, index: int, sweeps: Sequence[Reading[Sweep]], in_odom: bool = True) -> Truth:
        """Truth of the end of sweep ``index`` as ``sweeps`` show it; see :meth:`sample`."""
        t = self.end_of(index)
        pose = self.world.ego.poses(np.array([t]))[0]
        T_odom_world = self.odometry.T_odom_world(np.array([t]))[0] if in_odom else geometry.invert(level(pose))
        return self._truth.make(t, self.stamp_of(index), pose, T_odom_world, [(r.t, r.data) for r in sweeps])

    def stamp_of(self, index: int) -> int:
        """Stamp [ns] that the vehicle gives the end of a sweep of the reference lidar."""
        return int(self._ticks[0].stamp_ns[index]) + self._stamp_to_end_ns

    @property
    def sight(self) -> Sight:
        """Lines of sight from the lidars."""
        return self._truth.sight

    def samples(self, workers: int = 2) -> Iterator[DriveSample]:
        """All sweeps in order, made by ``workers`` processes (1: in this one).

        Raises:
            BrokenProcessPool: one of them was killed.
        """
        if workers <= 1:
            yield from (self.sample(i) for i in range(len(self)))
            return
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(workers, len(self)), context, _start_worker, (self._arguments,))
        pending: deque[Future[DriveSample]] = deque()
        try:
            with single_threaded():
                for index in range(len(self)):
                    with interrupt_held():
                        pending.append(pool.submit(_work, index))
                    if len(pending) > 3 * workers:  # as much as is held in memory
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    @property
    def _stamp_to_end_ns(self) -> int:
        """From the stamp of a reference sweep to the end that it means [ns]."""
        config = self.lidar.config
        return round(
            {"start": 1.0, "mid": 0.5, "end": 0.0}[config.stamp_at] * config.period_ms * 1e6 + config.offset_ms * 1e6
        )

    def _sweep(self, number: int, tick: int) -> Reading[Sweep]:
        lidar, ticks = self.lidars[number], self._ticks[number]
        t = float(ticks.t[tick])
        rng = np.random.default_rng([self.seed, 2, number, round(t * 1e6)])
        sweep = lidar.sweep(self.world, t, rng, self.conditions, int(ticks.stamp_ns[tick]))
        return Reading(lidar.name, t, int(ticks.receive_ns[tick]), sweep)

    def _shoot(self, number: int, tick: int) -> Reading[Shot]:
        camera, ticks = self.cameras[number], self._ticks[len(self.lidars) + number]
        t = float(ticks.t[tick])
        rng = np.random.default_rng([self.seed, 3, number, round(t * 1e6)])
        shot = camera.shoot(self.world, t, rng, self.conditions, int(ticks.stamp_ns[tick]))
        return Reading(camera.name, t, int(ticks.receive_ns[tick]), shot)


class Names(NamedTuple):
    """What a drive is set in, by name."""

    scenario: str
    weather: str
    time_of_day: str


def drawn(seed: int, scenario: str, weather: str, time_of_day: str) -> Names:
    """Names with ``mix`` replaced by what the seed draws.

    Raises:
        ValueError: a name is not known (the message lists those that are).
    """
    rng = np.random.default_rng([seed, 31])
    picks = [str(rng.choice(list(table))) for table in (WEATHERS, LIGHTS)]
    weather, time_of_day = (p if n == MIX else n for p, n in zip(picks, (weather, time_of_day), strict=True))
    conditions(weather, time_of_day)
    return Names(draw(scenario, seed).name, weather, time_of_day)


def level(T_world_base: F64) -> F64:
    """T_world_ego (4,4): place and heading of the vehicle without its roll and pitch."""
    return geometry.make_transform(geometry.rotation_z(geometry.yaw_of(T_world_base)), T_world_base[:3, 3])


def _within(ticks: Ticks, since: float, until: float) -> range:
    """The ticks with since < t <= until [s]."""
    low, high = np.searchsorted(ticks.t, [since + 1e-9, until + 1e-9])
    return range(int(low), int(high))


_worker: list[SyntheticDrive] = []


def _start_worker(arguments: dict[str, Any]) -> None:
    end_on_interrupt()
    _worker.append(SyntheticDrive(**arguments))


def _work(index: int) -> DriveSample:
    return _worker[0].sample(index)
