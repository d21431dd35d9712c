"""Colours and light of what rays meet, in linear RGB where white paper in full sun is about 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.rays.returns import SEALED, Ground
from autonomy_perception.simulation.rays.scene import FAR, along, rotate
from autonomy_perception.simulation.rays.tracing import HitKind, RayBundle, RayHits, Stage
from autonomy_perception.simulation.world.materials import COLOR, Material, Semantic
from autonomy_perception.simulation.world.weather import Conditions
from autonomy_perception.simulation.world.world import World
from autonomy_perception.types import ObjectClass

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

SHADOW_RANGE_M = 120.0
SHADOW_REACH_M = 80.0  # a thing farther away along the sun's direction throws no shadow here
_LINEAR = (COLOR / 255.0) ** 2.2
ALBEDO = (_LINEAR + 0.25 * (_LINEAR.mean(1, keepdims=True) - _LINEAR)).astype(np.float32)
"""Diffuse colour per material: that of the tables, a quarter less saturated, as cameras see things outdoors."""
TILE = 512  # texels of the noise tile, a power of two
LIT_BODIES = (ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.MOTORCYCLE)


def noise_tile(seed: int) -> F32:
    """Tileable noise (TILE,TILE) in -1..1 with detail at all scales."""
    rng = np.random.default_rng(seed)
    out = np.zeros((TILE, TILE), np.float32)
    for sigma, weight in ((0.7, 0.6), (2.5, 0.7), (8.0, 0.8), (24.0, 0.8)):
        layer = cv2.GaussianBlur(np.tile(rng.normal(0, 1, (TILE, TILE)).astype(np.float32), (3, 3)), (0, 0), sigma)
        layer = layer[TILE : 2 * TILE, TILE : 2 * TILE]
        out += weight * layer / layer.std()
    return np.asarray(np.clip(out / 2.6, -1.0, 1.0), np.float32)


_TILE = noise_tile(7)
_NOISE = _TILE.ravel()
_FINE = 4  # texels of the smooth tile per texel of the other
_SMOOTH = np.ascontiguousarray(
    cv2.resize(np.pad(_TILE, 4, mode="wrap"), None, fx=_FINE, fy=_FINE, interpolation=cv2.INTER_CUBIC)[
        4 * _FINE : -4 * _FINE, 4 * _FINE : -4 * _FINE
    ]
).ravel()
_ROUGH = np.full(len(Semantic), 0.24, np.float32)
_ROUGH[[Semantic.ROAD, Semantic.YARD, Semantic.SIDEWALK]] = 0.12
_ROUGH[[Semantic.GRASS, Semantic.DITCH, Semantic.CROP]] = [0.45, 0.40, 0.40]
_ROUGH[[Semantic.WATER, Semantic.SNOW]] = [0.02, 0.06]


def texture(x: NDArray[np.floating], y: NDArray[np.floating], per_metre: float) -> F32:
    """Noise -1..1 at points (N,), ``per_metre`` texels to the metre."""
    i = np.floor(np.asarray(x) * per_metre).astype(np.int32) & (TILE - 1)
    j = np.floor(np.asarray(y) * per_metre).astype(np.int32) & (TILE - 1)
    return np.asarray(_NOISE[j * TILE + i])


def smooth_texture(x: NDArray[np.floating], y: NDArray[np.floating], per_unit: float) -> F32:
    """As :func:`texture`, where texels are seen large: without steps between them."""
    size, scale = _FINE * TILE, _FINE * per_unit
    i, j = (np.floor(v * scale).astype(np.int32) & (size - 1) for v in (x, y))
    return np.asarray(_SMOOTH[j * size + i])


@dataclass(frozen=True)
class Sun:
    """Direction (3,) towards the sun and its linear RGB strength; no sun: strength 0."""

    direction: F32
    strength: F32


def sun_of(world: World, now: Conditions) -> Sun:
    """The sun of a drive. A low sun stands ahead, a high one where the world has it; clouds and haze dim it."""
    direction, light = np.asarray(world.sun, np.float64), now.light
    if light.sun_elevation_deg is not None:
        e = np.radians(light.sun_elevation_deg)
        ahead = -1.0 if light.sun_elevation_deg < 10.0 else 1.0
        flat = ahead * direction[:2] / np.linalg.norm(direction[:2])
        direction = np.array([*(np.cos(e) * flat), np.sin(e)])
    clear = max(0.0, 1.0 - now.weather.cover) ** 0.5 * np.exp(-now.weather.haze * 300.0)
    return Sun(direction.astype(np.float32), (clear * np.array(light.sun)).astype(np.float32))


def overcast(now: Conditions) -> F32:
    """Light from the whole sky, linear RGB; clouds make it whiter and take over part of the sun's light."""
    light, cover = now.light, now.weather.cover
    sky, sun = np.array(light.sky), np.array(light.sun)
    grey = np.full(3, sky.mean()) + 0.28 * sun.mean() * cover
    return np.asarray(sky * (1 - cover) + grey * cover, np.float32)


