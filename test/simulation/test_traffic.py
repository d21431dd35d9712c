"""Traffic in lanes: nobody runs into anybody, gaps settle where the model says, lanes are changed for a reason."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.simulation.world.traffic import Closure, CutIn, Driver, Mobile, Obstacle, Stream, pace
from autonomy_perception.simulation.world.ways import Way

T = np.arange(0.0, 40.0, 0.05)


def car(s, v, lane=0, speed=30.0, length=4.5, **more):
    return Mobile(Driver(speed), length, s, v, lane, **more)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.floats(18.0, 60.0), st.floats(5.0, 30.0), st.floats(4.0, 18.0)), min_size=2, max_size=6),
    st.floats(1.0, 30.0),
)
def test_a_column_never_collides_and_stops_at_an_obstacle(column, appears):
    stream, s = Stream((0.0,)), 0.0
    for gap, speed, length in column:
        stream.vehicles.append(car(s, min(speed, 12.0), speed=speed, length=length))
        s -= length + gap
    stream.obstacles.append(Obstacle(0, 400.0, lambda now: now >= appears))
    tracks = stream.run(T)
    for ahead, behind, front in zip(tracks, tracks[1:], stream.vehicles, strict=False):
        assert np.min(ahead.s - front.length - behind.s) > 0.3
    for track in tracks:
        assert np.all(np.diff(track.s) > -1e-6)
        if np.interp(appears, T, track.s) < 300.0:
            assert track.s[-1] < 400.0


def test_a_follower_settles_at_the_gap_of_the_model():
    """Equilibrium of the IDM: (gap at rest + v * headway) / sqrt(1 - (v / v0)^4), Treiber 2000, eq. 5."""
    stream = Stream((0.0,))
    stream.vehicles = [car(200.0, 20.0, speed=20.0), car(100.0, 20.0, speed=25.0)]
    t = np.arange(0.0, 200.0, 0.1)
    lead, follower = stream.run(t)
    d, v = stream.vehicles[1].driver, follower.v[-1]
    expected = (d.gap + v * d.headway) / np.sqrt(1 - (v / 25.0) ** 4)
    assert lead.s[-1] - 4.5 - follower.s[-1] == pytest.approx(expected, rel=0.03)


def test_who_is_held_up_overtakes_and_returns():
    stream = Stream((-3.5, 0.0))
    stream.vehicles = [car(150.0, 18.0, speed=18.0, length=16.0), car(60.0, 28.0)]
    truck, fast = stream.run(T)
    passing = np.argmin(np.abs(fast.s - truck.s))
    assert fast.s[-1] > truck.s[-1]
    assert fast.d[passing] == pytest.approx(0.0, abs=0.3)
    assert fast.d[-1] == pytest.approx(-3.5, abs=0.3)
    assert np.ptp(truck.d) < 0.01


def test_a_lane_that_ends_is_left_and_not_entered():
    stream = Stream((-3.5, 0.0))
    stream.vehicles = [car(120.0, 22.0, speed=22.0), car(80.0, 22.0, speed=25.0), car(40.0, 24.0, lane=1)]
    stream.closures.append(Closure(0, 420.0, 600.0))
    for track in stream.run(T):
        within = (track.s > 420.0) & (track.s < 600.0)
        assert within.any()
        assert np.all(np.abs(track.d[within]) < 0.3)


@pytest.mark.parametrize("speed", [4.5, 5.0, 6.0])
def test_nobody_moves_sideways_who_is_held_up_while_changing_lanes(speed):
    stream = Stream((-3.5, 0.0))
    stream.vehicles = [car(100.0, speed, speed=speed)]
    stream.closures.append(Closure(0, 100.0 + 4.0 * speed, 400.0))
    stream.obstacles.append(Obstacle(1, 104.0 + 2.0 * speed, lambda now: now < 20.0))
    (track,) = stream.run(T)
    still = track.v < 0.05
    assert still.any()
    assert np.ptp(track.d[still]) < 0.05
    assert np.all(np.abs(np.diff(track.d)) <= 0.4 * np.diff(track.s) + 1e-6)
    assert track.d[-1] == pytest.approx(0.0, abs=0.1)  # and goes on when it can


def test_somebody_cuts_in_close_ahead_and_is_given_room():
    stream = Stream((-3.5, 0.0))
    stream.vehicles = [car(100.0, 22.0, speed=22.0, settled=True), car(80.0, 26.0, lane=1, speed=26.0, settled=True)]
    stream.cut_ins.append(CutIn(1, 0, 0, 2.0, 8.0))
    ego, other = stream.run(T)
    merged = np.argmax(other.d < -2.5)
    assert 8.0 < other.s[merged] - 4.5 - ego.s[merged] < 35.0
    gap = other.s - 4.5 - ego.s
    assert gap[merged:].min() > 5.0


def test_a_road_may_be_empty():
    assert Stream((0.0,)).run(T) == []


def test_pace_is_slow_in_bends_and_brakes_for_them():
    way = Way.cornering([(0.0, 0.0), (150.0, 0.0), (150.0, 100.0)], 20.0)
    limit = pace(way, 20.0, lateral=1.6, brake=1.0)
    s = np.arange(0.0, way.length, 0.5)
    v = np.array([limit(float(x)) for x in s])
    bend = np.abs(way.curvature(s)) > 0.045
    assert v[bend].max() < np.sqrt(1.6 / 0.04)
    assert v[0] > 15.0
    assert np.all(v[:-1] ** 2 - v[1:] ** 2 < 2 * 1.0 * 0.5 + 1.5)  # the table has a value every 0.25 m
