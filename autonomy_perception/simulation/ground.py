"""What the ground is at a place: the answer that sensors and truth ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GroundSample:
    """The ground at N places (``Semantic.NONE`` where there is none).

    Attributes:
        semantic, material: uint8 (N,) of Semantic and Material (``MARKING`` where a line is painted).
        cover: float32 (N,) height of the grass standing there [m], 0 on bare ground.
        wet: float32 (N,) 0 dry .. 1 standing water, as the ground is without any rain.
    """

    semantic: NDArray[np.uint8]
    material: NDArray[np.uint8]
    cover: NDArray[np.float32]
    wet: NDArray[np.float32]