def sky_color(directions: F32, now: Conditions, sun: Sun, blur: bool = False) -> F32:
    """Radiance (N,3) of the sky in unit directions (N,3)."""
    light, cover = now.light, np.float32(now.weather.cover)
    up = np.clip(directions[:, 2:3], 0.0, 1.0)
    zenith, horizon = (np.array(c, np.float32) for c in (light.zenith, light.horizon))
    out = horizon + (zenith - horizon) * np.clip(2.6 * up, 0.0, 1.0) ** 0.8
    white = np.full(3, 1.1 * horizon.mean(), np.float32)
    if not blur:
        slant = np.maximum(directions[:, 2], 0.0) + 0.25
        clouds = smooth_texture(directions[:, 0] / slant, directions[:, 1] / slant, 40.0)
        dense = np.clip(1.3 * clouds + 2.2 * cover - 0.75, 0.0, 0.9)[:, None] * np.clip(9.0 * up, 0.0, 1.0)
        out += (white - out) * dense
    grey = np.full(3, horizon.mean() * 0.75, np.float32)
    out += (grey - out) * np.float32(max(0.0, 2.0 * now.weather.cover - 1.0))
    if sun.strength.any():
        near = np.clip(along(sun.direction, directions), 0.0, 1.0)[:, None]
        out += sun.strength * (0.25 * near**12 + 30.0 * near**6000)
    return np.asarray(out, np.float32)


def albedo(world: World, bundle: RayBundle, met: RayHits, ground: Ground, seen: NDArray[np.int64], at: F32) -> F32:
    """Diffuse colour (M,3) of the rays ``seen`` (indices), which met something at ``at`` (M,3)."""
    out = ALBEDO[met.material[seen]]
    part = met.part[seen]
    strength = np.where(part == HitKind.GROUND, _ROUGH[met.semantic[seen]], np.float32(0.14))
    strength = np.where(
        part == HitKind.POROUS, np.float32(0.5), np.where(part >= HitKind.ACTOR, np.float32(0.03), strength)
    )
    distance = met.distance[seen]
    fade = np.clip(25.0 / distance, 0.0, 1.0)
    x, y = at[:, 0] + 0.7 * at[:, 2], at[:, 1] + 0.9 * at[:, 2]
    grain = fade * texture(x, y, 28.0) + 0.7 * texture(x, y, 2.3)
    out *= (1.0 + strength * grain)[:, None]
    meadow = np.flatnonzero(met.semantic[seen] == Semantic.GRASS)
    dry = np.clip(0.5 + 0.8 * texture(at[meadow, 0], at[meadow, 1], 0.6), 0.0, 1.0)[:, None] * np.float32(0.35)
    out[meadow] += (np.array([0.28, 0.24, 0.11], np.float32) - out[meadow]) * dry
    painted = np.flatnonzero(
        (part == HitKind.ACTOR) & np.isin(met.material[seen], (Material.PAINT, Material.CLOTH, Material.FUR))
    )
    colors = np.zeros((max((a.number for a in world.actors), default=0) + 1, 3), np.float32)
    for actor in world.actors:
        colors[actor.number] = (np.asarray(actor.shape.color) / 255.0) ** 2.2
    out[painted] = colors[met.instance[seen[painted]]]
    own = np.flatnonzero((part == HitKind.OWN) & (met.material[seen] == Material.PAINT))
    out[own] = np.array([0.84, 0.40, 0.045], np.float32)
    return np.asarray(np.clip(out, 0.0, 1.0), np.float32)


