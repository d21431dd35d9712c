"""Labelled scans for the ground bench: SemanticKITTI range images, RELLIS-3D sweeps, simulated off-road ground."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bench import offroad
from autonomy_perception.metrics.binary import BinaryTally

KITTI_GROUND = (9, 10, 11, 12, 17)
"""SemanticKITTI learning ids: road, parking, sidewalk, other-ground, terrain."""
KITTI_HEIGHT = 1.723
RELLIS_GROUND = (1, 3, 6, 10, 23, 31, 33)
"""RELLIS-3D ids: dirt, grass, water, asphalt, concrete, puddle, mud."""
RELLIS_HEIGHT = 1.3


@dataclass(frozen=True)
class LabelledScan:
    """A sweep in the lidar frame with its truth.

    Attributes:
        name: for the table.
        points: float32 (N,4) x y z [m], intensity.
        ground: bool (N,) truth; counted: bool (N,) False where the truth does not say.
        height: lidar above the ground under the vehicle [m].
    """

    name: str
    points: NDArray[np.float32]
    ground: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    height: float

    def tally(self, said: NDArray[np.bool_]) -> BinaryTally:
        """Of "these returns are ground" (N,)."""
        return BinaryTally.of(said, self.ground, self.counted)


def semantic_kitti(data: Path) -> list[LabelledScan]:
    """Scans of ``data``/semantic_kitti_range/*.npz or ``data``/*.npz; empty pixels (range 0) are left out.

    Raises:
        ValueError: there is no such file, or one lacks a field.
    """
    files = sorted((data / "semantic_kitti_range").glob("*.npz")) or sorted(data.glob("*.npz"))
    if not files:
        raise ValueError(f"{data}: neither semantic_kitti_range/*.npz nor *.npz found")
    return [_range_image(file) for file in files]


def _range_image(file: Path) -> LabelledScan:
    with np.load(file) as image:
        lacking = {"xyz", "intensity", "range", "label"} - set(image.files)
        if lacking:
            raise ValueError(f"{file}: array {', '.join(sorted(lacking))} expected, found {', '.join(image.files)}")
        seen = image["range"] > 0
        points = np.column_stack([image["xyz"][seen], image["intensity"][seen]]).astype(np.float32)
        label = image["label"][seen]
    return LabelledScan(file.stem, points, np.isin(label, KITTI_GROUND), label > 0, KITTI_HEIGHT)


def rellis(data: Path) -> list[LabelledScan]:
    """Scans of ``data``/rellis3d with a .label file beside the .bin (float32 x y z intensity); may be none."""
    out = []
    for file in sorted((data / "rellis3d").glob("*.label")):
        points = np.fromfile(file.with_suffix(".bin"), np.float32).reshape(-1, 4)
        label = np.fromfile(file, np.uint32) & 0xFFFF
        seen = np.linalg.norm(points[:, :3], axis=1) > 0.1
        points, label = points[seen], label[seen]
        out.append(LabelledScan(f"rellis {file.stem}", points, np.isin(label, RELLIS_GROUND), label > 0, RELLIS_HEIGHT))
    return out


def simulated(seeds: range) -> list[LabelledScan]:
    """One off-road sweep per seed."""
    out = []
    for seed in seeds:
        scan = offroad.OffroadTerrain.random(seed).scan(seed=seed)
        points = np.column_stack([scan.xyz, np.full(len(scan.xyz), 0.3, np.float32)])
        everywhere = np.ones(len(points), np.bool_)
        out.append(LabelledScan(f"off-road {seed}", points, scan.ground, everywhere, offroad.SENSOR_HEIGHT))
    return out
