"""Which worlds and moments a data set is made of: every combination as often as another, moments apart in place."""

from collections import Counter

import numpy as np
import pytest

from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io import moments
from autonomy_perception.simulation.io.moments import even, moment_index, names_of, rare_near, turn_of
from autonomy_perception.simulation.scenarios import MIXED
from autonomy_perception.simulation.world.weather import LIGHTS, WEATHERS


@pytest.mark.parametrize("sizes", [(8, 7, 5), (8, 4, 2), (6, 6, 6), (1, 7, 1), (3,), (9, 6, 4)])
def test_every_combination_comes_once_and_every_prefix_is_even(sizes):
    total = int(np.prod(sizes))
    for start in (0, 3 * total):
        drawn = [even(start + k, sizes) for k in range(total)]
        assert len(set(drawn)) == total
        for axis, size in enumerate(sizes):
            for end in range(1, total):
                counts = Counter(d[axis] for d in drawn[:end])
                assert max(counts.values()) - (min(counts.values()) if len(counts) == size else 0) <= 2 + end // total


def test_scenario_weather_and_light_are_even_over_a_set():
    total = len(MIXED) * len(WEATHERS) * len(LIGHTS)
    names = [names_of(250_000 + k, "mix", "mix", "mix") for k in range(total)]
    assert set(Counter(names).values()) == {1}
    first = Counter(n.weather for n in names[: len(WEATHERS)])
    assert set(first) == set(WEATHERS)
    fixed = {names_of(k, "yard", "mix", "night") for k in range(len(WEATHERS))}
    assert {(n.scenario, n.time_of_day) for n in fixed} == {("yard", "night")}
    assert {n.weather for n in fixed} == set(WEATHERS)
    with pytest.raises(ValueError, match=r"'moon'.*demo"):
        names_of(0, "moon", "mix", "mix")


def test_things_taken_in_turn_are_even_and_bound_to_no_scenario():
    turns = [turn_of(k, 4) for k in range(400)]
    assert set(Counter(turns).values()) == {100}
    assert all(set(turns[k : k + 4]) == {0, 1, 2, 3} for k in range(0, 400, 4))
    beside = Counter((k % 8, turn) for k, turn in enumerate(turns))
    assert len(beside) == 32
    assert max(beside.values()) < 30


@pytest.fixture(scope="module")
def drive():
    return SyntheticDrive(4, 16.0, scenario="junction", cameras=False, grid=(20.0, 0.5))


def test_moments_are_apart_in_place(drive):
    count, first = 4, 5
    index = [moment_index(drive, k, count, first) for k in range(count)]
    assert index == sorted(set(index))
    assert index[0] >= first
    assert index == [moment_index(drive, k, count, first) for k in range(count)]
    t = np.array([drive.end_of(k) for k in range(first, len(drive))])
    place = drive.world.ego.places(t)
    way = np.concatenate([[0.0], np.linalg.norm(np.diff(place, axis=0), axis=1).cumsum()]) + 0.5 * (t - t[0])
    at = way[np.array(index) - first]
    assert np.diff(at).min() > 0.45 * way[-1] / count
    assert [moment_index(drive, k, 200, 0) for k in range(3)] == [0, 1, 2]  # more moments than sweeps


def test_rare_road_users_are_raised(drive, monkeypatch):
    def shown(share):
        monkeypatch.setattr(moments, "RAISED", share)
        index = [moment_index(drive, k, count) for count in (2, 3, 4, 5) for k in range(count)]
        return sum(
            rare_near(drive, drive.end_of(i), drive.world.ego.places(np.array([drive.end_of(i)]))[0]) for i in index
        )

    plain, raised = shown(0.0), shown(1.0)
    assert raised > plain
