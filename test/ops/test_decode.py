"""Local maxima, order and suppression of decoded boxes against NumPy loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.decode import BOX, BOX_VARIANCE, ROW, Boxes, decode_boxes
from autonomy_perception.ops.iou import iou_bev
from autonomy_perception.ops.library import CpuLibrary

LIB = CpuLibrary()
GRID = BevGrid(-2.0, 7.0, -3.0, 4.0, 1.0)
CLASSES = 3
PLANES = len(BOX) + len(BOX_VARIANCE)
F32 = NDArray[np.float32]
LOGIT = st.one_of(st.integers(-4, 4).map(float), st.sampled_from([np.nan, np.inf, -np.inf]))  # many equal ones


@st.composite
def heads(draw: st.DrawFn) -> tuple[F32, F32]:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    heat = rng.integers(-4, 5, (CLASSES, *GRID.shape)).astype(np.float32)
    box = rng.normal(0.0, 0.7, (PLANES, *GRID.shape)).astype(np.float32)
    for _ in range(draw(st.integers(0, 6))):
        k, y, x = (
            draw(st.integers(0, CLASSES - 1)),
            draw(st.integers(0, GRID.ny - 1)),
            draw(st.integers(0, GRID.nx - 1)),
        )
        if draw(st.booleans()):
            heat[k, y, x] = draw(LOGIT)
        else:
            box[draw(st.integers(0, PLANES - 1)), y, x] = draw(st.sampled_from([np.nan, np.inf, 200.0, -200.0]))
    return heat, box


def by_hand(
    heat: F32, box: F32, sharp: F32, overlap: F32, group: NDArray[np.int32], least: float, room: int
) -> tuple[list[tuple[int, F32]], int]:
    """(class, row) of the boxes that stay, and how many maxima there were."""
    logit = heat * sharp[:, None, None]
    found = []
    for k in range(CLASSES):
        for y in range(GRID.ny):
            for x in range(GRID.nx):
                own = logit[k, y, x]
                if not (np.isfinite(own) and own >= least and np.isfinite(box[:, y, x]).all()):
                    continue
                around = [
                    (logit[k, j, i], (j, i)) for j in range(y - 1, y + 2) for i in range(x - 1, x + 2)
                    if 0 <= j < GRID.ny and 0 <= i < GRID.nx and (j, i) != (y, x)
                ]  # fmt: skip
                if any(v > own or (v == own and at < (y, x)) for v, at in around):
                    continue
                h = box[:, y, x].astype(np.float64)
                size = np.exp(np.clip(h[3:6], -5, 5))
                at = (GRID.x_min + x + 0.5 + h[0], GRID.y_min + y + 0.5 + h[1], h[2])
                row = np.array([*at, *size, np.arctan2(h[6], h[7]), h[8], h[9], *np.exp(np.clip(h[10:], -8, 6))])
                found.append((-own, k, y * GRID.nx + x, row.astype(np.float32)))
    found.sort(key=lambda f: f[:3])
    kept: list[tuple[int, F32]] = []
    for _, k, _, row in found[:room]:
        flat = row[[0, 1, 3, 4, 6]][None]
        if all(
            group[m] != group[k] or iou_bev(LIB, other[[0, 1, 3, 4, 6]][None], flat)[0, 0] <= overlap[k]
            for m, other in kept
        ):
            kept.append((k, row))
    return kept, len(found)


def decoded(heat: F32, box: F32, **changed: object) -> Boxes:
    given: dict[str, object] = {"sharpness": np.ones(CLASSES, np.float32), "overlap": np.full(CLASSES, 0.3, np.float32),
                                "group": np.arange(CLASSES, dtype=np.int32)} | changed  # fmt: skip
    return decode_boxes(LIB, heat, box[: len(BOX)], box[len(BOX) :], GRID, **given)  # type: ignore[arg-type]


@settings(max_examples=80, deadline=None)
@given(
    heads(),
    st.sampled_from([1, 5, 64]),
    st.sampled_from([[0, 1, 2], [0, 0, 0], [4, 7, 4]]),
    st.sampled_from([0.05, 0.4, 0.9]),
)
def test_boxes_are_those_of_a_loop_over_cells(
    maps: tuple[F32, F32], room: int, group: list[int], overlap: float
) -> None:
    heat, box = maps
    sharp, limits, groups = (
        np.array([1.0, 0.5, 2.0], np.float32),
        np.full(CLASSES, overlap, np.float32),
        np.array(group, np.int32),
    )
    out = decoded(heat, box, sharpness=sharp, overlap=limits, group=groups, min_score=0.6, room=room)
    kept, peaks = by_hand(heat, box, sharp, limits, groups, float(np.log(0.6 / 0.4)), room)
    assert out.totals.tolist() == [len(kept), peaks]
    assert out.labels.tolist() == [k for k, _ in kept] + [-1] * (room - len(kept))
    if kept:
        np.testing.assert_allclose(out.rows[: len(kept)], np.array([r for _, r in kept]), rtol=1e-5, atol=1e-5)
    assert not out.rows[len(kept) :].any() and not out.scores[len(kept) :].any()


def test_a_flat_top_is_one_box() -> None:
    heat, box = np.full((CLASSES, *GRID.shape), -9.0, np.float32), np.zeros((PLANES, *GRID.shape), np.float32)
    heat[1, 2:5, 3:7] = 2.0
    out = decoded(heat, box)
    assert out.totals.tolist() == [1, 1] and out.rows[0, :2].tolist() == [1.5, -0.5]


def test_temperature_moves_probabilities_and_not_the_place() -> None:
    heat, box = np.full((CLASSES, *GRID.shape), -9.0, np.float32), np.zeros((PLANES, *GRID.shape), np.float32)
    heat[:, 3, 4] = 2.0, 1.0, -3.0
    sharp, soft = decoded(heat, box), decoded(heat, box, sharpness=np.full(CLASSES, 0.5, np.float32))
    np.testing.assert_array_equal(sharp.rows[0], soft.rows[0])
    np.testing.assert_allclose(sharp.scores[0], 1 / (1 + np.exp([-2.0, -1.0, 3.0])), atol=1e-6)
    np.testing.assert_allclose(soft.scores[0], 1 / (1 + np.exp([-1.0, -0.5, 1.5])), atol=1e-6)


def test_no_probability_of_0_or_1_is_a_threshold() -> None:
    heat, box = np.zeros((CLASSES, *GRID.shape), np.float32), np.zeros((PLANES, *GRID.shape), np.float32)
    with pytest.raises(ValueError, match=r"min_score must be above 0 and below 1, got 1\.0"):
        decoded(heat, box, min_score=1.0)
    assert len(ROW) == decoded(heat, box).rows.shape[1]
