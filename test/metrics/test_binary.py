"""Precision, recall and F1 by hand."""

import numpy as np

from autonomy_perception.metrics.binary import BinaryTally


def test_by_hand() -> None:
    said = np.array([1, 1, 1, 0, 0, 1, 0], np.bool_)
    true = np.array([1, 1, 0, 1, 0, 0, 1], np.bool_)
    counted = np.array([1, 1, 1, 1, 1, 0, 0], np.bool_)
    tally = BinaryTally.of(said, true, counted)
    assert tally == BinaryTally(hit=2, wrong=1, missed=1)
    assert tally.precision == tally.recall == tally.f1 == 2 / 3
    assert (tally + BinaryTally(2, 3, 1)).f1 == 2 * 4 / (8 + 4 + 2)
    assert BinaryTally().f1 == BinaryTally().precision == 0.0
