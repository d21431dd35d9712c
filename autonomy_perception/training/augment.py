"""A scene changed as a whole: points, objects and layers move together, so that every sensor and label still agrees.

First what moves the world about the vehicle (mirror, turn, scale), then what spoils the sensor (beams, returns, range,
intensity). A camera follows the first kind through its pose in ego: ``T_ego_camera' = move.matrix @ T_ego_camera`` (BEVDet, Huang
et al. 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.training.config import AugmentConfig
from autonomy_perception.training.scene import IGNORED, Layers, Objects, Points, Scene

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Move:
    """The world about the vehicle: mirrored (y to -y), then turned by ``yaw`` [rad], then scaled."""

    mirrored: bool = False
    yaw: float = 0.0
    scale: float = 1.0

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(4,4) from ego as it was to ego as it is."""
        c, s, m = math.cos(self.yaw), math.sin(self.yaw), -1.0 if self.mirrored else 1.0
        return np.array([[c, -s * m, 0, 0], [s, c * m, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1 / self.scale]]) * self.scale

    def apply(self, xyz: NDArray[np.floating]) -> NDArray[np.float32]:
        """Places float (N,3) moved; float32."""
        return np.asarray(xyz @ self.matrix[:3, :3].T, np.float32)


def drawn_move(config: AugmentConfig, rng: np.random.Generator) -> Move:
    """A move within the configured bounds."""
    turn = math.radians(config.rotate_deg)
    return Move(
        bool(rng.random() < config.mirror), rng.uniform(-turn, turn), math.exp(rng.uniform(-1, 1) * config.scale)
    )


def moved(scene: Scene, move: Move, grid: BevGrid) -> Scene:
    """The scene after a move, its layers on ``grid`` (nearest cell; beside the old layers nothing is known)."""
    o, p = scene.objects, scene.points
    m, flat = (-1.0 if move.mirrored else 1.0), move.matrix[:2, :2]
    yaw = np.asarray(np.mod(m * o.yaw + move.yaw + np.pi, 2.0 * np.pi) - np.pi, np.float32)
    scale = np.float32(move.scale)
    objects = Objects(
        o.kind, move.apply(o.center), o.size * scale, yaw, np.asarray(o.velocity @ flat.T, np.float32), o.points
    )
    points = replace(p, xyz=move.apply(p.xyz), origins=move.apply(p.origins))
    return replace(scene, points=points, objects=objects, layers=_layers(scene.layers, move, grid))


def _layers(layers: Layers, move: Move, grid: BevGrid) -> Layers:
    x, y = np.meshgrid(*grid.centers())
    old = np.stack([x.ravel(), y.ravel()], 1) @ np.linalg.inv(move.matrix[:2, :2]).T
    cells = layers.grid.cells(old)
    inside = layers.grid.inside(cells)
    rows, columns = cells[inside, 1], cells[inside, 0]

    def on_grid(layer: NDArray[T], fill: float) -> NDArray[T]:
        out = np.full(len(inside), fill, layer.dtype)
        out[inside] = layer[rows, columns]
        return out.reshape(grid.shape)

    elevation = np.asarray(on_grid(layers.elevation, np.nan) * move.scale, np.float32)
    terrain, drivable = on_grid(layers.terrain, IGNORED), on_grid(layers.drivable, IGNORED)
    return Layers(grid, terrain, drivable, elevation, on_grid(layers.observed, False), on_grid(layers.known, False))


def spoiled(points: Points, config: AugmentConfig, rng: np.random.Generator) -> Points:
    """Returns as another lidar, or a worse day, would have given them."""
    kept = rng.random(len(points.xyz)) >= rng.uniform(0.0, config.drop_points)
    if rng.random() < 0.5:
        lost = rng.random((256, int(points.ring.max(initial=0)) + 1)) < rng.uniform(0.0, config.drop_beams)
        kept &= ~lost[points.lidar, points.ring]
    points = points.take(kept)
    ray = points.xyz - points.origins[points.lidar]
    reach = np.linalg.norm(ray, axis=1, keepdims=True)
    noise = rng.normal(0.0, rng.uniform(0.0, config.range_noise), (len(ray), 1))
    xyz = points.xyz + (ray / np.maximum(reach, 0.1) * noise).astype(np.float32)
    intensity = points.intensity ** math.exp(rng.uniform(-1, 1) * config.intensity_gamma)
    intensity[rng.random(len(intensity)) < rng.uniform(0.0, config.intensity_zero)] = 0.0
    return replace(points, xyz=xyz.astype(np.float32), intensity=intensity.astype(np.float32))


def augmented(scene: Scene, config: AugmentConfig, grid: BevGrid, rng: np.random.Generator) -> Scene:
    """The scene on ``grid``, changed as ``rng`` draws."""
    out = moved(scene, drawn_move(config, rng), grid)
    return replace(out, points=spoiled(out.points, config, rng))
