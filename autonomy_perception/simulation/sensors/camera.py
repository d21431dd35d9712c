"""A camera on a vehicle: an image by ray casting, with the exact label of every pixel from the same rays."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import CameraConfig, Dimensions
from autonomy_perception.simulation.rays import returns, shading
from autonomy_perception.simulation.rays.own_body import OwnBody
from autonomy_perception.simulation.rays.returns import Ground
from autonomy_perception.simulation.rays.scene import FAR, along, rotate
from autonomy_perception.simulation.rays.tracing import HitKind, RayBundle, RayHits, onward, trace
from autonomy_perception.simulation.sensors import exposure as ex
from autonomy_perception.simulation.sensors.clock import Ticks, stamp
from autonomy_perception.simulation.sensors.lens import pixel_rays
from autonomy_perception.simulation.sensors.setups import CameraSetup
from autonomy_perception.simulation.world.actors import Path
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.truck import mounting
from autonomy_perception.simulation.world.weather import Conditions
from autonomy_perception.simulation.world.world import World
from autonomy_perception.types import CameraFrame, CameraModel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

REACH_M = 400.0
GROUND_REACH_M = 900.0
HEADLIGHT = np.float32(0.35)  # light of a lamp 8 m ahead of it, of that of the full sun
CONTRAST = np.float32(0.05)  # of what is seen through the air; less is not made out (Koschmieder's threshold)
FLOW_STEP = 4  # pixels between two places where the flow of the image is computed


@dataclass(frozen=True)
class Shot:
    """One image and the truth of its pixels.

    Attributes:
        t: true drive time of the middle row [s]. frame: JPEG, stamp and the calibration as the vehicle knows it.
        semantic: uint8 (H,W), NONE = sky; instance: int32 (H,W) 0 ground and own vehicle, -1 sky.
        depth: float32 (H,W) along the optical axis [m], inf = sky.
        hidden: bool (H,W) the air between takes more than 95 % of the contrast: fog, dust, far away in rain. Sky is hidden
            where nearer things than those that are drawn would be.
    """

    t: float
    frame: CameraFrame
    semantic: U8
    instance: NDArray[np.int32]
    depth: F32
    hidden: NDArray[np.bool_]

    @property
    def sky(self) -> NDArray[np.bool_]:
        """Mask (H,W) of the pixels that meet nothing."""
        return np.isinf(self.depth)


class Camera:
    """One camera.

    Args:
        name, config: as in the vehicle file, extrinsics included. setup: lens, shutter, noise and faults.
        body: of the vehicle it is mounted on.

    Attributes:
        model: intrinsics as published. T_base_camera: float64 (4,4) true mount.
    """

    def __init__(self, name: str, config: CameraConfig, setup: CameraSetup, body: Dimensions) -> None:
        self.name, self.config, self.setup, self.frame, self._body = name, config, setup, config.frame, body
        self._stated = mounting(config.extrinsics, name)
        self.T_base_camera = self._stated @ setup.miscalibration.matrix()
        self.model = lens_of(setup)
        self._rays = pixel_rays(self.model).astype(np.float32)
        self._own = OwnBody(body, self.T_base_camera, self._rays)
        self._glass = ex.Glass(name, (setup.height, setup.width))

    @property
    def pixel_rays(self) -> F32:
        """Unit vectors (H*W,3) along which the pixels look, in optical axes."""
        return self._rays

    @property
    def period(self) -> float:
        """Time between two images [s]."""
        return self.setup.period_ms * 1e-3

    def ticks(self, start: float, end: float, seed: int) -> Ticks:
        """Its images with start < t <= end [s]."""
        s = self.setup
        return s.clock.ticks(start, end, self.period, seed, self.config.offset_ms * 1e-3)

    def rays(self, path: Path, t: float) -> RayBundle:
        """Rays of all pixels; every row at its own time if the shutter rolls."""
        rows, readout = self.setup.height, self.setup.readout_ms * 1e-3
        times = t + (((np.arange(rows) + 0.5) / rows - 0.5) * readout if readout > 0.0 else np.zeros(1))
        return RayBundle.of(times, path.poses(times) @ self.T_base_camera, self._rays)

    def shoot(
        self,
        world: World,
        t: float,
        rng: np.random.Generator,
        conditions: Conditions | None = None,
        stamp_ns: int | None = None,
    ) -> Shot:
        """Image and labels at drive time ``t`` [s] (middle row). ``rng``: noise of this image."""
        now = conditions or Conditions()
        shape = (self.setup.height, self.setup.width)
        bundle = self.rays(world.ego, t)
        trailer = [] if world.trailer is None else [world.trailer]
        met = trace(world, bundle, REACH_M, trailer, self._own.stopped)
        self._own.cover(met, bundle)
        _see_through_leaves(world, bundle, met)
        ground = returns.name_ground(world, met, GROUND_REACH_M)
        image = self._picture(world, t, bundle, met, ground, now, rng)
        ok, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.setup.jpeg_quality])
        assert ok
        at = stamp(t) if stamp_ns is None else stamp_ns
        frame = CameraFrame(self.name, at, self.model, self._stated, encoded=data.tobytes())
        sky = (met.part == HitKind.NONE) | ((met.part == HitKind.GROUND) & (met.distance >= GROUND_REACH_M))
        semantic = np.where(sky, np.uint8(Semantic.NONE), met.semantic).reshape(shape)
        instance = np.where(sky, np.int32(-1), met.instance).reshape(shape)
        depth = np.where(sky, np.float32(np.inf), met.distance * self._rays[:, 2]).reshape(shape)
        hidden = (_clear(met, bundle, now) < CONTRAST) & (~sky | (np.exp(-now.weather.haze * REACH_M) < CONTRAST))
        return Shot(t, frame, semantic, instance, depth, hidden.reshape(shape))

    def _picture(
        self,
        world: World,
        t: float,
        bundle: RayBundle,
        met: RayHits,
        ground: Ground,
        now: Conditions,
        rng: np.random.Generator,
    ) -> U8:
        """uint8 (H,W,3) RGB."""
        shape = (self.setup.height, self.setup.width)
        sun = shading.sun_of(world, now)
        light = self._radiance(world, t, bundle, met, ground, now, sun).reshape(*shape, 3)
        exposure = ex.meter(light, self.setup.max_exposure_ms)
        light = ex.motion_blur(light, self._flow(world, t, met), exposure.time_ms * 1e-3)
        behind = float(np.percentile(light[::8, ::8], 70))
        light = ex.falling(light, now.weather, exposure.time_ms, behind, rng)
        light = self._glass.see(_glow(light, exposure), now.weather, rng)
        return ex.develop(light, exposure, self.setup, rng)

    def _radiance(
        self, world: World, t: float, bundle: RayBundle, met: RayHits, ground: Ground, now: Conditions, sun: shading.Sun
    ) -> F32:
        """Linear light (R,3) that arrives along every ray."""
        out = np.empty((len(met.distance), 3), np.float32)
        away = np.flatnonzero(met.distance >= GROUND_REACH_M)
        out[away] = shading.sky_color(bundle.directions[away], now, sun)
        seen = np.flatnonzero(met.distance < GROUND_REACH_M)
        at = bundle.points(met.distance[seen], seen).astype(np.float32)
        color = shading.albedo(world, bundle, met, ground, seen, at)
        normal, material = met.normal[seen], met.material[seen]
        sky = shading.overcast(now)
        lit = (0.72 + 0.28 * normal[:, 2:3]) * sky
        if sun.strength.any():
            direct = np.clip(along(sun.direction, normal), 0.0, 1.0) * (1.0 - self._shade(world, t, met, seen, at, sun))
            lit += direct[:, None] * sun.strength
        if now.light.headlights:
            retro = returns.RETRO[material]
            for k, lamp in enumerate(shading.lamps(world, t, bundle.poses[0, :3, 3], self._body.front)):
                lit += shading.lamp_light(lamp, at, normal, retro, k == 0)[:, None] * HEADLIGHT
        color *= lit
        self._shine(world, bundle, met, ground, now, sun, seen, color)
        if now.light.headlights:
            color[material == Material.HEADLIGHT] = np.array([6.0, 5.4, 4.4], np.float32)
            color[material == Material.TAILLIGHT] += np.array([0.5, 0.02, 0.02], np.float32)
        color += lamps_glow(material)
        out[seen] = color
        return _through_air(out, met, bundle, now)

    def _shade(self, world: World, t: float, met: RayHits, seen: I64, at: F32, sun: shading.Sun) -> F32:
        """Share of the sun that is blocked (M,), found for every fourth pixel and spread to its neighbours."""
        h, w = self.setup.height, self.setup.width
        row, column = seen // w, seen % w
        some = np.flatnonzero(
            (row % 2 == 0) & (column % 2 == 0) & (met.distance[seen] < shading.SHADOW_RANGE_M)
            & (along(sun.direction, met.normal[seen]) > 0.0)
        )  # fmt: skip
        coarse = np.zeros(((h + 1) // 2, (w + 1) // 2), np.float32)
        coarse[row[some] // 2, column[some] // 2] = shading.shaded(world, t, at[some], met.normal[seen[some]], sun)
        full = cv2.resize(coarse, (2 * coarse.shape[1], 2 * coarse.shape[0]), interpolation=cv2.INTER_LINEAR)
        return np.asarray(full[row, column] * np.float32(0.92))

    @staticmethod
    def _shine(
        world: World,
        bundle: RayBundle,
        met: RayHits,
        ground: Ground,
        now: Conditions,
        sun: shading.Sun,
        seen: I64,
        color: F32,
    ) -> None:
        """What water, glass and paint mirror."""
        film = shading.wet_film(met, ground, now)
        wet = np.flatnonzero(film > 0.05)
        where = np.full(len(met.distance), -1, np.int64)
        where[seen] = np.arange(len(seen))
        if len(wet):
            rays = ground.rays[wet]
            fresnel = 0.02 + 0.98 * (1.0 - met.cosine[rays]) ** 5
            share = (fresnel * np.where(film[wet] > 0.95, 1.0, 0.75 * film[wet]))[:, None].astype(np.float32)
            image = shading.mirrored(world, bundle, met, rays, now, sun)
            darker = (1.0 - 0.5 * film[wet])[:, None]
            color[where[rays]] = color[where[rays]] * darker * (1.0 - share) + image * share
        gloss = np.flatnonzero(
            ((met.material == Material.GLASS) | (met.material == Material.PAINT)) & (met.part >= HitKind.SOLID)
        )
        strong = np.where(met.material[gloss] == Material.GLASS, 0.10, 0.05)
        share = (strong + (1.0 - strong) * (1.0 - met.cosine[gloss]) ** 5)[:, None].astype(np.float32) * np.float32(0.8)
        d, n = bundle.directions[gloss], met.normal[gloss]
        away = d - 2.0 * np.einsum("ni,ni->n", d, n)[:, None] * n
        image = shading.sky_color(away, now, sun, blur=True)
        image *= np.where(away[:, 2:3] > 0.0, np.float32(1.0), np.float32(0.25))
        color[where[gloss]] = color[where[gloss]] * (1.0 - share) + image * share

    def _flow(self, world: World, t: float, met: RayHits) -> F32:
        """How the image of everything moves (H,W,2) [px/s], by the central difference over 4 ms (pinhole)."""
        step = 0.004
        pose = world.ego.poses(np.array([t - 0.5 * step, t + 0.5 * step])) @ self.T_base_camera
        back = geometry.invert(pose[1]) @ pose[0]  # a still point seen at the start, seen at the end
        h, w = self.setup.height, self.setup.width
        some = (np.arange(0, h, FLOW_STEP)[:, None] * w + np.arange(0, w, FLOW_STEP)).ravel()
        rays, instance = self._rays[some], met.instance[some]
        then = rays * np.minimum(met.distance[some], np.float32(1e4))[:, None]
        now = rotate(back[:3, :3], then) + back[:3, 3].astype(np.float32)
        moving = met.part[some] == HitKind.ACTOR
        for actor in world.actors:
            mine = np.flatnonzero(moving & (instance == actor.number))
            if len(mine):
                now[mine] += (pose[1, :3, :3].T @ actor.path.velocity(t) * step).astype(np.float32)
        z0, z1 = np.maximum(then[:, 2:3], 1e-2), np.maximum(now[:, 2:3], 1e-2)
        focal = np.array([self.model.K[0, 0], self.model.K[1, 1]], np.float32)
        flow = (now[:, :2] / z1 - then[:, :2] / z0) * focal / np.float32(step)
        flow[(rays[:, 2] < 0.2) | (met.part[some] == HitKind.OWN)] = 0.0
        coarse = flow.reshape((h - 1) // FLOW_STEP + 1, -1, 2)
        return np.asarray(cv2.resize(coarse, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)


def lens_of(setup: CameraSetup) -> CameraModel:
    """Intrinsics of a camera of a rig."""
    w, h = setup.width, setup.height
    if setup.K is not None:
        fx, fy, cx, cy = setup.K
    else:
        half = np.radians(0.5 * setup.fov_deg)
        fx = fy = 0.5 * w / (half if setup.distortion_model == "equidistant" else np.tan(half))
        cx, cy = 0.5 * w - 0.5, 0.5 * h - 0.5
    K = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    empty = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}[setup.distortion_model]
    return CameraModel(w, h, K, np.array(setup.D or [0.0] * empty), setup.distortion_model)


def _see_through_leaves(world: World, bundle: RayBundle, met: RayHits) -> None:
    """Crowns have holes: where the texture of leaves is thin, a pixel shows what is behind."""
    for _ in range(2):
        rays = np.flatnonzero((met.part == HitKind.POROUS) & (met.distance < 80.0))
        at = bundle.points(met.distance[rays], rays)
        grain = shading.texture(at[:, 0] + 0.7 * at[:, 2], at[:, 1] + 0.9 * at[:, 2], 40.0)
        rays = rays[grain < -0.40]
        if len(rays) == 0:
            return
        so_far = met.distance[rays] + np.float32(0.02)
        after = onward(world, bundle, met, rays, so_far)
        met.replace(rays, after)
        met.distance[rays] = np.minimum(so_far + after.distance, FAR)


def _clear(met: RayHits, bundle: RayBundle, now: Conditions) -> F32:
    """Share of the contrast (R,) that the air leaves of what every ray meets: Koschmieder's law."""
    distance = np.minimum(met.distance, np.float32(1e4))
    depth = np.float32(now.weather.haze) * distance
    if now.weather.dust > 0.0:
        d = bundle.directions
        azimuth, up = np.arctan2(d[:, 1], d[:, 0]), d[:, 2]
        swirl = np.sin(9.0 * azimuth + 3.0 * np.sin(7.0 * up)) + np.sin(23.0 * azimuth - 11.0 * up) / 2
        cloud = np.clip(0.55 + 0.3 * swirl - 1.2 * up, 0.0, 1.0)
        depth = depth + np.float32(now.weather.dust_extinction) * cloud * np.minimum(distance, 18.0)
    clear = np.exp(-depth)
    if now.weather.visibility_m > 3000.0 and now.weather.dust == 0.0:
        clear[(met.distance >= GROUND_REACH_M) & (bundle.directions[:, 2] > 0.02)] = 1.0
    return np.asarray(clear, np.float32)


