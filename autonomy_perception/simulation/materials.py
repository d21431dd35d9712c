"""What surfaces are made of: how they look to a lidar and to a camera, and what they mean."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Material(IntEnum):
    """Surface of a triangle."""

    ASPHALT = 0
    GRAVEL = 1
    DIRT = 2
    GRASS = 3
    DITCH = 4
    MARKING = 5
    PAINT = 6  # body colour of the object
    GLASS = 7
    TYRE = 8
    DARK_METAL = 9
    METAL = 10
    CANVAS = 11
    CLOTH = 12  # upper clothing, body colour
    TROUSERS = 13
    SKIN = 14
    BARK = 15
    LEAF = 16
    ROCK = 17
    RETRO = 18  # licence plates, reflectors, signs
    HEADLIGHT = 19
    TAILLIGHT = 20
    WHITE_PLASTIC = 21


class Semantic(IntEnum):
    """Truth label of a lidar return (``DriveTruth.semantic``)."""

    NONE = 0
    ROAD = 1
    SHOULDER = 2
    TRACK = 3
    GRASS = 4
    DITCH = 5
    STRUCTURE = 6  # tree, bush, rock, pole, guard rail: static and above the ground
    OBJECT = 7  # vehicle or person, moving or parked
    EGO = 8  # the own vehicle


GROUND = (Semantic.ROAD, Semantic.SHOULDER, Semantic.TRACK, Semantic.GRASS, Semantic.DITCH)

#                      R    G    B   lidar reflectivity
_TABLE: dict[Material, tuple[int, int, int, float]] = {
    Material.ASPHALT: (92, 93, 96, 0.18),
    Material.GRAVEL: (141, 133, 119, 0.30),
    Material.DIRT: (128, 103, 76, 0.28),
    Material.GRASS: (94, 118, 52, 0.42),
    Material.DITCH: (86, 94, 50, 0.36),
    Material.MARKING: (232, 232, 226, 0.80),
    Material.PAINT: (200, 200, 200, 0.45),
    Material.GLASS: (38, 46, 54, 0.06),
    Material.TYRE: (28, 28, 30, 0.08),
    Material.DARK_METAL: (52, 54, 58, 0.20),
    Material.METAL: (158, 164, 168, 0.45),
    Material.CANVAS: (206, 204, 196, 0.55),
    Material.CLOTH: (180, 60, 50, 0.50),
    Material.TROUSERS: (48, 54, 76, 0.30),
    Material.SKIN: (205, 164, 138, 0.50),
    Material.BARK: (88, 70, 52, 0.30),
    Material.LEAF: (66, 96, 40, 0.45),
    Material.ROCK: (134, 130, 124, 0.33),
    Material.RETRO: (236, 236, 230, 1.00),
    Material.HEADLIGHT: (246, 244, 226, 0.60),
    Material.TAILLIGHT: (176, 30, 26, 0.80),
    Material.WHITE_PLASTIC: (228, 228, 224, 0.60),
}

COLOR = np.array([_TABLE[m][:3] for m in Material], np.float32)
REFLECTIVITY = np.array([_TABLE[m][3] for m in Material], np.float32)
