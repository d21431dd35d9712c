"""A camera image by ray casting: sun and sky light, shadows, road texture, haze; encoded as JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import CameraConfig
from autonomy_perception.simulation.actors import Actor
from autonomy_perception.simulation.clock import stamp
from autonomy_perception.simulation.materials import COLOR, Material, Semantic
from autonomy_perception.simulation.scene import FAR, Hits, passing
from autonomy_perception.simulation.truck import mounting
from autonomy_perception.simulation.world import World
from autonomy_perception.types import CameraFrame, CameraModel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

WIDTH, HEIGHT, FOCAL = 704, 352, 490.0
JPEG_QUALITY = 88
SUN_COLOR = np.array([1.0, 0.95, 0.86], np.float32)
SKY_LIGHT = np.array([0.50, 0.54, 0.61], np.float32)
HORIZON = np.array([206, 218, 230], np.float32)
ZENITH = np.array([92, 138, 200], np.float32)
SHADOW_RANGE_M = 90.0
ROUGH_LOOK = np.full(len(Semantic), 0.22, np.float32)
ROUGH_LOOK[[Semantic.ROAD, Semantic.GRASS, Semantic.DITCH]] = [0.10, 0.34, 0.30]


def _noise_tile(seed: int, size: int = 512) -> F32:
    """Tileable noise (size,size) in -1..1 with detail at all scales."""
    rng = np.random.default_rng(seed)
    out = np.zeros((size, size), np.float32)
    for sigma, weight in ((0.7, 0.6), (2.5, 0.7), (8.0, 0.8), (24.0, 0.8)):
        layer = cv2.GaussianBlur(np.tile(rng.normal(0, 1, (size, size)).astype(np.float32), (3, 3)), (0, 0), sigma)
        layer = layer[size : 2 * size, size : 2 * size]
        out += weight * layer / layer.std()
    return np.asarray(np.clip(out / 2.6, -1.0, 1.0), np.float32)


@dataclass
class _Picture:
    """What every pixel sees (P rays): distance [m], colour 0..255, normal, instance (-1 structure)."""

    distance: F32
    color: F32
    normal: F32
    instance: NDArray[np.int32]


class Camera:
    """One pinhole camera; ``take`` renders the world at a moment.

    Args:
        name: sensor name. config: frame and extrinsics (optical frame to base_link).
    """

    def __init__(self, name: str, config: CameraConfig) -> None:
        self.name, self.frame = name, config.frame
        self.T_base_camera = mounting(config.extrinsics, name)
        k = np.array([[FOCAL, 0.0, 0.5 * WIDTH - 0.5], [0.0, FOCAL, 0.5 * HEIGHT - 0.5], [0.0, 0.0, 1.0]])
        self.model = CameraModel(WIDTH, HEIGHT, k, np.zeros(5))
        u, v = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
        rays = np.stack([(u - k[0, 2]) / FOCAL, (v - k[1, 2]) / FOCAL, np.ones(u.shape)], -1).reshape(-1, 3)
        self._rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        self._noise = _noise_tile(7)

    def take(self, world: World, t: float) -> CameraFrame:
        """JPEG image of the world at drive time ``t`` [s]."""
        ok, data = cv2.imencode(".jpg", self.render(world, t)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        assert ok
        return CameraFrame(self.name, stamp(t), self.model, self.T_base_camera, encoded=data.tobytes())

    def render(self, world: World, t: float) -> U8:
        """Image (H,W,3) RGB at drive time ``t`` [s]."""
        pose = world.ego.poses(np.array([t]))[0] @ self.T_base_camera
        directions = (self._rays @ pose[:3, :3].T).astype(np.float32)
        origin = pose[:3, 3]
        origins = np.broadcast_to(origin.astype(np.float32), directions.shape)
        n = len(directions)
        picture = _Picture(
            np.full(n, FAR, np.float32),
            np.zeros((n, 3), np.float32),
            np.zeros((n, 3), np.float32),
            np.zeros(n, np.int32),
        )
        self._ground(world, origins, directions, picture)
        for scene, lumpy in ((world.solid, False), (world.porous, True)):
            hits = scene.cast(origins, directions)
            rays = np.flatnonzero(hits.distance < np.minimum(picture.distance, 300.0))
            at = origin + directions[rays] * hits.distance[rays, None]
            grain = self._sample(at[:, 0] + 0.7 * at[:, 2], at[:, 1] + 0.9 * at[:, 2], 40.0 if lumpy else 60.0)
            if lumpy:
                through = (grain < -0.42) & (hits.distance[rays] < 60.0)
                rays, grain = rays[~through], grain[~through]
            color = COLOR[scene.mesh.material[hits.face[rays]]] * (1.0 + (0.45 if lumpy else 0.15) * grain)[:, None]
            _put(picture, rays, hits.of(rays), color, -1)
        for actor in world.actors:
            if actor.present(t):
                self._actor(actor, t, origin, directions, picture)
        return self._develop(picture, self._light(world, t, origin, directions, picture), directions)

    def _ground(self, world: World, origins: F32, directions: F32, picture: _Picture) -> None:
        down = np.flatnonzero(directions[:, 2] < 0.1)  # no slope of this world reaches higher
        hits = world.terrain.cast(origins[down], directions[down])
        near = hits.distance < 600.0
        hits, rays = hits.of(near), down[near]
        sample = world.ground_at(hits)
        semantic, material = sample.semantic, sample.material
        color = COLOR[material].copy()
        at = origins[rays] + directions[rays] * hits.distance[:, None]
        fade = np.clip(30.0 / hits.distance, 0.0, 1.0)
        fine, coarse = self._sample(at[:, 0], at[:, 1], 28.0), self._sample(at[:, 0], at[:, 1], 2.3)
        strength = ROUGH_LOOK[semantic]
        color *= (1.0 + strength * (fade * fine + 0.7 * coarse))[:, None]
        grass = semantic == Semantic.GRASS
        dry = np.clip(0.5 + 0.8 * self._sample(at[:, 0], at[:, 1], 0.6), 0.0, 1.0)[grass, None]
        color[grass] = color[grass] * (1 - 0.35 * dry) + np.array([150, 136, 78], np.float32) * 0.35 * dry
        _put(picture, rays, hits, color, 0)

    @staticmethod
    def _actor(actor: Actor, t: float, origin: F64, directions: F32, picture: _Picture) -> None:
        scene, pose = actor.scene(t), actor.path.poses(np.array([t]))[0]
        rays = passing(pose[:3, 3] - origin, directions, scene.radius)
        local = directions[rays] @ pose[:3, :3].astype(np.float32)
        start = geometry.transform_points(geometry.invert(pose), origin[None]).astype(np.float32)
        hits = scene.cast(np.repeat(start, len(rays), 0), local)
        nearer = hits.distance < picture.distance[rays]
        material = scene.mesh.material[hits.face]
        body = np.where(
            ((material == Material.PAINT) | (material == Material.CLOTH))[:, None],
            np.array(actor.shape.color, np.float32),
            COLOR[material],
        )
        normal = hits.normal @ pose[:3, :3].T.astype(np.float32)
        mirrored = directions[rays] - 2.0 * np.einsum("ni,ni->n", directions[rays], normal)[:, None] * normal
        shine = np.array([0.0, 0.35, 0.7])[
            np.select([material == Material.GLASS, material == Material.PAINT], [2, 1], 0)
        ]
        shine = (shine * np.clip(mirrored[:, 2], 0.0, 1.0) ** 0.7 * 0.6)[:, None].astype(np.float32)
        at = rays[nearer]
        picture.distance[at], picture.normal[at], picture.instance[at] = (
            hits.distance[nearer],
            normal[nearer],
            actor.number,
        )
        picture.color[at] = (body * (1 - shine) + 0.8 * HORIZON * shine)[nearer]

    @staticmethod
    def _light(world: World, t: float, origin: F64, directions: F32, picture: _Picture) -> F32:
        """Light (P,3) on every pixel: sky from above, sun where nothing stands in its way."""
        sun = np.clip(picture.normal @ world.sun.astype(np.float32), 0.0, 1.0)
        rays = np.flatnonzero((picture.distance < SHADOW_RANGE_M) & (sun > 0.0))
        at = (origin + directions[rays] * picture.distance[rays, None] + 0.02 * picture.normal[rays]).astype(np.float32)
        towards = np.broadcast_to(world.sun.astype(np.float32), at.shape)
        shade = world.solid.distance(at, towards) < 40.0
        lit = np.flatnonzero(~shade)
        shade[lit] = world.porous.distance(at[lit], towards[lit]) < 40.0
        for actor in world.actors:
            scene, pose = actor.scene(t), actor.path.poses(np.array([t]))[0]
            if not actor.present(t) or np.linalg.norm(pose[:3, 3] - origin) > SHADOW_RANGE_M + 5.0:
                continue
            to = (pose[:3, 3] - at).astype(np.float32)
            reach = scene.radius / float(world.sun[2]) + 1.0  # no shadow falls farther than this
            near = np.flatnonzero((np.abs(to[:, 0]) < reach) & (np.abs(to[:, 1]) < reach))
            local = geometry.transform_points(geometry.invert(pose), at[near]).astype(np.float32)
            shade[near] |= scene.distance(local, towards[near] @ pose[:3, :3].astype(np.float32)) < 40.0
        sun[rays[shade]] *= 0.08
        sky = 0.72 + 0.28 * picture.normal[:, 2:3]
        return np.asarray(sky * SKY_LIGHT + 0.72 * sun[:, None] * SUN_COLOR, np.float32)

    def _develop(self, picture: _Picture, light: F32, directions: F32) -> U8:
        """Sky, haze and tone."""
        up = np.clip(directions[:, 2], 0.0, 1.0)[:, None]
        slant = np.maximum(directions[:, 2], 0.0) + 0.25
        clouds = self._sample(directions[:, 0] / slant, directions[:, 1] / slant, 55.0)
        cover = np.clip(
            1.3 * cv2.GaussianBlur(clouds.reshape(HEIGHT, WIDTH), (0, 0), 2.0).reshape(-1, 1) + 0.15, 0.0, 0.75
        )
        sky = HORIZON + (ZENITH - HORIZON) * np.clip(2.6 * up, 0.0, 1.0) ** 0.8
        sky = sky + (np.array([246, 247, 249], np.float32) - sky) * cover * np.clip(9.0 * up, 0.0, 1.0)
        haze = (1.0 - np.exp(-picture.distance / 420.0))[:, None]
        lit = picture.color * light * 1.05
        out = np.where((picture.distance < FAR)[:, None], lit * (1 - haze) + HORIZON * haze, sky)
        return np.asarray(np.clip(out, 0, 255), np.uint8).reshape(HEIGHT, WIDTH, 3)

    def _sample(self, x: NDArray[np.floating], y: NDArray[np.floating], per_metre: float) -> F32:
        """Noise -1..1 at points, ``per_metre`` texels to the metre."""
        size = self._noise.shape[0]
        i, j = (
            np.floor(np.asarray(x) * per_metre).astype(np.int64) % size,
            np.floor(np.asarray(y) * per_metre).astype(np.int64) % size,
        )
        return np.asarray(self._noise[j, i])


def _put(picture: _Picture, rays: NDArray[np.int64], hits: Hits, color: F32, instance: int) -> None:
    picture.distance[rays] = hits.distance
    picture.color[rays] = color
    picture.normal[rays] = hits.normal
    picture.instance[rays] = instance
