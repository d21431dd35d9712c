"""The TF buffer: chains, interpolation, and faults by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry
from autonomy_perception.messages.events import TfMsg, TransformSample
from autonomy_perception.sensors.tf import HOLD_NS, KEEP_NS, MAX_FRAMES, MAX_SAMPLES, TfBuffer, TfError

S = 1_000_000_000


def sample(parent: str, child: str, T: np.ndarray, stamp: int = 0) -> TransformSample:
    return TransformSample(parent, child, stamp, tuple(T[:3, 3]), tuple(geometry.quaternion_of(T)))


def static(*samples: TransformSample) -> TfMsg:
    return TfMsg("/tf_static", 0, 0, True, samples)


def moving(*samples: TransformSample, at: int = 0) -> TfMsg:
    return TfMsg("/tf", at, 0, False, samples)


@st.composite
def rigid(draw):
    v = draw(st.lists(st.floats(-3, 3), min_size=6, max_size=6))
    return geometry.make_transform(geometry.rotation_rpy(*v[:3]), v[3:])


@given(st.lists(rigid(), min_size=1, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_lookup_is_the_product_along_the_path_whatever_the_tree(transforms, random):
    tf, T_root = TfBuffer(), {"f0": np.eye(4)}
    for i, T in enumerate(transforms, start=1):
        parent = random.choice(sorted(T_root))
        assert tf.add(static(sample(parent, f"f{i}", T))) == []
        T_root[f"f{i}"] = T_root[parent] @ T
    for a in T_root:
        for b in T_root:
            want = geometry.invert(T_root[a]) @ T_root[b]
            np.testing.assert_allclose(tf.lookup(a, b, 0), want, atol=1e-9)


def test_moving_edges_are_interpolated_and_held_for_a_while():
    tf = TfBuffer()
    for k in range(3):
        T = geometry.make_transform(geometry.rotation_z(0.2 * k), (2.0 * k, 0, 0))
        tf.add(moving(sample("odom", "base", T, k * S)))
    T = tf.lookup("odom", "base", S // 2)
    assert T[0, 3] == pytest.approx(1.0) and geometry.yaw_of(T) == pytest.approx(0.1)
    assert tf.lookup("odom", "base", 2 * S + HOLD_NS)[0, 3] == 4.0
    with pytest.raises(TfError, match=r"odom <- base: known from 0 to 2000000000 ns, asked for"):
        tf.lookup("odom", "base", 2 * S + HOLD_NS + 1)


def test_samples_out_of_order_are_sorted_and_old_ones_forgotten():
    tf = TfBuffer()
    for k in (0, 2, 1, 30):
        tf.add(moving(sample("odom", "base", geometry.make_transform(None, (k, 0, 0)), k * S)))
    assert 30 * S - KEEP_NS > 2 * S
    with pytest.raises(TfError):
        tf.lookup("odom", "base", S)


def test_a_moving_edge_starts_anew_when_its_stamps_go_back():
    tf = TfBuffer()
    for k in (100, 101, 5, 6):
        tf.add(moving(sample("odom", "base", geometry.make_transform(None, (k, 0, 0)), k * S)))
    assert tf.lookup("odom", "base", 5 * S + S // 2)[0, 3] == 5.5
    with pytest.raises(TfError):
        tf.lookup("odom", "base", 100 * S)


def test_what_is_missing_is_named():
    tf = TfBuffer()
    tf.add(static(sample("base_link", "camera", np.eye(4)), sample("rack", "lidar", np.eye(4))))
    with pytest.raises(
        TfError, match=r"base_link <- lidar: not connected; 'lidar' ends at 'rack', 'base_link' is a root"
    ):
        tf.lookup("base_link", "lidar", 0)
    with pytest.raises(TfError, match=r"'radar' is in no transform"):
        tf.lookup("base_link", "radar", 0)


def test_a_loop_is_refused_by_name_and_the_tree_stays_usable():
    tf = TfBuffer()
    tf.add(static(sample("a", "b", np.eye(4)), sample("b", "c", np.eye(4))))
    (fault,) = tf.add(static(sample("c", "a", np.eye(4))))
    assert "c <- a would close a loop: c <- b <- a" in fault
    np.testing.assert_array_equal(tf.lookup("a", "c", 0), np.eye(4))
    (fault,) = tf.add(static(sample("a", "a", np.eye(4))))
    assert "two different frames" in fault


@pytest.mark.parametrize(
    ("translation", "quaternion", "words"),
    [((np.nan, 0, 0), (0, 0, 0, 1), "translation"), ((0, 0, 0), (0, 0, 0, 0), "quaternion is not usable"),
     ((0, 0, 0), (0, 0, np.inf, 1), "quaternion is not usable"), ((0, 0, 1e300), (0, 0, 0, 1), "translation is not usable")],
)  # fmt: skip
def test_values_that_are_no_transform_are_refused(translation, quaternion, words):
    tf = TfBuffer()
    (fault,) = tf.add(static(TransformSample("a", "b", 0, translation, quaternion)))
    assert words in fault and tf.tree() == {}


def test_a_changed_static_edge_is_noticed_once():
    tf = TfBuffer()
    tf.add(static(sample("a", "b", np.eye(4))))
    before = tf.version
    tf.add(static(sample("a", "b", np.eye(4))))
    assert tf.version == before
    tf.add(static(sample("a", "b", geometry.make_transform(None, (0, 0, 1)))))
    assert tf.version == before + 1
    assert tf.lookup("a", "b", 0)[2, 3] == 1.0


def test_a_child_may_change_its_parent():
    tf = TfBuffer()
    tf.add(static(sample("a", "b", np.eye(4)), sample("a", "c", np.eye(4))))
    tf.add(static(sample("c", "b", geometry.make_transform(None, (1, 0, 0)))))
    assert tf.lookup("a", "b", 0)[0, 3] == 1.0
    assert tf.is_static("a", "b")
    tf.add(moving(sample("map", "a", np.eye(4))))
    assert not tf.is_static("map", "b")
    tf.drop_moving()
    assert "a" not in tf.tree()


def test_moving_edges_that_fell_silent_go_unless_a_static_tree_hangs_from_them():
    tf = TfBuffer()
    tf.add(static(sample("trailer", "lidar", np.eye(4))))
    tf.add(moving(sample("base", "trailer", np.eye(4)), sample("base", "door", np.eye(4)), at=0))
    tf.add(moving(sample("odom", "base", np.eye(4)), at=5 * S))
    tf.add(moving(sample("base", "wheel", np.eye(4)), at=KEEP_NS))
    assert set(tf.tree()) == {"lidar", "trailer", "door", "base", "wheel"}, "not longer silent than is remembered"
    tf.add(moving(sample("base", "wheel", np.eye(4)), at=KEEP_NS + 2 * S))
    assert set(tf.tree()) == {"lidar", "trailer", "base", "wheel"}
    tf.add(moving(sample("base", "wheel", np.eye(4)), at=KEEP_NS + 8 * S))
    assert set(tf.tree()) == {"lidar", "trailer", "wheel"} == set(tf._edges)
    assert set(tf._heard) == {"trailer", "wheel"}
    whole = TfBuffer(forgets=False)
    whole.add(moving(sample("base", "door", np.eye(4)), at=0))
    whole.add(moving(sample("base", "wheel", np.eye(4)), at=100 * S))
    assert set(whole.tree()) == {"door", "wheel"}


def test_ever_new_frames_are_bounded_and_named_and_push_out_none_that_is_heard_of():
    tf, faults = TfBuffer(), []
    tf.add(static(sample("base", "lidar", geometry.make_transform(None, (1, 0, 2)))))
    version = tf.version
    for k in range(60):
        crowd = [sample("crowd", f"new_{100 * k + i}", np.eye(4)) for i in range(100)]
        faults += tf.add(moving(sample("odom", "base", np.eye(4), k * S // 10), *crowd, at=k * S // 10))
        assert len(tf.tree()) <= MAX_FRAMES
        assert tf.lookup("odom", "lidar", k * S // 10)[2, 3] == 2.0
    assert tf.version == version, "nothing that sits still has changed"
    assert faults and all(f.startswith(f"expected at most {MAX_FRAMES} frames, found more: 125 are") for f in faults)
    assert tf.add(static(sample("base", "late", np.eye(4)))) == [] and tf.is_static("lidar", "late")
    for k in range(3):  # it is over
        tf.add(moving(sample("odom", "base", np.eye(4)), at=(16 + k) * S))
    assert set(tf.tree()) == {"lidar", "late", "base"}


def test_static_frames_are_bounded_too():
    tf = TfBuffer()
    faults = tf.add(static(*(sample("base", f"f{k}", np.eye(4)) for k in range(MAX_FRAMES + 2))))
    assert len(tf.tree()) == MAX_FRAMES and len(faults) == 2
    assert faults[0] == f"transform base <- f{MAX_FRAMES}: expected at most {MAX_FRAMES} frames, found one more"
    assert tf.add(static(sample("base", "f0", np.eye(4)))) == []


def test_samples_of_one_moving_edge_are_bounded():
    tf = TfBuffer()
    for k in range(MAX_SAMPLES + 100):
        tf.add(moving(sample("odom", "base", geometry.make_transform(None, (k, 0, 0)), 1000 * k)))
    assert len(tf._edges["base"].stamps) == len(tf._edges["base"].transforms) == MAX_SAMPLES
    assert tf.lookup("odom", "base", 1000 * (MAX_SAMPLES + 99))[0, 3] == MAX_SAMPLES + 99


def test_the_version_follows_what_sits_still():
    tf = TfBuffer()
    steps = [
        (moving(sample("odom", "base", np.eye(4))), 0),
        (static(sample("base", "lidar", np.eye(4))), 1),
        (moving(sample("base", "lidar", np.eye(4))), 1),  # begins to move
        (moving(sample("odom", "lidar", np.eye(4))), 0),
        (static(sample("base", "lidar", np.eye(4))), 1),  # sits still again
        (static(sample("base", "lidar", np.eye(4))), 0),
    ]
    for message, grows in steps:
        before = tf.version
        tf.add(message)
        assert tf.version - before == grows
