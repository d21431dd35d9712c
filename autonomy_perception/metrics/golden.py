"""Golden outputs: what a replay gave, summarised frame by frame and field by field, to be held across commits.

Objects are kept whole, as every field of ``Detections`` and ``Tracks`` (a new field enters by itself); the occupancy grid
as the state of every cell; float layers as how many cells are known and their mean, block by block.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid
from autonomy_perception.types import Detections, Occupancy, Perception, SensorFrame, TerrainGrid, Tracks

U8 = NDArray[np.uint8]
BLOCK = 25
"""Edge of a block in cells."""


class CellState(IntEnum):
    """What the wire value of a cell says: -1 unknown, below 50 free, 50 undecided, above 50 occupied."""

    UNKNOWN = 0
    FREE = 1
    OCCUPIED = 2
    UNDECIDED = 3


@dataclass(frozen=True)
class Objects:
    """Objects of one frame: fields (N, ...) by the names they have in ``Detections`` or ``Tracks``."""

    frame_id: str
    fields: Mapping[str, NDArray[np.generic]]

    @classmethod
    def of(cls, objects: Detections | Tracks) -> Objects:
        """All fields; of a covariance (N,k,k) the upper triangle (N, k(k+1)/2)."""
        out = {f.name: getattr(objects, f.name) for f in dataclasses.fields(objects) if f.name != "frame_id"}
        upper = np.triu_indices(out["covariance"].shape[-1])
        out["covariance"] = out["covariance"][:, upper[0], upper[1]]
        return cls(objects.frame_id, out)

    def __len__(self) -> int:
        return len(self.fields["center"])


@dataclass(frozen=True)
class Layer:
    """A float layer by blocks of BLOCK x BLOCK cells: known uint16 (By,Bx) cells that are not NaN, mean float32 (By,Bx)
    of those (NaN where there is none)."""

    known: NDArray[np.uint16]
    mean: NDArray[np.float32]

    @classmethod
    def of(cls, values: NDArray[np.generic]) -> Layer:
        """Summary of a layer (ny,nx); blocks at the upper edges may be smaller."""
        v = np.asarray(values, np.float64)
        known = np.isfinite(v)
        edges = [np.arange(0, n, BLOCK) for n in v.shape]
        count, total = (
            np.add.reduceat(np.add.reduceat(x, edges[0], 0), edges[1], 1)
            for x in (known.astype(np.float64), np.where(known, v, 0.0))
        )
        mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
        return cls(count.astype(np.uint16), mean.astype(np.float32))


@dataclass(frozen=True)
class Map:
    """Layers on a world grid; ``states`` uint8 (ny,nx) of CellState, None where single cells are not kept."""

    grid: WorldGrid
    layers: Mapping[str, Layer]
    states: U8 | None = None


@dataclass(frozen=True)
class GoldenFrame:
    """Summary of one output.

    Attributes:
        inputs: hash of the data behind it; empty for a tick. Simulated data may differ in a last bit between CPUs.
        T_odom_base: float64 (4,4).
        parts: detections, tracks; maps: occupancy, terrain. What is missing was not there (terrain before a lidar).
    """

    stamp_ns: int
    data_stamp_ns: int
    inputs: str
    mode: int
    reasons: tuple[str, ...]
    has_ego_motion: bool
    T_odom_base: NDArray[np.float64]
    parts: Mapping[str, Objects] = field(default_factory=dict)
    maps: Mapping[str, Map] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: SensorFrame | None, result: Perception, cells: bool = True) -> GoldenFrame:
        """Summary of a step, or of a tick (``frame`` None); ``cells``: whether the state of every cell is kept."""
        maps = {"occupancy": occupancy_map(result.occupancy, cells), "terrain": terrain_map(result.terrain)}
        return cls(
            result.stamp_ns, result.data_stamp_ns, input_hash(frame), int(result.mode), result.reasons,
            result.has_ego_motion, np.asarray(result.T_odom_base, np.float64),
            {"detections": Objects.of(result.detections), "tracks": Objects.of(result.tracks)},
            {name: m for name, m in maps.items() if m.layers},
        )  # fmt: skip


@dataclass(frozen=True)
class Golden:
    """Summary of a replay; ``about`` says what was replayed, by which code."""

    about: Mapping[str, str]
    frames: tuple[GoldenFrame, ...]


def cell_states(wire: NDArray[np.int8]) -> U8:
    """CellState (ny,nx) of wire values."""
    known = np.where(wire < 50, CellState.FREE, np.where(wire > 50, CellState.OCCUPIED, CellState.UNDECIDED))
    return np.where(wire < 0, CellState.UNKNOWN, known).astype(np.uint8)


def occupancy_map(occupancy: Occupancy, cells: bool = True) -> Map:
    """Log-odds by blocks, and the state of every cell; without ``cells`` how many are of each state, by blocks."""
    states = cell_states(occupancy.wire)
    layers = {"log_odds": Layer.of(occupancy.log_odds)}
    if cells:
        return Map(occupancy.grid, layers, states)
    counts = {s.name.lower(): Layer.of(np.where(states == s, 1.0, np.nan)) for s in CellState}
    return Map(occupancy.grid, layers | counts)


def terrain_map(terrain: TerrainGrid) -> Map:
    """Every layer by blocks."""
    return Map(terrain.grid, {name: Layer.of(values) for name, values in sorted(terrain.layers.items())})


def input_hash(frame: SensorFrame | None) -> str:
    """Hash (16 hex digits) of the clouds and the ego motion of a frame; empty without a frame."""
    if frame is None:
        return ""
    out = hashlib.sha256(str(frame.stamp_ns).encode())
    for scan in frame.scans:
        out.update(scan.sensor.encode() + np.ascontiguousarray(scan.cloud.xyz).tobytes())
    if frame.trajectory is not None:
        out.update(np.ascontiguousarray(frame.trajectory.T_odom_base).tobytes())
    return out.hexdigest()[:16]
