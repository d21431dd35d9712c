"""Roads laid over the land: cross-section, shoulders, ditches, embankments, wear, painted lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from autonomy_perception.simulation.world.landforms import Field, Waves, smoothstep
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.ways import STEP, Way

F64 = NDArray[np.float64]
Real = NDArray[np.floating]
BOOL = NDArray[np.bool_]
WHEEL = 0.95  # wheels run so far from the middle of their lane [m]


@dataclass(frozen=True)
class Line:
    """A painted line: where [m to the left of the centre line], dashes (painted, gap) [m] or None, width [m],
    and the range of s [m] that it is painted over. Short and wide, it is a stop line."""

    d: float
    dashes: tuple[float, float] | None = None
    width: float = 0.15
    span: tuple[float, float] = (-np.inf, np.inf)


@dataclass(frozen=True)
class Ditch:
    """A ditch: side (+1 left, -1 right), where it begins beyond the road's edge [m], widths of slope and floor, depth [m]."""

    side: int
    begin: float
    slope: float
    floor: float
    depth: float

    def profile(self, outward: Real) -> F64:
        """Depth (N,) over the distance (N,) beyond the road's edge on its side [m]."""
        a, b = self.begin, self.begin + self.slope
        at = [a, b, b + self.floor, b + self.floor + self.slope]
        return np.asarray(np.interp(outward, at, [0.0, self.depth, self.depth, 0.0]))


@dataclass(frozen=True)
class Section:
    """Cross-section of a road [m].

    Attributes:
        left, right: paved width on each side of the centre line. shoulders: (left, right) width beside it.
        surface, shoulder: semantic and material of each.
        crown: fall from the centre line outwards [m/m]; bank: fall towards the right [m/m].
        kerb: height of the shoulder (then a sidewalk) above the edge of the paved part.
        slope: gradient of embankment and cutting.
        lanes: lateral positions of the middle of the lanes. ruts: depth in their wheel tracks.
        washboard: amplitude and wavelength of the ripples.
        rank: lines end where a road of the same or a higher rank crosses.
        rough: standard deviation of unevenness of 1 to 8 m length.
    """

    left: float
    right: float
    shoulders: tuple[float, float] = (1.2, 1.2)
    surface: tuple[Semantic, Material] = (Semantic.ROAD, Material.ASPHALT)
    shoulder: tuple[Semantic, Material] = (Semantic.SHOULDER, Material.GRAVEL)
    crown: float = 0.025
    bank: float = 0.0
    kerb: float = 0.0
    slope: float = 0.5
    lanes: tuple[float, ...] = ()
    ruts: float = 0.0
    washboard: tuple[float, float] = (0.0, 0.7)
    rough: float = 0.0
    lines: tuple[Line, ...] = ()
    rank: int = 0
    ditches: tuple[Ditch, ...] = ()

    @property
    def edges(self) -> tuple[float, float]:
        """Distance of the outer borders of the shoulders left and right."""
        return self.left + self.shoulders[0], self.right + self.shoulders[1]


