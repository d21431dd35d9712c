"""The collector: never stuck, bounded, never pairs what is too far apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.config import SensorsConfig
from autonomy_perception.sensors.collector import KEEP_CAMERA, KEEP_LIDAR, Collector, Group, Item

MS = 1_000_000
T0 = 1_700_000_000 * 1000 * MS
CONFIG = SensorsConfig(timeout_ms=60, jitter_ms=20, max_camera_age_ms=120, no_data_after_ms=500)


def lidar(name: str, at_ms: float) -> Item:
    stamp = T0 + round(at_ms * MS)
    return Item(name, stamp, stamp)


def collector(lidars: tuple[str, ...] = ("a", "b"), cameras: tuple[str, ...] = ("c",)) -> Collector:
    return Collector(CONFIG, lidars, cameras)


def add(c: Collector, name: str, at_ms: float, now_ms: float) -> list[Group]:
    return c.add(lidar(name, at_ms), T0 + round(now_ms * MS))


def poll(c: Collector, now_ms: float) -> list[Group]:
    return c.poll(T0 + round(now_ms * MS))


def test_one_lidar_makes_a_frame_of_every_sweep_at_once():
    c = collector(("a",))
    for k in range(5):
        (group,) = add(c, "a", 100 * k, 100 * k + 3)
        assert group.frame_ns == T0 + 100 * k * MS
        assert list(group.lidars) == ["a"] and not group.missing


def test_two_lidars_wait_for_each_other():
    c = collector()
    assert len(add(c, "a", 0, 1)) == 1  # b has not spoken yet: nobody waits for it
    add(c, "b", 5, 6)
    assert add(c, "a", 100, 101) == []
    (group,) = add(c, "b", 108, 109)
    assert group.frame_ns == T0 + 100 * MS
    assert {n: i.stamp_ns - T0 for n, i in group.lidars.items()} == {"a": 100 * MS, "b": 108 * MS}


def test_a_sweep_outside_the_window_is_not_paired_and_the_frame_leaves_at_the_timeout():
    c = collector()
    add(c, "a", 0, 1)
    add(c, "b", 0, 1)
    assert add(c, "a", 100, 101) == []
    assert poll(c, 150) == []
    assert c.deadline_ns == T0 + 161 * MS
    (group,) = poll(c, 161)
    assert list(group.lidars) == ["a"] and group.missing == {"b": -100 * MS}
    assert c.counters.partial == 1


def test_a_lidar_whose_next_sweep_is_here_is_not_waited_for():
    c = collector()
    add(c, "a", 0, 1)
    add(c, "b", 0, 1)
    assert add(c, "a", 100, 101) == []
    (group,) = add(c, "b", 160, 102)
    assert list(group.lidars) == ["a"] and group.missing == {"b": 60 * MS}


def test_a_silent_lidar_is_not_waited_for_and_the_next_one_takes_over():
    c = collector()
    for k in range(3):
        add(c, "a", 100 * k, 100 * k + 1)
        add(c, "b", 100 * k, 100 * k + 2)
    groups = [g for k in range(3, 15) for g in add(c, "b", 100 * k, 100 * k + 2)]
    assert groups, "b must lead when a has died"
    assert all(list(g.lidars) == ["b"] for g in groups)
    assert groups[0].frame_ns <= T0 + 800 * MS
    (back,) = [*add(c, "a", 1500, 1501), *add(c, "b", 1500, 1502)]
    assert list(back.lidars) == ["a", "b"]


def test_cameras_are_taken_by_the_nearest_stamp_on_either_side_and_never_beyond_the_age():
    c = collector(("a",))
    for at in (-200, -110, 30, 90):
        add(c, "c", at, 0)
    (group,) = add(c, "a", 0, 1)
    assert group.cameras["c"].stamp_ns == T0 + 30 * MS
    c = collector(("a",))
    add(c, "c", 121, 0)
    (group,) = add(c, "a", 0, 1)
    assert group.cameras == {}


def test_without_any_lidar_images_make_frames_after_the_silence():
    c = collector(("a",), ("c", "d"))
    add(c, "a", 0, 0)
    groups = [g for k in range(1, 20) for g in (*add(c, "c", 50 * k, 50 * k), *add(c, "d", 50 * k, 50 * k + 1))]
    assert groups and not any(g.lidars for g in groups)
    assert [g.frame_ns for g in groups] == [T0 + 50 * k * MS for k in range(11, 20)]


def test_time_going_back_starts_anew():
    c = collector(("a",))
    add(c, "a", 60_000, 60_001)
    (first,) = add(c, "a", 0, 1)
    assert first.frame_ns == T0 and first.after_jump
    assert c.counters.jumps == 1
    (second,) = add(c, "a", 100, 101)
    assert not second.after_jump


def test_reference_stamps_going_back_while_the_clock_runs_start_anew():
    c = collector(("a",))
    add(c, "a", 60_000, 60_001)
    (group,) = add(c, "a", 0, 60_100)
    assert group.frame_ns == T0 and group.after_jump


def test_a_late_sweep_is_dropped_and_counted():
    c = collector(("a",))
    add(c, "a", 100, 101)
    assert add(c, "a", 50, 102) == [] and add(c, "a", 100, 103) == []
    assert c.counters.late == 2


@st.composite
def traffic(draw):
    """Sweeps and images of 2 lidars and 2 cameras with delays, drops, swaps, glitches and jumps of time."""
    events = []
    for name, period in (("a", 100), ("b", 100), ("c", 60), ("d", 45)):
        for k in range(draw(st.integers(0, 25))):
            if draw(st.integers(0, 9)) == 0:
                continue
            stamp = k * period + draw(st.sampled_from([0, 0, 0, 3, -4, 15, 33, 2000, -3000]))
            events.append((k * period + draw(st.integers(0, 150)), name, stamp))
    events.sort()
    if events and draw(st.booleans()):  # the drive loops
        cut = draw(st.integers(0, len(events) - 1))
        events = events[cut:] + events[: draw(st.integers(0, cut))]
    return events


@given(traffic())
@settings(max_examples=80, deadline=None)
def test_whatever_arrives_groups_are_tight_bounded_and_the_collector_recovers(events):
    c = collector(("a", "b"), ("c", "d"))
    now, last = 0.0, None
    for now, name, stamp in events:
        for g in add(c, name, stamp, now):
            for other in g.lidars.values():
                reference = next(iter(g.lidars.values()))
                assert abs(other.stamp_ns - reference.stamp_ns) <= 2 * CONFIG.jitter_ms * MS
            assert all(abs(i.stamp_ns - g.frame_ns) <= CONFIG.max_camera_age_ms * MS for i in g.cameras.values())
            assert last is None or g.frame_ns > last or g.after_jump
            last = g.frame_ns
        assert c.pending <= 2 * KEEP_LIDAR + 2 * KEEP_CAMERA + 1
    # whatever happened before, a healthy second afterwards makes frames again
    frames = [g for k in range(40) for n in ("a", "b") for g in add(c, n, now + 3000 + 100 * k, now + 3000 + 100 * k)]
    assert len(frames) >= 30


@given(traffic())
@settings(max_examples=25, deadline=None)
def test_the_same_events_make_the_same_groups(events):
    runs = []
    for _ in range(2):
        c = collector(("a", "b"), ("c", "d"))
        runs.append([g for now, name, stamp in events for g in add(c, name, stamp, now)])
    assert runs[0] == runs[1]


@pytest.mark.parametrize("swap", [True, False])
def test_two_sweeps_swapped_on_the_wire_do_not_stop_the_stream(swap: bool):
    c = collector(("a",))
    order = [0, 1, 3, 2, 4, 5] if swap else range(6)
    frames = [g.frame_ns for k in order for g in add(c, "a", 100 * k, 100 * k + 1)]
    assert frames == sorted(frames) and len(frames) == 6 - swap
