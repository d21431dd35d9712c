"""IoU, RMSE, AP and ECE on cases whose answer is known."""

import numpy as np
import pytest

from autonomy_perception.metrics.bev import BoxTally, CalibrationTally, ClassTally, HeightTally


def test_iou_by_hand() -> None:
    tally = ClassTally(3)
    true, said = np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]])
    tally.add(said, true, np.ones((1, 4), np.bool_))
    np.testing.assert_allclose(tally.iou, [1 / 2, 2 / 3, np.nan])
    assert tally.mean_iou == pytest.approx((1 / 2 + 2 / 3) / 2)
    tally.add(np.array([2]), np.array([0]), np.array([False]))  # not judged
    assert tally.mean_iou == pytest.approx((1 / 2 + 2 / 3) / 2)
    tally.add(np.array([2]), np.array([0]), np.array([True]))
    assert tally.iou[0] == pytest.approx(1 / 3)
    assert np.isnan(ClassTally(2).mean_iou)


def test_rmse_leaves_out_what_is_not_finite() -> None:
    tally = HeightTally()
    tally.add(np.array([1.0, np.nan, 5.0]), np.array([0.0, 0.0, 2.0]), np.array([True, True, True]))
    tally.add(np.array([9.0]), np.array([0.0]), np.array([False]))
    assert tally.rmse == pytest.approx(np.sqrt((1 + 9) / 2))
    assert np.isnan(HeightTally().rmse)


def places(*x: float) -> np.ndarray:
    return np.array([(v, 0.0) for v in x]).reshape(-1, 2)


def test_average_precision() -> None:
    perfect = BoxTally(2.0)
    perfect.add(np.array([0.9, 0.8]), places(0.5, 9.0), places(0.0, 10.0), places())
    assert perfect.average_precision == pytest.approx(1.0)
    twice = BoxTally(2.0)  # the second says the same again
    twice.add(np.array([0.9, 0.8]), places(0.5, 0.1), places(0.0, 10.0), places())
    assert twice.hits == [True, False]
    assert 0.3 < twice.average_precision < 0.5
    far = BoxTally(2.0)
    far.add(np.array([0.9]), places(2.1), places(0.0), places())
    assert far.average_precision == 0.0
    unjudged = BoxTally(2.0)
    unjudged.add(np.array([0.9, 0.5]), places(30.0, 0.0), places(0.0), places(31.0))
    assert unjudged.hits == [True]
    assert np.isnan(BoxTally(2.0).average_precision)


def test_false_ones_cost_by_their_score() -> None:
    def ap(false_score: float) -> float:
        tally = BoxTally(1.0)
        tally.add(np.array([0.5, 0.4, false_score]), places(0, 10, 50), places(0, 10), places())
        return tally.average_precision

    assert ap(0.1) == pytest.approx(1.0, abs=0.01)
    assert ap(0.9) < ap(0.45) < ap(0.1)


def test_calibration_error() -> None:
    tally = CalibrationTally()
    tally.add(np.full(10, 0.75), np.arange(10) < 5, np.ones(10, np.bool_))
    assert tally.error == pytest.approx(0.25)
    sure = CalibrationTally()
    sure.add(np.array([1.0, 0.0]), np.array([True, False]), np.ones(2, np.bool_))
    assert sure.error == 0.0
    assert np.isnan(CalibrationTally().error)
