"""From exact ranges to what a lidar reports: foliage, grass, water, weather, reception, mixed pixels and blooming.

Power is relative to what every second return needs: a flat target of 10 % reflectivity at ``range_10_m`` gives 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.rays.scene import FAR, towards
from autonomy_perception.simulation.rays.tracing import HitKind, RayBundle, RayHits, onward, trace
from autonomy_perception.simulation.sensors.beams import LidarModel
from autonomy_perception.simulation.world.ground import GroundSample
from autonomy_perception.simulation.world.materials import REFLECTIVITY, Material
from autonomy_perception.simulation.world.weather import Weather
from autonomy_perception.simulation.world.world import World

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

LEAF_AREA = 5.0  # rays stopped per metre of foliage
GHOST_REACH_M = 60.0  # a mirrored object farther behind the water than this is not looked for
NEAR_FIELD_M = 15.0  # receivers turn their gain down for echoes from nearer than this
FAINT = np.float32(20.0)  # echoes of this power are reported half as bright as their surface is
SIGNAL_M = np.float32(8.0)  # raw signals fall with the square of range beyond this [m]
LIDAR_RATIO_SR = 18.6  # extinction to backscatter of fog and dust (O'Connor et al., 2004)


class Cause(IntEnum):
    """Why there is a return."""

    SURFACE = 0
    MIXED = 1  # between two surfaces that one beam met
    BLOOM = 2  # beside a retro-reflector
    GHOST = 3  # mirrored by water
    WEATHER = 4  # rain, snow, fog or dust


def _gloss() -> F32:
    out = np.full(len(Material), 0.35, np.float32)  # rough surfaces stay bright at grazing incidence
    out[[Material.PAINT, Material.METAL, Material.DARK_METAL, Material.GLASS]] = [0.9, 0.9, 0.7, 2.0]
    out[Material.WATER] = 5.0
    out[[Material.RETRO, Material.RED_SIGN, Material.BLUE_SIGN, Material.YELLOW_SIGN]] = 0.15
    return out


GLOSS = _gloss()
"""Exponent of the cosine of incidence in the returned power, per material."""
RETRO = np.zeros(len(Material), np.bool_)
RETRO[[Material.RETRO, Material.RED_SIGN, Material.BLUE_SIGN, Material.YELLOW_SIGN, Material.TAILLIGHT]] = True
SEALED = np.zeros(len(Material), np.float32)
SEALED[[Material.ASPHALT, Material.MARKING, Material.CONCRETE]] = [1.0, 1.0, 0.7]
"""How much of a film of water weather leaves on a material, 0..1."""

_VARIETY = np.random.default_rng(23).uniform(0.65, 1.35, 1024).astype(np.float32)


@dataclass
class Ground:
    """Rays (indices) that met the ground within range, and what is there."""

    rays: I64
    sample: GroundSample


@dataclass
class Echoes:
    """The strongest echo of every ray: distance [m], power, intensity 0..1, cause; ``kept`` after reception."""

    distance: F32
    power: F32
    reflectivity: F32
    intensity: F32
    cause: NDArray[np.uint8]
    kept: NDArray[np.bool_]


def foliage(world: World, bundle: RayBundle, met: RayHits, rng: np.random.Generator) -> None:
    """Leaves stop a ray somewhere inside a crown, or let it through to what is behind (Beer-Lambert law)."""
    rays = np.flatnonzero(met.part == HitKind.POROUS)
    depth = np.ones(len(rays), np.int32)
    left = rng.exponential(1.0 / LEAF_AREA, len(rays)).astype(np.float32)
    so_far = met.distance[rays].copy()
    for _ in range(8):
        inside = depth > 0
        reach = np.where(inside, left + np.float32(1e-3), FAR)
        after = onward(world, bundle, met, rays, so_far + np.float32(1e-3), reach, normals=False)
        stopped = inside & (left < after.distance)
        at = rays[stopped]
        met.distance[at] = so_far[stopped] + left[stopped]
        through = np.flatnonzero(~stopped)
        rays = rays[through]
        so_far = so_far[through] + after.distance[through] + np.float32(1e-3)
        left = np.where(inside, left - after.distance, left)[through]
        entering, part = after.entering[through], after.part[through]
        depth = depth[through] + np.where(entering, 1, -1)
        met.replace(rays, after.some(through))
        met.distance[rays] = np.minimum(so_far, FAR)
        on = part == HitKind.POROUS
        rays, left, so_far, depth = rays[on], left[on], so_far[on], depth[on]
        if len(rays) == 0:
            return


def name_ground(world: World, met: RayHits, reach: float) -> Ground:
    """Fill in semantic and material of the rays that met the ground within ``reach`` [m]."""
    rays = np.flatnonzero((met.part == HitKind.GROUND) & (met.distance < reach))
    sample = world.ground_at(met.of_ground(rays))
    met.semantic[rays], met.material[rays] = sample.semantic, sample.material
    return Ground(rays, sample)


def grass(met: RayHits, ground: Ground, rng: np.random.Generator) -> None:
    """Blades stop a ray somewhere above the soil, so ranges come out short."""
    at = np.flatnonzero(ground.sample.cover > 0.01)
    rays = ground.rays.take(at)
    height = rng.beta(1.1, 3.0, len(at)) * ground.sample.cover.take(at)
    shorter = np.minimum(height / np.maximum(met.cosine.take(rays), 0.08), 1.2)
    distance = met.distance.take(rays)
    met.distance[rays] = np.maximum(distance - shorter, 0.5 * distance)


def reflectivity(world: World, met: RayHits) -> F32:
    """Reflectivity 0..1 (R,) of what every ray met: body paint by the colour of the object, everything that grows or
    was built a little different from the next of its kind, the ground from triangle to triangle."""
    value = REFLECTIVITY.take(met.material)
    on_users = np.flatnonzero(met.part == HitKind.ACTOR)
    material = met.material.take(on_users)
    painted = on_users[(material == Material.PAINT) | (material == Material.FUR)]
    by_number = np.zeros(max((a.number for a in world.actors), default=0) + 1, np.float32)
    for actor in world.actors:
        by_number[actor.number] = 0.08 + 0.55 * (sum(actor.shape.color) / 3.0) / 255.0
    value[painted] = by_number[met.instance[painted]]
    place = np.where(met.part == HitKind.GROUND, met.face, met.instance)
    varies = (met.part <= HitKind.POROUS) & ~RETRO.take(met.material)
    np.multiply(value, _VARIETY.take(place & 1023), out=value, where=varies)
    return value


def echoes(
    world: World,
    bundle: RayBundle,
    met: RayHits,
    ground: Ground,
    model: LidarModel,
    weather: Weather,
    rng: np.random.Generator,
) -> Echoes:
    """Power and intensity of the strongest echo of every ray."""
    value = reflectivity(world, met)
    film = _film(met, ground, weather)
    mirror = _mirror(met, ground, film)
    value[ground.rays] *= (1.0 - mirror) * (1.0 - 0.45 * film)
    angle = met.cosine ** GLOSS.take(met.material)
    power = _power(value * angle, met.distance, model)
    air = weather.extinction
    if air > 1e-4:
        power *= np.exp(np.float32(-2.0 * air) * np.minimum(met.distance, np.float32(1e3)))
    out = Echoes(
        met.distance.copy(),
        power,
        value,
        np.zeros(0, np.float32),
        np.zeros(len(power), np.uint8),
        np.zeros(0, np.bool_),
    )
    _ghosts(world, bundle, met, ground, mirror, model, out)
    particles(weather, model, bundle, out, rng)
    return out


def _film(met: RayHits, ground: Ground, weather: Weather) -> F32:
    """How wet the ground is under each ray on it, 0..1."""
    rain = np.float32(weather.wet) * SEALED.take(met.material.take(ground.rays))
    return np.asarray(np.maximum(rain, ground.sample.wet), np.float32)


def _mirror(met: RayHits, ground: Ground, film: F32) -> F32:
    """Share of the beam that water on the ground mirrors (Schlick's approximation of Fresnel's law, n = 1.33)."""
    fresnel = 0.02 + 0.98 * (1.0 - met.cosine.take(ground.rays)) ** 5
    return np.asarray(fresnel * np.where(film > 0.95, 1.0, 0.5 * film), np.float32)


def _power(value: F32, distance: F32, model: LidarModel) -> F32:
    return np.asarray(value * (10.0 * model.range_10_m**2) / np.maximum(distance, 1.0) ** 2, np.float32)


def _ghosts(
    world: World, bundle: RayBundle, met: RayHits, ground: Ground, mirror: F32, model: LidarModel, out: Echoes
) -> None:
    """What water mirrors comes back from as far below it: there and back over the mirror."""
    some = np.flatnonzero((mirror > 0.12) & (met.distance[ground.rays] < GHOST_REACH_M))
    if len(some) == 0:
        return
    rays = ground.rays[some]
    d = bundle.directions[rays]
    normal = towards(met.normal[rays], d)
    away = d - 2.0 * np.einsum("ni,ni->n", d, normal)[:, None] * normal
    start = bundle.points(met.distance[rays], rays) + 0.01 * normal
    line = rays // bundle.per_line
    poses = np.tile(np.eye(4), (len(rays), 1, 1))
    poses[:, :3, 3] = start
    seen = trace(world, RayBundle(bundle.t[line], poses, start.astype(np.float32), away), GHOST_REACH_M, normals=False)
    hit = (seen.part > HitKind.GROUND) & (seen.distance < GHOST_REACH_M)
    length = met.distance[rays] + seen.distance
    back = REFLECTIVITY[seen.material] * seen.cosine ** GLOSS[seen.material] * mirror[some] ** 2
    power = np.where(hit, _power(back.astype(np.float32), length, model), 0.0)
    wins = power > out.power[rays]
    at = rays[wins]
    out.distance[at], out.power[at], out.reflectivity[at] = length[wins], power[wins], back[wins]
    out.cause[at] = Cause.GHOST


def particles(weather: Weather, model: LidarModel, bundle: RayBundle, out: Echoes, rng: np.random.Generator) -> None:
    """Echoes of droplets, flakes and dust that are stronger than what lies behind.

    Fog and dust: backscatter = extinction / lidar ratio, with speckle (exponential), where beam and receiver overlap.
    Single drops and flakes: by chance, near the sensor; 0.06 % of the rays per mm/h of rain and 2 % per mm/h of snow.
    """
    n = len(out.distance)
    dust = weather.dust_extinction
    plume = np.zeros(n, np.float32)
    if dust > 0.0:
        plume = _plumes(bundle, rng)
        out.power *= np.exp(-2.0 * dust * plume * np.minimum(out.distance, NEAR_FIELD_M)).astype(np.float32)
    local = np.asarray(weather.fog_extinction + dust * plume, np.float32)
    if float(np.max(local)) > 3e-3:
        at = rng.gamma(3.0, 1.6, n).astype(np.float32) + np.float32(model.min_range_m)
        value = np.pi * local / LIDAR_RATIO_SR
        power = _power(value, np.maximum(at, NEAR_FIELD_M), model) * np.exp(-2.0 * local * at)
        _take(out, at, power * rng.standard_exponential(n, np.float32), np.float32(0.03))
    share = 1.0 - np.exp(-0.0006 * weather.rain_mm_h - 0.02 * weather.snow_mm_h)
    if share > 0.0:
        at = rng.gamma(2.0, 3.0, n).astype(np.float32) + np.float32(model.min_range_m)
        power = np.where(rng.random(n, np.float32) < share, np.float32(1e3), np.float32(0.0))
        _take(out, at, power, np.float32(0.06 if weather.snow_mm_h else 0.02))


def _plumes(bundle: RayBundle, rng: np.random.Generator) -> F32:
    """Density 0..1 of dust per ray: clouds some tens of degrees wide."""
    d = bundle.directions
    azimuth = np.arctan2(d[:, 1], d[:, 0])
    waves = np.zeros(len(d), np.float32)
    for k, p in zip((1, 2, 3, 5), rng.uniform(0, 6.28, 4), strict=True):
        waves += np.cos(k * azimuth + np.float32(p)) / np.float32(k)
    return np.asarray(np.clip(0.5 + 0.6 * waves, 0.0, 1.0), np.float32)


def _take(out: Echoes, distance: F32, power: F32, value: np.float32) -> None:
    """Let weather echoes win where they are nearer and stronger."""
    wins = np.flatnonzero((distance < out.distance) & (power > np.where(out.distance < FAR, out.power, 0.0)))
    out.distance[wins], out.power[wins], out.reflectivity[wins] = distance[wins], power[wins], value
    out.cause[wins] = Cause.WEATHER


def receive(echo: Echoes, met: RayHits, model: LidarModel, rng: np.random.Generator) -> None:
    """Decide which echoes are reported and how bright.

    The chance is a logistic function of the power, 99 % at most; through glass half of them. Intensity is the
    reflectivity as far as a factory calibration makes it independent of range and angle: echoes that are weak all the
    same come out darker, and speckle is 18 %. A sensor that reports the signal itself is brighter near and darker far.
    """
    n = len(echo.power)
    echo.kept = (echo.distance > model.min_range_m) & (echo.distance < model.max_range_m)
    rays = np.flatnonzero(echo.kept)
    chance = 0.99 / (1.0 + np.maximum(echo.power.take(rays), np.float32(1e-6)) ** np.float32(-1 / 0.18))
    chance[met.material.take(rays) == Material.GLASS] *= np.float32(0.5)
    rays = rays[rng.random(n, np.float32).take(rays) < chance]
    echo.kept[:] = False
    echo.kept[rays] = True
    power, material = echo.power.take(rays), met.material.take(rays)
    bright = echo.reflectivity.take(rays) * (0.55 + 0.45 * met.cosine.take(rays))
    if model.calibrated:
        bright *= power / (power + FAINT)
    else:
        bright *= np.float32(1.5) / (1.0 + (echo.distance.take(rays) / SIGNAL_M) ** 2)
    bright *= 1.0 + 0.18 * rng.standard_normal(len(rays), np.float32)
    bright[RETRO.take(material)] *= np.float32(1.8)
    echo.intensity = np.zeros(n, np.float32)
    echo.intensity[rays] = np.clip(np.round(bright * 255.0) / np.float32(255.0), 0.0, 1.0)


def spread(echo: Echoes, met: RayHits, model: LidarModel, beams: int, rng: np.random.Generator) -> None:
    """A beam has a width: it mixes surfaces at edges, and retro-reflectors light up the beams beside them."""
    columns = len(echo.distance) // beams
    distance = np.where(echo.kept, echo.distance, FAR).reshape(columns, beams)
    gap = np.zeros_like(distance)
    gap[:-1] = distance[1:] - distance[:-1]
    share = min(1.0, model.divergence_mrad * 1e-3 / _pitch(model))
    step = np.abs(gap)
    edge = np.flatnonzero((step > 0.2) & (step < model.pulse_m))
    edge = edge[rng.random(len(edge)) < share]
    moved = (gap.ravel()[edge] * rng.uniform(0.0, 0.5, len(edge))).astype(np.float32)
    echo.distance[edge] += moved
    apart = (np.abs(moved) > 0.1) & (
        met.instance[edge] != met.instance[np.minimum(edge + beams, len(met.instance) - 1)]
    )
    echo.cause[edge[apart]] = Cause.MIXED
    _bloom(echo, met, distance, rng)


def _pitch(model: LidarModel) -> float:
    """Angle between two firings [rad]."""
    return float(abs(np.radians(model.azimuth_deg[1] - model.azimuth_deg[0])) / model.columns)


def _bloom(echo: Echoes, met: RayHits, distance: F32, rng: np.random.Generator) -> None:
    columns, beams = distance.shape
    source = np.flatnonzero(RETRO.take(met.material) & echo.kept & (met.cosine > 0.4))
    source = source[(echo.distance[source] < 50.0) & (echo.cause[source] == Cause.SURFACE)]
    for dc, db, chance in ((-1, 0, 0.6), (1, 0, 0.6), (-2, 0, 0.25), (2, 0, 0.25), (0, -1, 0.3), (0, 1, 0.3)):
        c, b = source // beams + dc, source % beams + db
        ok = (c >= 0) & (c < columns) & (b >= 0) & (b < beams) & (rng.random(len(source)) < chance)
        at, near = c[ok] * beams + b[ok], echo.distance[source[ok]]
        behind = echo.distance[at] > near + 0.5
        at, near = at[behind], near[behind]
        echo.distance[at] = near + 0.06 * rng.standard_normal(len(at), np.float32)
        echo.intensity[at], echo.kept[at], echo.cause[at] = np.float32(0.08), True, Cause.BLOOM
