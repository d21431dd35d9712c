"""A lidar on a vehicle: exact ranges while it and everything else moves, then what its receiver makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import Dimensions, LidarConfig
from autonomy_perception.simulation.rays import returns
from autonomy_perception.simulation.rays.own_body import OwnBody
from autonomy_perception.simulation.rays.returns import Cause
from autonomy_perception.simulation.rays.tracing import HitKind, RayBundle, RayHits, trace
from autonomy_perception.simulation.sensors.beams import LidarModel
from autonomy_perception.simulation.sensors.clock import Clock, Ticks, stamp
from autonomy_perception.simulation.world.actors import Path
from autonomy_perception.simulation.world.materials import Semantic
from autonomy_perception.simulation.world.truck import mounting
from autonomy_perception.simulation.world.weather import Conditions
from autonomy_perception.simulation.world.world import World
from autonomy_perception.types import PointCloud

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Sweep:
    """One sweep and the truth of its P returns.

    Attributes:
        t_end: true drive time of its last firing [s]. cloud: in the lidar's frame, times relative to the stamp.
        semantic: uint8 (P,); instance: int32 (P,) 0 ground and own vehicle, -1 where nothing is (false returns).
        cause: uint8 (P,) of :class:`~autonomy_perception.simulation.rays.returns.Cause`.
        time: float64 (P,) of each firing relative to ``t_end`` [s]. xyz: float64 (P,3) in world at that time, without noise.
        reached: per road user, how many rays would have met it if nothing stood in the way; seen: how many did meet it.
    """

    t_end: float
    cloud: PointCloud
    semantic: NDArray[np.uint8]
    instance: NDArray[np.int32]
    cause: NDArray[np.uint8]
    time: F64
    xyz: F64
    reached: dict[int, int]
    seen: dict[int, int]


class Lidar:
    """One lidar.

    Args:
        name, config: as in the vehicle file, extrinsics included. model: class of sensor; the beam table of ``config``
            goes before the model's. body: of the vehicle it is mounted on.
        clock: errors of its stamps. T_stated_true: where it really sits, seen from where the file says (miscalibration).

    Attributes:
        T_base_lidar: float64 (4,4), true mount. directions: float32 (R,3) unit, firing by firing. ring: uint16 (R,);
        column: int64 (R,). column_time: float64 (columns,) of each firing relative to the end of the sweep [s].
    """

    def __init__(
        self,
        name: str,
        config: LidarConfig,
        model: LidarModel,
        body: Dimensions,
        clock: Clock | None = None,
        T_stated_true: F64 | None = None,
    ) -> None:
        self.name, self.config, self.model, self.frame = name, config, model, config.frame
        self.clock, self.columns = clock or Clock(), model.columns
        self.period = config.period_ms * 1e-3
        self.T_base_lidar = mounting(config.extrinsics, name) @ (np.eye(4) if T_stated_true is None else T_stated_true)
        elevation = np.radians(config.beam_elevations_deg or model.elevations_deg)
        self.beams = len(elevation)
        a, e = np.meshgrid(model.azimuths(), elevation, indexing="ij")
        self.directions = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], -1).reshape(-1, 3)
        self.directions = self.directions.astype(np.float32)
        self.ring = np.tile(np.arange(self.beams, dtype=np.uint16), self.columns)
        self.column = np.repeat(np.arange(self.columns), self.beams)
        self.column_time = (np.arange(self.columns) + 0.5) / self.columns * self.period - self.period
        self._own = OwnBody(body, self.T_base_lidar, self.directions)

    def ticks(self, start: float, end: float, seed: int) -> Ticks:
        """Its sweeps that end with start < t <= end [s]; stamps mean what the vehicle file says they mean."""
        out = self.clock.ticks(start, end, self.period, seed, self.config.offset_ms * 1e-3)
        early = {"start": self.period, "mid": 0.5 * self.period, "end": 0.0}[self.config.stamp_at]
        return Ticks(out.t, out.stamp_ns - round(early * 1e9), out.receive_ns)

    def rays(self, path: Path, t_end: float) -> RayBundle:
        """The rays of the sweep that ends at ``t_end`` [s]; every firing from its own pose."""
        t = t_end + self.column_time
        return RayBundle.of(t, path.poses(t) @ self.T_base_lidar, self.directions)

    def cast(self, world: World, bundle: RayBundle) -> RayHits:
        """What the rays meet, exactly; foliage stops every ray."""
        trailer = [] if world.trailer is None else [world.trailer]
        met = trace(world, bundle, self.model.max_range_m, trailer, self._own.stopped, normals=False)
        self._own.cover(met, bundle, normals=False)
        return met

    def sweep(
        self,
        world: World,
        t_end: float,
        rng: np.random.Generator,
        conditions: Conditions | None = None,
        stamp_ns: int | None = None,
    ) -> Sweep:
        """Cloud and truth of the sweep that ends at ``t_end`` [s].

        Args:
            rng: noise of this sweep. stamp_ns: header stamp; by default exact.
        """
        weather = (conditions or Conditions()).weather
        bundle = self.rays(world.ego, t_end)
        met = self.cast(world, bundle)
        returns.foliage(world, bundle, met, rng)
        ground = returns.name_ground(world, met, self.model.max_range_m)
        returns.grass(met, ground, rng)
        echo = returns.echoes(world, bundle, met, ground, self.model, weather, rng)
        returns.receive(echo, met, self.model, rng)
        returns.spread(echo, met, self.model, self.beams, rng)
        return self._sweep(bundle, met, echo, t_end, stamp(t_end) if stamp_ns is None else stamp_ns, rng)

    def _sweep(
        self,
        bundle: RayBundle,
        met: RayHits,
        echo: returns.Echoes,
        t_end: float,
        stamp_ns: int,
        rng: np.random.Generator,
    ) -> Sweep:
        kept = np.flatnonzero(echo.kept)
        noise = self.model.noise_m * rng.standard_normal(len(kept), np.float32)
        step = np.float32(self.model.step_m)
        exact = echo.distance.take(kept)
        distance = np.asarray(np.round((exact + noise) / step) * step, np.float32)
        cause, time = echo.cause.take(kept), self.column_time.take(kept // self.beams)
        shift = {"start": self.period, "mid": 0.5 * self.period, "end": 0.0}[self.config.stamp_at]
        cloud = PointCloud(
            self.directions.take(kept, 0) * distance[:, None], echo.intensity.take(kept),
            (time + shift).astype(np.float32), self.ring.take(kept), self.frame, stamp_ns, True,
        )  # fmt: skip
        real = cause == Cause.SURFACE
        semantic = np.where(real, met.semantic.take(kept), np.uint8(Semantic.NONE))
        instance = np.where(real, met.instance.take(kept), np.int32(-1))
        counts = np.bincount(met.instance[met.part == HitKind.ACTOR])
        seen = {int(number): int(counts[number]) for number in np.flatnonzero(counts)}
        xyz = bundle.points(exact, kept)
        return Sweep(t_end, cloud, semantic, instance, cause, time, xyz, met.reached, seen)
