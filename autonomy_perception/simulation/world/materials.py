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
    WATER = 22
    MUD = 23
    SNOW = 24
    CONCRETE = 25
    CROP = 26
    FOREST_FLOOR = 27
    SAND = 28  # quarry floor and berms
    ORANGE_PLASTIC = 29
    BRICK = 30
    ROOF = 31
    FUR = 32  # hide of animals, body colour
    RED_SIGN = 33
    BLUE_SIGN = 34
    YELLOW_SIGN = 35
    LAMP_OFF = 36
    LAMP_RED = 37
    LAMP_GREEN = 38
    WOOD = 39


class Semantic(IntEnum):
    """Truth label of a lidar return or a pixel (``DriveTruth.semantic``)."""

    NONE = 0
    ROAD = 1
    SHOULDER = 2
    TRACK = 3
    GRASS = 4
    DITCH = 5
    STRUCTURE = 6  # tree, bush, rock, pole, guard rail: static and above the ground
    OBJECT = 7  # vehicle, person or animal, moving or parked
    EGO = 8  # the own vehicle and its trailer
    SOIL = 9  # bare natural ground: quarry floor, forest floor, stubble
    GRAVEL_ROAD = 10
    WATER = 11  # standing water
    MUD = 12
    SNOW = 13  # a patch or bank of snow
    SIDEWALK = 14
    CROP = 15  # soil under a standing crop
    YARD = 16  # paved yard


GROUND = (
    Semantic.ROAD, Semantic.SHOULDER, Semantic.TRACK, Semantic.GRASS, Semantic.DITCH, Semantic.SOIL,
    Semantic.GRAVEL_ROAD, Semantic.WATER, Semantic.MUD, Semantic.SNOW, Semantic.SIDEWALK, Semantic.CROP, Semantic.YARD,
)  # fmt: skip
"""All kinds of ground."""
DRIVABLE = (Semantic.ROAD, Semantic.SHOULDER, Semantic.TRACK, Semantic.GRAVEL_ROAD, Semantic.YARD)
"""Ground that is meant for driving."""


class Kind(IntEnum):
    """What a structure is."""

    TREE = 0
    BUSH = 1
    ROCK = 2
    POST = 3  # delineator, bollard
    SIGN = 4
    POLE = 5
    RAIL = 6
    BUILDING = 7
    CONE = 8
    BARRIER = 9
    LOG = 10
    BRIDGE = 11
    DEBRIS = 12  # tyre tread, fallen load
    CROP = 13
    FENCE = 14
    TRAFFIC_LIGHT = 15


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
    Material.WATER: (70, 82, 92, 0.03),
    Material.MUD: (82, 64, 46, 0.12),
    Material.SNOW: (238, 241, 246, 0.75),
    Material.CONCRETE: (168, 166, 160, 0.35),
    Material.CROP: (186, 164, 96, 0.45),
    Material.FOREST_FLOOR: (96, 76, 52, 0.28),
    Material.SAND: (168, 150, 118, 0.34),
    Material.ORANGE_PLASTIC: (232, 96, 34, 0.70),
    Material.BRICK: (150, 92, 74, 0.30),
    Material.ROOF: (112, 62, 50, 0.24),
    Material.FUR: (128, 92, 60, 0.40),
    Material.RED_SIGN: (196, 36, 34, 0.95),
    Material.BLUE_SIGN: (30, 76, 160, 0.90),
    Material.YELLOW_SIGN: (236, 190, 40, 0.95),
    Material.LAMP_OFF: (40, 40, 42, 0.10),
    Material.LAMP_RED: (255, 60, 48, 0.30),
    Material.LAMP_GREEN: (60, 240, 140, 0.30),
    Material.WOOD: (164, 132, 92, 0.40),
}

COLOR = np.array([_TABLE[m][:3] for m in Material], np.float32)
REFLECTIVITY = np.array([_TABLE[m][3] for m in Material], np.float32)
