"""Weather and light by name: what they do to the air, to surfaces, to the sky and to a lens.

Extinction of near-infrared laser light: fog by Kim, McArthur and Korevaar (2001), rain and dry snow by ITU-R P.1814
(Carbonneau's 1.076 R^0.67 dB/km; 5.4959 + 5.42e-5 λ, exponent 1.38). Visible light: Koschmieder's law with a contrast
threshold of 5 %, so that the meteorological optical range V gives 3.0/V.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from autonomy_perception.config import ConfigError

WAVELENGTH_NM = 905.0
_PER_DB = np.log(10.0) / 10.0 / 1000.0  # dB/km to 1/m of power


@dataclass(frozen=True)
class Weather:
    """State of air and surfaces.

    Attributes:
        visibility_m: meteorological optical range without the precipitation below [m].
        rain_mm_h, snow_mm_h: precipitation (snow as water) [mm/h].
        dust: 0..1, clouds of dust that drift past; 1 means an optical range of 25 m in their middle.
        wet: 0..1, how wet sealed surfaces are. cover: 0..1, cloud cover. lens: 0..1, dirt and drops on the lenses.
    """

    visibility_m: float = 20_000.0
    rain_mm_h: float = 0.0
    snow_mm_h: float = 0.0
    dust: float = 0.0
    wet: float = 0.0
    cover: float = 0.3
    lens: float = 0.0

    @property
    def fog_extinction(self) -> float:
        """Extinction by mist and fog at the laser's wavelength [1/m]."""
        km = self.visibility_m / 1000.0
        q = float(np.interp(km, [0.5, 1.0, 6.0, 50.0], [0.0, 0.5, 1.3, 1.6]))
        return float(3.912 / self.visibility_m * (WAVELENGTH_NM / 550.0) ** -q)

    @property
    def extinction(self) -> float:
        """Extinction at the laser's wavelength [1/m], dust apart."""
        rain = 1.076 * self.rain_mm_h**0.67
        snow = (5.42e-5 * WAVELENGTH_NM + 5.4958776) * self.snow_mm_h**1.38
        return self.fog_extinction + float((rain + snow) * _PER_DB)

    @property
    def haze(self) -> float:
        """Extinction of visible light [1/m], dust apart."""
        precipitation = 1.076 * self.rain_mm_h**0.67 + 5.55 * self.snow_mm_h**1.38
        return 3.0 / self.visibility_m + float(precipitation * _PER_DB)

    @property
    def dust_extinction(self) -> float:
        """Extinction in the middle of a cloud of dust [1/m]."""
        return 3.0 / 25.0 * self.dust


WEATHERS: Mapping[str, Weather] = {
    "clear": Weather(),
    "overcast": Weather(12_000.0, cover=1.0),
    "rain": Weather(6_000.0, rain_mm_h=5.0, wet=0.7, cover=1.0, lens=0.35),
    "heavy_rain": Weather(2_000.0, rain_mm_h=30.0, wet=1.0, cover=1.0, lens=0.8),
    "fog": Weather(80.0, wet=0.25, cover=1.0, lens=0.1),
    "dust": Weather(1_500.0, dust=0.8, cover=0.5, lens=0.4),
    "snow": Weather(1_200.0, snow_mm_h=2.0, wet=0.3, cover=1.0, lens=0.3),
}


@dataclass(frozen=True)
class Light:
    """Where light comes from.

    Attributes:
        sun_elevation_deg: height of the sun; None takes the world's own.
        sun: linear RGB strength of the direct sun in clear air. sky: of the light from above.
        zenith, horizon: linear RGB radiance of the sky.
        headlights: whether lamps are lit.
    """

    sun_elevation_deg: float | None
    sun: tuple[float, float, float]
    sky: tuple[float, float, float]
    zenith: tuple[float, float, float]
    horizon: tuple[float, float, float]
    headlights: bool = False


LIGHTS: Mapping[str, Light] = {
    "noon": Light(None, (1.75, 1.62, 1.38), (0.24, 0.29, 0.38), (0.14, 0.32, 0.72), (0.72, 0.82, 0.95)),
    "morning": Light(22.0, (1.50, 1.20, 0.82), (0.20, 0.24, 0.32), (0.16, 0.30, 0.60), (0.85, 0.80, 0.72)),
    "low_sun": Light(7.0, (1.30, 0.85, 0.45), (0.22, 0.25, 0.33), (0.14, 0.22, 0.42), (1.05, 0.78, 0.48)),
    "dusk": Light(
        -4.0, (0.0, 0.0, 0.0), (0.030, 0.036, 0.052), (0.02, 0.035, 0.08), (0.11, 0.075, 0.06), headlights=True
    ),
    "night": Light(
        -30.0, (0.0, 0.0, 0.0), (0.0003, 0.00035, 0.0005), (0.0002, 0.00025, 0.0005), (0.0008, 0.00075, 0.0008),
        headlights=True,
    ),
}  # fmt: skip

_Row = TypeVar("_Row", Weather, Light)


def _named(table: Mapping[str, _Row], what: str, name: str) -> _Row:
    if name not in table:
        raise ConfigError(f"{what} {name!r}: expected one of {', '.join(table)}")
    return table[name]


@dataclass(frozen=True)
class Conditions:
    """Weather and light of a drive."""

    weather: Weather = WEATHERS["clear"]
    light: Light = LIGHTS["noon"]


def conditions(weather: str = "clear", time_of_day: str = "noon") -> Conditions:
    """Conditions by name. Raises ConfigError naming the allowed weathers or times of day."""
    return Conditions(_named(WEATHERS, "weather", weather), _named(LIGHTS, "time of day", time_of_day))
