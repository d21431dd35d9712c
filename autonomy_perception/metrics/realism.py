"""How far synthetic data is from a recording: the same features measured by the same instrument on both.

Both drives go through sensor front end and pipeline. Returns are looked at in base_link, after the own body was masked,
so a rig that matches the recording's sensors and mounts is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.replay import replay_offline
from autonomy_perception.config import PerceptionConfig
from autonomy_perception.metrics.simulated import simulated_steps
from autonomy_perception.ops.library import Library
from autonomy_perception.sensors.image import pixels
from autonomy_perception.sensors.image_header import ImageError
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.sensors.rig import Rig
from autonomy_perception.types import Perception, SensorFrame

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

NEAR_M, FAR_M = 2.0, 80.0
ROUGH_RANGE_M = 20.0
OBJECT_BINS_M = np.array([0.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0])
PATCH_PX = 32
IMAGE_WIDTH = 640
SAMPLES = 40_000
"""Values of one feature kept per frame at most."""


@dataclass
class Measured:
    """Features of one drive; lists grow by one entry per frame.

    Attributes:
        range, intensity: per return [m], 0..1. beam: elevation of returns [deg].
        count: returns per sweep. rough: standard deviation of the ground in cells of 1 m [m].
        objects: per detected road-user sized thing: distance [m], returns on it.
        brightness: of pixels, contrast: standard deviation within patches of 32 px, both 0..255; saturation 0..1.
        pictures: a few images (H,W,3) RGB and clouds (N,4) x y z intensity.
    """

    range: list[F64] = field(default_factory=list)
    intensity: list[F64] = field(default_factory=list)
    beam: list[F64] = field(default_factory=list)
    count: list[float] = field(default_factory=list)
    rough: list[F64] = field(default_factory=list)
    objects: list[F64] = field(default_factory=list)
    brightness: list[F64] = field(default_factory=list)
    contrast: list[F64] = field(default_factory=list)
    saturation: list[F64] = field(default_factory=list)
    pictures: list[U8] = field(default_factory=list)
    clouds: list[F64] = field(default_factory=list)

    def add(self, frame: SensorFrame, result: Perception) -> None:
        """Measure one frame."""
        for scan in frame.scans[:1]:
            to = scan.cloud.xyz.astype(np.float64) - scan.origin
            distance = np.linalg.norm(to, axis=1)
            seen = (distance > NEAR_M) & (distance < FAR_M)
            some = np.flatnonzero(seen)[:: max(1, int(seen.sum()) // SAMPLES)]
            self.range.append(distance[some])
            self.intensity.append(scan.cloud.intensity[some].astype(np.float64))
            self.beam.append(np.degrees(np.arcsin(to[some, 2] / distance[some])))
            self.count.append(float(seen.sum()))
            self.rough.append(roughness(scan.cloud.xyz[seen & (distance < ROUGH_RANGE_M)].astype(np.float64)))
            self.clouds.append(np.column_stack([scan.cloud.xyz[some], scan.cloud.intensity[some]]))
        found = result.detections
        length, height = found.size[:, :2].max(1), found.size[:, 2]
        body = (length > 1.5) & (length < 15.0) & (height > 0.7) & (height < 4.5)
        away = np.linalg.norm(found.center[body, :2], axis=1)
        self.objects.append(np.column_stack([away, found.points[body]]).astype(np.float64))
        for camera in frame.cameras[:1]:
            try:
                self.look(pixels(camera))
            except ImageError:
                continue

    def look(self, image: U8) -> None:
        """Measure one image (H,W,3) RGB, brought to 640 pixels of width."""
        scale = IMAGE_WIDTH / image.shape[1]
        small = cv2.resize(np.ascontiguousarray(image), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float64)
        high, low = small.max(-1).astype(np.float64), small.min(-1)
        rows, columns = (n // PATCH_PX for n in grey.shape)
        patches = grey[: rows * PATCH_PX, : columns * PATCH_PX].reshape(rows, PATCH_PX, columns, PATCH_PX)
        self.brightness.append(grey.ravel()[::7])
        self.contrast.append(patches.std((1, 3)).ravel())
        self.saturation.append(((high - low) / np.maximum(high, 1.0)).ravel()[::7])
        self.pictures.append(np.asarray(small, np.uint8))


def roughness(xyz: F64) -> F64:
    """Standard deviation (C,) [m] about its own plane of what lies low in each cell of 1 m with at least 12 returns."""
    cell = np.floor(xyz[:, :2]).astype(np.int64)
    key = (cell[:, 0] + 500) * 1000 + cell[:, 1] + 500
    order = np.argsort(key, kind="stable")
    out = []
    for part in np.split(xyz[order], np.flatnonzero(np.diff(key[order])) + 1):
        if len(part) < 12 or np.ptp(part[:, 2]) > 0.4 or np.ptp(part[:, 0]) < 0.3 or np.ptp(part[:, 1]) < 0.3:
            continue
        a = np.column_stack([part[:, :2] - part[:, :2].mean(0), np.ones(len(part))])
        rest = part[:, 2] - a @ np.linalg.lstsq(a, part[:, 2], rcond=None)[0]
        out.append(rest.std())
    return np.array(out)


@dataclass(frozen=True)
class Feature:
    """One feature: medians of both, distance and its unit.

    Attributes:
        size: the distance in standard deviations of the recording (Jensen-Shannon distances, shares and logarithms as
            they are): what features are ranked by.
        floor: the same distance between the two halves of the recording, where it has several frames.
    """

    name: str
    real: float
    simulated: float
    distance: float
    measure: str
    size: float
    floor: float | None


def _flat(parts: Sequence[F64]) -> F64:
    return np.concatenate(parts) if parts else np.zeros(0)


def _wasserstein(a: F64, b: F64) -> float:
    return float(wasserstein_distance(a, b)) if len(a) and len(b) else float("nan")


def beam_shares(elevation: F64, edges: F64) -> F64:
    """Share of the returns between consecutive ``edges`` [deg] (K-1,)."""
    count = np.histogram(elevation, edges)[0].astype(np.float64)
    return np.asarray(count / max(count.sum(), 1.0))


def _objects_apart(a: F64, b: F64) -> float:
    """Mean absolute log10 ratio of the median returns per object over the bins of distance both have."""
    apart = []
    for low, high in pairwise(OBJECT_BINS_M):
        pair = [o[(o[:, 0] >= low) & (o[:, 0] < high), 1] for o in (a, b)]
        if all(len(p) >= 3 for p in pair):
            apart.append(abs(np.log10(np.median(pair[0]) / np.median(pair[1]))))
    return float(np.mean(apart)) if apart else float("nan")


def features(real: Measured, simulated: Measured, beams_deg: Sequence[float]) -> list[Feature]:
    """Every feature, the one that differs most first; those that one side does not have are left out."""
    half = len(real.count) // 2
    out = []
    for name, unit in (
        ("range", "m"), ("intensity", "1"), ("rough", "m"), ("brightness", "1/255"), ("contrast", "1/255"), ("saturation", "1"),
    ):  # fmt: skip
        parts = getattr(real, name)
        a, b = _flat(parts), _flat(getattr(simulated, name))
        if len(a) and len(b):
            floor = _wasserstein(_flat(parts[:half]), _flat(parts[half:])) if half else None
            d = _wasserstein(a, b)
            size = d / max(float(a.std()), 1e-9)
            out.append(Feature(name, float(np.median(a)), float(np.median(b)), d, f"Wasserstein [{unit}]", size, floor))
    middle = np.sort(np.asarray(beams_deg, np.float64))
    edges = np.concatenate([[middle[0] - 1.0], 0.5 * (middle[1:] + middle[:-1]), [middle[-1] + 1.0]])
    mine, theirs = (beam_shares(_flat(m.beam), edges) for m in (real, simulated))
    js = float(jensenshannon(mine, theirs, base=2.0))
    floor = None
    if half:
        early, late = (beam_shares(_flat(p), edges) for p in (real.beam[:half], real.beam[half:]))
        floor = float(jensenshannon(early, late, base=2.0))
    seen = [float(np.count_nonzero(v > 1e-4)) for v in (mine, theirs)]
    out.append(Feature("returns per beam", seen[0], seen[1], js, "Jensen-Shannon", js, floor))
    counts = [float(np.median(m.count)) for m in (real, simulated)]
    apart = float(abs(np.log10(max(counts[1], 1.0) / max(counts[0], 1.0))))
    out.append(Feature("returns per sweep", counts[0], counts[1], apart, "log10 ratio", apart, None))
    a, b = _rows(real.objects), _rows(simulated.objects)
    apart = _objects_apart(a, b)
    if np.isfinite(apart):
        middle_a, middle_b = float(np.median(a[:, 1])), float(np.median(b[:, 1]))
        out.append(Feature("returns per object", middle_a, middle_b, apart, "log10 ratio over distance", apart, None))
    return sorted(out, key=lambda f: -f.size)


def _rows(parts: Sequence[F64]) -> F64:
    return np.concatenate(parts) if parts else np.zeros((0, 2))


@dataclass(frozen=True)
class Realism:
    """A comparison: features (most different first) and what they were measured on."""

    features: list[Feature]
    real: Measured
    simulated: Measured
    beams_deg: list[float]


def compare(real_bag: Path, rig: Rig, drive: SyntheticDrive, lib: Library, frames: int = 40) -> Realism:
    """Measure a recording and a synthetic drive with a matching rig.

    Args:
        real_bag: recording of the vehicle that the rig describes. drive: made with that rig. frames: at most so many of each.

    Raises:
        BagError: the bag cannot be read, or nothing in it is on the rig's topics.
    """
    config = PerceptionConfig()
    vehicle = rig.stated or rig.vehicle
    recorded = replay_offline(real_bag, vehicle, config, lib, frames)
    real = measure((s.frame, s.result) for s in recorded if s.frame is not None)
    if not real.count:
        wanted = ", ".join(c.topic for c in vehicle.lidars.values())
        raise BagError(f"{real_bag}: no sweep on {wanted}, expected a recording of rig {rig.name}")
    steps = simulated_steps(drive, drive.samples(1), config, lib)
    simulated = measure((s.frame, s.result) for s, _ in zip(steps, range(frames), strict=False))
    beams = next(iter(rig.vehicle.lidars.values())).beam_elevations_deg
    return Realism(features(real, simulated, beams), real, simulated, beams)


def measure(steps: Iterable[tuple[SensorFrame, Perception]]) -> Measured:
    """All features of a drive's frames."""
    out = Measured()
    for frame, result in steps:
        out.add(frame, result)
    return out
