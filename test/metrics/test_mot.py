"""Tracking figures on hand-made cases."""

from __future__ import annotations

import numpy as np

from autonomy_perception.metrics.mot import MotTally

HERE = np.array([[0.0, 0.0, 1.0, 0.0], [10.0, 0.0, 0.0, 0.0]])


def test_perfect() -> None:
    tally = MotTally()
    for _ in range(5):
        tally.add([1, 2], HERE, ["a", "b"], HERE)
    figures = tally.figures()
    assert figures["mota"] == figures["idf1"] == figures["recall"] == 1.0
    assert figures["pos_rmse"] == figures["speed_rmse"] == figures["id_switches"] == 0.0


def test_switch_miss_and_false() -> None:
    tally = MotTally()
    tally.add([1, 2], HERE, ["a", "b"], HERE)
    tally.add([1, 2], HERE, ["b", "a"], HERE)  # exchanged: the old pairs are out of the gate
    tally.add([1, 2], HERE, ["b"], HERE[:1])
    tally.add([1, 2], HERE, ["b", "a", "c"], np.vstack([HERE, [[50.0, 0, 0, 0]]]))
    figures = tally.figures()
    assert figures["id_switches"] == 2 and figures["recall"] == 7 / 8 and figures["false_per_frame"] == 0.25
    assert figures["mota"] == 1 - 4 / 8
    assert figures["idf1"] == 2 * 5 / (14 + 1 + 1)


def test_what_does_not_count() -> None:
    tally = MotTally()
    tally.add([1, 2], HERE, ["a", "b"], HERE + np.array([0.3, 0.4, 0, 0]), np.array([True, False]))
    tally.add([1, 2], HERE, [], np.zeros((0, 4)), np.array([True, False]))
    figures = tally.figures()
    assert figures["recall"] == 0.5 and figures["false_per_frame"] == 0.0 and abs(figures["pos_rmse"] - 0.5) < 1e-9


def test_a_pair_holds_within_the_gate() -> None:
    tally = MotTally()
    tally.add([1], HERE[:1], ["a"], HERE[:1])
    tally.add([1], HERE[:1], ["x", "a"], np.array([[0.1, 0, 1, 0], [1.5, 0, 1, 0]]))
    assert tally.figures()["id_switches"] == 0
