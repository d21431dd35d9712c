"""Lidar models by name: beam tables and optics of real classes of sensors.

Elevations are the published design values of each class; a single unit's calibration differs from them by up to a few
tenths of a degree. Ranges are for 50 % detection of a flat target of 10 % reflectivity in clear air.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import ConfigError


@dataclass(frozen=True)
class LidarModel:
    """One class of lidar.

    Attributes:
        elevations_deg: of each beam in ring order [deg].
        columns: firings per sweep. azimuth_deg: from first to last firing; 180 to -180 is a full clockwise turn that
            begins at the rear.
        period_ms: usual duration of a sweep [ms].
        range_10_m: see the module. max_range_m, min_range_m: what is reported at all [m].
        noise_m: standard deviation of the range [m]. step_m: resolution of the reported range [m].
        divergence_mrad: full width of the beam; width of what one return averages.
        calibrated: intensity is reflectivity, corrected for range; otherwise it is the strength of the signal.
        pulse_m: two surfaces nearer to each other than this along the beam give one return between them [m].
    """

    elevations_deg: tuple[float, ...]
    columns: int
    period_ms: float = 100.0
    azimuth_deg: tuple[float, float] = (180.0, -180.0)
    range_10_m: float = 86.6
    max_range_m: float = 120.0
    min_range_m: float = 0.9
    noise_m: float = 0.02
    step_m: float = 0.002
    divergence_mrad: float = 2.0
    pulse_m: float = 1.2
    calibrated: bool = True

    @property
    def beams(self) -> int:
        """Number of beams."""
        return len(self.elevations_deg)

    @property
    def turns(self) -> bool:
        """Whether it sees all around."""
        return abs(self.azimuth_deg[0] - self.azimuth_deg[1]) > 359.0

    def azimuths(self) -> NDArray[np.float64]:
        """Azimuth of every firing (columns,) [rad], middle of its time slot."""
        first, last = np.radians(self.azimuth_deg)
        return np.asarray(first + (last - first) * (np.arange(self.columns) + 0.5) / self.columns)


def _down(first: float, last: float, step: float) -> tuple[float, ...]:
    return tuple(np.round(np.arange(first, last - 0.5 * step, -step), 3).tolist())


_HDL64 = _down(2.0, -8.34, 1 / 3) + _down(-8.83, -24.34, 0.5)
_VLP32C = (
    15.0, 10.333, 7.0, 4.667, 3.333, 2.333, 1.667, 1.333, 1.0, 0.667, 0.333, 0.0, -0.333, -0.667, -1.0, -1.333,
    -1.667, -2.0, -2.333, -2.667, -3.0, -3.333, -3.667, -4.0, -4.667, -5.333, -6.148, -7.254, -8.843, -11.31,
    -15.639, -25.0,
)  # fmt: skip
_WIDE128 = _down(14.5, 2.5, 0.5) + _down(2.0, -6.0, 0.125) + _down(-6.5, -25.0, 0.5)

LIDARS: Mapping[str, LidarModel] = {
    "spinning16": LidarModel(_down(15.0, -15.0, 2.0), 1800, range_10_m=60.0, max_range_m=100.0, noise_m=0.02),
    "spinning32": LidarModel(
        _down(10.667, -30.7, 4 / 3), 1080, 50.0, range_10_m=65.0, max_range_m=100.0, divergence_mrad=3.0
    ),
    "dense_middle32": LidarModel(_VLP32C, 1800, range_10_m=110.0, max_range_m=200.0, noise_m=0.02),
    "spinning64": LidarModel(_HDL64, 1800),
    "even64": LidarModel(
        _down(16.6, -16.61, 33.2 / 63), 2048, range_10_m=60.0, max_range_m=120.0, min_range_m=0.8, noise_m=0.015,
        step_m=0.001, divergence_mrad=3.0, pulse_m=0.8, calibrated=False,
    ),
    "even128": LidarModel(
        _down(45.0, -45.1, 90.0 / 127), 1024, range_10_m=35.0, max_range_m=75.0, min_range_m=0.5, noise_m=0.015,
        step_m=0.001, divergence_mrad=6.0, pulse_m=0.8, calibrated=False,
    ),
    "dense_middle128": LidarModel(_WIDE128, 1800, range_10_m=130.0, max_range_m=200.0, noise_m=0.02, step_m=0.004),
    "forward128": LidarModel(
        _down(12.7, -12.71, 0.2), 600, azimuth_deg=(60.0, -60.0), range_10_m=210.0, max_range_m=250.0, noise_m=0.03,
        step_m=0.004, divergence_mrad=1.5,
    ),
}  # fmt: skip
"""spinning16: Velodyne VLP-16; spinning32: HDL-32E at 20 Hz; dense_middle32: VLP-32C; spinning64: HDL-64E;
even64: Ouster OS1-64; even128: Ouster OS0-128; dense_middle128: Hesai Pandar128; forward128: Hesai AT128 (a long-range forward sensor)."""


def lidar_model(name: str) -> LidarModel:
    """Model by name. Raises ConfigError naming the allowed ones."""
    if name not in LIDARS:
        raise ConfigError(f"lidar model {name!r}: expected one of {', '.join(LIDARS)}")
    return LIDARS[name]
