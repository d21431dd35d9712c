"""Percentiles by nearest rank, the same for reports and for the status message."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy_perception.latency import Percentiles


def test_by_hand() -> None:
    assert Percentiles.of(range(1, 201)) == Percentiles(200, 100.0, 190.0, 198.0, 200.0)
    assert Percentiles.of([4.0, 2.0, 9.0]) == Percentiles(3, 4.0, 9.0, 9.0, 9.0)
    assert Percentiles.of(deque([5.0])) == Percentiles(1, 5.0, 5.0, 5.0, 5.0)


def test_of_nothing() -> None:
    nothing = Percentiles.of([])
    assert nothing.count == 0 and np.isnan([nothing.p50, nothing.p95, nothing.p99, nothing.max]).all()


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=300))
def test_each_is_a_sample_and_the_smallest_that_its_share_does_not_exceed(samples: list[float]) -> None:
    p = Percentiles.of(samples)
    for share, value in ((0.50, p.p50), (0.95, p.p95), (0.99, p.p99), (1.0, p.max)):
        assert value in samples
        assert np.mean(np.array(samples) <= value) >= share - 1e-12
        assert np.mean(np.array(samples) < value) < share


def test_status_counters_use_them() -> None:
    pytest.importorskip("autonomy_perception_msgs", reason="the interface package is not built: make setup")
    from autonomy_perception.messages.status import Counters

    counters = Counters()
    assert counters.percentiles() == (0.0,) * 5
    counters.latencies.extend([7.0, 1.0, 3.0])
    assert counters.percentiles() == (3.0, 3.0, 7.0, 7.0, 7.0)
