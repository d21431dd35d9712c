"""The unpack kernel against a plain NumPy reading of the message."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.unpack import CloudLayout, Crop, FieldAt, Masks, Unpacked, box_prism, prism, unpack

LIB = CpuLibrary()
DATATYPE = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8, "i8": 9, "u8": 10}
IDENTITY = np.eye(4, dtype=np.float32)[None, :3]
BOX = (-30.0, 30.0, -20.0, 20.0, -3.0, 4.0)
CROP = Crop(1.0, 60.0, BOX)
BODY = Masks.of([box_prism((1.0, 0.0), 5.0, 2.5, 0.0, 0.0, 3.0), prism([[-9, -1], [-2, -1], [-2, 1], [-8, 2]])])


def message(xyz: NDArray[np.float64], xyz_type: str = "f4", intensity: str = "f4", time: str = "f4", ring: str = "u2",
            big: bool = False, pad: int = 3) -> tuple[NDArray[np.void], CloudLayout]:  # fmt: skip
    """A structured array laid out like a PointCloud2 with odd padding, and its layout."""
    order = ">" if big else "<"
    names = ["z", "ring", "x", "time", "intensity", "y"]
    kinds = {"x": xyz_type, "y": xyz_type, "z": xyz_type, "ring": ring, "time": time, "intensity": intensity}
    dtype = np.dtype([(n, order + kinds[n]) for n in names] + [("pad", f"V{pad}")])
    points = np.zeros(len(xyz), dtype)
    points["x"], points["y"], points["z"] = xyz.T
    at = {n: FieldAt(dtype.fields[n][1], DATATYPE[kinds[n]]) for n in names}  # type: ignore[index]
    layout = CloudLayout(len(xyz), 1, dtype.itemsize, dtype.itemsize * len(xyz), big_endian=big, **at)
    return points, layout


def raw(points: NDArray[np.void]) -> NDArray[np.uint8]:
    return np.frombuffer(points.tobytes(), np.uint8)


def inside(masks: Masks, p: NDArray[np.float32]) -> NDArray[np.bool_]:
    out = np.zeros(len(p), bool)
    for row in masks.table:
        planes = row[6:].reshape(-1, 3)
        hit = (p[:, 2] >= row[4]) & (p[:, 2] <= row[5]) & (p[:, 0] >= row[0]) & (p[:, 0] <= row[1])
        hit &= (p[:, 1] >= row[2]) & (p[:, 1] <= row[3])
        out |= hit & np.all(p[:, :2] @ planes[:, :2].T <= planes[:, 2], axis=1)
    return out


def reference(points: NDArray[np.void], layout: CloudLayout, poses: NDArray[np.float32], span: tuple[float, float],
              body: NDArray[np.float32], crop: Crop, masks: Masks) -> Unpacked:  # fmt: skip
    """The same in NumPy, step by step."""
    with np.errstate(over="ignore", invalid="ignore"):
        xyz = np.stack([points[n].astype(np.float32) for n in "xyz"], 1)
        time = ((points["time"].astype(np.float64) - layout.time_zero) * layout.time_scale).astype(np.float32)
        square = (xyz**2).sum(1)
        finite = np.isfinite(square) & np.isfinite(time)
        xyz, time, square = (np.where(finite.reshape(-1, *[1] * (a.ndim - 1)), a, 0) for a in (xyz, time, square))
        near = (square >= crop.min_range**2) & (square <= crop.max_range**2) & (square > 0)
        hidden = inside(masks, xyz @ body[:3, :3].T + body[:3, 3])
        u = np.clip((time - span[0]) / max(span[1] - span[0], 1e-9) * (len(poses) - 1), 0, len(poses) - 1)
        k = np.minimum(u.astype(int), max(len(poses) - 2, 0))
        f = (u - k)[:, None, None]
        pose = poses[k] * (1 - f) + poses[np.minimum(k + 1, len(poses) - 1)] * f
        out = np.einsum("nij,nj->ni", pose[:, :, :3], xyz) + pose[:, :, 3]
        b = np.array(crop.box).reshape(3, 2)
        boxed = np.all((out >= b[:, 0]) & (out <= b[:, 1]), axis=1)
        intensity = np.clip(np.nan_to_num(points["intensity"].astype(np.float64) * layout.intensity_scale), 0, 1)
    steps = [("not_finite", ~finite), ("range", ~near), ("mask", hidden), ("crop", ~boxed)]
    keep, dropped = np.ones(len(xyz), bool), {}
    for name, bad in steps:
        dropped[name] = int((keep & bad).sum())
        keep &= ~bad
    return Unpacked(out[keep], intensity[keep], time[keep], points["ring"][keep].astype(np.uint16), dropped)


def same(ours: Unpacked, other: Unpacked, atol: float = 1e-4) -> None:
    assert ours.dropped == other.dropped
    np.testing.assert_allclose(ours.xyz, other.xyz, atol=atol)
    np.testing.assert_allclose(ours.intensity, other.intensity, atol=1e-6)
    np.testing.assert_allclose(ours.time, other.time, atol=1e-6)
    np.testing.assert_array_equal(ours.ring, other.ring)


SPECIAL = [0.0, -0.0, 1.0, 30.0, -30.0, 20.0, 4.0, -3.0, 3.5, 60.0, float("nan"), float("inf"), -float("inf"), 3e30]
QUARTERS = st.integers(-280, 280).map(lambda v: v * 0.25)  # exact in float32: points on borders compare exactly
COORDINATE = st.one_of(QUARTERS, QUARTERS, QUARTERS, st.sampled_from(SPECIAL))
CLOUD = st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), max_size=40).map(
    lambda v: np.array(v, float).reshape(-1, 3)
)


@settings(max_examples=60, deadline=None)
@given(CLOUD, st.sampled_from(["f4", "f8"]), st.booleans(), st.integers(0, 9))
def test_any_cloud_in_any_byte_order_reads_as_numpy_reads_it(
    xyz: NDArray[np.float64], kind: str, big: bool, pad: int
) -> None:
    points, layout = message(xyz, kind, big=big, pad=pad)
    points["ring"] = np.arange(len(xyz))
    points["intensity"] = np.linspace(-0.5, 1.5, len(xyz))
    ours = unpack(LIB, raw(points), layout, IDENTITY, crop=CROP, masks=BODY)
    same(ours, reference(points, layout, IDENTITY, (0, 0), IDENTITY[0], CROP, BODY), atol=0)


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8", "i8", "u8"])
@pytest.mark.parametrize("big", [False, True])
def test_every_datatype_of_intensity_time_and_ring(kind: str, big: bool) -> None:
    xyz = np.stack([np.arange(1, 31) * 0.5, np.zeros(30), np.ones(30)], 1)
    points, layout = message(xyz, intensity=kind, time=kind, ring=kind if kind[0] != "i" else "u2", big=big)
    points["ring"] = np.arange(30)
    points["intensity"] = points["time"] = np.arange(30) * 4
    layout = replace(layout, time_zero=60.0, time_scale=1e-3, intensity_scale=1 / 100)
    ours = unpack(LIB, raw(points), layout, IDENTITY)
    same(ours, reference(points, layout, IDENTITY, (0, 0), IDENTITY[0], Crop(), Masks()))
    assert ours.time[0] == pytest.approx(-0.06)
    assert ours.intensity[-1] == 1.0
    assert ours.ring[-1] == 29


def test_absolute_nanoseconds_keep_a_microsecond() -> None:
    stamp = 1_790_000_000_123_456_789
    points, layout = message(np.ones((3, 3)), time="u8")
    points["time"] = np.array([stamp - 100_000_000, stamp - 50_000_000, stamp], np.uint64)
    ours = unpack(LIB, raw(points), replace(layout, time_zero=float(stamp), time_scale=1e-9), IDENTITY)
    np.testing.assert_allclose(ours.time, [-0.1, -0.05, 0.0], atol=1e-6)


def curve(k: int) -> NDArray[np.float32]:
    """Poses of a sensor that drives 1 m and turns 3 degrees during the sweep; the last is the identity."""
    a = np.deg2rad(np.linspace(-3.0, 0.0, k))
    poses = np.zeros((k, 3, 4), np.float32)
    poses[:, 0, 0], poses[:, 0, 1], poses[:, 1, 0], poses[:, 1, 1] = np.cos(a), -np.sin(a), np.sin(a), np.cos(a)
    poses[:, 2, 2] = 1.0
    poses[:, 0, 3] = np.linspace(-1.0, 0.0, k)
    return poses


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(0, 200))
def test_deskew_follows_the_pose_table(seed: int, k: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    points, layout = message(rng.uniform(-50, 50, (n, 3)))
    points["time"] = rng.uniform(-0.13, 0.02, n)  # beyond the table on both sides: clamped
    crop = Crop(1.0, 200.0)
    ours = unpack(LIB, raw(points), layout, curve(k), (-0.1, 0.0), crop=crop)
    same(ours, reference(points, layout, curve(k), (-0.1, 0.0), curve(k)[-1], crop, Masks()))


def test_a_wall_swept_while_driving_is_straight_again() -> None:
    time = np.linspace(-0.1, 0.0, 101)
    poses = curve(11)
    truth = np.stack([np.full(101, 20.0), np.linspace(-10, 10, 101), np.ones(101)], 1)
    angle = np.deg2rad(30.0 * time)
    dx = truth[:, 0] - 10.0 * time
    seen = np.stack(
        [
            np.cos(angle) * dx + np.sin(angle) * truth[:, 1],
            -np.sin(angle) * dx + np.cos(angle) * truth[:, 1],
            truth[:, 2],
        ],
        1,
    )
    points, layout = message(seen)
    points["time"] = time
    ours = unpack(LIB, raw(points), layout, poses, (-0.1, 0.0))
    np.testing.assert_allclose(ours.xyz, truth, atol=2e-3)


def test_the_own_body_is_masked_where_it_was_when_the_point_was_measured() -> None:
    points, layout = message(np.array([[-2.3, 0.0, 1.0], [-2.3, 0.0, 1.0]]))
    points["time"] = [-0.1, 0.0]
    trailer = Masks.of([box_prism((-4.0, 0.0), 4.0, 2.0, 0.0)])
    poses = curve(2)
    poses[0, 0, 3] = -10.0  # fast: deskewed, the first point would lie far behind the trailer
    ours = unpack(LIB, raw(points), layout, poses, (-0.1, 0.0), masks=trailer)
    assert ours.dropped["mask"] == 2
    assert len(ours.xyz) == 0


def test_organised_cloud_with_row_padding() -> None:
    points, layout = message(np.arange(1, 37, dtype=float).reshape(12, 3))
    rows = points.reshape(3, 4)
    stride = 4 * points.itemsize + 7
    data = b"".join(r.tobytes() + b"\xff" * 7 for r in rows)[:-7]  # the last row may lack its padding
    ours = unpack(LIB, np.frombuffer(data, np.uint8), replace(layout, width=4, height=3, row_step=stride), IDENTITY)
    np.testing.assert_array_equal(ours.xyz, np.arange(1, 37).reshape(12, 3))


def test_large_clouds_are_the_same_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(3)
    xyz = rng.normal(0.0, 30.0, (1001 * 89, 3))
    xyz[rng.random(len(xyz)) < 0.2] = np.nan
    points, layout = message(xyz)
    layout = replace(layout, width=1001, height=89, row_step=1001 * layout.point_step)  # rows end within the parts
    gomp, outs = ctypes.CDLL("libgomp.so.1"), []
    before = gomp.omp_get_max_threads()
    try:
        for threads in (1, 2, 3, 5):
            gomp.omp_set_num_threads(threads)
            outs.append(unpack(LIB, raw(points), layout, IDENTITY, crop=CROP, masks=BODY))
    finally:
        gomp.omp_set_num_threads(before)
    for out in outs[1:]:
        assert out.dropped == outs[0].dropped and len(out.xyz) > 1_000
        for name in ("xyz", "intensity", "time", "ring"):
            assert np.array_equal(getattr(out, name), getattr(outs[0], name)), name


def test_absent_fields_are_zero_and_an_empty_cloud_is_empty() -> None:
    points, layout = message(np.ones((2, 3)))
    points["ring"] = 7
    bare = replace(layout, intensity=FieldAt(), time=FieldAt(), ring=FieldAt())
    ours = unpack(LIB, raw(points), bare, IDENTITY)
    assert not ours.ring.any() and not ours.time.any() and not ours.intensity.any() and len(ours.xyz) == 2
    assert len(unpack(LIB, np.empty(0, np.uint8), replace(layout, width=0), IDENTITY).xyz) == 0


def test_wrong_layouts_are_named() -> None:
    points, layout = message(np.ones((4, 3)))
    data = raw(points)
    with pytest.raises(ValueError, match=r"data holds \d+ bytes, its layout needs \d+"):
        unpack(LIB, data[:-1], layout, IDENTITY)
    with pytest.raises(ValueError, match="field x: offset"):
        unpack(LIB, data, replace(layout, x=FieldAt(layout.point_step - 3, 7)), IDENTITY)
    with pytest.raises(ValueError, match="field ring: unknown datatype 77"):
        unpack(LIB, data, replace(layout, ring=FieldAt(0, 77)), IDENTITY)
    with pytest.raises(ValueError, match="row_step"):
        unpack(LIB, data, replace(layout, width=2, height=2, row_step=3), IDENTITY)
    with pytest.raises(ValueError, match="span above 0"):
        unpack(LIB, data, layout, curve(3), (0.0, 0.0))
    with pytest.raises(ValueError, match="convex"):
        prism([[0, 0], [4, 0], [1, 1], [0, 4]])


@pytest.mark.long
def test_ten_million_points_are_the_sum_of_their_parts() -> None:
    rng = np.random.default_rng(7)
    points, layout = message(rng.uniform(-70, 70, (10_000_000, 3)))
    whole = unpack(LIB, raw(points), layout, IDENTITY, crop=CROP, masks=BODY)
    parts = [
        unpack(LIB, raw(part), replace(layout, width=len(part)), IDENTITY, crop=CROP, masks=BODY)
        for part in np.array_split(points, 8)
    ]
    assert whole.dropped == {k: sum(p.dropped[k] for p in parts) for k in whole.dropped}
    np.testing.assert_array_equal(whole.xyz, np.concatenate([p.xyz for p in parts]))
