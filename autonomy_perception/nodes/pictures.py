"""Bird's-eye picture and coloured cloud of the markers node (arrays in, arrays out)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.messages.maps import occupancy_of, terrain_of

U8 = NDArray[np.uint8]
UNKNOWN_RGB, FREE_RGB, OCCUPIED_RGB = (70, 70, 78), (205, 215, 205), (190, 40, 40)
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4")])
CLOUD_RGB = {"ground": 0x6E8B5E, "obstacle": 0xE8582C, "overhang": 0x4A7FD6, "unknown": 0x9A9A9A}
LOW, HIGH = 0.25, 4.0
"""Heights above ground between which a point is drawn as an obstacle, without a vehicle file [m]."""


@dataclass(frozen=True)
class GridPicture:
    """An occupancy grid as received: data int8 (ny,nx), corner (x, y) [m] and cell edge [m]."""

    data: NDArray[np.int8]
    corner: tuple[float, float]
    resolution: float

    @classmethod
    def of(cls, message: Any) -> GridPicture:
        """From nav_msgs/OccupancyGrid."""
        grid, data = occupancy_of(message)
        return cls(data, grid.origin, grid.resolution)


def colours(data: NDArray[np.int8]) -> U8:
    """RGB (ny,nx,3) of occupancy values: unknown grey, free to occupied from light to red."""
    p = np.clip(data.astype(np.float32), 0, 100)[..., None] / 100.0
    rgb = (1 - p) * np.array(FREE_RGB, np.float32) + p * np.array(OCCUPIED_RGB, np.float32)
    rgb[data < 0] = UNKNOWN_RGB
    return rgb.astype(np.uint8)


def birds_eye(
    grid: GridPicture, tracks: Any | None, vehicle_xy_yaw: tuple[float, float, float], size: int, side: float
) -> U8:
    """Picture (size,size,3) RGB, vehicle in the middle, its x axis up; boxes of a TrackedObjectArray on the grid.

    Args:
        vehicle_xy_yaw: pose in the grid's frame [m, rad].
        side: edge of the picture [m].
    """
    x, y, yaw = vehicle_xy_yaw
    c, s, scale = np.cos(yaw), np.sin(yaw), side / size
    # pixel (u, v) -> vehicle (side/2 - v*scale, side/2 - u*scale) -> world -> cell
    half = side / 2
    to_cell = np.array([
        [s * scale, -c * scale, x + (c - s) * half - grid.corner[0]],
        [-c * scale, -s * scale, y + (s + c) * half - grid.corner[1]],
    ]) / grid.resolution  # fmt: skip
    to_cell[:, 2] -= 0.5
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(
        colours(grid.data), to_cell, (size, size), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=UNKNOWN_RGB
    )
    picture = np.ascontiguousarray(out, np.uint8)
    for item in tracks.objects if tracks is not None else ():
        _draw_box(picture, item, vehicle_xy_yaw, side)
    tip = int(3.5 / scale)
    centre = size // 2
    cv2.arrowedLine(picture, (centre, centre), (centre, centre - tip), (20, 20, 20), 2, tipLength=0.4)
    return picture


def _draw_box(picture: U8, item: Any, vehicle: tuple[float, float, float], side: float) -> None:
    pose = item.kinematics.pose_with_covariance.pose
    yaw = 2.0 * np.arctan2(pose.orientation.z, pose.orientation.w)
    lw = np.array([[item.shape.dimensions.x, item.shape.dimensions.y]])
    corners = geometry.box_corners(np.array([[pose.position.x, pose.position.y]]), lw, np.array([yaw]))[0]
    twist = item.kinematics.twist_with_covariance.twist.linear
    c, s = np.cos(yaw), np.sin(yaw)
    ahead = np.array([[pose.position.x, pose.position.y],
                      [pose.position.x + c * twist.x - s * twist.y, pose.position.y + s * twist.x + c * twist.y]])  # fmt: skip
    pixels = _pixels(np.concatenate([corners, ahead]), vehicle, side, len(picture))
    cv2.polylines(picture, [pixels[:4].reshape(-1, 1, 2)], True, (20, 80, 220), 2)
    cv2.line(picture, tuple(map(int, pixels[4])), tuple(map(int, pixels[5])), (20, 20, 160), 2)


def _pixels(xy: NDArray[np.float64], vehicle: tuple[float, float, float], side: float, size: int) -> NDArray[np.int32]:
    x, y, yaw = vehicle
    c, s = np.cos(yaw), np.sin(yaw)
    dx, dy = xy[:, 0] - x, xy[:, 1] - y
    ahead, left = c * dx + s * dy, -s * dx + c * dy
    limit = 4.0 * size
    uv = np.stack([(side / 2 - left) * size / side, (side / 2 - ahead) * size / side], -1)
    return np.asarray(np.clip(uv, -limit, limit).round(), np.int32)


def terrain_points(message: Any) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Known cells of a GridMap as points (N,3) and colours 0xRRGGBB (N,): traversability from red (0) to green (1)."""
    elevation = Elevation.of(message)
    if elevation is None:
        return np.zeros((0, 3), np.float32), np.zeros(0, np.uint32)
    iy, ix = np.nonzero(np.isfinite(elevation.z))
    x, y = ((i + 0.5) * elevation.resolution + low for i, low in zip((ix, iy), elevation.corner, strict=True))
    xyz = np.stack([x, y, elevation.z[iy, ix]], -1).astype(np.float32)
    layer = terrain_of(message).layers.get("traversability")
    good = np.full(len(ix), np.nan, np.float32) if layer is None else layer[iy, ix]
    known = np.isfinite(good)
    part = np.where(known, np.clip(good, 0, 1), 0.0)
    red, green = (255 * (1 - part)).astype(np.uint32), (200 * part).astype(np.uint32)
    return xyz, np.where(known, (red << 16) | (green << 8) | 0x30, CLOUD_RGB["unknown"]).astype(np.uint32)