def _through_air(light: F32, met: RayHits, bundle: RayBundle, now: Conditions) -> F32:
    """Haze between the camera and what it sees, with the light of the horizon in the air."""
    air = np.array(now.light.horizon, np.float32)
    air = (air + (air.mean() - air) * now.weather.cover) * np.float32(1.0 - 0.2 * now.weather.cover)
    if now.weather.dust > 0.0:
        air = air * np.array([0.95, 0.80, 0.60], np.float32)
    clear = _clear(met, bundle, now)[:, None]
    return np.asarray(light * clear + air * (1.0 - clear), np.float32)


def _glow(light: F32, exposure: ex.Exposure) -> F32:
    """Light that scatters in the lens around what is much too bright."""
    over = np.maximum(light - np.float32(1.6 / exposure.gain), 0.0)
    if not over.any():
        return light
    small = cv2.resize(over, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(small, (0, 0), 0.012 * light.shape[1]) + 0.5 * cv2.GaussianBlur(small, (0, 0), 1.2)
    return np.asarray(light + 0.06 * cv2.resize(wide, (light.shape[1], light.shape[0])), np.float32)


def lamps_glow(material: U8) -> F32:
    """Radiance (M,3) of what shines by itself day and night: the lamps of traffic lights."""
    out = np.zeros((len(material), 3), np.float32)
    out[material == Material.LAMP_RED] = [1.6, 0.10, 0.06]
    out[material == Material.LAMP_GREEN] = [0.10, 1.4, 0.5]
    return out
