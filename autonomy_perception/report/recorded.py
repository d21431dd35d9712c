"""Pictures of recorded outputs, laid over the data they came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags.outputs import RecordedOutput, read_outputs, read_terrain
from autonomy_perception.bags.replay import frames_of
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.grid import WorldGrid
from autonomy_perception.ops.library import Library
from autonomy_perception.report.render import render_step
from autonomy_perception.types import Detections, Perception, SensorFrame, TerrainGrid


def pictures_of(
    recording: Path, drive: Path, vehicle: VehicleConfig, config: PerceptionConfig, lib: Library, count: int
) -> list[tuple[str, NDArray[np.uint8]]]:
    """``count`` pictures, evenly over the drive, of what was recorded, laid over the drive's own camera and cloud.

    Raises:
        BagError: one of the bags cannot be read.
    """
    stamps = [o.stamp_ns for o in read_outputs(recording)]
    chosen = {stamps[k] for k in np.linspace(0, len(stamps) - 1, count + 2).astype(int)[1:-1]} if stamps else set()
    outputs = {o.stamp_ns: o for o in read_outputs(recording) if o.stamp_ns in chosen}
    terrain = list(read_terrain(recording))
    out = []
    for frame in frames_of(drive, vehicle, config, lib):
        output = outputs.pop(frame.stamp_ns, None)
        if output is not None:
            result = as_perception(output, frame, terrain)
            title = f"{(frame.stamp_ns - stamps[0]) * 1e-9:.1f} s: {int(result.tracks.confirmed.sum())} tracks"
            out.append((title, render_step(frame, result)))
        if not outputs:
            break
    return out


def as_perception(output: RecordedOutput, frame: SensorFrame, terrain: Sequence[tuple[int, TerrainGrid]]) -> Perception:
    """A recorded output as a Perception: with the newest terrain map until then and the frame's ego pose."""
    before = [grid for stamp, grid in terrain if stamp <= output.stamp_ns]
    nothing = TerrainGrid(WorldGrid(0, 0, 1, 1, 1.0), {})
    pose = frame.trajectory.pose(frame.stamp_ns) if frame.trajectory is not None else np.eye(4)
    return Perception(
        output.stamp_ns, output.data_stamp_ns, output.mode, output.reasons, pose, Detections.empty(), output.tracks,
        before[-1] if before else nothing, output.occupancy, stage_ms=output.stage_ms,
    )  # fmt: skip
