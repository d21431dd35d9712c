"""Analytic off-road ground seen by a spinning lidar, with the truth of every return.

The terrain is a height field (tilted and rolling ground, ditch, berm, rocks) that rays march along; trunks are
cylinders; grass gives returns above the soil. Everything follows from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
SENSOR_HEIGHT = 1.9
"""Lidar above the ground under the vehicle [m]."""


@dataclass(frozen=True)
class OffroadScan:
    """One simulated sweep, lidar at (0, 0, 0), z up.

    Attributes:
        xyz: float32 (N,3) [m].
        ground: bool (N,) True for soil and grass, False for rocks, trunks and bushes.
        height: float32 (N,) [m] above the soil at that place.
    """

    xyz: NDArray[np.float32]
    ground: NDArray[np.bool_]
    height: NDArray[np.float32]


@dataclass(frozen=True)
class OffroadTerrain:
    """A height field around the vehicle, which stands at (0, 0) on height 0.

    Attributes:
        tilt: (2,) slope along x and y [-].
        bank: slope [-] that starts ``bank_from`` [m] ahead, on top of the tilt.
        waves: (K,4) amplitude [m], wave numbers along x and y [1/m], phase.
        ditch: distance ahead [m], depth [m], width at the top [m]; depth 0 for none.
        berm: distance to the left [m], height [m], width [m].
        rocks: (R,3) x, y, radius [m].
        trunks: (T,3) x, y, radius [m].
        bushes: (B,3) x, y, radius [m].
        grass: height [m] of the tallest grass.
    """

    tilt: F64
    bank: float
    bank_from: float
    waves: F64
    ditch: tuple[float, float, float]
    berm: tuple[float, float, float]
    rocks: F64
    trunks: F64
    bushes: F64
    grass: float

    @classmethod
    def random(cls, seed: int) -> OffroadTerrain:
        """A terrain drawn from a seed: slopes up to 25 %, a ditch, a berm, 25 rocks, 15 trunks, 10 bushes, grass."""
        rng = np.random.default_rng(seed)
        steep, heading = rng.uniform(0.0, 0.25), rng.uniform(-np.pi, np.pi)
        length = rng.uniform(12.0, 50.0, 5)
        towards = rng.uniform(-np.pi, np.pi, 5)
        waves = np.stack(
            [length * rng.uniform(0.001, 0.006, 5), np.cos(towards) * 2 * np.pi / length,
             np.sin(towards) * 2 * np.pi / length, rng.uniform(0, 2 * np.pi, 5)], 1,
        )  # fmt: skip

        def scatter(n: int, low: float, high: float) -> F64:
            r, a = 5.0 + 40.0 * np.sqrt(rng.uniform(0, 1, n)), rng.uniform(-np.pi, np.pi, n)
            return np.stack([r * np.cos(a), r * np.sin(a), rng.uniform(low, high, n)], 1)

        return cls(
            steep * np.array([np.cos(heading), np.sin(heading)]), rng.uniform(-0.25, 0.25), rng.uniform(8, 20), waves,
            (rng.uniform(7, 18), rng.uniform(0.5, 1.2), rng.uniform(1.8, 3.5)),
            (rng.uniform(5, 15), rng.uniform(0.4, 1.0), rng.uniform(2.5, 4.0)),
            scatter(25, 0.3, 0.9), scatter(15, 0.1, 0.35), scatter(10, 0.5, 1.5), rng.uniform(0.05, 0.2),
        )  # fmt: skip

    def soil(self, x: F64, y: F64) -> F64:
        """Height [m] of the soil without rocks; 0 at the vehicle."""
        z = self.tilt[0] * x + self.tilt[1] * y + self.bank * np.maximum(x - self.bank_from, 0.0)
        for amplitude, kx, ky, phase in self.waves:
            z = z + amplitude * (np.sin(kx * x + ky * y + phase) - np.sin(phase))
        at, depth, width = self.ditch
        z = z - depth * np.clip((0.5 * width - np.abs(x - at)) / (0.35 * width), 0.0, 1.0)
        at, high, width = self.berm
        return np.asarray(z + high * 0.5 * (1.0 + np.cos(np.pi * np.clip((y - at) / (0.5 * width), -1.0, 1.0))))

    def surface(self, x: F64, y: F64) -> F64:
        """Height [m] of soil and rocks (half-sunk balls)."""
        z = self.soil(x, y)
        top = np.zeros_like(z)
        far = float(np.max(np.hypot(x, y), initial=0.0))
        close = float(np.min(np.hypot(x, y), initial=far))
        away = np.hypot(self.rocks[:, 0], self.rocks[:, 1])
        for rx, ry, radius in self.rocks[(away < far + 1.0) & (away > close - 1.0)]:
            d2 = (x - rx) ** 2 + (y - ry) ** 2
            near = d2 < radius * radius
            top[near] = np.maximum(top[near], np.sqrt(radius * radius - d2[near]))
        return z + top

    def scan(self, beams: int = 64, columns: int = 512, seed: int = 0, noise: float = 0.015) -> OffroadScan:
        """Ray-cast one sweep: ``beams`` from -25 to +10 degrees (denser below), ``columns`` azimuths, 2-80 m."""
        rng = np.random.default_rng(seed)
        elevation = np.deg2rad(np.concatenate([np.linspace(-25, -8, beams // 2, endpoint=False),
                                               np.linspace(-8, 10, beams - beams // 2)]))  # fmt: skip
        e, a = (v.ravel() for v in np.meshgrid(elevation, np.linspace(-np.pi, np.pi, columns, endpoint=False)))
        ray = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], 1)
        reach = self._march(ray)
        p = np.where(np.isfinite(reach), reach, 0.0)[:, None] * ray
        rock = self.surface(p[:, 0], p[:, 1]) - self.soil(p[:, 0], p[:, 1]) > 0.03
        reach, grassy = self._grass(ray, reach, rock, rng)
        plant = self._plants(ray, rng)
        hard = rock & ~grassy | (plant < reach)
        reach = np.minimum(reach, plant)
        seen = np.isfinite(reach) & (rng.uniform(size=len(ray)) > 0.02)
        xyz = (reach[seen] + rng.normal(0, noise, int(seen.sum())))[:, None] * ray[seen]
        height = xyz[:, 2] + SENSOR_HEIGHT - self.soil(xyz[:, 0], xyz[:, 1])
        return OffroadScan(xyz.astype(np.float32), ~hard[seen], height.astype(np.float32))

    def _above(self, ray: F64, t: F64) -> F64:
        return np.asarray(t * ray[:, 2] + SENSOR_HEIGHT - self.surface(t * ray[:, 0], t * ray[:, 1]))

    def _march(self, ray: F64, near: float = 2.0, far: float = 80.0) -> F64:
        """Distance [m] at which each ray (N,3) meets the surface, inf if it does not."""
        reach = np.full(len(ray), np.inf)
        alive = np.arange(len(ray))
        t = near
        while t < far and len(alive):
            after = t * 1.016
            hit = self._above(ray[alive], np.full(len(alive), after)) <= 0.0
            some = alive[hit]
            low, high = np.full(len(some), t), np.full(len(some), after)
            for _ in range(10):
                mid = 0.5 * (low + high)
                below = self._above(ray[some], mid) <= 0.0
                low, high = np.where(below, low, mid), np.where(below, mid, high)
            reach[some] = high
            alive, t = alive[~hit], after
        return reach

    def _grass(
        self, ray: F64, reach: F64, rock: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[F64, NDArray[np.bool_]]:
        """Half of the returns from soil in patches come from grass blades some way before the soil."""
        p = np.where(np.isfinite(reach), reach, 0.0)[:, None] * ray
        patch = np.sin(0.21 * p[:, 0] + 1.0) + np.sin(0.17 * p[:, 1]) > 0.0
        blade = np.isfinite(reach) & ~rock & patch & (rng.uniform(size=len(ray)) < 0.5)
        start = np.where(np.isfinite(reach), reach - 0.5, 1.0)
        gained = np.maximum(self._above(ray, start) / 0.5, 0.05)  # height over the soil per metre back along the ray
        before = rng.uniform(0, self.grass, len(ray)) / gained
        return np.where(blade, np.maximum(reach - before, 1.0), reach), blade

    def _plants(self, ray: F64, rng: np.random.Generator) -> F64:
        """Distance [m] to the nearest trunk (4 m cylinder) or bush (leafy ball), inf if none."""
        reach = np.full(len(ray), np.inf)
        flat = np.hypot(ray[:, 0], ray[:, 1])
        u = ray[:, :2] / flat[:, None]
        for kind, things in (("trunk", self.trunks), ("bush", self.bushes)):
            for x, y, radius in things:
                along = u[:, 0] * x + u[:, 1] * y
                across = u[:, 0] * y - u[:, 1] * x
                depth = np.sqrt(np.maximum(radius * radius - across * across, 0.0))
                if kind == "bush":  # leaves let the ray in
                    depth = depth * rng.uniform(-0.5, 1.0, len(ray))
                t = (along - depth) / flat
                up = t * ray[:, 2] + SENSOR_HEIGHT - self.soil(np.array([x]), np.array([y]))[0]
                top = 4.0 if kind == "trunk" else 1.2 * radius
                meets = (np.abs(across) < radius) & (along > 2.0) & (up > 0.0) & (up < top)
                reach = np.where(meets, np.minimum(reach, t), reach)
        return reach
