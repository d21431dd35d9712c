"""What is true of a moment, as arrays of a sample: objects, structures, grid, pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.drive import Reading, SyntheticDrive, level
from autonomy_perception.simulation.io.sample import PIXEL
from autonomy_perception.simulation.io.sensed import SeenFrame
from autonomy_perception.simulation.sensors.camera import Shot
from autonomy_perception.simulation.truth.observed import counted, observe
from autonomy_perception.simulation.truth.truth import Truth
from autonomy_perception.simulation.world.materials import Semantic
from autonomy_perception.simulation.world.world import FIRST_STRUCTURE

I32 = NDArray[np.int32]
PASSES = 2
SEAM = 0.4
"""Share of a sweep between two returns on an object after which the second belongs to another pass over it."""


def objects(
    drive: SyntheticDrive, t: float, truth: Truth, frame: SeenFrame, returns: I32, pixels: Sequence[I32]
) -> dict[str, NDArray[Any]]:
    """Road users that touch the grid or are met by a return or a pixel, and when each lidar scanned them.

    Args:
        t: drive time of the truth [s]. frame: of the moment. returns, pixels: instance numbers of its returns and pixels.
    """
    o, grid = truth.objects, truth.grid.grid.bev
    low, high = np.array([grid.x_min, grid.y_min]), np.array([grid.x_max, grid.y_max])
    reach = 0.5 * np.hypot(o.size[:, 0], o.size[:, 1])[:, None]
    touching = ((o.center[:, :2] + reach > low) & (o.center[:, :2] - reach < high)).all(1)
    met = np.unique(np.concatenate([returns, *(p.ravel() for p in pixels)]))
    keep = np.flatnonzero(touching | np.isin(o.number, met))
    inside = np.all((o.center[:, :2] > low) & (o.center[:, :2] < high), axis=1)
    passes = [_passes(drive, t, frame, int(number)) for number in o.number[keep]]
    empty = np.zeros((0, len(drive.lidars), PASSES))
    path = {a.number: a.path for a in drive.world.actors}
    around = np.array([t - 0.01, t + 0.01])
    turns = [path[int(number)].poses(around) for number in o.number[keep]]
    rate = [geometry.yaw_of(geometry.invert(a) @ b) / 0.02 for a, b in turns]
    points = np.array([p for p, _ in passes] or empty, np.int32)
    out = {
        f"object_{n}": getattr(o, n)[keep]
        for n in ("number", "group", "label", "size", "yaw", "velocity", "visibility")
    }
    return out | {
        "object_center": o.center[keep].astype(np.float32),
        "object_yaw_rate": np.array(rate, np.float32),
        "object_points": points.sum((1, 2), dtype=np.int32),
        "object_in_grid": np.asarray(inside)[keep],
        "object_scan_points": points,
        "object_scan_time": np.array([time for _, time in passes] or empty, np.float32),
    }


def _passes(drive: SyntheticDrive, t: float, frame: SeenFrame, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """How many returns (L,2) each lidar's passes have on an object, and their mean times (L,2) relative to ``t`` [s]."""
    names = [lidar.name for lidar in drive.lidars]
    points, time = np.zeros((len(names), PASSES)), np.full((len(names), PASSES), np.nan)
    for part in frame.scans:
        sweep, k = part.reading.data, names.index(part.scan.sensor)
        mine = part.rows[np.flatnonzero(sweep.instance[part.rows] == number)]
        when = np.sort(sweep.time[mine]) + (part.reading.t - t)
        if len(when) == 0:
            continue
        gaps = np.diff(when)
        cut = [int(gaps.argmax()) + 1] if len(gaps) and gaps.max() > SEAM * drive.lidars[k].period else []
        for which, group in enumerate(np.split(when, cut)):
            points[k, which], time[k, which] = len(group), group.mean()
    return points, time


