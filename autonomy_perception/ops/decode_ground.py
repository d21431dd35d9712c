"""Layers of the ground from the heads of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autonomy_perception.ops.library import Library


@dataclass(frozen=True)
class GroundLayers:
    """What a network says of the ground, (ny,nx) each; a cell that cannot be judged is 0 in the first two, NaN in the others.

    Attributes:
        label: uint8, 1 + the likeliest class. confidence: float32, probability of that class 0..1.
        drivable: float32, probability 0..1. elevation: float32 [m] in the grid's frame; variance: float32 [m^2] of it.
    """

    label: Any
    confidence: Any
    drivable: Any
    elevation: Any
    variance: Any


@dataclass(frozen=True)
class GroundTemperatures:
    """Calibration of the heads: logits are divided by these, the variance of the elevation is multiplied by ``variance``."""

    terrain: float = 1.0
    drivable: float = 1.0
    visibility: float = 1.0
    variance: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0.0 < value < np.inf:
                raise ValueError(f"temperature {name} must be a number above 0, got {value}")


def decode_ground(lib: Library, terrain: Any, drivable: Any, elevation: Any, visibility: Any, temperatures: GroundTemperatures | None = None,
                  min_visible: float = 0.5) -> GroundLayers:  # fmt: skip
    """Layers from heads: terrain float32 (classes,ny,nx), drivable and visibility (ny,nx) logits, elevation (2,ny,nx) height [m] and
    natural logarithm of its variance (cut to -8..6).

    ``min_visible``: cells with a smaller probability of being visible (after temperature), or with a value that is not
    finite, cannot be judged.

    Raises:
        ValueError: ``min_visible`` is not between 0 and 1.
    """
    if not 0.0 < min_visible < 1.0:
        raise ValueError(f"min_visible must be above 0 and below 1, got {min_visible}")
    t, shape = temperatures or GroundTemperatures(), tuple(drivable.shape)
    out = GroundLayers(lib.empty(shape, np.uint8), *(lib.empty(shape, np.float32) for _ in range(4)))
    lib.call("ap_decode_ground", terrain=terrain, drivable=drivable, elevation=elevation, visibility=visibility, label=out.label,
             confidence=out.confidence, free=out.drivable, height=out.elevation, variance=out.variance, sharp_terrain=1.0 / t.terrain,
             sharp_drivable=1.0 / t.drivable, sharp_visibility=1.0 / t.visibility, widen=t.variance,
             min_logit=float(np.log(min_visible / (1.0 - min_visible))))  # fmt: skip
    return out
