"""16-bit images are read by their high bytes: whether a camera puts anything there."""

from __future__ import annotations

import numpy as np

from autonomy_perception.messages.events import ImageMsg
from autonomy_perception.sensors.image import ENCODINGS, values_of

LOOKS = 10
"""A camera is judged once, by so many images."""
GRID = 32
"""Of each image so many rows and columns are looked at."""
RIGHT_ALIGNED = 1 << 12
"""Cameras of 10 or 12 bits that do not shift them up stay below this."""


class HighBytes:
    """Watches the raw 16-bit images of one camera."""

    def __init__(self) -> None:
        self._left, self._most = LOOKS, 0

    def dark(self, message: ImageMsg) -> str:
        """What was found, once, if the high bits were next to unused in all of the first images; else empty.

        Args:
            message: one that :func:`autonomy_perception.sensors.image.check` has found sound.
        """
        if not self._left or message.compressed or ENCODINGS[message.encoding].depth != 2:
            return ""
        high = values_of(message)[..., 0 if message.is_bigendian else 1]
        rows, columns = (np.linspace(0, n - 1, min(n, GRID)).astype(int) for n in high.shape[:2])
        self._left, self._most = self._left - 1, max(self._most, int(high[np.ix_(rows, columns)].max()))
        if self._left or self._most << 8 >= RIGHT_ALIGNED:
            return ""
        return f"none above {(self._most << 8) + 255} in {LOOKS} images: 10 or 12 bits, not shifted up?"
