"""Tracking figures on cases worked out by hand."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from autonomy_perception.metrics.mot import MotSequence, MotTally

HERE = np.array([[0.0, 0.0, 1.0, 0.0], [10.0, 0.0, 0.0, 0.0]])
AT = np.zeros((1, 1))


def test_perfect() -> None:
    tally = MotTally()
    for _ in range(5):
        tally.add([1, 2], HERE, ["a", "b"], HERE)
    figures = tally.figures()
    assert figures["mota"] == figures["idf1"] == figures["recall"] == figures["idr"] == 1.0
    assert figures["hota"] == figures["deta"] == figures["assa"] == pytest.approx(1.0)
    assert figures["pos_rmse"] == figures["speed_rmse"] == figures["id_switches"] == figures["false_per_frame"] == 0.0


def test_idf1_names_a_truth_by_the_track_that_could_stand_for_it_longest() -> None:
    """Ten frames of one truth. Track a is near it in all of them; b is nearer, but only in the first five.

    CLEAR pairs b, then a. Identity names the truth a: IDTP 10, IDFN 0, IDFP 5 (b), IDF1 = 20 / (20 + 5) = 0.8. Counted
    over the pairs of CLEAR it would be 2 * 5 / (10 + 15) = 0.4.
    """
    sequence = MotSequence()
    for k in range(10):
        both = k < 5
        sequence.add([1], ["b", "a"] if both else ["a"], np.array([[0.1, 1.0]] if both else [[1.0]]))
    figures = sequence.figures()
    assert figures["idf1"] == pytest.approx(0.8)
    assert figures["idr"] == 1.0
    assert figures["id_switches"] == 1 and figures["recall"] == 1.0
    assert figures["mota"] == pytest.approx(1 - (5 + 1) / 10) and figures["false_per_frame"] == 0.5


def test_a_track_that_changes_its_name_half_way() -> None:
    """Four of ten frames as a, six as b, without an error of place.

    IDTP 6, IDFN 4, IDFP 4: IDF1 0.6. HOTA: DetA 1; AssA = (4 * 4/10 + 6 * 6/10) / 10 = 0.52; sqrt(0.52) at every similarity.
    """
    sequence = MotSequence()
    for k in range(10):
        sequence.add([1], ["a" if k < 4 else "b"], AT)
    figures = sequence.figures()
    assert figures["idf1"] == pytest.approx(0.6) and figures["id_switches"] == 1
    assert figures["deta"] == pytest.approx(1.0) and figures["assa"] == pytest.approx(0.52)
    assert figures["hota"] == pytest.approx(np.sqrt(0.52)) and figures["mota"] == pytest.approx(0.9)


def test_the_gate_is_a_similarity_of_one_half() -> None:
    for distance, recall in ((2.0, 1.0), (2.001, 0.0)):
        sequence = MotSequence(gate=2.0)
        sequence.add([1], ["a"], np.array([[distance]]))
        assert sequence.figures()["recall"] == recall
    sequence = MotSequence(gate=2.0)
    sequence.add([1], ["a"], np.array([[1.3]]))  # similarity 0.675: matched up to 0.65, 13 of the 19 steps
    assert sequence.figures()["deta"] == pytest.approx(13 / 19)


def test_switch_miss_and_false() -> None:
    tally = MotTally()
    tally.add([1, 2], HERE, ["a", "b"], HERE)
    tally.add([1, 2], HERE, ["b", "a"], HERE)  # exchanged: the old pairs are out of the gate
    tally.add([1, 2], HERE, ["b"], HERE[:1])
    tally.add([1, 2], HERE, ["b", "a", "c"], np.vstack([HERE, [[50.0, 0, 0, 0]]]))
    figures = tally.figures()
    assert figures["id_switches"] == 2 and figures["recall"] == 7 / 8 and figures["false_per_frame"] == 0.25
    assert figures["mota"] == 1 - 4 / 8
    assert figures["idf1"] == 2 * 5 / (8 + 8)  # 1 is b three times, 2 is a twice; 8 truths, 8 tracks


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


def test_a_pair_holds_even_where_a_change_would_match_one_more() -> None:
    """CLEAR keeps a pair of the frame before first; only then come the others (Bernardin and Stiefelhagen, section 2.2)."""
    sequence = MotSequence()
    sequence.add([2], ["a"], np.array([[0.9]]))
    sequence.add([1, 2], ["a", "b"], np.array([[1.0, 3.5], [1.9, 1.7]]))
    figures = sequence.figures()
    assert figures["id_switches"] == 0 and figures["recall"] == pytest.approx(2 / 3)


def test_nothing_to_measure() -> None:
    assert all(np.isnan(v) for v in MotSequence().figures().values())
    only_tracks, only_truth = MotSequence(), MotSequence()
    only_tracks.add([], ["a"], np.zeros((0, 1)))
    assert np.isnan(only_tracks.figures()["mota"])
    only_truth.add([1], [], np.zeros((1, 0)))
    assert only_truth.figures()["recall"] == only_truth.figures()["idf1"] == only_truth.figures()["hota"] == 0.0


def test_without_the_toolkit_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackeval.metrics", None)
    tally = MotTally()
    tally.add([1, 2], HERE, ["a", "b"], HERE + np.array([0.3, 0.4, 0, 0]))
    with pytest.warns(RuntimeWarning, match="pip install --no-deps trackeval==1"):
        figures = tally.figures()
    assert np.isnan(figures["idf1"]) and figures["pos_rmse"] == pytest.approx(0.5)
