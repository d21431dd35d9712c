"""How far an output may be from its golden value: the one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tolerance:
    """|new - old| <= absolute + relative * |old|; NaN equals NaN. ``angle``: modulo a full turn."""

    absolute: float = 0.0
    relative: float = 0.0
    angle: bool = False

    def exceeded(self, old: NDArray[Any], new: NDArray[Any], factor: float = 1.0) -> NDArray[np.bool_]:
        """Mask of the values that differ by more than ``factor`` times the tolerance; shapes are the same."""
        if not np.issubdtype(old.dtype, np.floating):
            old, new = (np.asarray(v, np.int64) for v in (old, new))
        a, b = np.asarray(old, np.float64), np.asarray(new, np.float64)
        nan = np.isnan(a) | np.isnan(b)
        apart = np.abs(np.where(nan, 0.0, b - a))
        if self.angle:
            apart = np.abs((apart + np.pi) % (2 * np.pi) - np.pi)
        allowed = factor * (self.absolute + self.relative * np.abs(np.where(nan, 0.0, a)))
        return np.asarray((apart > allowed) | (np.isnan(a) != np.isnan(b)))

    def rounded(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values to a power of two below an eighth of the tolerance, so that a file packs them well."""
        if not np.issubdtype(values.dtype, np.floating) or self == EXACT:
            return values
        v = np.asarray(values, np.float64)
        step = np.full(v.shape, 0.125 * self.absolute)
        step += 0.125 * self.relative * np.abs(np.nan_to_num(v))
        step = np.exp2(np.floor(np.log2(step)))
        return np.asarray(np.round(v / step) * step + 0.0, values.dtype)


EXACT = Tolerance()
_BLOCK_MEAN = Tolerance(1e-3, 1e-3)
TOLERANCES: Mapping[str, Tolerance] = {
    "T_odom_base": Tolerance(1e-5),  # [m, 1]
    "center": Tolerance(0.01),  # [m]
    "size": Tolerance(0.01),  # [m]
    "yaw": Tolerance(0.004, angle=True),  # [rad]
    "velocity": Tolerance(0.02),  # [m/s]
    "acceleration": Tolerance(0.05),  # [m/s2]
    "yaw_rate": Tolerance(0.01),  # [rad/s]
    "covariance": Tolerance(1e-3, 0.02),  # [m2, rad2, m2/s2]
    "class_probs": Tolerance(0.005),
    "existence": Tolerance(0.005),
    "age_s": Tolerance(1e-3),  # [s]
    "since_update_s": Tolerance(1e-3),  # [s]
    "occupancy.states": Tolerance(0.0),  # share of the cells of a frame whose state may differ
    "occupancy.log_odds": _BLOCK_MEAN,
    **{
        f"terrain.{name}": _BLOCK_MEAN  # [m], [m2], [rad], [s], 1: means of blocks
        for name in ("elevation", "variance", "slope", "step", "roughness", "traversability", "drivable", "age")
    },
}
"""By ``part.field`` or by field alone; a field that is not named (counts, uuids, flags, frames, cells) must be equal."""

OTHER_INPUTS_FACTOR = 5.0
"""All tolerances are so much wider once the inputs themselves have differed: simulated on another kind of CPU, whose
sine ends in another bit."""
OTHER_INPUTS_CELLS = 1e-4
"""Share of the cells of a frame whose state may then differ at least (DESIGN: CPU against GPU)."""


def tolerance(name: str) -> Tolerance:
    """Tolerance of ``part.field``."""
    return TOLERANCES.get(name, TOLERANCES.get(name.rpartition(".")[2], EXACT))
