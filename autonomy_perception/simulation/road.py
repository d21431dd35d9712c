"""The procedural road: a winding two-lane road with crown and crests, shoulders, a ditch, fields and a rough track.

Road coordinates: ``s`` [m] along the centre line, ``d`` [m] to the left of it. The surface is a height
function of (s, d), tessellated once; what lies at a point is known from (s, d) exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.simulation.materials import Material, Semantic
from autonomy_perception.simulation.scene import Mesh

F64 = NDArray[np.float64]

LANE = 3.5
ASPHALT_HALF = 3.8
SHOULDER_HALF = 5.0
DITCH_TOP = (-5.6, -9.0)  # d of its two upper edges
DITCH_FLOOR = (-6.9, -7.7)
TRACK_HALF = 1.9
TRACK_OFFSET = -26.0  # d of the track once it has left the road
TRACK_LENGTH = 62.0  # length in s over which it leaves
SIDE = 115.0  # the surface reaches this far from the centre line [m]


def smoothstep(x: ArrayLike, low: float, high: float) -> F64:
    """0 below ``low``, 1 above ``high``, quintic in between (two derivatives vanish at the ends)."""
    t = np.clip((np.asarray(x, np.float64) - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * t * (t * (6.0 * t - 15.0) + 10.0))


@dataclass(frozen=True)
class Waves:
    """Seeded smooth random field: a sum of plane waves. Wavelengths in metres, amplitudes in metres."""

    kx: F64
    ky: F64
    phase: F64
    amplitude: F64

    @classmethod
    def draw(
        cls, rng: np.random.Generator, wavelengths: tuple[float, float], amplitude: float, count: int = 9
    ) -> Waves:
        """``count`` waves between two wavelengths whose sum has about this standard deviation."""
        k = 2.0 * np.pi / rng.uniform(*wavelengths, count)
        angle = rng.uniform(0.0, 2.0 * np.pi, count)
        a = rng.uniform(0.5, 1.0, count)
        return cls(
            k * np.cos(angle),
            k * np.sin(angle),
            rng.uniform(0, 2 * np.pi, count),
            a * amplitude / np.sqrt((a**2).sum() / 2),
        )

    def __call__(self, x: F64, y: F64) -> F64:
        """Value at points of any shape."""
        out = np.zeros(np.broadcast(x, y).shape)
        for kx, ky, p, a in zip(self.kx, self.ky, self.phase, self.amplitude, strict=True):
            out += a * np.sin(kx * x + ky * y + p)
        return out


class Road:
    """Geometry of one road.

    Args:
        rng: seeded generator; everything random is drawn from it.
        length: length of the centre line [m].
        exit_s: where the track leaves the road to the right [m].
        layby: s range [m] of the widened shoulder on the left.
    """

    def __init__(self, rng: np.random.Generator, length: float, exit_s: float, layby: tuple[float, float]) -> None:
        self.length, self.exit_s, self.layby = length, exit_s, layby
        self._s = np.arange(0.0, length + 0.25, 0.25)
        self._heading = np.zeros_like(self._s)
        for wavelength, swing in (
            (rng.uniform(260, 380), rng.uniform(0.10, 0.20)),
            (rng.uniform(130, 200), rng.uniform(0.02, 0.05)),
        ):
            self._heading += swing * np.sin(2 * np.pi * self._s / wavelength + rng.uniform(0, 2 * np.pi))
        self._heading += rng.uniform(-np.pi, np.pi)
        step = np.diff(self._s)[0]
        mid = 0.5 * (self._heading[1:] + self._heading[:-1])
        self._x = np.concatenate([[0.0], np.cumsum(np.cos(mid) * step)])
        self._y = np.concatenate([[0.0], np.cumsum(np.sin(mid) * step)])
        self._profile = [
            (rng.uniform(0.8, 1.3), rng.uniform(170, 240), rng.uniform(0, 6.28)),
            (rng.uniform(0.2, 0.4), rng.uniform(70, 100), rng.uniform(0, 6.28)),
        ]
        self._depth = rng.uniform(0.85, 1.15)
        self._field_offset = (rng.uniform(-0.5, 0.3), rng.uniform(-0.2, 0.3))  # left, right of the road
        self._broad = Waves.draw(rng, (28.0, 60.0), 0.30)
        self._medium = Waves.draw(rng, (6.0, 14.0), 0.055)
        self._small = Waves.draw(rng, (1.6, 3.5), 0.018)
        self._track_small = Waves.draw(rng, (1.2, 3.0), 0.02)
        self._track_medium = Waves.draw(rng, (4.0, 9.0), 0.045)
        self._wander = (rng.uniform(1.0, 2.0), rng.uniform(45.0, 70.0))

    def heading(self, s: ArrayLike) -> F64:
        """Direction [rad] of the centre line."""
        return np.asarray(np.interp(np.asarray(s, np.float64), self._s, self._heading))

    def xy(self, s: ArrayLike, d: ArrayLike) -> F64:
        """World position (..., 2) [m] of road coordinates."""
        s, d = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(d, np.float64))
        h = self.heading(s)
        return np.stack(
            [np.interp(s, self._s, self._x) - np.sin(h) * d, np.interp(s, self._s, self._y) + np.cos(h) * d], -1
        )

    def track_d(self, s: ArrayLike) -> F64:
        """Lateral position of the track's centre; before ``exit_s`` the middle of the right lane."""
        along = np.asarray(s, np.float64) - self.exit_s
        start = -0.5 * LANE
        wander = self._wander[0] * np.sin(2 * np.pi * along / self._wander[1]) * smoothstep(along, 30.0, 90.0)
        return np.asarray(start + (TRACK_OFFSET - start) * smoothstep(along, 0.0, TRACK_LENGTH) + wander)

    def on_track(self, s: ArrayLike, d: ArrayLike, margin: float = 0.0) -> NDArray[np.bool_]:
        """Whether a point lies on the track (widened by ``margin`` [m])."""
        s, d = np.asarray(s, np.float64), np.asarray(d, np.float64)
        return np.asarray((s > self.exit_s + 4.0) & (np.abs(d - self.track_d(s)) < TRACK_HALF + margin))

    def ditch_depth(self, s: ArrayLike, d: ArrayLike) -> F64:
        """Depth [m] of the ditch below the verge; 0 outside and where the track crosses on a culvert."""
        s, d = np.asarray(s, np.float64), np.asarray(d, np.float64)
        shape = np.interp(-d, [-DITCH_TOP[0], -DITCH_FLOOR[0], -DITCH_FLOOR[1], -DITCH_TOP[1]], [0.0, 1.0, 1.0, 0.0])
        span = np.linspace(self.exit_s, self.exit_s + TRACK_LENGTH, 400)
        crossing = span[(self.track_d(span) < DITCH_TOP[0] + 2.2) & (self.track_d(span) > DITCH_TOP[1] - 2.2)]
        clear = smoothstep(s, crossing[0] - 5.0, crossing[0] - 1.0) * (
            1.0 - smoothstep(s, crossing[-1] + 1.0, crossing[-1] + 5.0)
        )
        return np.asarray(self._depth * shape * (1.0 - clear))

    def height(self, s: ArrayLike, d: ArrayLike) -> F64:
        """Elevation [m] of the surface."""
        s, d = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(d, np.float64))
        a = np.abs(d)
        z = sum(h * np.sin(2 * np.pi * s / w + p) for h, w, p in self._profile)
        z = (
            z
            - 0.025 * np.minimum(a, ASPHALT_HALF)
            - 0.05 * np.clip(a - ASPHALT_HALF, 0.0, SHOULDER_HALF - ASPHALT_HALF)
        )
        left = self._field_offset[0] * smoothstep(d, 8.0, 20.0)
        right = self._field_offset[1] * smoothstep(-d, 9.0, 18.0)
        xy = self.xy(s, d)
        x, y = xy[..., 0], xy[..., 1]
        off = smoothstep(a, 8.0, 22.0)
        rough = smoothstep(a, SHOULDER_HALF, 9.0)
        on = 1.0 - smoothstep(np.abs(d - self.track_d(s)), TRACK_HALF, TRACK_HALF + 1.6)
        on = (
            on * smoothstep(s, self.exit_s + 4.0, self.exit_s + 12.0) * smoothstep(a, ASPHALT_HALF, SHOULDER_HALF + 1.0)
        )
        ruts = -0.05 * np.exp(-(((np.abs(d - self.track_d(s)) - 0.95) / 0.28) ** 2))
        field = rough * (self._medium(x, y) + self._small(x, y))
        track = self._track_small(x, y) + self._track_medium(x, y) + ruts
        return np.asarray(
            z + left + right + off * self._broad(x, y) + (1 - on) * field + on * track - self.ditch_depth(s, d)
        )

    def semantic(self, s: ArrayLike, d: ArrayLike) -> NDArray[np.uint8]:
        """:class:`Semantic` of the ground at (s, d)."""
        s, d = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(d, np.float64))
        out = np.full(s.shape, Semantic.GRASS, np.uint8)
        widened = (d > 0) & (d < 8.6) & (s > self.layby[0]) & (s < self.layby[1])
        out[(np.abs(d) < SHOULDER_HALF) | widened] = Semantic.SHOULDER
        out[self.ditch_depth(s, d) > 0.02] = Semantic.DITCH
        out[self.on_track(s, d)] = Semantic.TRACK
        out[np.abs(d) < ASPHALT_HALF] = Semantic.ROAD
        return out

    def marking(self, s: ArrayLike, d: ArrayLike) -> NDArray[np.bool_]:
        """Whether (s, d) lies on a painted line: solid edges, dashed middle (3 m line, 6 m gap)."""
        s, d = np.asarray(s, np.float64), np.asarray(d, np.float64)
        edge = np.abs(np.abs(d) - (LANE + 0.08)) < 0.075
        return np.asarray(edge | ((np.abs(d) < 0.075) & (s % 9.0 < 3.0)))