@dataclass(frozen=True)
class Roadway:
    """A section along a way.

    Attributes:
        profile: elevation (M,) [m] of the centre line at ``way.s``.
        waves: unevenness; ``hard``: whether anything is painted, ruts shine (asphalt) or are loose.
    """

    way: Way
    section: Section
    profile: F64
    waves: tuple[Waves, Waves] = field(repr=False)

    @classmethod
    def along(cls, rng: np.random.Generator, way: Way, section: Section, profile: F64) -> Roadway:
        """A road whose elevation (M,) [m] at ``way.s`` is given."""
        return cls(way, section, profile, _unevenness(rng, section))

    @classmethod
    def laid(
        cls,
        rng: np.random.Generator,
        way: Way,
        section: Section,
        land: Field,
        smooth: float = 30.0,
        raised: float = 0.3,
    ) -> Roadway:
        """A road that follows the land, smoothed over about ``smooth`` [m] and ``raised`` [m] above it."""
        return cls.along(rng, way, section, gaussian_filter1d(land(way.points), smooth / STEP, mode="nearest") + raised)

    @classmethod
    def joining(
        cls, rng: np.random.Generator, way: Way, section: Section, land: Field, main: Roadway, reach: float = 30.0
    ) -> Roadway:
        """A road that joins another: level with it beside it, then following the land, over ``reach`` [m]."""
        s, d = main.way.project(way.points)
        own: F64 = gaussian_filter1d(land(way.points), 12.0 / STEP, mode="nearest")
        away = smoothstep(np.maximum(d - main.section.edges[0], -d - main.section.edges[1]), 0.0, reach)
        profile: F64 = gaussian_filter1d(main.crest(s, d) * (1 - away) + own * away, 1.0 / STEP, mode="nearest")
        return cls.along(rng, way, section, profile)

    def crest(self, s: Real, d: Real, raised: F64 | float = 1.0) -> F64:
        """Elevation (N,) of the built section without unevenness; beyond its edges that of the edge.

        ``raised`` (N,): 1 where its kerbs stand, 0 where they are lowered for another road.
        """
        c = self.section
        d = np.clip(d, -c.edges[1], c.edges[0])
        paved = np.clip(d, -c.right, c.left)
        aside = np.abs(d - paved)
        z = np.interp(s, self.way.s, self.profile) - c.crown * np.abs(paved) + c.bank * paved
        kerb = raised * c.kerb * smoothstep(aside, 0.0, 0.12) if c.kerb else 0.0
        return np.asarray(z + kerb - (0.02 if c.kerb else 0.05) * aside)

    def outward(self, s: Real, d: Real) -> F64:
        """Distance (N,) [m] beyond the edges of the road, negative on it."""
        aside = np.maximum(d - self.section.edges[0], -d - self.section.edges[1])
        beyond = np.maximum(-s, s - self.way.length)
        return np.asarray(np.where(beyond > 0.0, np.hypot(np.maximum(aside, 0.0), beyond), aside))

    def shape(self, z: F64, s: F64, d: F64, xy: F64, raised: F64 | float = 1.0) -> F64:
        """Lay the road over the elevation (N,) so far: the section on it, embankment or cutting beside it."""
        out, crest = self.outward(s, d), self.crest(s, d, raised)
        fall = self.section.slope * np.maximum(out, 0.0)
        beside = np.clip(z, crest - fall, crest + fall)
        return np.where(out <= 0.0, crest + self.unevenness(s, d, xy), beside)

    def unevenness(self, s: Real, d: Real, xy: F64) -> F64:
        """Ruts, washboard and waves (N,) [m] on the paved part."""
        c = self.section
        out = np.zeros(len(s))
        if not (c.ruts or c.rough or c.washboard[0]):
            return out
        on = np.flatnonzero((d > -c.right - 0.5) & (d < c.left + 0.5))
        s, d, xy = s[on], d[on], xy[on]
        value = self.waves[0](xy) + self.waves[1](xy) if c.rough else np.zeros(len(on))
        track = self.wheel_tracks(d)
        patchy = 0.5 + 0.5 * np.sin(2 * np.pi * s / 43.0 + 1.3 * np.sin(2 * np.pi * s / 71.0))
        value = value - c.ruts * track
        value = value + c.washboard[0] * np.sin(2 * np.pi * s / c.washboard[1]) * patchy * (0.4 + 0.6 * track)
        out[on] = value
        return out

    def wheel_tracks(self, d: Real) -> F64:
        """How much wheels run at lateral positions (N,): 0..1."""
        out = np.zeros(len(d))
        for lane in self.section.lanes:
            out = np.maximum(out, np.exp(-(((np.abs(d - lane) - WHEEL) / 0.3) ** 2)))
        return out

    def ditch_depth(self, s: Real, d: Real) -> F64:
        """Depth (N,) [m] of its ditches."""
        c = self.section
        out = np.zeros(len(s))
        for ditch in c.ditches:
            beyond = d - c.edges[0] if ditch.side > 0 else -d - c.edges[1]
            out = np.maximum(out, ditch.profile(beyond))
        return np.where((s > 0.0) & (s < self.way.length), out, 0.0)

    def paved(self, s: Real, d: Real) -> BOOL:
        """Whether points lie on the paved part."""
        on = (d <= self.section.left) & (d >= -self.section.right)
        return np.asarray(on & (s >= 0.0) & (s <= self.way.length))

    def beside_paved(self, s: Real, d: Real) -> F64:
        """Distance (N,) [m] beyond the paved part, 0 on it."""
        aside = np.maximum(np.maximum(d - self.section.left, -d - self.section.right), 0.0)
        return np.asarray(np.hypot(aside, np.maximum(np.maximum(-s, s - self.way.length), 0.0)))

    def painted(self, s: Real, d: Real) -> BOOL:
        """Whether points lie on a painted line."""
        out = np.zeros(len(s), np.bool_)
        for line in self.section.lines:
            on = (np.abs(d - line.d) < 0.5 * line.width) & (s >= line.span[0]) & (s <= line.span[1])
            out |= on & (s % sum(line.dashes) < line.dashes[0]) if line.dashes else on
        return out


def _unevenness(rng: np.random.Generator, section: Section) -> tuple[Waves, Waves]:
    return (
        Waves.draw(rng, (4.0, 9.0), 0.85 * section.rough),
        Waves.draw(rng, (1.2, 3.0), 0.4 * section.rough),
    )
