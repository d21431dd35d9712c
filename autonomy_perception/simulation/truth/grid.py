"""Makes the truth grid of a sweep by casting rays down on, and across to, every cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import Dimensions
from autonomy_perception.grid import WorldGrid
from autonomy_perception.simulation.rays.scene import Mesh
from autonomy_perception.simulation.truth.sight import Sight
from autonomy_perception.simulation.truth.solidity import inside_samples, surface_samples, thin
from autonomy_perception.simulation.truth.terrain import GroundCells, TerrainTruth
from autonomy_perception.simulation.truth.truth import FREE, OCCUPIED, UNDECIDED, TruthGrid, TruthTerrain
from autonomy_perception.simulation.world.actors import Actor
from autonomy_perception.simulation.world.ground import GroundSample
from autonomy_perception.simulation.world.materials import DRIVABLE, Semantic
from autonomy_perception.simulation.world.structures import Structure
from autonomy_perception.simulation.world.world import FIRST_STRUCTURE, World

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
BOOL = NDArray[np.bool_]

BAND_LOW = 0.35  # obstacles begin at 0.25 m; the grass hides the soil by up to 0.1 m from any method [m]
CLEAR_LOW = 0.15  # a free cell holds nothing higher than this [m]
BORDER = 0.10  # nearer to a cell's border than this the sensor's noise decides which cell it is [m]
BOTTOMLESS = np.float32(0.5)  # traversability at most, where nobody knows how deep the water or mud is
MAX_FREE_SLOPE = 0.25  # [rad]; steeper ground is undecided, the ditch has its own mask
KNOWN_RETURNS = 20  # from so many returns on a road user all of its footprint counts, below only where the returns lie


@dataclass(frozen=True)
class SweepHits:
    """Noise-free returns of a sweep in world at its end (moving things carried along): xyz (P,3), height above ground (P,)."""

    xyz: F64
    height: F64
    semantic: NDArray[np.uint8]
    instance: NDArray[np.int32]


class GridTruth:
    """Truth grids of one world. ``side``, ``resolution``: of the published grid [m]; ``ahead``: of the vehicle its middle
    lies so far along x of the frame that is asked for [m]."""

    def __init__(
        self,
        world: World,
        body: Dimensions,
        sight: Sight,
        side: float = 150.0,
        resolution: float = 0.5,
        ahead: float = 0.0,
    ) -> None:
        self._world, self._body, self._sight, self._ahead = world, body, sight, ahead
        self._ground = TerrainTruth(world, body)
        self._side, self._resolution = side, resolution
        self._top = body.height + body.overhead_margin
        points = np.concatenate([surface_samples(self._low_part(s.mesh), 0.12) for s in (world.solid, world.porous)])
        below = points[:, 2] < world.terrain.mesh.vertices[:, 2].max() + self._top + 0.15  # most of high walls is not
        points = thin(points[below], 0.06)
        height = points[:, 2] - world.ground(points[:, :2])
        standing = (height > CLEAR_LOW) & (height < self._top + 0.15)
        self._standing = np.concatenate([_with_border(points[standing, :2]), *self._enclosed()])
        self._bodies = {a.number: self._body_samples(a) for a in world.actors}

    def _enclosed(self) -> list[F64]:
        """Places (K,2) inside the things that reach from the ground to where no surface above counts any more."""
        parts = [mesh for s in self._world.structures for mesh in (s.solid, s.porous) if mesh]
        vertices, first = np.concatenate([m.vertices for m in parts]), np.cumsum([0, *(len(m.vertices) for m in parts)])
        height = vertices[:, 2] - self._world.ground(vertices[:, :2])
        low, high = (f.reduceat(height, first[:-1]) for f in (np.minimum, np.maximum))
        tall = np.flatnonzero((low < CLEAR_LOW) & (high > 0.5 * self._top))  # of lower things the tops are samples
        return [inside_samples(parts[k], self._clear, 0.5 * self._resolution) for k in tall]  # one in every cell

    def _clear(self, xy: F64) -> F64:
        return self._world.ground(xy) + CLEAR_LOW

    def _low_part(self, mesh: Mesh) -> Mesh:
        """The faces that reach down below what the vehicle passes under (no tree crowns)."""
        corners = mesh.corners()
        height = corners[..., 2].min(1) - self._world.ground(corners.mean(1)[:, :2])
        low = height < self._top + 0.3
        return Mesh(mesh.vertices, mesh.faces[low], mesh.material[low])

    def _body_samples(self, actor: Actor) -> F64:
        p = np.concatenate([surface_samples(m, 0.12) for m in actor.shape.phases])
        return _with_border(p[(p[:, 2] > CLEAR_LOW) & (p[:, 2] < self._top + 0.15), :2])

    def make(self, t: float, T_world_base: F64, T_odom_world: F64, hits: SweepHits) -> tuple[TruthGrid, TruthTerrain]:
        """Truth around the vehicle at time ``t`` [s]."""
        at = geometry.transform_points(T_odom_world, T_world_base[None, :3, 3])[0]
        x0, y0 = np.round(at[:2], 9).tolist()  # the vehicle's own frame begins at 0, not at -1e-13 in the cell before
        grid = WorldGrid.around(x0 + self._ahead, y0, self._side, self._resolution)
        s = grid.shape
        x, y = np.meshgrid(*grid.bev.centers())
        T_world_odom = geometry.invert(T_odom_world)
        xy = geometry.transform_points(T_world_odom, np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)]))[:, :2]
        z, under, sample = self._world.surface_at(xy)
        cells = self._ground.at(xy)
        level = under.hit & (under.normal[:, 2] > np.cos(MAX_FREE_SLOPE)) & ~cells.lethal
        level &= (sample.semantic != Semantic.DITCH) & (sample.bed != Semantic.NONE)
        level &= ~_grow(cells.ditch.reshape(s)).ravel()
        occupied, near = self._things(t, grid, T_odom_world, xy, hits)
        state = np.full(len(xy), UNDECIDED, np.int8)
        state[level & ~near & ~self._under_own(t, T_world_base, xy)] = FREE
        state[occupied] = OCCUPIED
        look = np.flatnonzero((state == FREE) | cells.ditch)
        visible = np.zeros(len(xy), np.bool_)
        visible[look] = self._sight.sees(t, T_world_base, np.column_stack([xy[look], z[look] + 0.03]))
        layers = _terrain_layers(z + T_odom_world[2, 3], sample, cells, near)
        return (
            TruthGrid(grid, state.reshape(s), visible.reshape(s), cells.ditch.reshape(s)),
            TruthTerrain(grid, *(layer.reshape(s) for layer in layers)),
        )

    def _things(self, t: float, grid: WorldGrid, T_odom_world: F64, xy: F64, hits: SweepHits) -> tuple[BOOL, BOOL]:
        """Masks (cells,) that things occupy for certain, and that they come near to."""
        near = np.zeros(grid.shape, np.bool_)
        occupied = np.zeros(grid.shape, np.bool_)
        seen, returns = np.unique(hits.instance, return_counts=True)
        known = set(seen[returns >= KNOWN_RETURNS].tolist())
        center = xy.mean(0)
        close = np.abs(self._standing - center).max(1) < self._side
        clouds = [self._standing[close]]
        inside = np.zeros(len(xy), np.bool_)
        for actor in self._world.actors:
            if not actor.present(t):
                continue
            pose = actor.path.poses(np.array([t]))[0]
            if np.abs(pose[:2, 3] - center).max() > self._side:
                continue
            yaw = np.arctan2(pose[1, 0], pose[0, 0])
            turn = geometry.rotation_z(float(yaw))[:2, :2]
            clouds.append(self._bodies[actor.number] @ turn.T + pose[:2, 3])
            local = np.abs((xy - pose[:2, 3]) @ turn)
            body = (local[:, 0] < 0.5 * actor.shape.size[0]) & (local[:, 1] < 0.5 * actor.shape.size[1])
            near.ravel()[body] = True
            if actor.number in known:
                inside |= body
        for number in seen[seen >= FIRST_STRUCTURE]:
            _fill(inside, grid, T_odom_world, xy, self._world.structure(int(number)))
        _mark(near, grid, T_odom_world, np.concatenate(clouds))
        band = (hits.height > BAND_LOW) & (hits.height < self._top - 0.1)
        thing = (hits.semantic == Semantic.OBJECT) | (hits.semantic == Semantic.STRUCTURE)
        _mark(occupied, grid, T_odom_world, hits.xyz[band & thing, :2], BORDER)
        _mark(near, grid, T_odom_world, hits.xyz[thing & (hits.height > CLEAR_LOW), :2])
        occupied |= inside.reshape(grid.shape)
        return occupied.ravel(), (near | occupied).ravel()

    def _under_own(self, t: float, T_world_base: F64, xy: F64) -> BOOL:
        b, m = self._body, self._resolution
        under = _in_box(T_world_base, xy, (-b.rear - m, b.front + m), 0.5 * b.width + m)
        if self._world.trailer is not None:
            length, width, _ = 0.5 * self._world.trailer.shape.size + m
            under |= _in_box(self._world.trailer.path.poses(np.array([t]))[0], xy, (-length, length), width)
        return under


def _in_box(pose: F64, xy: F64, along: tuple[float, float], half_width: float) -> BOOL:
    """Whether places (M,2) lie in an upright box around a pose (4,4)."""
    local = (xy - pose[:2, 3]) @ geometry.rotation_z(geometry.yaw_of(pose))[:2, :2]
    return np.asarray((local[:, 0] > along[0]) & (local[:, 0] < along[1]) & (np.abs(local[:, 1]) < half_width))


def _terrain_layers(elevation: F64, sample: GroundSample, cells: GroundCells, blocked: BOOL) -> list[NDArray[Any]]:
    """Fields of TruthTerrain after ``grid``, one entry per cell."""
    known = np.isfinite(elevation)
    drivable = np.isin(sample.bed, [int(s) for s in DRIVABLE]) & ~blocked & ~cells.lethal
    most = np.where(blocked, np.float32(0.0), np.where(sample.bed == Semantic.NONE, BOTTOMLESS, np.float32(1.0)))
    passable = np.minimum(cells.traversability, most)
    return [
        elevation.astype(np.float32), cells.slope, cells.step, sample.semantic,
        np.where(known, drivable, np.nan).astype(np.float32), np.where(known, passable, np.nan).astype(np.float32),
    ]  # fmt: skip


def _mark(layer: BOOL, grid: WorldGrid, T_odom_world: F64, xy: F64, border: float = 0.0) -> None:
    """Set the cells that hold points (K,2) of world, at least ``border`` [m] away from the cell's sides."""
    (a, b), (c, d) = T_odom_world[:2, :2] / grid.resolution
    shift = T_odom_world[:2, 3] / grid.resolution
    x, y = a * xy[:, 0] + b * xy[:, 1] + shift[0], c * xy[:, 0] + d * xy[:, 1] + shift[1]
    ix, iy = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    reach = 0.5 - border / grid.resolution
    inside = (np.abs(x - ix - 0.5) <= reach) & (np.abs(y - iy - 0.5) <= reach)
    ix, iy = ix - grid.cell_x, iy - grid.cell_y
    inside &= (ix >= 0) & (ix < grid.nx) & (iy >= 0) & (iy < grid.ny)
    layer[iy[inside], ix[inside]] = True


