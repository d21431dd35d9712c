"""Modes, labels of points, states of sensors."""

from __future__ import annotations

from enum import IntEnum


class Mode(IntEnum):
    """How much of the suite stands behind an output; values as in PerceptionStatus.msg."""

    FUSED = 0
    LIDAR_ONLY = 1
    CAMERA_ONLY = 2
    GEOMETRIC = 3
    STALE = 4
    STOPPED = 5


class PointLabel(IntEnum):
    """What the ground segmentation says of a point."""

    IGNORED = 0  # outside the map, own vehicle, not finite, noise below ground
    GROUND = 1
    OBSTACLE = 2  # above ground, below vehicle height + margin
    OVERHANG = 3  # above vehicle height + margin: passable
    LOW = 4  # above ground by less than the obstacle height: neither ground nor obstacle


class SensorState(IntEnum):
    """State of one sensor in a frame; values as in SensorStatus.msg."""

    OK = 0
    LATE = 1
    MISSING = 2
    INVALID = 3
