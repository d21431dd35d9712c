"""Accuracy figures on cases small enough to work out by hand."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from autonomy_perception.grid import WorldGrid
from autonomy_perception.metrics.accuracy import Accuracy, lay_over
from autonomy_perception.metrics.figure import Figure
from autonomy_perception.metrics.matching import Boxes, assign, distances, facing_side, join_groups
from autonomy_perception.metrics.truth_frame import TruthFrame
from autonomy_perception.simulation.truth.truth import FREE, OCCUPIED, UNDECIDED, TruthGrid, TruthObjects
from autonomy_perception.types import N_CLASSES, Occupancy, Tracks

GRID = WorldGrid(-100, -100, 200, 200, 0.5)


@dataclass
class Published:
    stamp_ns: int
    tracks: Tracks
    occupancy: Occupancy


def objects(*rows):
    """Rows: number, x, y, length, width, vx, points[, group]."""
    n = len(rows)
    a = np.array([r[:7] for r in rows], float).reshape(n, 7)
    return TruthObjects(
        a[:, 0].astype(np.int32), np.array([r[7] if len(r) > 7 else r[0] for r in rows], np.int32), np.ones(n, np.uint8),
        np.column_stack([a[:, 1:3], np.full(n, 0.8)]), np.column_stack([a[:, 3:5], np.full(n, 1.5)]).astype(np.float32),
        np.zeros(n, np.float32), np.column_stack([a[:, 5], np.zeros(n)]).astype(np.float32), a[:, 6].astype(np.int32), np.zeros(n, np.float32), np.ones(n, np.float32),
    )  # fmt: skip


def tracks(*rows, confirmed=True):
    """Rows: id, x, y, length, width, vx."""
    n = len(rows)
    a = np.array(rows, float).reshape(n, 6)
    uuid = np.zeros((n, 16), np.uint8)
    uuid[:, 0] = a[:, 0]
    f = np.float32
    return Tracks(
        uuid, np.column_stack([a[:, 1:3], np.full(n, 0.8)]).astype(f), np.column_stack([a[:, 3:5], np.full(n, 1.5)]).astype(f), np.zeros(n, f),
        np.column_stack([a[:, 5], np.zeros(n)]).astype(f), np.zeros((n, 2), f), np.zeros(n, f), np.zeros((n, 6, 6), f), np.full((n, N_CLASSES), 1 / N_CLASSES, f),
        np.ones(n, f), np.full(n, 2, np.uint8), a[:, 5] == 0, np.ones(n, f), np.zeros(n, f), np.full(n, confirmed),
    )  # fmt: skip


def truth(those, structures=None, state=None, visible=None, ditch=None):
    blank = np.full(GRID.shape, UNDECIDED, np.int8)
    no = np.zeros(GRID.shape, np.bool_)
    grid = TruthGrid(
        GRID,
        blank if state is None else state,
        no if visible is None else visible,
        no if ditch is None else ditch,
    )
    return TruthFrame(5, np.eye(4), those, objects() if structures is None else structures, grid)


def published(those, wire=None):
    w = np.full(GRID.shape, -1, np.int8) if wire is None else wire
    return Published(5, those, Occupancy(GRID, np.zeros(GRID.shape, np.float32), w))


def judged(those, t, wire=None):
    out = Accuracy()
    out.add(published(those, wire), t)
    return out


def test_one_found_one_missed_one_false():
    t = truth(objects((1, 20, 0, 4, 2, 10, 50), (2, 30, 5, 4, 2, 0, 50)))
    a = judged(tracks((9, 20.3, 0.4, 4, 2, 11), (8, 5, -20, 4, 2, 0)), t)
    assert a.recall == 0.5
    assert a.false_tracks == 1
    assert a.position_error == [pytest.approx(0.5, abs=1e-5)]
    assert a.speed_error == [pytest.approx(1.0, abs=1e-5)]


def test_few_returns_and_far_objects_are_neither_demanded_nor_false():
    t = truth(objects((1, 20, 0, 4, 2, 0, 19), (2, 60, 0, 4, 2, 0, 500)))
    a = judged(tracks((1, 20, 0, 4, 2, 0), (2, 60, 0, 4, 2, 0)), t)
    assert a.objects == {}
    assert np.isnan(a.recall)
    assert a.false_tracks == 0


def test_a_second_track_on_an_object_is_false():
    a = judged(tracks((1, 20, 0, 4, 2, 0), (2, 20.5, 0, 4, 2, 0)), truth(objects((1, 20, 0, 4, 2, 0, 50))))
    assert (a.recall, a.false_tracks) == (1.0, 1)


def test_structures_are_spared_while_their_tracks_stand():
    structures = objects((1000, 10, 10, 2, 2, 0, 30))
    t = truth(objects(), structures)
    assert judged(tracks((1, 10, 11.5, 1, 1, 0)), t).false_tracks == 0
    moving = judged(tracks((1, 10, 11.5, 1, 1, 3.0)), t)
    assert (moving.false_tracks, moving.false_on_structure) == (1, 1)
    assert judged(tracks((1, 10, 13.0, 1, 1, 0)), t).false_tracks == 1


def test_unconfirmed_tracks_do_not_count():
    a = judged(tracks((1, 20, 0, 4, 2, 0), confirmed=False), truth(objects((1, 20, 0, 4, 2, 0, 50))))
    assert (a.recall, a.false_tracks) == (0.0, 0)


def test_identity_switch_is_seen_over_a_gap():
    t = truth(objects((1, 20, 0, 4, 2, 0, 50)))
    a = Accuracy()
    for those in (tracks((7, 20, 0, 4, 2, 0)), tracks(), tracks((7, 20, 0, 4, 2, 0)), tracks((8, 20, 0, 4, 2, 0))):
        a.add(published(those), t)
    figures = {f.name: f.value for f in a.figures()}
    assert figures["id switches"] == 1
    assert figures["track recall"] == 0.75
    assert figures["MOTA"] == pytest.approx(1 - 2 / 4)
    assert figures["IDF1"] == pytest.approx(2 * 2 / (4 + 3))


def test_what_need_not_be_tracked_is_neither_right_nor_wrong_for_mota():
    """One demanded car with its track; tracks of a car of 5 returns, of a standing post and of nothing."""
    t = truth(objects((1, 20, 0, 4, 2, 0, 50), (2, 10, -8, 4, 2, 0, 5)), objects((1000, 10, 10, 2, 2, 0, 30)))
    a = judged(tracks((1, 20, 0, 4, 2, 0), (2, 10, -8, 4, 2, 0), (3, 10, 10, 1, 1, 0), (4, -20, 0, 4, 2, 0)), t)
    figures = {f.name: f.value for f in a.figures()}
    assert (figures["MOTA"], figures["false tracks per scan"]) == (0.0, 1.0)
    assert figures["IDF1"] == pytest.approx(2 / 3)


def test_as_many_pairs_as_possible():
    distance = np.array([[0.1, 1.9], [1.9, 5.0]])  # greedy would take 0.1 and leave the second alone
    assert sorted(assign(distance)) == [(0, 1), (1, 0)]
    assert assign(np.zeros((0, 3))) == []


def test_a_long_vehicle_is_judged_by_its_near_side():
    """Only the rear of a 12 m truck is seen: a 6 m track with the right rear has no error, its centre is 3 m off."""
    true = Boxes(np.array([[26.0, 0.0]]), np.array([[12.0, 2.5]]), np.zeros(1), np.zeros((1, 2)))
    seen = Boxes(np.array([[23.0, 0.0]]), np.array([[6.0, 2.5]]), np.zeros(1), np.zeros((1, 2)))
    assert distances(seen, true, np.zeros(2))[0, 0] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(facing_side(true.center[0], true.size[0], 0.0, np.zeros(2)), [[20, -1.25], [20, 1.25]])
    short = replace(true, size=np.array([[5.0, 2.5]]))
    assert distances(seen, short, np.zeros(2))[0, 0] == pytest.approx(3.0)


def test_truck_and_trailer_count_once_under_one_track_and_twice_under_two():
    both = objects((1, 24, 0, 8, 2.5, 5, 900, 4), (2, 15, 0, 8, 2.5, 5, 900, 4))
    one = judged(tracks((1, 19.5, 0, 17, 2.5, 5)), truth(both))
    assert (one.recall, len(one.objects), one.false_tracks) == (1.0, 1, 0)
    two = judged(tracks((1, 24, 0, 8, 2.5, 5), (2, 15, 0, 8, 2.5, 5)), truth(both))
    assert (two.recall, len(two.objects), two.false_tracks) == (1.0, 2, 0)
    assert len(join_groups(both, Boxes.of_tracks(tracks()), np.zeros(2))) == 2


def test_grid_figures_by_hand():
    state = np.full(GRID.shape, UNDECIDED, np.int8)
    state[0, :4] = OCCUPIED
    state[100, 100:110] = FREE
    state[10, 10:20] = FREE  # 60 m away
    visible = np.zeros(GRID.shape, np.bool_)
    visible[100, 100:108] = True
    visible[10, 10:20] = True
    ditch = np.zeros(GRID.shape, np.bool_)
    ditch[50, :5] = True
    wire = np.full(GRID.shape, -1, np.int8)
    wire[0, :4] = [100, 0, 50, -1]
    wire[50, :5] = [20, 100, -1, -1, -1]
    wire[100, 100:110] = [0, 0, 100, -1, -1, 0, 0, 0, 100, 100]
    wire[10, 10:20] = 60
    a = judged(tracks(), truth(objects(), None, state, visible, ditch), wire)
    assert a.occupied_as_free.value == 1 / 4
    assert a.ditch_as_free.value == 1 / 5
    assert (a.free_as_occupied.bad, a.free_as_occupied.all) == (11, 18)
    assert (a.free_as_unknown.bad, a.free_as_unknown.all) == (2, 8)


def test_grids_are_laid_over_each_other_by_cells():
    wire = np.zeros(GRID.shape, np.int8)
    wire[5, 6] = 100
    shifted = WorldGrid(GRID.cell_x + 2, GRID.cell_y + 1, 200, 200, 0.5)
    t = TruthGrid(shifted, wire, wire > 0, wire > 0)
    out = lay_over(Occupancy(GRID, wire.astype(np.float32), wire), t)
    assert out[4, 4] == 100
    assert out[-1, 0] == -1
    with pytest.raises(ValueError, match="resolution"):
        lay_over(Occupancy(replace(GRID, resolution=0.4), wire.astype(np.float32), wire), t)


def test_other_moments_are_refused():
    out = published(tracks())
    out.stamp_ns = 6
    with pytest.raises(ValueError, match="6 ns"):
        Accuracy().add(out, truth(objects()))


def test_limits_without_data_do_not_hold():
    figures = Accuracy().figures()
    assert not any(f.ok for f in figures if f.limit is not None)
    assert Figure("x", 0.5, limit=0.5).ok
    assert Figure("x", 0.9, limit=0.9, at_least=True).ok
    assert not Figure("x", 0.89, limit=0.9, at_least=True).ok
    assert Figure("x", float("nan")).ok, "nothing is demanded"


def test_figures_say_themselves():
    one = Figure("position RMSE", 0.3456, "m", 0.4)
    assert (one.said, one.demanded) == ("0.346 m", "<= 0.4 m")
    assert (Figure("scans", 12345).said, Figure("scans", 12345).demanded) == ("12345", "")
    assert Figure("recall", float("nan"), limit=0.9, at_least=True).said == "not measured"
