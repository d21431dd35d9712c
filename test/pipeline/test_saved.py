"""A saved state goes on with the same bytes, and one that does not fit is refused without a trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pipeline.test_pipeline import VEHICLE, cast, frame

from autonomy_perception.config import OccupancyConfig, PerceptionConfig
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.build import make_pipeline
from autonomy_perception.pipeline.digest import Digest
from autonomy_perception.pipeline.errors import PipelineError
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.types import SensorFrame


def fresh(config: PerceptionConfig | None = None) -> Pipeline:
    return make_pipeline(config or PerceptionConfig(), VEHICLE, CpuLibrary())


def scene(k: int, motion: bool = True) -> SensorFrame:
    return frame(k, cast([(12, 4, 4.5, 1.9, 1.6), (10 + 0.8 * k, -4, 4.5, 1.9, 1.6)]), motion, x=0.7 * k)


def digest_of(pipeline: Pipeline, first: int, last: int) -> str:
    digest = Digest()
    for k in range(first, last):
        digest.update(pipeline.step(scene(k)))
    aged = pipeline.tick(scene(last).stamp_ns + 400_000_000)
    assert aged is not None
    digest.update(aged)
    return digest.hexdigest()


@pytest.mark.parametrize("cut", [0, 1, 7])
@pytest.mark.parametrize("ticked", [False, True])
def test_a_drive_goes_on_from_its_middle_with_the_same_bytes(tmp_path: Path, cut: int, ticked: bool) -> None:
    whole = fresh()
    for k in range(cut):
        whole.step(scene(k))
    if ticked:
        whole.tick(scene(cut).stamp_ns + 150_000_000)
    whole.save(tmp_path / "state.npz")
    other = fresh()
    other.step(scene(40))  # whatever it has seen before does not count
    other.load(tmp_path / "state.npz")
    assert other.modes.mode == whole.modes.mode
    assert digest_of(other, cut + 2, cut + 8) == digest_of(whole, cut + 2, cut + 8)


def test_the_file_is_the_same_bytes_and_is_never_half_written(tmp_path: Path) -> None:
    files = []
    for name in ("a.npz", "b.npz"):
        pipeline = fresh()
        for k in range(4):
            pipeline.step(scene(k))
        pipeline.save(tmp_path / name)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1] and {p.name for p in tmp_path.iterdir()} == {"a.npz", "b.npz"}


def test_what_does_not_fit_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    pipeline, state = fresh(), tmp_path / "state.npz"
    pipeline.step(scene(0))
    pipeline.save(state)
    small = fresh(PerceptionConfig(occupancy=OccupancyConfig(side=50.0)))
    small.step(scene(0))
    with pytest.raises(
        PipelineError, match=r"state of stage 'occupancy' does not fit .* \(300, 300\) cells, expected \(100, 100\)"
    ):
        small.load(state)
    untouched = fresh(PerceptionConfig(occupancy=OccupancyConfig(side=50.0)))
    untouched.step(scene(0))
    assert digest_of(small, 1, 3) == digest_of(untouched, 1, 3)
    part = make_pipeline(PerceptionConfig(), VEHICLE, CpuLibrary(), ("ground", "terrain"))
    with pytest.raises(
        PipelineError, match=r"state of the stages ground, terrain, detection, .* expected ground, terrain$"
    ):
        part.load(state)
    broken = tmp_path / "broken.npz"
    for content in (b"", b"PK\x03\x04 nothing", state.read_bytes()[:-200]):
        broken.write_bytes(content)
        with pytest.raises(PipelineError, match=r"broken\.npz: not the saved state of a pipeline"):
            pipeline.load(broken)
    np.savez(broken, about=np.array("{}"))
    with pytest.raises(PipelineError, match="not the saved state"):
        pipeline.load(broken)
    with pytest.raises(PipelineError, match=r"nothing\.npz: cannot be read: No such file"):
        pipeline.load(tmp_path / "nothing.npz")
