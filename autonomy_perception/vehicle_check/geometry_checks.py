"""Where the points of a recording lie, against where the vehicle file puts sensors and body."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import Dimensions, VehicleConfig
from autonomy_perception.types import CameraModel, SensorFrame
from autonomy_perception.vehicle_check.findings import Finding, error, note, warning

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

GROUND_REACH = 12.0
"""Ground is looked for this near to the sensor [m]."""
GROUND_TOLERANCE = 0.3
"""The ground lies at z = 0 within this [m]."""
MAX_TILT_DEG = 4.0
MIN_HEIGHT, MAX_HEIGHT = 0.1, 6.0
CARRIED_SHARE, CARRIED_FRAMES, CARRIED_PATH = 0.8, 15, 15.0
"""A cell beside the body that is hit in this share of at least so many frames, while the vehicle drove so far [m],
belongs to the vehicle."""
FEW_CELLS = 10
"""Fewer cells that travel along are a mirror or an antenna."""
CARRIED_CELL, CARRIED_REACH = 0.25, 2.5
PASSING_SHARE, PASSING_FRAMES, PASSING_POINTS = 0.2, 0.2, 5
"""Cells inside the body that are hit in less than this share of the frames hold what passes by: with so many returns in
this share of the frames the body is given too large."""
INNER_M = 0.15
"""The outline of the body counts from this far inside [m]."""
LOW_M = 0.35
MAX_PRINCIPAL_SHIFT = 0.25
"""Share of the image size by which the optical centre may lie off its middle."""


@dataclass
class Gathered:
    """What the frames of a recording showed.

    Attributes:
        grounds: per lidar, (height, tilt [deg]) of the ground plane near it, one per frame.
        in_view: per camera, returns that fell into its image, one per frame.
    """

    grounds: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    in_view: dict[str, list[int]] = field(default_factory=dict)
    carried: dict[tuple[int, int], int] = field(default_factory=dict)
    inside: list[NDArray[np.int64]] = field(default_factory=list)
    frames: int = 0
    path: float = 0.0
    _last: F64 | None = None

    def add_unmasked(self, frame: SensorFrame, body: Dimensions) -> None:
        """Take in a frame with the returns that the vehicle itself gives."""
        xyz = np.concatenate([s.cloud.xyz for s in frame.scans]) if frame.scans else np.empty((0, 3), np.float32)
        x, y, z = xyz[:, 0], xyz[:, 1], xyz[:, 2]
        within = (x > INNER_M - body.rear) & (x < body.front - INNER_M) & (np.abs(y) < 0.5 * body.width - INNER_M)
        p = xyz[within & (z > body.ground_clearance + INNER_M) & (z < body.height)]
        self.inside.append(np.floor(p[:, :2] / CARRIED_CELL).astype(np.int64))

    def add(self, frame: SensorFrame, body: Dimensions) -> None:
        """Take in a frame without them."""
        self.frames += 1
        if frame.trajectory is not None and len(frame.trajectory.stamps_ns):
            at = frame.trajectory.pose(frame.stamp_ns)[:3, 3]
            self.path += 0.0 if self._last is None else float(np.linalg.norm(at - self._last))
            self._last = at
        for scan in frame.scans:
            found = ground_near(scan.cloud.xyz, scan.origin)
            if found is not None:
                self.grounds.setdefault(scan.sensor, []).append(found)
            for cell in _cells_beside(scan.cloud.xyz, body):
                self.carried[cell] = self.carried.get(cell, 0) + 1
        for camera in frame.cameras:
            T = geometry.invert(camera.T_base_camera)
            seen = sum([_in_image(scan.cloud.xyz, T, camera.model) for scan in frame.scans])
            self.in_view.setdefault(camera.sensor, []).append(seen)


def ground_near(xyz: F32, origin: F32) -> tuple[float, float] | None:
    """Height [m] of the ground below base_link and its tilt against base_link's plane [deg], from the lowest returns
    around a lidar; None where too few are near. The ground is not presumed to lie at z = 0."""
    near = np.hypot(xyz[:, 0] - origin[0], xyz[:, 1] - origin[1]) < GROUND_REACH
    p = xyz[near].astype(np.float64)
    cell = np.floor(p[:, :2]).astype(np.int64)
    key = cell[:, 0] * 4096 + cell[:, 1]
    order = np.lexsort((p[:, 2], key))
    starts = np.flatnonzero(np.diff(key[order], prepend=np.iinfo(np.int64).min))
    low = p[order[starts + np.diff(starts, append=len(order)) // 5]]
    if len(low) < 30:
        return None
    A = np.column_stack([low[:, :2], np.ones(len(low))])
    keep = low[:, 2] < np.quantile(low[:, 2], 0.6) + 1.0
    plane = np.linalg.lstsq(A[keep], low[keep, 2], rcond=None)[0]
    for reach in (0.5, 0.3, 0.15, 0.15):
        keep = np.abs(low[:, 2] - A @ plane) < reach
        if keep.sum() < 20:
            return None
        plane = np.linalg.lstsq(A[keep], low[keep, 2], rcond=None)[0]
    return float(plane[2]), float(np.degrees(np.arctan(np.hypot(plane[0], plane[1]))))


def _cells_beside(xyz: F32, body: Dimensions) -> set[tuple[int, int]]:
    """Cells of 0.25 m around the body (not inside its outline) with returns above the ground."""
    x, y, z = xyz[:, 0], xyz[:, 1], xyz[:, 2]
    near = (
        (x > -body.rear - CARRIED_REACH)
        & (x < body.front + CARRIED_REACH)
        & (np.abs(y) < 0.5 * body.width + CARRIED_REACH)
    )
    p = xyz[near & (z > LOW_M) & (z < body.height)]
    return set(map(tuple, np.floor(p[:, :2] / CARRIED_CELL).astype(np.int64).tolist()))


def _in_image(xyz: F32, T_camera_base: F64, model: CameraModel) -> int:
    p = xyz[::10] @ T_camera_base[:3, :3].T + T_camera_base[:3, 3]
    p = p[p[:, 2] > 0.5]
    uv = p @ model.K.T
    uv = uv[:, :2] / uv[:, 2:]
    inside = (uv[:, 0] > 0) & (uv[:, 0] < model.width) & (uv[:, 1] > 0) & (uv[:, 1] < model.height)
    return 10 * int(inside.sum())


def check_mounting(vehicle: VehicleConfig, poses: dict[str, F64]) -> list[Finding]:
    """Poses ``T_base_sensor`` that no vehicle has."""
    out: list[Finding] = []
    for name, T in poses.items():
        where = f"{'lidars' if name in vehicle.lidars else 'cameras'}.{name}.extrinsics"
        height, d = float(T[2, 3]), vehicle.dimensions
        if not MIN_HEIGHT < height < MAX_HEIGHT:
            out.append(error(where, f"a height of {MIN_HEIGHT} .. {MAX_HEIGHT} m above {vehicle.base_frame}, which lies on the ground",
                             f"{height:.2f} m", "is the base frame on the ground below the rear axle? is z of the mounting right?"))  # fmt: skip
        x, y = T[:2, 3]
        if not (-d.rear - 1.0 < x < d.front + 1.0 and abs(y) < 0.5 * d.width + 1.0):
            out.append(error(where, "a place on the vehicle", f"x {x:.2f}, y {y:.2f} m, outside its body by more than 1 m",
                             "check the mounting and dimensions (front, rear, width)"))  # fmt: skip
        if not np.allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-3) or np.linalg.det(T[:3, :3]) < 0:
            out.append(error(where, "a rotation", "a matrix that is none", "write rpy in radians"))
        if name in vehicle.cameras and abs(T[2, 2]) > np.sin(np.radians(60.0)):
            out.append(error(f"cameras.{name}.frame", "an optical frame: z along the view, x right, y down", f"z points {'up' if T[2, 2] > 0 else 'down'}",
                             "name the camera's optical frame (REP-103), or publish it"))  # fmt: skip
        if name in vehicle.lidars and T[2, 2] < np.cos(np.radians(60.0)):
            out.append(warning(where, "a lidar that stands upright", f"its z axis leans {np.degrees(np.arccos(np.clip(T[2, 2], -1, 1))):.0f} deg",
                               "if it is not mounted so, check roll and pitch (radians?)"))  # fmt: skip
    return out


def check_lenses(vehicle: VehicleConfig, models: dict[str, CameraModel]) -> list[Finding]:
    """Intrinsics that cannot be right."""
    out: list[Finding] = []
    for name, model in models.items():
        where = f"cameras.{name}.info_topic ({vehicle.cameras[name].info_topic})"
        cx, cy = model.K[0, 2] / model.width - 0.5, model.K[1, 2] / model.height - 0.5
        if max(abs(cx), abs(cy)) > MAX_PRINCIPAL_SHIFT:
            out.append(warning(f"{where} k", "an optical centre near the middle of the image", f"cx {model.K[0, 2]:.0f}, cy {model.K[1, 2]:.0f} of {model.width} x {model.height}",
                               "is this the calibration of another image size?"))  # fmt: skip
        ratio = model.K[0, 0] / model.K[1, 1]
        if not 0.9 < ratio < 1.1:
            out.append(warning(f"{where} k", "square pixels (fx = fy)", f"fx {model.K[0, 0]:.1f}, fy {model.K[1, 1]:.1f}",
                               "is the image scaled in one direction only?"))  # fmt: skip
    return out


def check_gathered(vehicle: VehicleConfig, found: Gathered, driven: Collection[str]) -> list[Finding]:
    """Ground, body and views of a recording.

    Args:
        driven: lidars that agree with the ground that the vehicle drove over: that holds on any terrain, a plane does not.
    """
    out: list[Finding] = []
    for name in (n for n in vehicle.lidars if n not in driven):
        seen = found.grounds.get(name, [])
        where = f"lidars.{name}.extrinsics"
        if len(seen) < max(1, found.frames // 5):
            out.append(note(where, "ground in sight near the vehicle", f"in {len(seen)} of {found.frames} frames",
                            "height and tilt of this lidar cannot be judged by the ground near it"))  # fmt: skip
            continue
        height, tilt = (float(np.median(v)) for v in zip(*seen, strict=True))
        if abs(height) > GROUND_TOLERANCE:
            out.append(error(f"{where} z", f"the ground at z = 0 of {vehicle.base_frame}", f"at {height:+.2f} m",
                             f"raise the lidar by {-height:+.2f} m, or move {vehicle.base_frame} onto the ground"))  # fmt: skip
        if tilt > MAX_TILT_DEG:
            out.append(
                error(
                    f"{where} rpy",
                    "ground parallel to the vehicle",
                    f"tilted by {tilt:.1f} deg",
                    "check roll and pitch of the lidar",
                )
            )
    for name in vehicle.cameras:
        counts = found.in_view.get(name, [])
        if counts and np.median(counts) < 100:
            out.append(error(f"cameras.{name}.frame", "lidar returns in the image", f"{int(np.median(counts))} of a sweep",
                             "is the frame optical (z along the view), and are K and extrinsics those of this camera?"))  # fmt: skip
    return out + _check_body(vehicle, found)


def _check_body(vehicle: VehicleConfig, found: Gathered) -> list[Finding]:
    if found.frames < CARRIED_FRAMES or found.path < CARRIED_PATH:
        return [
            note(
                "dimensions",
                f"a drive of {CARRIED_PATH:.0f} m",
                f"{found.path:.0f} m",
                "whether sensors see parts of the vehicle cannot be judged",
            )
        ]
    out = _check_inside(found)
    cells = np.array([c for c, n in found.carried.items() if n >= CARRIED_SHARE * found.frames], np.float64).reshape(
        -1, 2
    )
    if len(cells) < 2:
        return out
    low, high = cells.min(0) * CARRIED_CELL, (cells.max(0) + 1) * CARRIED_CELL
    at = f"x {low[0]:.2f} .. {high[0]:.2f}, y {low[1]:.2f} .. {high[1]:.2f} m in {len(cells)} cells of {CARRIED_CELL} m"
    make = warning if len(cells) < FEW_CELLS else error
    remedy = "enlarge front, rear or width, or add these parts to body"
    return [*out, make("dimensions", "no returns beside the body that travel with the vehicle", at, remedy)]


def _check_inside(found: Gathered) -> list[Finding]:
    """What passes through the body: it is not there."""
    if not found.inside:
        return []
    per_frame = [np.unique(cells, axis=0) for cells in found.inside]
    cells, counts = np.unique(np.concatenate(per_frame), axis=0, return_counts=True)
    own = {tuple(c) for c, n in zip(cells.tolist(), counts, strict=True) if n >= PASSING_SHARE * len(per_frame)}
    own = {(x + i, y + j) for x, y in own for i in (-1, 0, 1) for j in (-1, 0, 1)}  # edges of the vehicle flicker
    frames = [[c for c in map(tuple, points.tolist()) if c not in own] for points in found.inside]
    busy = [f for f in frames if len(f) >= PASSING_POINTS]
    if len(busy) < max(3, PASSING_FRAMES * len(frames)):
        return []
    at = np.concatenate([np.array(f, np.float64) for f in busy]) * CARRIED_CELL
    (x0, y0), (x1, y1) = np.quantile(at, 0.05, axis=0), np.quantile(at, 0.95, axis=0) + CARRIED_CELL
    where = f"x {x0:.1f} .. {x1:.1f}, y {y0:.1f} .. {y1:.1f} m in {len(busy)} of {len(frames)} frames"
    remedy = "make front, rear or width smaller, or give the parts of the vehicle as body"
    return [error("dimensions", "nothing that passes through the body", f"returns at {where}", remedy)]
