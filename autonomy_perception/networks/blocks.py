"""Convolutions as every part of the networks uses them."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def conv(inside: int, outside: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm (folded into it at export), ReLU: (B,inside,H,W) -> (B,outside,H/stride,W/stride)."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride, size // 2, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity (He et al. 2016, basic block); shapes stay (B,C,H,W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W) -> (B,C,H,W)."""
        return functional.relu(x + self.second(self.first(x)))


def stage(inside: int, outside: int, blocks: int, stride: int) -> nn.Sequential:
    """A convolution that takes the stride, then residual blocks."""
    return nn.Sequential(conv(inside, outside, stride=stride), *(Residual(outside) for _ in range(blocks)))