@dataclass(frozen=True)
class Elevation:
    """Terrain heights as received: (ny,nx) [m], NaN unknown; corner (x, y) and cell edge [m]."""

    z: NDArray[np.float32]
    corner: tuple[float, float]
    resolution: float

    @classmethod
    def of(cls, message: Any) -> Elevation | None:
        """From grid_map_msgs/GridMap; None without an elevation layer."""
        if "elevation" not in message.layers:
            return None
        terrain = terrain_of(message)
        return cls(np.asarray(terrain.layers["elevation"], np.float32), terrain.grid.origin, terrain.grid.resolution)

    def height(self, xyz: NDArray[np.float64]) -> NDArray[np.float32]:
        """Height (N,) above the terrain of points (N,3) in its frame; NaN outside and where it is unknown."""
        ix = np.floor((xyz[:, 0] - self.corner[0]) / self.resolution).astype(np.int64)
        iy = np.floor((xyz[:, 1] - self.corner[1]) / self.resolution).astype(np.int64)
        inside = (ix >= 0) & (iy >= 0) & (ix < self.z.shape[1]) & (iy < self.z.shape[0])
        out = np.full(len(xyz), np.nan, np.float32)
        out[inside] = xyz[inside, 2] - self.z[iy[inside], ix[inside]]
        return out


def point_colours(height: NDArray[np.float32], low: float = LOW, high: float = HIGH) -> NDArray[np.uint32]:
    """0xRRGGBB (N,) of heights above ground: ground, obstacle, overhang, unknown (NaN)."""
    out = np.full(len(height), CLOUD_RGB["unknown"], np.uint32)
    out[height < low] = CLOUD_RGB["ground"]
    out[(height >= low) & (height <= high)] = CLOUD_RGB["obstacle"]
    out[height > high] = CLOUD_RGB["overhang"]
    return out


def coloured(xyz: NDArray[np.float32], colours: NDArray[np.uint32]) -> NDArray[Any]:
    """Points (N,) of a cloud: x, y, z and colours (N,) 0xRRGGBB as ``rgb``, packed as RViz reads it."""
    points = np.empty(len(xyz), POINT)
    points["x"], points["y"], points["z"] = xyz.T
    points["rgb"] = colours
    return points
