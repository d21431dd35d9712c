"""The ground of a world: land, roads and patches as one mesh that knows what it is at every place.

The mesh is a product grid over the coordinates ``s``, ``d`` of a gently bent frame line. What lies at a point
follows from its coordinates along every road, interpolated from the corners of its triangle, so borders and
painted lines are as sharp as the mesh is straight; a triangle that is of one kind all over answers from a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.simulation.rays.scene import FAR, Hits, Mesh, Scene
from autonomy_perception.simulation.world.landforms import Field, Patch, Waves, smoothstep
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.roadway import Roadway
from autonomy_perception.simulation.world.ways import Way

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
BOOL = NDArray[np.bool_]
GRASS_COVER = 0.13  # mean height of grass [m]
BROKEN = 12.0  # corners farther apart than this in a road's d [m] lie on different sides of its medial axis


@dataclass(frozen=True)
class GroundSample:
    """The ground at N places (``Semantic.NONE`` where there is none).

    Attributes:
        semantic, material: uint8 (N,) of Semantic and Material (``MARKING`` where a line is painted).
        cover: float32 (N,) height of the grass standing there [m], 0 on bare ground.
        wet: float32 (N,) 0 dry .. 1 standing water, as the ground is without any rain.
        bed: uint8 (N,) of Semantic, what wheels stand on: below water and mud what is known to lie at most a decimetre
            deeper, ``NONE`` where nothing is known; elsewhere as ``semantic``.
    """

    semantic: U8
    material: U8
    cover: F32
    wet: F32
    bed: U8


@dataclass(frozen=True)
class Lattice:
    """Where the mesh has its lines: the frame, and coordinates s (A,) and d (B,) [m] of the lines, ascending."""

    frame: Way
    s: F64
    d: F64


def lines(*stops: tuple[float, float], end: float) -> F64:
    """Positions from the first stop to ``end``: each stop says where a spacing begins, (position, spacing) [m]."""
    edges = [*(p for p, _ in stops), end]
    parts = [
        np.linspace(a, b, max(round((b - a) / step), 1), endpoint=False)
        for (a, step), b in zip(stops, edges[1:], strict=True)
    ]
    return np.concatenate([*parts, [end]])


class Ground:
    """Land with roads and patches, ready for ray casting.

    Args:
        lattice: where the mesh has its lines.
        land: elevation of the land. base: semantic and material of it, height of what grows there [m].
        roads: later ones lie over earlier ones. patches: later ones lie over earlier ones.
        tufts: random field that says where grass stands high.

    Attributes:
        scene: ray scene; height queries look down from ``above`` [m].
    """

    def __init__(
        self,
        lattice: Lattice,
        land: Field,
        base: tuple[Semantic, Material, float],
        roads: Sequence[Roadway],
        patches: Sequence[Patch],
        tufts: Waves,
    ) -> None:
        self.roads, self.patches, self.lattice, self.tufts = tuple(roads), tuple(patches), lattice, tufts
        self._kinds: list[tuple[int, int, float, float, int]] = []
        self._kind(*base)
        ss, dd = np.meshgrid(lattice.s, lattice.d, indexing="ij")
        xy = lattice.frame.xy(ss, dd).reshape(-1, 2)
        along = [(ss.ravel(), dd.ravel()) if r.way is lattice.frame else r.way.project(xy) for r in self.roads]
        sunk = self._ditches(along, len(xy))
        z = land(xy) - sunk
        for road, (s, d) in zip(self.roads, along, strict=True):
            z = road.shape(z, s, d, xy, self._kerbs(road, along))
        fields = []
        for patch in self.patches:
            fields.append(patch.field(xy))
            if patch.form is not None:
                z = patch.form(xy, z, fields[-1])
        columns = [c for pair in along for c in pair] + fields + [sunk]
        self._coords = np.column_stack(columns).astype(np.float32)
        faces = _triangles(len(lattice.s), len(lattice.d))
        self._table(faces, tufts(xy))
        self.above = float(z.max()) + 10.0
        self.scene = Scene(Mesh(np.column_stack([xy, z]), faces, self._of(self._face_kind)[1]))

    def at(self, hits: Hits) -> GroundSample:
        """What the ground is where rays met :attr:`scene`."""
        semantic, material, cover, wet, bed = self._of(self._face_kind.take(hits.face))
        unclear = np.flatnonzero(self._mixed.take(hits.face) & hits.hit)
        kind, painted = self._classify(self._interpolate(hits, unclear))
        semantic[unclear], material[unclear], cover[unclear], wet[unclear], bed[unclear] = self._of(kind)
        material[unclear[painted]] = Material.MARKING
        cover *= self._tuft.take(hits.face)
        missed = ~hits.hit
        for layer in (semantic, material, cover, wet, bed):
            layer[missed] = 0
        return GroundSample(semantic, material, cover, wet, bed)

    def height(self, xy: ArrayLike) -> F64:
        """Elevation (...) [m] under points (..., 2); NaN beside the world."""
        at = np.asarray(xy, np.float64)
        return np.asarray(self.look(at.reshape(-1, 2))[0].reshape(at.shape[:-1]))

    def look(self, xy: F64) -> tuple[F64, Hits]:
        """Elevation (N,) [m] (NaN beside the world) and vertical hits under points (N,2)."""
        down = np.tile(np.array([0.0, 0.0, -1.0], np.float32), (len(xy), 1))
        hits = self.scene.cast(np.column_stack([xy, np.full(len(xy), self.above)]).astype(np.float32), down)
        height = np.where(hits.distance < FAR, self.above - hits.distance.astype(np.float64), np.nan)
        return height, hits

    def inside(self, xy: F64, margin: float) -> BOOL:
        """Whether points (N,2) lie on the mesh, ``margin`` [m] away from its rim."""
        s, d = self.lattice.frame.project(xy)
        (s0, s1), (d0, d1) = self.lattice.s[[0, -1]], self.lattice.d[[0, -1]]
        return np.asarray((s > s0 + margin) & (s < s1 - margin) & (d > d0 + margin) & (d < d1 - margin))

    def _ditches(self, along: list[tuple[F64, F64]], count: int) -> F64:
        """Depth (V,) of all ditches, closed where another road crosses."""
        sunk = np.zeros(count)
        for k, (road, (s, d)) in enumerate(zip(self.roads, along, strict=True)):
            depth = road.ditch_depth(s, d)
            for j, (other, (t, e)) in enumerate(zip(self.roads, along, strict=True)):
                if j != k and depth.any():
                    depth = depth * smoothstep(other.outward(t, e), 0.3, 3.0)
            sunk = np.maximum(sunk, depth)
        return sunk

    def _kerbs(self, road: Roadway, along: list[tuple[F64, F64]]) -> F64 | float:
        """Where the kerbs of a road stand (V,): they are lowered for the other roads."""
        raised: F64 | float = 1.0
        for other, (s, d) in zip(self.roads, along, strict=True):
            if road.section.kerb and other is not road:
                raised = raised * smoothstep(other.beside_paved(s, d), 0.0, 0.8)
        return raised

    def _table(self, faces: NDArray[np.int32], tufts: F64) -> None:
        """Kind of every face, and the faces that are not of one kind all over."""
        corner = self._classify(self._coords)[0]
        middle = self._classify(self._middle(faces))[0]
        self._mixed = (corner[faces] != middle[:, None]).any(1)
        for k, road in enumerate(self.roads):
            if road.section.lines:
                d = self._coords[:, 2 * k + 1][faces]
                s = self._coords[:, 2 * k][faces]
                low, high, begin, end = d.min(1), d.max(1), s.min(1), s.max(1)
                one_side = high - low < BROKEN
                for line in road.section.lines:
                    half = 0.5 * line.width
                    across = (low < line.d + half) & (high > line.d - half) & one_side
                    self._mixed |= across & (begin < line.span[1]) & (end > line.span[0])
        self._face_kind = middle
        self._tuft = np.clip(1.0 + 0.6 * tufts[faces].mean(1), 0.3, 1.7).astype(np.float32)

    def _middle(self, faces: NDArray[np.int32]) -> F32:
        out = np.empty((len(faces), self._coords.shape[1]), np.float32)
        for k in range(out.shape[1]):
            c = self._coords[:, k]
            out[:, k] = (c[faces[:, 0]] + c[faces[:, 1]] + c[faces[:, 2]]) / 3.0
        return out

    def _interpolate(self, hits: Hits, which: NDArray[np.int64]) -> F32:
        corner = self._coords.take(self.scene.mesh.faces.take(hits.face[which], 0), 0)
        u, v = hits.u[which, None], hits.v[which, None]
        out = corner[:, 0] * (1 - u - v) + corner[:, 1] * u + corner[:, 2] * v
        for c in range(1, 2 * len(self.roads), 2):
            one, two, three = corner[:, :, c].T
            apart = np.maximum(np.maximum(one, two), three) - np.minimum(np.minimum(one, two), three)
            out[apart > BROKEN, c] = 1e4
        return np.asarray(out, np.float32)

    def _kind(self, semantic: int, material: int, cover: float = 0.0, wet: float = 0.0, bed: int | None = None) -> int:
        if bed is None:
            bed = Semantic.NONE if semantic in (Semantic.WATER, Semantic.MUD) else semantic
        entry = (int(semantic), int(material), cover, wet, int(bed))
        if entry not in self._kinds:
            self._kinds.append(entry)
        return self._kinds.index(entry)

    def _of(self, kind: U8) -> tuple[U8, U8, F32, F32, U8]:
        """Semantic, material, cover, wetness and bed (N,) of kinds (N,)."""
        semantic, material, cover, wet, bed = zip(*self._kinds, strict=True)
        of, names, amounts = kind.astype(np.intp), (semantic, material, bed), (cover, wet)
        a, b, c = (np.array(column, np.uint8).take(of) for column in names)
        d, e = (np.array(column, np.float32).take(of) for column in amounts)
        return a, b, d, e, c

    def _classify(self, coords: F32) -> tuple[U8, BOOL]:
        """Index of the kind (N,) at coordinates (N,C), and where lines are painted."""
        n, columns = len(coords), [(coords[:, 2 * k], coords[:, 2 * k + 1]) for k in range(len(self.roads))]
        kind = np.zeros(n, np.uint8)
        kind[coords[:, -1] > 0.02] = self._kind(Semantic.DITCH, Material.DITCH, GRASS_COVER)
        for road, (s, d) in zip(self.roads, columns, strict=True):
            kind[road.outward(s, d) < 0.0] = self._kind(*road.section.shoulder)
        paved = [road.paved(s, d) for road, (s, d) in zip(self.roads, columns, strict=True)]
        for road, on in zip(self.roads, paved, strict=True):
            kind[on] = self._kind(*road.section.surface)
        painted = self._painted(paved, columns, n)
        for k, patch in enumerate(self.patches):
            if patch.semantic is not None:
                semantics = np.array([entry[0] for entry in self._kinds])
                field = coords[:, 2 * len(self.roads) + k]
                on = (field > 0.0) & np.isin(semantics[kind], [int(s) for s in patch.on])
                kind[on] = self._kind(patch.semantic, patch.material, patch.cover, patch.wet, patch.bed)
                painted &= ~on
        return kind, painted

    def _painted(self, paved: list[BOOL], columns: list[tuple[F32, F32]], n: int) -> BOOL:
        """Lines end where another road's pavement begins, but for those of a road of higher rank."""
        painted = np.zeros(n, np.bool_)
        for k, (road, (s, d)) in enumerate(zip(self.roads, columns, strict=True)):
            if road.section.lines:
                free = paved[k].copy()
                for j, other in enumerate(paved):
                    if j != k and self.roads[j].section.rank >= road.section.rank:
                        free &= ~other
                some = np.flatnonzero(free)
                painted[some] |= road.painted(s[some], d[some])
        return painted


def _triangles(rows: int, columns: int) -> NDArray[np.int32]:
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, e = index[:-1, :-1].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    return np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, e])])
