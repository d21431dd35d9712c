"""Names, shapes and meaning of everything that goes into and comes out of a network. No torch here.

The same table is written beside every exported model, so that whoever runs it needs nothing of this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autonomy_perception.networks.config import NetworkConfig
from autonomy_perception.ops.canvas import CANVAS
from autonomy_perception.road_users import ObjectClass

TERRAIN = ("asphalt", "gravel", "dirt", "vegetation", "water", "snow", "obstacle")
"""Channels of ``terrain``; as a layer they are 1 .. 7, and 0 is unknown: where ``visibility`` says that nobody can judge."""

DETECTED = (
    ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.TRAILER, ObjectClass.MOTORCYCLE, ObjectClass.BICYCLE,
    ObjectClass.PEDESTRIAN, ObjectClass.ANIMAL, ObjectClass.UNKNOWN,
)  # fmt: skip
"""Channels of ``heatmap``; the last is barriers and cones, which the suite's vocabulary has as UNKNOWN objects."""

BOX = ("dx", "dy", "z", "log_l", "log_w", "log_h", "sin_yaw", "cos_yaw", "vx", "vy")
"""Channels of ``box``: offset of the centre from that of the heatmap's cell [cells of the heatmap], height of the centre [m in
ego], logarithms of the size [m], heading, velocity over ground in axes of ego [m/s]."""

BOX_VARIANCE = ("x", "y", "z", "log_l", "log_w", "log_h", "yaw", "vx", "vy")
"""Channels of ``box_log_variance``: natural logarithm of the variance of the same quantities (x, y in m^2, yaw in rad^2)."""

HEATMAP_STRIDE = 2
"""Cells of the canvas per cell of heatmap and box."""

LOG_VARIANCE = (-8.0, 6.0)
"""Bounds within which every log-variance is kept."""


@dataclass(frozen=True)
class Layout:
    """Shapes of a network's inputs and outputs, batch of one; all float32."""

    config: NetworkConfig

    @property
    def shape(self) -> tuple[int, int]:
        """Cells (ny, nx) of canvas, terrain, drivable, elevation and visibility."""
        return self.config.grid.bev.shape

    @property
    def coarse(self) -> tuple[int, int]:
        """Cells (ny, nx) of heatmap, box and camera features."""
        ny, nx = self.shape
        return ny // HEATMAP_STRIDE, nx // HEATMAP_STRIDE

    @property
    def inputs(self) -> Mapping[str, tuple[int, ...]]:
        """Shape by name, in order.

        ``canvas``: see ``ops.canvas.CANVAS``. ``camera_bev``: camera features pooled into cells of the heatmap by our kernel.
        ``present``: 1 or 0 for lidar, camera; an absent sensor's tensor is ignored, whatever it holds.
        """
        out: dict[str, tuple[int, ...]] = {}
        if self.config.variant != "camera":
            out["canvas"] = (1, len(CANVAS), *self.shape)
        if self.config.variant != "lidar":
            out["camera_bev"] = (1, self.config.camera_channels, *self.coarse)
        if self.config.variant == "fusion":
            out["present"] = (1, 2)
        return out

    @property
    def outputs(self) -> Mapping[str, tuple[int, ...]]:
        """Shape by name, in order. ``terrain``, ``drivable``, ``visibility`` and ``heatmap`` are logits; ``elevation`` is
        the height of the ground in ego [m] and its log-variance."""
        return {
            "terrain": (1, len(TERRAIN), *self.shape),
            "drivable": (1, 1, *self.shape),
            "elevation": (1, 2, *self.shape),
            "visibility": (1, 1, *self.shape),
            "heatmap": (1, len(DETECTED), *self.coarse),
            "box": (1, len(BOX), *self.coarse),
            "box_log_variance": (1, len(BOX_VARIANCE), *self.coarse),
        }

    def described(self) -> dict[str, Any]:
        """What a user of the exported model has to know, as JSON holds it."""
        return {
            "inputs": {name: list(shape) for name, shape in self.inputs.items()},
            "outputs": {name: list(shape) for name, shape in self.outputs.items()},
            "dtype": "float32",
            "frame": "ego: origin base_link, heading of the vehicle, level; arrays [iy, ix]",
            "grid": self.config.grid.model_dump(),
            "heatmap_stride": HEATMAP_STRIDE,
            "canvas": list(CANVAS),
            "terrain": list(TERRAIN),
            "detected": [c.name for c in DETECTED],
            "box": list(BOX),
            "box_log_variance": list(BOX_VARIANCE),
        }
