"""Heads to detections and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry
from autonomy_perception.bev.boxes import DETECTED, NETWORK, BoxSettings, decode, encode, logits_of
from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.decode import BOX_VARIANCE
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.road_users import ObjectClass

LIB = CpuLibrary()
GRID = BevGrid(-16.0, 24.0, -12.0, 12.0, 0.8)
EVERY = BoxSettings(overlap=(1.0,) * len(DETECTED), min_score=0.9)  # nothing is suppressed
UNIT = st.floats(0.0, 1.0, exclude_max=True)
NUMBER = st.floats(-1.0, 1.0, width=32)
OBJECT = st.tuples(
    st.tuples(st.integers(0, GRID.nx // 2 - 1), st.integers(0, GRID.ny // 2 - 1)), UNIT, UNIT, NUMBER,
    st.tuples(*[st.floats(0.25, 16.0, width=32)] * 3), st.floats(-3.14, 3.14), NUMBER, NUMBER,
    st.integers(0, len(DETECTED) - 1),
)  # fmt: skip


def columns(objects: list[Any]) -> dict[str, Any]:
    """Arguments of ``encode``: an object somewhere in every other cell of every other row at most."""
    x = [GRID.x_min + (2 * o[0][0] + 0.001 + 0.998 * o[1]) * GRID.resolution for o in objects]
    y = [GRID.y_min + (2 * o[0][1] + 0.001 + 0.998 * o[2]) * GRID.resolution for o in objects]
    return {
        "center": np.array([x, y, [2 * o[3] for o in objects]], np.float32).T.reshape(-1, 3),
        "size": np.array([o[4] for o in objects], np.float32).reshape(-1, 3),
        "yaw": np.array([o[5] for o in objects], np.float32),
        "velocity": np.array([[20 * o[6], 20 * o[7]] for o in objects], np.float32).reshape(-1, 2),
        "kind": np.array([o[8] for o in objects], np.int64),
    }


def heads_of(given: dict[str, Any], log_variance: float = 0.0) -> dict[str, Any]:
    target = encode(**given, grid=GRID)
    spread = np.full((len(BOX_VARIANCE), *GRID.shape), log_variance, np.float32)
    return {"heatmap": logits_of(target.heatmap), "box": target.box, "box_log_variance": spread}


@settings(max_examples=80, deadline=None)
@given(st.lists(OBJECT, max_size=12, unique_by=lambda o: o[0]))
def test_decode_undoes_encode(objects: list[Any]) -> None:
    given = columns(objects)
    found = decode(LIB, heads_of(given), GRID, EVERY, np.eye(4))
    assert len(found) == len(objects) and found.frame_id == "base_link"
    kind = np.array(DETECTED)[given["kind"]]
    np.testing.assert_array_equal(np.sort(found.class_probs.argmax(1)), np.sort(kind))
    for i in range(len(objects)):
        j = np.flatnonzero(np.abs(found.center[:, :2] - given["center"][i, :2]).max(1) < 1e-3)
        assert len(j) == 1
        np.testing.assert_allclose(found.center[j[0]], given["center"][i], atol=1e-4)
        np.testing.assert_allclose(found.size[j[0]], given["size"][i], rtol=1e-5)
        np.testing.assert_allclose(found.velocity[j[0]], given["velocity"][i], atol=1e-5)
        assert abs(geometry.wrap_angle(found.yaw[j[0]] - given["yaw"][i])) < 1e-5
        assert found.class_probs[j[0]].argmax() == kind[i]
    assert (found.existence > 0.999).all() and found.yaw_known.all() and (found.source == NETWORK).all()


def one(**changed: Any) -> dict[str, Any]:
    car = {"center": [[10.0, 2.0, 0.9]], "size": [[4.5, 1.9, 1.6]], "yaw": [0.3], "velocity": [[8.0, 1.0]], "kind": [0]}
    return {k: np.array(v, np.int64 if k == "kind" else np.float32) for k, v in (car | changed).items()}


def test_a_rolled_vehicle_gets_its_boxes_in_base_link() -> None:
    """Heads are level; on a slope of 10 degrees base_link is not."""
    T = geometry.make_transform(geometry.rotation_rpy(0.0, np.radians(10.0), 0.0))
    found = decode(LIB, heads_of(one()), GRID, EVERY, T)
    np.testing.assert_allclose(
        found.center[0], geometry.transform_points(T, np.array([[10.0, 2.0, 0.9]]))[0], atol=1e-4
    )


def test_a_box_that_two_classes_claim_is_one_detection_and_a_person_beside_a_bus_stays() -> None:
    both = {"center": [[10.0, 2.0, 0.9], [10.9, 2.0, 0.9]], "size": [[8.0, 2.5, 3.0]] * 2, "yaw": [0.3, 0.3],
            "velocity": [[0.0, 0.0]] * 2}  # fmt: skip
    truck_and_bus = decode(LIB, heads_of(one(**both, kind=[1, 2])), GRID, BoxSettings(), np.eye(4))
    assert len(truck_and_bus) == 1
    assert len(decode(LIB, heads_of(one(**both, kind=[2, 6])), GRID, BoxSettings(), np.eye(4))) == 2


def test_temperature_softens_existence_and_factors_widen_the_covariance() -> None:
    heads = heads_of(one(), log_variance=np.log(0.25))
    sharp = decode(LIB, heads, GRID, EVERY, np.eye(4))
    soft = decode(
        LIB, heads, GRID, BoxSettings(temperature=(4.0,) * 9, variance=(4.0, 4.0, 2.0, 1, 1, 1, 3.0, 1, 1)), np.eye(4)
    )
    assert soft.existence[0] == pytest.approx(1 / (1 + np.exp(-logits_of(np.float32([1.0]))[0] / 4.0)), abs=1e-5)
    assert soft.existence[0] < sharp.existence[0]
    np.testing.assert_allclose(np.diag(sharp.covariance[0]), 0.25, rtol=1e-5)
    np.testing.assert_allclose(np.diag(soft.covariance[0]), [1.0, 1.0, 0.5, 0.75], rtol=1e-5)


def test_a_batch_of_one_is_taken_and_a_larger_is_not() -> None:
    heads = {k: v[None] for k, v in heads_of(one()).items()}
    assert len(decode(LIB, heads, GRID, EVERY, np.eye(4))) == 1
    with pytest.raises(ValueError, match=r"expected a batch of one, found \(2, 9, 30, 50\)"):
        decode(LIB, {k: np.concatenate([v, v]) for k, v in heads.items()}, GRID, EVERY, np.eye(4))


def test_of_two_centres_in_a_cell_the_first_keeps_its_box_and_outside_ones_are_left_out() -> None:
    given = {"center": [[10.01, 2.01, 0.5], [10.02, 2.02, 0.7], [99.0, 0.0, 0.0]], "size": [[1.0, 1.0, 2.0]] * 3, "yaw": [0.0] * 3,
             "velocity": [[np.nan, np.nan], [0.0, 0.0], [0.0, 0.0]], "kind": [6, 7, 0]}  # fmt: skip
    target = encode(**one(**given), grid=GRID)
    assert sorted(np.unique(target.row)) == [-1, 0]
    iy, ix = np.argwhere(target.row == 0)[0]
    assert (target.heatmap[6:8, iy, ix] == 1.0).all() and not target.heatmap[0].any()
    assert target.box[2, iy, ix] == np.float32(0.5) and np.isfinite(target.box).all()


def test_settings_that_do_not_fit_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="temperature: expected 2 values, found 9"):
        BoxSettings(classes=(ObjectClass.CAR, ObjectClass.BUS))
    with pytest.raises(ValueError, match="variance: expected numbers above 0"):
        BoxSettings(variance=(0.0,) * 9)