MATERIAL_OF = np.zeros(len(Semantic), np.uint8)
MATERIAL_OF[[Semantic.ROAD, Semantic.SHOULDER, Semantic.TRACK, Semantic.GRASS, Semantic.DITCH]] = [
    Material.ASPHALT, Material.GRAVEL, Material.DIRT, Material.GRASS, Material.DITCH,
]  # fmt: skip


@dataclass(frozen=True)
class Surface:
    """The tessellated ground: mesh, and road coordinates float32 (V,2) of its vertices."""

    mesh: Mesh
    sd: NDArray[np.float32]

    def road_coordinates(self, face: NDArray[np.int32], u: NDArray[np.float32], v: NDArray[np.float32]) -> F64:
        """(s, d) (N,2) of points given by face and barycentric coordinates."""
        corner = self.sd[self.mesh.faces[face]].astype(np.float64)
        return np.asarray(corner[:, 0] * (1.0 - u - v)[:, None] + corner[:, 1] * u[:, None] + corner[:, 2] * v[:, None])


def tessellate(road: Road, step: float = 0.5) -> Surface:
    """Mesh of the ground: ``step`` [m] along the road; fine near it and around the track, coarse far away."""
    fine = np.arange(-12.0, 9.0, 0.25)
    right = np.concatenate([np.arange(-SIDE, -36.0, 2.0), np.arange(-36.0, -12.0, 0.4)])
    left = np.concatenate([np.arange(9.0, 30.0, 0.6), np.arange(30.0, SIDE + 0.1, 2.0)])
    d = np.concatenate([right, fine, left])
    s = np.arange(0.0, road.length + 1e-6, step)
    ss, dd = np.meshgrid(s, d, indexing="ij")
    vertices = np.concatenate([road.xy(ss, dd), road.height(ss, dd)[..., None]], -1).reshape(-1, 3)
    index = np.arange(ss.size).reshape(ss.shape)
    a, b, c, e = index[:-1, :-1].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    faces = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, e])]).astype(np.int32)
    sd = np.column_stack([ss.ravel(), dd.ravel()])
    middle = sd[faces].mean(1)
    return Surface(Mesh(vertices, faces, MATERIAL_OF[road.semantic(middle[:, 0], middle[:, 1])]), sd.astype(np.float32))
