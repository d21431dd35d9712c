"""From the light on a sensor to an image: blur of motion, lens, exposure, noise, white balance and tone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception.simulation.sensors.setups import CameraSetup
from autonomy_perception.simulation.world.weather import Weather

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

KEY = 0.17  # average that the exposure control aims at (linear)
BASE_MS = 1.0  # exposure at gain 1
DIM = 0.75  # dusk and night stay darker than day: power of the gain above 1
MAX_GAIN = 60.0
MIN_GAIN = 0.25
_STEPS = 4096
_x = (np.arange(_STEPS) + 0.5) / _STEPS * 2.0
_shoulder = np.where(_x < 0.7, _x, 0.7 + 0.3 * (1.0 - np.exp(-(_x - 0.7) / 0.3)))
_encoded = np.clip(_shoulder, 0.0, 1.0) ** (1 / 2.2)
_TONE = np.round(255.0 * (_encoded - 0.10 * np.sin(2.0 * np.pi * _encoded) / 2.0)).astype(np.uint8)
"""Response of the camera: shoulder, gamma 2.2, and a little more contrast in the middle."""


@cache
def _grain() -> F32:
    """Noise of a sensor: an image takes a piece of it that begins somewhere."""
    return np.random.default_rng(17).standard_normal(1 << 22, np.float32)


@dataclass(frozen=True)
class Exposure:
    """Gain over :data:`BASE_MS` in all, and how long the shutter is open [ms]."""

    gain: float
    time_ms: float

    @property
    def analog(self) -> float:
        """Part of the gain that the shutter does not give."""
        return self.gain * BASE_MS / self.time_ms


def meter(radiance: F32, max_exposure_ms: float) -> Exposure:
    """Automatic exposure for an image (H,W,3): the mean logarithm of what lies below the top quarter."""
    part = radiance[radiance.shape[0] // 4 :: 3, ::3].mean(-1)
    level = float(np.exp(np.log(np.maximum(part, 1e-5)).mean()))
    wanted = KEY / level
    gain = float(np.clip(wanted if wanted < 1.0 else wanted**DIM, MIN_GAIN, MAX_GAIN))
    return Exposure(gain, min(max_exposure_ms, BASE_MS * gain))


def motion_blur(image: F32, flow: F32, time_s: float, most: int = 8) -> F32:
    """Image (H,W,3) averaged along the way each pixel moves while the shutter is open (``flow`` (H,W,2) [px/s]), from
    at most ``most`` moments of it."""
    length = float(np.percentile(np.abs(flow[::8, ::8]), 98)) * time_s
    if length < 0.7:
        return image
    taps = int(np.clip(np.ceil(length), 2, most))
    h, w = image.shape[:2]
    u, v = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    reach = np.clip(flow * np.float32(time_s), -0.05 * w, 0.05 * w)
    out = np.zeros_like(image)
    for s in (np.arange(taps) + 0.5) / taps - 0.5:
        k = np.float32(s)
        out += cv2.remap(
            image, u + k * reach[..., 0], v + k * reach[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return out / np.float32(taps)


class Glass:
    """What sits on one lens: dirt that stays, drops that come and go.

    Args:
        name: of the camera (draws the dirt). shape: (H, W) [px].
    """

    def __init__(self, name: str, shape: tuple[int, int]) -> None:
        self._shape = shape
        rng = np.random.default_rng([13, *name.encode()])
        h, w = shape
        small = np.zeros((h // 4 + 1, w // 4 + 1), np.float32)
        for _ in range(40):
            at = (int(rng.integers(small.shape[1])), int(rng.integers(small.shape[0])))
            cv2.circle(small, at, max(1, int(rng.gamma(2.0, 0.006 * w))), float(rng.uniform(0.2, 1.0)), -1)
        small = cv2.GaussianBlur(small, (0, 0), 0.006 * w)
        self._dirt = np.clip(cv2.resize(small, (w, h)), 0.0, 1.0)[..., None].astype(np.float32)

    def see(self, image: F32, weather: Weather, rng: np.random.Generator) -> F32:
        """The image (H,W,3) through dirt and drops."""
        if weather.lens <= 0.0:
            return image
        wet = weather.rain_mm_h > 0.0 or weather.snow_mm_h > 0.0
        if wet:
            image = self._drops(image, weather.lens, rng)
        small = cv2.resize(image, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
        veil = cv2.resize(cv2.GaussianBlur(small, (0, 0), 0.02 * self._shape[1]), self._shape[::-1])
        share = self._dirt * np.float32(0.55 * weather.lens)
        return np.asarray(image * (1 - share) + share * (0.75 * veil + 0.12 * veil.mean()), np.float32)

    def _drops(self, image: F32, amount: float, rng: np.random.Generator) -> F32:
        """Drops show the scene upside down and small, as wide-angle lenses of their own."""
        h, w = self._shape
        u, v = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
        for _ in range(int(60 * amount)):
            r = float(np.clip(rng.gamma(2.0, 0.004 * w), 2.0, 0.03 * w))
            x, y = float(rng.uniform(0, w)), float(rng.uniform(0, h))
            x0, x1, y0, y1 = int(max(x - r, 0)), int(min(x + r + 1, w)), int(max(y - r, 0)), int(min(y + r + 1, h))
            du, dv = np.meshgrid(np.arange(x0, x1) - x, np.arange(y0, y1) - y)
            inside = du**2 + dv**2 < r * r
            u[y0:y1, x0:x1][inside] = (x - 5.0 * du)[inside]
            v[y0:y1, x0:x1][inside] = (y - 5.0 * dv)[inside]
        return np.asarray(cv2.remap(image, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)


def falling(image: F32, weather: Weather, time_ms: float, light: float, rng: np.random.Generator) -> F32:
    """Streaks of rain and flakes of snow near the camera, over an image (H,W,3); ``light``: radiance behind them."""
    h, w = image.shape[:2]
    layer = np.zeros((h, w), np.float32)
    if weather.rain_mm_h > 0.0:
        length = 0.012 * w * max(time_ms, 2.0)
        for _ in range(int(14 * weather.rain_mm_h**0.75)):
            near = float(rng.uniform(0.15, 1.0))
            x, y, slant = rng.uniform(0, w), rng.uniform(-0.1 * h, h), rng.normal(0.06, 0.03)
            end = (round(x + slant * length * near), round(y + length * near))
            cv2.line(layer, (round(x), round(y)), end, near * float(rng.uniform(0.2, 0.5)), 1, cv2.LINE_AA)
    if weather.snow_mm_h > 0.0:
        for _ in range(int(220 * weather.snow_mm_h)):
            near = float(rng.beta(1.0, 5.0))
            at = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
            cv2.circle(layer, at, round(0.5 + 0.008 * w * near), float(0.9 - 0.6 * near), -1, cv2.LINE_AA)
    if not layer.any():
        return image
    layer = cv2.GaussianBlur(layer, (0, 0), 0.8)[..., None] * np.float32(0.55)
    return np.asarray(image * (1 - layer) + layer * np.float32(light), np.float32)


def develop(radiance: F32, exposure: Exposure, setup: CameraSetup, rng: np.random.Generator) -> U8:
    """Image (H,W,3) uint8 RGB from linear radiance: vignette, gain, shot and read noise, white balance, tone."""
    signal = radiance * (np.float32(exposure.gain) * _vignette(*radiance.shape[:2]))
    if setup.noise > 0.0:
        grain = _grain()
        first = int(rng.integers(len(grain) - signal.size)) if signal.size < len(grain) else 0
        tile = np.resize(grain[first:], signal.size).reshape(signal.shape)
        spread = np.sqrt(np.float32(1.5e-4 * exposure.analog) * signal + np.float32((2e-3 * exposure.analog**0.7) ** 2))
        signal += np.float32(setup.noise) * spread * tile
    if setup.white_balance != [1.0, 1.0, 1.0]:
        signal *= np.array(setup.white_balance, np.float32)
    return np.asarray(_TONE[np.clip(signal * np.float32(_STEPS / 2), 0, _STEPS - 1).astype(np.uint16)])


def _vignette(h: int, w: int) -> F32:
    v, u = np.ogrid[-1.0 : 1.0 : h * 1j, -1.0 : 1.0 : w * 1j]
    return np.asarray(1.0 - 0.14 * (u * u + v * v)[..., None], np.float32)
