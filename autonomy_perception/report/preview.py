"""A picture sheet of a synthetic drive: what was drawn and what its truth says, a few moments below each other."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.report.overlay import caption
from autonomy_perception.report.render import CLASS_RGB, Canvas, draw_box
from autonomy_perception.simulation.drive import DriveSample, SyntheticDrive
from autonomy_perception.simulation.sensors.camera import Shot
from autonomy_perception.simulation.truth.sweep import carried
from autonomy_perception.simulation.truth.truth import OCCUPIED, Truth
from autonomy_perception.simulation.world.materials import Semantic
from autonomy_perception.types import ObjectClass

U8 = NDArray[np.uint8]
SIZE, SIDE = 480, 80.0
WIDE, TALL = 640, 320
WHITE = (255, 255, 255)
MOMENTS = 4
_RGB = {
    Semantic.NONE: (30, 32, 38), Semantic.ROAD: (104, 106, 112), Semantic.SHOULDER: (150, 144, 132), Semantic.TRACK: (146, 118, 86),
    Semantic.GRASS: (96, 128, 68), Semantic.DITCH: (54, 92, 84), Semantic.STRUCTURE: (24, 120, 60), Semantic.OBJECT: (226, 64, 46),
    Semantic.EGO: (236, 180, 60), Semantic.SOIL: (150, 128, 98), Semantic.GRAVEL_ROAD: (172, 160, 140), Semantic.WATER: (60, 120, 190),
    Semantic.MUD: (92, 66, 44), Semantic.SNOW: (236, 240, 248), Semantic.SIDEWALK: (190, 176, 186), Semantic.CROP: (186, 170, 84),
    Semantic.YARD: (128, 124, 140),
}  # fmt: skip
PALETTE = np.array([_RGB[s] for s in Semantic], np.uint8)
"""Colour (RGB) of every Semantic value."""


def sheet(drive: SyntheticDrive, moments: int = MOMENTS, progress: Callable[[int], None] = lambda done: None) -> U8:
    """Picture (H,W,3) RGB: per moment the true classes with returns and boxes, the true terrain, and the cameras.

    Args:
        drive: with images and labels of pixels.
        moments: rows, evenly over the drive.
    """
    rows = []
    for done, index in enumerate(np.linspace(0, len(drive) - 1, moments + 2).astype(int)[1:-1], start=1):
        sample = drive.sample(int(index))
        parts = [_classes(drive, sample), _terrain(sample.truth)]
        parts += [_camera(r.sensor, r.data) for r in {r.sensor: r for r in sample.shots}.values()]
        rows.append(np.hstack(parts))
        progress(done)
    title = np.full((34, rows[0].shape[1], 3), 24, np.uint8)
    scenario = drive.world.scenario
    caption(
        title,
        f"{scenario.name}, seed {drive.seed}, {drive.weather}, {drive.time_of_day}: {scenario.description}",
        (10, 23),
        WHITE,
        0.5,
    )
    return np.concatenate([title, *rows])


def _classes(drive: SyntheticDrive, sample: DriveSample) -> U8:
    """True classes of the ground, returns by their label, boxes, the own vehicle."""
    truth = sample.truth
    canvas = Canvas(truth.T_odom_base, SIZE, SIDE)
    ground = canvas.layer(truth.terrain.terrain_class, truth.terrain.grid, 0)
    image = (0.55 * PALETTE[np.asarray(ground, np.int64)]).astype(np.uint8)
    occupied = np.asarray(canvas.layer(truth.grid.state, truth.grid.grid, 0)) == OCCUPIED
    image[occupied] = (0.5 * image[occupied] + [60, 0, 0]).astype(np.uint8)
    for reading in sample.sweeps:
        sweep = reading.data
        xyz = carried(drive.world, sample.t, reading.t - sample.t + sweep.time, sweep.xyz, sweep.instance)
        xyz = geometry.transform_points(truth.T_odom_world, xyz)
        uv = np.floor(canvas.pixels(xyz)).astype(np.int64)
        inside = ((uv >= 0) & (uv < SIZE)).all(1)
        color = np.where((sweep.instance == -1)[:, None], np.uint8(255), PALETTE[sweep.semantic])
        image[uv[inside, 1], uv[inside, 0]] = color[inside]
    _boxes(image, canvas, truth)
    trailer = drive.world.trailer
    bodies = [] if trailer is None else [(trailer.path.poses(np.array([sample.t]))[0], trailer.shape.size)]
    for pose, size in bodies:
        at = truth.T_odom_world @ pose
        draw_box(image, canvas, at[:3, 3], np.asarray(size), geometry.yaw_of(at), _RGB[Semantic.EGO])
    b = drive.vehicle.dimensions
    middle = truth.T_odom_base[:3, 3] + truth.T_odom_base[:3, 0] * 0.5 * (b.front - b.rear)
    own = np.array([b.front + b.rear, b.width, b.height])
    draw_box(image, canvas, middle, own, geometry.yaw_of(truth.T_odom_base), _RGB[Semantic.EGO])
    bend = float(np.degrees(drive.world.hitch_angle(np.array([sample.t]))[0]))
    note = f"   hitch {round(bend)} deg" if bodies else ""
    caption(image, f"{sample.t:.1f} s   {SIDE:.0f} m   returns by label{note}", (8, 18), WHITE, 0.42)
    return image


def _boxes(image: U8, canvas: Canvas, truth: Truth) -> None:
    o = truth.objects
    for k in range(len(o)):
        kind = ObjectClass(int(o.label[k]))
        draw_box(image, canvas, o.center[k], o.size[k], float(o.yaw[k]), CLASS_RGB[kind], 1)
        u, v = canvas.pixels(o.center[k : k + 1, :2])[0]
        if 0 <= u < SIZE and 0 <= v < SIZE:
            text = f"{kind.name[:3]} {int(o.points[k])} {100 * o.visibility[k]:.0f}%"
            caption(image, text, (int(u) + 8, int(v) - 8), WHITE, 0.36)


def _terrain(truth: Truth) -> U8:
    """Elevation by brightness, traversability from red to green, what is not drivable by class darker, ditches pink."""
    canvas = Canvas(truth.T_odom_base, SIZE, SIDE)
    t = truth.terrain
    z, left, drivable = (
        np.asarray(canvas.layer(layer, t.grid, np.nan), np.float32)
        for layer in (t.elevation, t.traversability, t.drivable)
    )
    known = np.isfinite(left)
    image = np.full((SIZE, SIZE, 3), 30, np.float32)
    share = np.nan_to_num(left)[..., None]
    image[known] = ((1 - share) * [206, 62, 48] + share * [76, 176, 92])[known]
    smooth = cv2.GaussianBlur(np.nan_to_num(z, nan=float(np.nanmedian(z))), (0, 0), 2.0)
    shade = np.clip(1.0 + 1.5 * (cv2.Sobel(smooth, cv2.CV_32F, 1, 0) - cv2.Sobel(smooth, cv2.CV_32F, 0, 1)), 0.55, 1.35)
    image *= shade[..., None] * np.where(np.nan_to_num(drivable) > 0.5, 1.0, 0.62)[..., None]
    image[np.asarray(canvas.layer(truth.grid.ditch, truth.grid.grid, 0), np.bool_)] = (236, 60, 200)
    out = np.clip(image, 0, 255).astype(np.uint8)
    low, high = np.nanmin(z), np.nanmax(z)
    caption(out, f"traversability red..green, bright: drivable, {low:.1f}..{high:.1f} m", (8, 18), WHITE, 0.42)
    return out


def _camera(name: str, shot: Shot) -> U8:
    """Image above, its classes and its depth below."""
    decoded = cv2.imdecode(np.frombuffer(shot.frame.encoded or b"", np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None  # the simulator encoded it
    image = cv2.resize(np.ascontiguousarray(decoded[..., ::-1]), (WIDE, TALL), interpolation=cv2.INTER_AREA)
    caption(image, name, (8, 18), WHITE, 0.5)
    edges = shot.instance != cv2.erode(shot.instance.astype(np.float32), np.ones((2, 2))).astype(np.int32)
    classes = PALETTE[shot.semantic]
    classes[edges] = 255
    near = np.clip(255.0 * (1.0 - np.log(np.maximum(shot.depth, 1.0)) / np.log(200.0)), 0, 255)
    depth = cv2.applyColorMap(near.astype(np.uint8), cv2.COLORMAP_MAGMA)[..., ::-1]
    half = (WIDE // 2, SIZE - TALL)
    small = [cv2.resize(np.ascontiguousarray(p), half, interpolation=cv2.INTER_NEAREST) for p in (classes, depth)]
    return np.asarray(np.vstack([image, np.hstack(small)]), np.uint8)
