"""The vehicle's own body in base_link: what its lidars see of the tractor and an articulated trailer."""

from __future__ import annotations

import math

from autonomy_perception.config import Dimensions, Hitch
from autonomy_perception.ops.unpack import Masks, box_prism, prism

MARGIN = 0.1
"""Added around the body [m]: mirrors, edges, calibration."""


def self_masks(body: Dimensions, hitch: Hitch | None = None, hitch_angle: float = 0.0) -> Masks:
    """Volumes whose points are dropped.

    The tractor reaches from below ground to its height, so that a branch above it stays visible; the trailer has
    no height in the vehicle file and is masked at all heights.

    Args:
        hitch_angle: yaw of the trailer in base_link [rad]; 0 is straight.
    """
    front, rear, half = body.front + MARGIN, body.rear + MARGIN, body.width / 2.0 + MARGIN
    tractor = prism([(front, half), (-rear, half), (-rear, -half), (front, -half)], z_max=body.height + MARGIN)
    if hitch is None:
        return Masks.of([tractor])

    length, width = hitch.trailer_length + 2 * MARGIN, hitch.trailer_width + 2 * MARGIN
    centre = (
        hitch.x - math.cos(hitch_angle) * hitch.trailer_length / 2.0,
        -math.sin(hitch_angle) * hitch.trailer_length / 2.0,
    )
    return Masks.of([tractor, box_prism(centre, length, width, hitch_angle)])
