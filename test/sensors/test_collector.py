"""The collector: never stuck, bounded, never pairs what is too far apart."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.config import SensorsConfig
from autonomy_perception.sensors.collector import KEEP_CAMERA, KEEP_LIDAR, NOW_BACK_NS, Collector, Group
from autonomy_perception.sensors.stream import Item

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


def test_a_slower_lidar_is_taken_when_it_comes_and_not_waited_for_in_between():
    c = collector()
    for k in range(4):  # b at half the rate of a, each sweep just after a's
        add(c, "a", 100 * k, 100 * k + 1)
        if k % 2 == 0:
            add(c, "b", 100 * k + 4, 100 * k + 6)
    assert add(c, "a", 400, 401) == []
    (pair,) = add(c, "b", 404, 406)
    assert list(pair.lidars) == ["a", "b"]
    (alone,) = add(c, "a", 500, 501)
    assert list(alone.lidars) == ["a"] and alone.resting == ("b",) and not alone.missing
    partial = c.counters.partial
    assert add(c, "a", 600, 601) == []  # now it is due again
    (late,) = poll(c, 661)
    assert late.missing == {"b": -196 * MS} or late.missing == {"b": None}
    assert c.counters.partial == partial + 1


def test_a_faster_lidar_gives_the_sweep_nearest_to_the_reference():
    c = collector()
    groups = []
    for k in range(40):
        groups += add(c, "b", 50 * k + 7, 50 * k + 8)
        groups += add(c, "a", 50 * k, 50 * k + 9) if k % 2 == 0 else []
    assert len(groups) == 20 and all(g.lidars["b"].stamp_ns - g.frame_ns == 7 * MS for g in groups)


def test_freely_turning_lidars_are_all_paired_by_a_window_of_half_a_period():
    config = CONFIG.model_copy(update={"jitter_ms": 50.0})
    c = Collector(config, ("a", "b", "c"), ())
    events = [(k * period + phase + 4, name, k * period + phase)
              for name, period, phase in (("a", 100, 0), ("b", 99, 13), ("c", 101.5, 77)) for k in range(300)]  # fmt: skip
    groups = [g for _, g in play(c, sorted(events)) if g.reference == "a"]
    whole = [g for g in groups if len(g.lidars) == 3]
    assert len(groups) == 300 and len(whole) > 0.96 * 300
    assert all(abs(i.stamp_ns - g.frame_ns) <= 50 * MS for g in groups for i in g.lidars.values())


def test_a_reference_whose_stamps_stand_still_loses_its_place():
    c = collector()
    for k in range(3):
        add(c, "a", 100 * k, 100 * k + 1)
        add(c, "b", 100 * k, 100 * k + 2)
    groups = []
    for k in range(3, 30):
        groups += add(c, "a", 200, 100 * k + 1)
        groups += add(c, "b", 100 * k, 100 * k + 2)
    assert groups[0].frame_ns <= T0 + 900 * MS and {g.reference for g in groups} == {"b"}
    assert len(groups) >= 20


def test_the_reference_that_comes_back_joins_the_group_that_another_opened():
    c = collector()
    add(c, "a", 0, 1)
    groups = [g for k in range(1, 15) for g in add(c, "b", 100 * k, 100 * k + 2)]
    groups = [*add(c, "b", 1500, 1501), *add(c, "a", 1500, 1502)]
    groups += [*add(c, "b", 1600, 1601), *add(c, "a", 1600, 1602)]
    assert groups[-1].reference == "a" and list(groups[-1].lidars) == ["a", "b"]


LIDARS, CAMERAS = ("l1", "l2", "l3", "l4"), ("c1", "c2", "c3", "c4", "c5", "c6")
PERIODS = {"l1": 100, "l2": 100, "l3": 50, "l4": 200, "c1": 33, "c2": 33, "c3": 50, "c4": 100, "c5": 66, "c6": 500}
GLITCHES = [0] * 12 + [3, -4, 15, 33, -60, 700, -700, 2000, -3000, 3_600_000]


class Traffic(list):
    """Events with a short name for reports."""

    def __repr__(self) -> str:
        return f"<{len(self)} events>"


@st.composite
def traffic(draw):
    """(arrival, sensor, stamp) [ms] of 4 lidars and 6 cameras: delays, drops, swaps, wrong and standing stamps, and
    jumps of the clock and of the receiver's time."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    events = []
    for name, period in PERIODS.items():
        latency, jitter = draw(st.sampled_from([1, 10, 70, 150])), draw(st.sampled_from([0, 5, 40]))
        lost, wrong = draw(st.sampled_from([0, 0, 0.1, 0.6])), draw(st.sampled_from([0, 0, 0.1]))
        clock = draw(st.sampled_from([0, 0, 0, -30, 400, 3_600_000]))
        silent = draw(st.sampled_from([(0, 0), (0, 0), (300, 900), (600, 1e9)]))
        frozen = draw(st.sampled_from([1e9, 1e9, 1e9, 500]))
        for k in range(1500 // period):
            at = k * period
            if rng.random() < lost or silent[0] <= at < silent[1]:
                continue
            stamp = min(at, frozen) + clock + (rng.choice(GLITCHES) if rng.random() < wrong else 0)
            events.append((at + latency + jitter * rng.random(), name, stamp + jitter * 0.2 * rng.random()))
    events.sort()
    if events and draw(st.booleans()):  # the drive loops, or the receiver's time jumps
        cut, back = draw(st.integers(0, len(events) - 1)), draw(st.sampled_from([0, 1400, -4000]))
        events = [*events[:cut], *((t - back, name, stamp) for t, name, stamp in events[cut:])]
        events += events[: draw(st.integers(0, cut))]
    return Traffic(events)


def play(c: Collector, events) -> list[tuple[float, Group]]:
    """All groups with the time at which they left; the deadline is kept as the worker keeps it."""
    out = []
    for now, name, stamp in events:
        deadline = c.deadline_ns
        if deadline is not None and deadline < T0 + now * MS:
            out += [(deadline, g) for g in c.poll(deadline)]
        out += [(T0 + now * MS, g) for g in add(c, name, stamp, now)]
        assert c.pending <= len(LIDARS) * KEEP_LIDAR + len(CAMERAS) * KEEP_CAMERA + 1
        latest = T0 + round((now + CONFIG.timeout_ms) * MS) + NOW_BACK_NS  # time may step back by less than a jump
        assert c.deadline_ns is None or c.deadline_ns <= latest
    return out


@given(traffic())
@settings(max_examples=120, deadline=None)
def test_whatever_arrives_groups_are_tight_in_order_and_never_use_a_sweep_twice(events):
    c = Collector(CONFIG, LIDARS, CAMERAS)
    last, used = None, set()
    for _, g in play(c, events):
        if g.after_jump:
            last, used = None, set()
        reference = g.lidars.get(g.reference) or g.cameras[g.reference]
        assert reference.frame_ns == g.frame_ns
        assert all(abs(i.stamp_ns - reference.stamp_ns) <= CONFIG.jitter_ms * MS for i in g.lidars.values())
        assert all(abs(i.stamp_ns - g.frame_ns) <= CONFIG.max_camera_age_ms * MS for i in g.cameras.values())
        assert last is None or g.frame_ns > last
        assert not g.lidars.keys() & (g.missing.keys() | set(g.resting))
        assert not used & {id(i) for i in g.lidars.values()}
        last, used = g.frame_ns, used | {id(i) for i in g.lidars.values()}
        kept.append(g)  # so that ids stay unique
    kept.clear()


kept: list[Group] = []


@given(traffic(), st.sets(st.sampled_from(LIDARS), min_size=1), st.booleans())
@settings(max_examples=80, deadline=None)
def test_after_whatever_came_healthy_lidars_make_frames_again(events, healthy, frozen):
    """The other lidars are silent or repeat one stamp. Frames return within the silence that makes a sensor missing
    and a second, the longest step back that is taken for lateness; from then on every sweep makes one."""
    c = Collector(CONFIG, LIDARS, CAMERAS)
    play(c, events)
    begin = max([0.0, *(max(now, 0) for now, _, _ in events)]) + 50
    stuck = [n for n in LIDARS if n not in healthy] if frozen else []
    later = []
    for k in range(40):
        later += [(begin + 100 * k + 1, n, begin) for n in stuck]
        later += [(begin + 100 * k + 2, n, begin + 100 * k) for n in LIDARS if n in healthy]
    groups = [g for _, g in play(c, later)]
    good = [g for g in groups if set(g.lidars) == healthy and g.frame_ns >= T0 + (begin + 1700) * MS]
    assert len(good) >= 22
    assert groups[-1].missing == {}


@given(traffic())
@settings(max_examples=25, deadline=None)
def test_the_same_events_make_the_same_groups(events):
    assert play(Collector(CONFIG, LIDARS, CAMERAS), events) == play(Collector(CONFIG, LIDARS, CAMERAS), events)


@pytest.mark.parametrize("swap", [True, False])
def test_two_sweeps_swapped_on_the_wire_do_not_stop_the_stream(swap: bool):
    c = collector(("a",))
    order = [0, 1, 3, 2, 4, 5] if swap else range(6)
    frames = [g.frame_ns for k in order for g in add(c, "a", 100 * k, 100 * k + 1)]
    assert frames == sorted(frames) and len(frames) == 6 - swap


def test_after_a_silence_of_all_sensors_an_image_waits_for_its_sweep():
    c = collector(("a",))
    c.observe(T0)
    made = []
    for at in (100, 11000, 21000):  # far more than a sensor's silence apart, the image always first
        made += add(c, "c", at, at) + add(c, "a", at, at + 50)
    assert [sorted((*g.lidars, *g.cameras)) for g in made] == [["a", "c"]] * 3
    blind = [g for at in (30000, 31000, 32000) for g in add(c, "c", at, at)]
    assert [g.lidars for g in blind] == [{}, {}]  # from the second image without a sweep on
