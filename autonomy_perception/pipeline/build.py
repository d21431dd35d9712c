"""Pipelines by the names of their stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.ops.library import Library
from autonomy_perception.pipeline.errors import PipelineError
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.pipeline.stage import Key, Stage
from autonomy_perception.pipeline.stages import (
    DetectionStage,
    GivenStage,
    GroundStage,
    OccupancyStage,
    TerrainStage,
    TrackingStage,
)
from autonomy_perception.platform import Platform

STAGES: Mapping[str, Callable[[PerceptionConfig, Platform, Library], Stage]] = {
    kind.name: kind for kind in (GroundStage, TerrainStage, DetectionStage, TrackingStage, OccupancyStage)
}
"""Every stage of the suite by name. A new one is added here."""

WHOLE = tuple(STAGES)


def make_pipeline(config: PerceptionConfig, of: VehicleConfig | Platform, lib: Library, stages: Sequence[str] = WHOLE,
                  given: Sequence[Key[Any]] = ()) -> Pipeline:  # fmt: skip
    """A pipeline of the named stages.

    Args:
        config: stage parameters. of: the vehicle, or another platform. lib: kernels of the device to run on.
        stages: names from ``STAGES``, in any order. given: what other nodes hand in with every frame.

    Raises:
        PipelineError: a name is unknown, or a stage needs what nobody gives.
    """
    platform = of if isinstance(of, Platform) else Platform.of(of)
    handed_in = [GivenStage(given)] if given else []
    if unknown := [name for name in stages if name not in STAGES]:
        raise PipelineError(f"stage {unknown[0]!r} is unknown, expected some of {', '.join(STAGES)}")
    return Pipeline([*handed_in, *(STAGES[name](config, platform, lib) for name in stages)], platform, config.pipeline)