def structures(drive: SyntheticDrive, truth: Truth, returns: I32, pixels: Sequence[I32]) -> dict[str, NDArray[Any]]:
    """What stands near the vehicle or is met by a return or a pixel, with the instance numbers of these."""
    world, T = drive.world, truth.T_odom_world
    seen = np.unique(np.concatenate([truth.structures.number, returns, *(p.ravel() for p in pixels)]))
    row = seen[seen >= FIRST_STRUCTURE] - FIRST_STRUCTURE
    low, high = (bound[row] for bound in world.bounds)
    points = np.bincount(returns[returns >= FIRST_STRUCTURE] - FIRST_STRUCTURE, minlength=len(world.structures))
    return {
        "structure_number": (row + FIRST_STRUCTURE).astype(np.int32),
        "structure_kind": np.array([int(world.structures[k].kind) for k in row], np.uint8),
        "structure_center": geometry.transform_points(T, 0.5 * (low + high)).astype(np.float32),
        "structure_size": (high - low).astype(np.float32),
        "structure_yaw": np.full(len(row), geometry.yaw_of(T), np.float32),
        "structure_points": points[row].astype(np.int32),
    }


def grid(truth: Truth) -> dict[str, NDArray[Any]]:
    """State and ground of every cell."""
    state, ground = truth.grid, truth.terrain

    def share(layer: NDArray[np.float32], scale: float) -> NDArray[np.uint8]:
        return np.where(np.isfinite(layer), np.round(np.nan_to_num(layer) * scale), 255).astype(np.uint8)

    return {
        "bev_state": state.state, "bev_ditch": state.ditch,
        "bev_elevation": ground.elevation.astype(np.float16), "bev_slope": ground.slope.astype(np.float16),
        "bev_step": ground.step.astype(np.float16), "bev_class": ground.terrain_class,
        "bev_drivable": share(ground.drivable, 1.0), "bev_traversability": share(ground.traversability, 100.0),
    }  # fmt: skip


def observed(
    drive: SyntheticDrive, t: float, truth: Truth, xyz: NDArray[np.float32], real: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    """What the lidars know of every cell; ``real``: mask of the points (P,3) that lie on surfaces."""
    known = observe(drive.sight, drive.lidars, t, truth, xyz, real)
    return {f"bev_{name}": getattr(known, name) for name in ("hits", "false_hits", "visible", "observed")}


def pixels(name: str, shot: Shot) -> dict[str, NDArray[Any]]:
    """Class, instance and depth of every pixel; nothing is claimed of what the air hides."""
    semantic = np.where(shot.sky, np.uint8(PIXEL["SKY"]), shot.semantic)
    return {
        f"{name}_semantic": np.where(shot.hidden, np.uint8(PIXEL["HIDDEN"]), semantic),
        f"{name}_instance": np.where(shot.hidden, np.int32(-1), shot.instance),
        f"{name}_depth": np.where(shot.hidden, np.float32(np.nan), shot.depth).astype(np.float16),
    }


def pixels_on(drive: SyntheticDrive, t: float, truth: Truth, shots: Sequence[Reading[Shot]]) -> NDArray[np.uint16]:
    """How many pixels (ny,nx) of all images show something in each cell; the own vehicle is nothing."""
    out = np.zeros(truth.grid.grid.shape, np.int64)
    ego = level(drive.world.ego.poses(np.array([t]))[0])
    cameras = {c.name: c for c in drive.cameras}
    for reading in shots:
        camera, shot = cameras[reading.sensor], reading.data
        shown = (~shot.sky & ~shot.hidden & (shot.semantic != Semantic.EGO)).ravel()
        rays = camera.pixel_rays[shown]
        xyz = rays * (shot.depth.ravel()[shown] / rays[:, 2])[:, None]
        T = geometry.invert(ego) @ drive.world.ego.poses(np.array([reading.t]))[0] @ camera.T_base_camera
        out += counted(truth.grid.grid.bev, geometry.transform_points(T, xyz))
    return np.minimum(out, 65535).astype(np.uint16)
