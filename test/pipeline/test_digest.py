"""Two outputs are the same only if every column of them is."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from autonomy_perception.grid import WorldGrid
from autonomy_perception.pipeline.digest import step_digest
from autonomy_perception.types import Detections, Mode, Occupancy, Perception, TerrainGrid, Tracks

WORLD = WorldGrid(0, 0, 2, 2, 0.5)


def one(kind: type[Detections] | type[Tracks]) -> Detections | Tracks:
    """One object with zeros everywhere."""
    none = kind.empty()
    return replace(none, **{f.name: np.zeros((1, *getattr(none, f.name).shape[1:]), getattr(none, f.name).dtype)
                            for f in fields(none) if f.name != "frame_id"})  # fmt: skip


RESULT = Perception(
    1, 1, Mode.GEOMETRIC, (), np.eye(4), one(Detections), one(Tracks), TerrainGrid(WORLD, {"age": np.zeros((2, 2), np.float32)}),  # type: ignore[arg-type]
    Occupancy(WORLD, np.zeros((2, 2), np.float32), np.zeros((2, 2), np.int8)),
)  # fmt: skip


@pytest.mark.parametrize("what", ["detections", "tracks"])
def test_every_column_of_objects_counts(what: str) -> None:
    objects = getattr(RESULT, what)
    for column in fields(objects):
        if column.name == "frame_id":
            changed = replace(objects, frame_id="elsewhere")
        else:
            values = getattr(objects, column.name).copy()
            values.ravel()[0] = 1
            changed = replace(objects, **{column.name: values})
        assert step_digest(replace(RESULT, **{what: changed})) != step_digest(RESULT), column.name


def test_ego_pose_placement_and_cells_count_but_times_do_not() -> None:
    T = np.eye(4)
    T[0, 3] = 1e-9
    elsewhere = replace(RESULT.terrain, grid=WorldGrid(1, 0, 2, 2, 0.5))
    cells = replace(RESULT.occupancy, wire=np.ones((2, 2), np.int8))
    for changed in ({"T_odom_base": T}, {"terrain": elsewhere}, {"occupancy": cells}, {"data_stamp_ns": 2}):
        assert step_digest(replace(RESULT, **changed)) != step_digest(RESULT), changed
    assert step_digest(replace(RESULT, stage_ms={"terrain": 3.0}, mode=Mode.STALE)) == step_digest(RESULT)