def shaded(world: World, t: float, at: F32, normal: F32, sun: Sun) -> NDArray[np.bool_]:
    """Whether something stands between points (M,3) and the sun."""
    start = at + np.float32(0.04) * normal
    towards = np.broadcast_to(sun.direction, start.shape)
    shade = Stage.of(world).blocked(start, towards, SHADOW_REACH_M)
    bodies = [a for a in world.actors if a.present(t)] + ([world.trailer] if world.trailer else [])
    eye = at.mean(0) if len(at) else np.zeros(3)
    for actor in bodies:
        scene, pose = actor.scene(t), actor.path.poses(np.array([t]))[0]
        if np.linalg.norm(pose[:3, 3] - eye) > SHADOW_RANGE_M + SHADOW_REACH_M:
            continue
        to = pose[:3, 3].astype(np.float32) - start
        ahead = along(sun.direction, to)
        off = np.einsum("ni,ni->n", to, to) - ahead * ahead
        near = np.flatnonzero((off < scene.radius**2) & (ahead > -scene.radius) & (ahead < SHADOW_REACH_M) & ~shade)
        back = geometry.invert(pose)
        local = rotate(back[:3, :3], start[near]) + back[:3, 3].astype(np.float32)
        shade[near] = scene.distance(local, rotate(pose[:3, :3].T, towards[near])) < SHADOW_REACH_M
    return shade


@dataclass(frozen=True)
class Lamp:
    """A pair of headlights: position (3,), forward and upward unit vectors (3,)."""

    position: F32
    forward: F32
    up: F32


def lamps(world: World, t: float, eye: F64, body_front: float) -> Iterator[Lamp]:
    """Headlights of the ego and of the eight nearest vehicles within 70 m."""
    pose = world.ego.poses(np.array([t]))[0].astype(np.float32)
    yield Lamp(
        geometry.transform_points(pose, [[body_front, 0.0, 0.9]])[0].astype(np.float32), pose[:3, 0], pose[:3, 2]
    )
    near = []
    for actor in world.actors:
        if actor.present(t) and actor.shape.label in LIT_BODIES:
            p = actor.path.poses(np.array([t]))[0]
            near.append((float(np.linalg.norm(p[:3, 3] - eye)), actor.number, p, float(actor.shape.size[0])))
    for distance, _, p, length in sorted(near, key=lambda n: n[:2])[:8]:
        if distance < 70.0:
            front = geometry.transform_points(p, [[0.5 * length, 0.0, 0.7]])[0]
            yield Lamp(front.astype(np.float32), p[:3, 0].astype(np.float32), p[:3, 2].astype(np.float32))


def lamp_light(lamp: Lamp, at: F32, normal: F32, retro: NDArray[np.bool_], own: bool) -> F32:
    """Light (M,) of dipped headlights: 30 degrees to each side, cut off at the horizon; 1 straight ahead at 8 m."""
    to = at - lamp.position
    square = np.einsum("ni,ni->n", to, to)
    distance = np.sqrt(np.maximum(square, 0.01))
    ahead, up = along(lamp.forward, to) / distance, along(lamp.up, to) / distance
    facing = np.clip(-np.einsum("ni,ni->n", to, normal) / distance, 0.0, 1.0)
    side = np.clip(ahead, 0.0, 1.0) ** 5
    level = np.where(up > 0.0, 0.06 + 0.94 * np.exp(-((up / 0.02) ** 2)), np.exp(-((up / 0.25) ** 2)))
    gain = np.where(retro & own, np.float32(60.0), facing)
    return np.asarray(64.0 / np.maximum(square, 4.0) * side * level * gain, np.float32)


def wet_film(met: RayHits, ground: Ground, now: Conditions) -> F32:
    """How wet the ground is (G,), 0..1."""
    rain = np.float32(now.weather.wet) * SEALED[met.material[ground.rays]]
    return np.asarray(np.maximum(rain, ground.sample.wet), np.float32)


def mirrored(world: World, bundle: RayBundle, met: RayHits, rays: NDArray[np.int64], now: Conditions, sun: Sun) -> F32:
    """Radiance (K,3) of what the surfaces under some rays mirror: still things and the sky."""
    d, normal = bundle.directions[rays], met.normal[rays]
    away = d - 2.0 * np.einsum("ni,ni->n", d, normal)[:, None] * normal
    start = (bundle.points(met.distance[rays], rays) + 0.02 * normal).astype(np.float32)
    seen = Stage.of(world).cast(start, away)
    out = sky_color(away, now, sun, blur=True)
    hit = np.flatnonzero(seen.distance < FAR)
    out[hit] = ALBEDO[seen.material[hit]] * overcast(now)
    return out
