"""The golden answer: what is taken for right, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy_perception.inference.errors import ModelError
from autonomy_perception.inference.golden import TOLERANCES, Golden, Tolerance, faults, read_golden, write_golden

WANTED = {"y": np.linspace(-2, 4, 600, dtype=np.float32).reshape(20, 30), "id": np.arange(40)}
ALLOWED = Tolerance(peak=1e-2, rms=5e-3)


def changed(**new: Any) -> dict[str, Any]:
    """The golden outputs with some replaced."""
    return {**WANTED, **new}


def test_the_same_is_right_and_so_is_a_little_less() -> None:
    assert faults(WANTED, WANTED, ALLOWED) == []
    assert faults(changed(y=WANTED["y"].astype(np.float16)), WANTED, ALLOWED) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_is_enough(bad: float) -> None:
    y = WANTED["y"].copy()
    y[3, 4] = bad
    assert faults(changed(y=y), WANTED, ALLOWED) == ["output y holds 1 of 600 values that are not finite"]


@given(st.integers(0, 599), st.floats(0.012, 1e6), st.booleans())
def test_a_single_value_beyond_the_peak_is_found(at: int, share: float, below: bool) -> None:
    y = WANTED["y"].astype(np.float64).copy()
    y.flat[at] += 4 * share * (-1 if below else 1)
    (text,) = faults(changed(y=y), WANTED, ALLOWED)
    assert text.startswith("output y is off by") and "of its peak, allowed 0.01" in text


def test_a_small_deviation_everywhere_is_found_by_its_mean() -> None:
    (text,) = faults(changed(y=WANTED["y"] + np.float32(0.03)), WANTED, ALLOWED)
    assert "of its rms, allowed 0.005" in text


def test_whole_numbers_may_differ_in_a_share() -> None:
    ids = np.arange(40)
    ids[7] = 0
    assert faults(changed(id=ids), WANTED, Tolerance(peak=1e-2, rms=0.03)) == []
    assert faults(changed(id=ids), WANTED, ALLOWED) == ["output id differs in 2.50% of its elements, allowed 0.50%"]


def test_missing_outputs_and_other_shapes() -> None:
    assert faults({"y": WANTED["y"].T}, WANTED, ALLOWED) == [
        "output y has the shape (30, 20), expected (20, 30)",
        "output id is missing",
    ]


def test_an_output_of_zeros_has_to_be_zero() -> None:
    zero = {"y": np.zeros(5, np.float32)}
    assert faults(zero, zero, ALLOWED) == []
    assert len(faults({"y": np.full(5, 1e-6, np.float32)}, zero, ALLOWED)) == 1


def test_fewer_bits_are_allowed_more() -> None:
    order = [TOLERANCES[p] for p in ("fp32", "fp16", "bf16", "int8")]
    assert order == sorted(order, key=lambda t: t.peak) == sorted(order, key=lambda t: t.rms)


def test_files_come_back_and_damaged_ones_are_named(tmp_path: Path) -> None:
    path = tmp_path / "g.npz"
    write_golden(path, {"x": np.ones(3, np.float32)}, WANTED)
    found = read_golden(path)
    assert isinstance(found, Golden) and list(found.inputs) == ["x"] and faults(found.outputs, WANTED, ALLOWED) == []
    data = path.read_bytes()
    for damaged in (b"", data[: len(data) // 2], b"rubbish" * 100):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"g\.npz: golden file cannot be read"):
            read_golden(path)
    np.savez(path, other=np.ones(3))
    with pytest.raises(ModelError, match=r"entry other, expected in\.NAME or out\.NAME"):
        read_golden(path)