def _fill(inside: BOOL, grid: WorldGrid, T_odom_world: F64, xy: F64, thing: Structure) -> None:
    """Set the cells (ravelled) whose centre, at ``xy`` (cells,2) in world, lies in the core of a structure."""
    x, y, radius = thing.core
    reach = radius if thing.walls is None else float(np.hypot(*thing.walls[:2]))
    center = T_odom_world[:2, :2] @ np.array([x, y]) + T_odom_world[:2, 3]
    low, high = (
        np.floor((center + r) / grid.resolution).astype(np.int64) - [grid.cell_x, grid.cell_y] for r in (-reach, reach)
    )
    low, high = np.maximum(low, 0), np.minimum(high, [grid.nx - 1, grid.ny - 1])
    if (high < low).any():
        return
    iy, ix = np.mgrid[low[1] : high[1] + 1, low[0] : high[0] + 1]
    index = (iy * grid.nx + ix).ravel()
    beside = xy[index] - [x, y]
    if thing.walls is None:
        inside[index] |= (beside**2).sum(1) < radius**2
    else:
        local = np.abs(beside @ geometry.rotation_z(thing.walls[2])[:2, :2])
        inside[index] |= (local < thing.walls[:2]).all(1)


def _with_border(xy: F64) -> F64:
    """Points (K,2) and the places ``BORDER`` beside them, one per 0.08 m."""
    around = np.array([[0, 0], [BORDER, 0], [-BORDER, 0], [0, BORDER], [0, -BORDER]])
    return thin((thin(xy, 0.08)[:, None] + around).reshape(-1, 2), 0.08)


def _grow(mask: BOOL) -> BOOL:
    """The mask and its four neighbours."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    out[:, 1:] |= mask[:, :-1]
    out[:, :-1] |= mask[:, 1:]
    return out
