"""PerceptionStatus through both families and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages.families import families

from autonomy_perception.messages.status import STATUS, Counters, Status, perception_status, status_of
from autonomy_perception.types import Mode, SensorHealth, SensorState

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
ms = st.floats(0, 2**20, width=32)
healths = st.builds(
    SensorHealth, words, st.sampled_from(SensorState), st.integers(-1, 60) | st.integers(0, 10**12), words
)
statuses = st.builds(
    Status, st.integers(0, 2**60), st.integers(0, 2**60), st.sampled_from(Mode), st.lists(words, max_size=3).map(tuple),
    st.lists(healths, max_size=3).map(tuple), st.dictionaries(words, ms, max_size=3), words, ms, st.integers(0, 2**63),
    st.integers(0, 2**63), st.tuples(ms, ms, ms, ms, ms),
)  # fmt: skip


@given(statuses)
@settings(max_examples=60, deadline=None)
def test_a_status_comes_back_from_either_family(sent: Status) -> None:
    """Ages are float32 seconds on the wire; before the first data they are -1."""
    bytes_of = set()
    for family in families():
        message = perception_status(family.classes, sent, "base_link")
        bytes_of.add(wire := family.wire(message, STATUS))
        got = status_of(family.back(wire, STATUS))
        for name in ("stamp_ns", "data_stamp_ns", "mode", "reasons", "stage_ms", "calibration_hash", "stamp_age_ms",
                     "processed", "replaced", "latency_ms"):  # fmt: skip
            assert getattr(got, name) == getattr(sent, name), name
        for a, b in zip(got.health, sent.health, strict=True):
            assert (a.sensor, a.state, a.message) == (b.sensor, b.state, b.message)
            assert a.age_ns == -1 if b.age_ns < 0 else a.age_ns == pytest.approx(b.age_ns, rel=1e-7, abs=1)
        assert [s.age == -1.0 for s in message.sensors] == [h.age_ns < 0 for h in sent.health]
    assert len(bytes_of) == 1, "both families say the same on the wire"


def test_percentiles_are_of_frames_that_there_were() -> None:
    counters = Counters()
    assert counters.percentiles() == (0.0,) * 5
    counters.latencies.extend([10.0] * 98 + [50.0, 90.0])
    assert counters.percentiles() == (90.0, 10.0, 10.0, 50.0, 90.0)
    counters.latencies.extend(np.arange(1000.0))
    assert counters.percentiles() == (999.0, 499.0, 949.0, 989.0, 999.0)
