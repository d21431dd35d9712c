"""What a network consists of: sizes, variants, grid. No torch here."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

from pydantic import Field, model_validator

from autonomy_perception.config import Strict
from autonomy_perception.grid import BevGrid

Variant = Literal["lidar", "camera", "fusion"]

STRIDES = (2, 4, 8)
"""Cells of the canvas per cell of each stage of the backbone: the finest already has half the resolution."""


class GridConfig(Strict):
    """The ego grid of a network: origin base_link, heading of the vehicle, level."""

    x_min: float = Field(-51.2, ge=-300, le=0, description="rear edge [m]")
    x_max: float = Field(51.2, gt=0, le=300, description="front edge [m]")
    y_min: float = Field(-51.2, ge=-300, lt=0, description="right edge [m]")
    y_max: float = Field(51.2, gt=0, le=300, description="left edge [m]")
    resolution: float = Field(0.4, ge=0.1, le=2, description="cell edge [m]")

    @model_validator(mode="after")
    def _whole(self) -> GridConfig:
        for axis, n in (("x", self.bev.nx), ("y", self.bev.ny)):
            if n % STRIDES[-1]:
                raise ValueError(f"grid: cells along {axis} must be a multiple of {STRIDES[-1]}, found {n}")
        return self

    @property
    def bev(self) -> BevGrid:
        """The same as a BevGrid."""
        return BevGrid(self.x_min, self.x_max, self.y_min, self.y_max, self.resolution)


class NetworkConfig(Strict):
    """One multi-task BEV network; everything about its shapes follows from this."""

    variant: Variant = Field("lidar", description="sensors that it reads; fusion also runs with either of them absent")
    grid: GridConfig = Field(default_factory=GridConfig, description="ego grid of canvas and outputs")
    widths: tuple[int, int, int] = Field((32, 64, 128), description="channels of the stages at 1/2, 1/4 and 1/8")
    blocks: tuple[int, int, int] = Field((1, 2, 2), description="residual blocks of the stages")
    neck: int = Field(48, ge=4, le=512, description="channels in which the stages are added up")
    head: int = Field(48, ge=4, le=512, description="channels of every head")
    camera_channels: int = Field(48, ge=4, le=256, description="channels of the pooled camera features")

    @model_validator(mode="after")
    def _sizes(self) -> NetworkConfig:
        for name, values in (("widths", self.widths), ("blocks", self.blocks)):
            if min(values) < 1:
                raise ValueError(f"{name}: expected numbers >= 1, found {values}")
        return self


_WIDE = GridConfig(x_min=-76.8, x_max=76.8, y_min=-76.8, y_max=76.8, resolution=0.4)

SIZES = MappingProxyType(
    {
        "edge-cpu": NetworkConfig(),
        "vehicle": NetworkConfig(grid=_WIDE, widths=(64, 128, 256), blocks=(2, 3, 3), neck=96, head=96, camera_channels=80),
    }
)  # fmt: skip
"""``edge-cpu``: 10 Hz on two CPU cores, 102 x 102 m. ``vehicle``: a GPU of the Orin class, 154 x 154 m."""
