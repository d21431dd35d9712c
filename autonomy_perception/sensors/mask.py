"""The vehicle's own body in base_link: what its lidars see of the tractor and an articulated trailer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import BodyPart, Dimensions, Hitch
from autonomy_perception.ops.unpack import Masks, box_prism, prism

Prism = tuple[NDArray[np.float64], float, float]
"""Convex outline (V,2) [m], bottom and top [m]."""
MARGIN = 0.1
"""Added around the body [m]: mirrors, edges, calibration."""
MAX_SLIDE = 0.15
"""A trailer that turns during a sweep is masked at several angles, its rear no farther apart than this [m]."""
MAX_BOXES = 8


def tractor_masks(body: Dimensions, parts: Sequence[BodyPart] = ()) -> list[Prism]:
    """Volumes of the tractor: the stated parts, or the box of its dimensions.

    The box reaches from below ground to the vehicle's height, so that a branch above it stays visible.
    """
    if parts:
        return [prism(part.outline, part.z_min, part.z_max) for part in parts]
    front, rear, half = body.front + MARGIN, body.rear + MARGIN, body.width / 2.0 + MARGIN
    return [prism([(front, half), (-rear, half), (-rear, -half), (front, -half)], z_max=body.height + MARGIN)]


def trailer_masks(hitch: Hitch, first: float, last: float) -> list[Prism]:
    """Volumes that the trailer fills while it turns.

    Args:
        first, last: yaw of the trailer in base_link [rad] at the beginning and the end of a sweep; 0 is straight.
    """
    lever = max(hitch.trailer_length, abs(hitch.trailer_front))
    steps = min(MAX_BOXES, 1 + math.ceil(abs(last - first) * lever / MAX_SLIDE))
    length, width = hitch.trailer_length + hitch.trailer_front + 2 * MARGIN, hitch.trailer_width + 2 * MARGIN
    ahead = (hitch.trailer_front - hitch.trailer_length) / 2.0
    angles = np.linspace(first, last, steps) if steps > 1 else [0.5 * (first + last)]
    return [
        box_prism((hitch.x + math.cos(a) * ahead, math.sin(a) * ahead), length, width, a, z_max=hitch.trailer_height + MARGIN)
        for a in angles
    ]  # fmt: skip


def masks_of(tractor: list[Prism], hitch: Hitch | None, angles: tuple[float, float] | None) -> Masks:
    """Masks of the tractor and, if ``angles`` are known, of its trailer between them."""
    return Masks.of(tractor + (trailer_masks(hitch, *angles) if hitch is not None and angles is not None else []))
