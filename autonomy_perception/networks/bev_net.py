"""The multi-task BEV network: sensors in, one half-resolution backbone, heads for ground and objects.

Every sensor has a stem that brings its BEV tensor to the finest stage of the backbone; what is present is added up, so one
set of weights serves lidar, camera and both (modality dropout in training: a sensor's ``present`` is 0). Heads as CenterPoint
(Yin et al. 2021) for objects, log-variances as Kendall and Gal (2017).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from autonomy_perception.networks.blocks import conv, stage
from autonomy_perception.networks.config import NetworkConfig
from autonomy_perception.networks.layout import (
    BOX,
    BOX_VARIANCE,
    DETECTED,
    HEATMAP_STRIDE,
    LOG_VARIANCE,
    TERRAIN,
    Layout,
)
from autonomy_perception.ops.canvas import CANVAS

RARE = 0.02
"""Share of cells that a fresh heatmap claims: the focal loss starts quietly (Lin et al. 2017, prior of the last bias)."""


class Backbone(nn.Module):
    """Three stages at 1/2, 1/4 and 1/8 of the canvas, added up at 1/2: (B,widths[0],ny/2,nx/2) -> (B,neck,ny/2,nx/2)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        a, b, c = config.widths
        self.fine = stage(a, a, config.blocks[0], 1)
        self.middle = stage(a, b, config.blocks[1], 2)
        self.deep = stage(b, c, config.blocks[2], 2)
        self.lateral = nn.ModuleList(conv(width, config.neck, 1) for width in config.widths)
        self.joined = conv(config.neck, config.neck)

    def forward(self, x: Tensor) -> Tensor:
        """Features at half resolution."""
        fine = self.fine(x)
        middle = self.middle(fine)
        deep = self.deep(middle)
        up = self.lateral[1](middle) + functional.interpolate(self.lateral[2](deep), scale_factor=2.0, mode="nearest")
        up = self.lateral[0](fine) + functional.interpolate(up, scale_factor=2.0, mode="nearest")
        joined: Tensor = self.joined(up)
        return joined


class Head(nn.Module):
    """A convolution and a linear map per cell; ``fine``: back at the resolution of the canvas, 2 x 2 cells from each."""

    def __init__(self, inside: int, width: int, outside: int, fine: bool = False, bias: float = 0.0) -> None:
        super().__init__()
        self.hidden = conv(inside, width)
        self.last = nn.Conv2d(width, outside * (HEATMAP_STRIDE**2 if fine else 1), 1)
        self.fine = fine
        # weights near 0 would drive all features into one direction (tried: one batch is then never learnt by heart)
        nn.init.normal_(self.last.weight, std=width**-0.5)
        nn.init.constant_(self.last.bias, bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B,inside,ny/2,nx/2) -> (B,outside,ny,nx) where fine, else (B,outside,ny/2,nx/2)."""
        out: Tensor = self.last(self.hidden(x))
        return functional.pixel_shuffle(out, HEATMAP_STRIDE) if self.fine else out


class BevNet(nn.Module):
    """See the module; inputs and outputs by name in :class:`.layout.Layout`."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config, self.layout = config, Layout(config)
        if config.variant != "camera":
            self.lidar_stem = conv(len(CANVAS), config.widths[0], stride=HEATMAP_STRIDE)
        if config.variant != "lidar":
            self.camera_stem = conv(config.camera_channels, config.widths[0])
        self.backbone = Backbone(config)
        n, h = config.neck, config.head
        self.ground = Head(n, h, len(TERRAIN) + 4, fine=True)
        self.heatmap = Head(n, h, len(DETECTED), bias=-math.log((1.0 - RARE) / RARE))
        self.box = Head(n, h, len(BOX) + len(BOX_VARIANCE))

    def stem(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """BEV features (B,widths[0],ny/2,nx/2) of what is present; ``inputs`` in the order of the layout."""
        named = dict(zip(self.layout.inputs, inputs, strict=True))
        lidar = self.lidar_stem(named["canvas"]) if "canvas" in named else None
        camera = self.camera_stem(named["camera_bev"]) if "camera_bev" in named else None
        if lidar is None or camera is None:
            alone: Tensor = camera if lidar is None else lidar
            return alone
        # where() and not a product: what an absent sensor's tensor holds (NaN, too) must not matter
        here = named["present"].reshape(-1, 2, 1, 1, 1) > 0.5
        none = torch.zeros_like(lidar)
        return torch.where(here[:, 0], lidar, none) + torch.where(here[:, 1], camera, none)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Inputs and outputs float32 in the order of the layout, with any batch size."""
        features = self.backbone(self.stem(inputs))
        ground, box = self.ground(features), self.box(features)
        n = len(TERRAIN)
        elevation = torch.cat([ground[:, n + 1 : n + 2], ground[:, n + 2 : n + 3].clamp(*LOG_VARIANCE)], 1)
        return (
            ground[:, :n], ground[:, n : n + 1], elevation, ground[:, n + 3 :],
            self.heatmap(features), box[:, : len(BOX)], box[:, len(BOX) :].clamp(*LOG_VARIANCE),
        )  # fmt: skip

    def named(self, *inputs: Tensor) -> dict[str, Tensor]:
        """The outputs by name."""
        return dict(zip(self.layout.outputs, self(*inputs), strict=True))
