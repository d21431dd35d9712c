"""PointCloud2 layouts: whatever drivers send is read as NumPy reads it, and what is wrong is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensors.layouts import STAMP, message

from autonomy_perception.config import LidarConfig
from autonomy_perception.messages.events import CloudMsg, PointField
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.unpack import unpack
from autonomy_perception.sensors.cloud import CloudError, read_layout

LIDAR = LidarConfig(topic="/points", frame="lidar", intensity_max=255.0)
IDENTITY = np.eye(4, dtype=np.float32)[None, :3]


@pytest.fixture(scope="module")
def lib() -> CpuLibrary:
    return CpuLibrary()


@st.composite
def clouds(draw):
    """Structured points with x y z of either precision, optional fields in any order, gaps, either byte order."""
    order = draw(st.sampled_from("<>"))
    xyz = draw(st.sampled_from(["f4", "f8"]))
    fields = [(n, order + xyz) for n in "xyz"]
    fields += draw(
        st.sampled_from([[], [("intensity", order + "f4")], [("intensity", "u1")], [("reflectivity", order + "u2")]])
    )
    fields += draw(st.sampled_from([[], [("ring", order + "u2")], [("ring", "u1")], [("channel", order + "u4")]]))
    fields += draw(
        st.sampled_from([[], [("time", order + "f4")], [("t", order + "u4")], [("timestamp", order + "f8")]])
    )
    fields = draw(st.permutations(fields))
    offsets, at = [], draw(st.integers(0, 3))
    for _, kind in fields:
        offsets.append(at)
        at += np.dtype(kind).itemsize + draw(st.sampled_from([0, 0, 1, 4]))
    dtype = np.dtype(
        {"names": [f[0] for f in fields], "formats": [f[1] for f in fields], "offsets": offsets, "itemsize": at}
    )
    height = draw(st.sampled_from([1, 1, 2, 4]))
    points = np.zeros(height * draw(st.integers(1, 40)), dtype)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    for name in dtype.names:
        kind = dtype[name]
        if name in "xyz":
            points[name] = rng.uniform(-50, 50, len(points))
        elif name == "timestamp":
            points[name] = STAMP * 1e-9 + rng.uniform(-0.1, 0, len(points))
        elif kind.kind == "f":
            points[name] = rng.uniform(0, 0.1, len(points)) if name == "time" else rng.uniform(0, 255, len(points))
        else:
            points[name] = rng.integers(0, 100_000_000 if name == "t" else 128, len(points))
    return points, height, draw(st.sampled_from([0, 7]))


@given(clouds())
@settings(max_examples=80, deadline=None)
def test_every_layout_is_read_as_numpy_reads_it(lib, cloud):
    points, height, pad = cloud
    sweep = read_layout(message(points, height=height, pad=pad), LIDAR, 10**6)
    out = unpack(lib, sweep.data, sweep.layout, IDENTITY)
    names = points.dtype.names
    want = np.stack([points[n].astype(np.float32) for n in "xyz"], 1)
    np.testing.assert_array_equal(out.xyz, want)
    raw = next((points[n] for n in ("intensity", "reflectivity") if n in names), np.zeros(len(points)))
    np.testing.assert_allclose(out.intensity, np.clip(raw.astype(float) / 255.0, 0, 1), atol=1e-6)
    ring = next((points[n] for n in ("ring", "channel") if n in names), np.zeros(len(points)))
    np.testing.assert_array_equal(out.ring, ring.astype(np.uint16))
    assert sweep.has_ring == ("ring" in names or "channel" in names)
    time = np.zeros(len(points))
    if "time" in names:
        time = points["time"].astype(float)
    elif "t" in names:
        time = points["t"] * 1e-9
    elif "timestamp" in names:
        time = points["timestamp"] - STAMP * 1e-9
    np.testing.assert_allclose(out.time, time, atol=1e-6)
    assert sweep.has_time == bool({"time", "t", "timestamp"} & set(names))


def plain(n: int = 10) -> np.ndarray:
    points = np.zeros(n, [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])
    points["x"] = np.arange(n) + 1.0
    return points


@pytest.mark.parametrize(
    ("unit", "kind"), [(1.0, "f8"), (1e6, "f8"), (1e9, "f8"), (1e9, "u8")], ids=["s", "us", "ns", "uint64 ns"]
)
def test_absolute_times_are_known_by_their_size(lib, unit, kind):
    points = np.zeros(5, [*plain().dtype.descr, ("timestamp", "<" + kind)])
    points["x"] = 5.0
    delay = np.array([-0.1, -0.075, -0.05, -0.025, 0.0])
    points["timestamp"] = (STAMP + delay * 1e9) if unit == 1e9 else (STAMP * 1e-9 + delay) * unit
    fields = [
        PointField(n, int(k[1]), {"f4": 7, "f8": 8, "u8": 10}[k[0].str[1:]]) for n, k in points.dtype.fields.items()
    ]
    values = {
        "frame_id": "lidar",
        "stamp_ns": STAMP,
        "width": 5,
        "fields": fields,
        "point_step": 24,
        "row_step": 120,
        "data": points.tobytes(),
    }
    sweep = read_layout(CloudMsg("/points", 0, 0, **values), LIDAR, 100)
    out = unpack(lib, sweep.data, sweep.layout, IDENTITY)
    np.testing.assert_allclose(out.time, delay, atol=2e-6)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"width": 0}, "width x height", "empty"),
        ({"fields": ()}, "fields.x", "no fields"),
        ({"fields": (PointField("x", 0, 7), PointField("y", 4, 7))}, "fields.z", "x, y"),
        ({"fields": (PointField("x", 0, 4), PointField("y", 4, 7), PointField("z", 8, 7))}, "fields.x", "datatype 4"),
        ({"fields": (PointField("x", 0, 7), PointField("y", 4, 7), PointField("z", 14, 7))}, "point_step", "16"),
        ({"point_step": 0}, "point_step", "0"),
        ({"data": b"\x00" * 159}, "data", "159 (truncated)"),
        ({"data": b""}, "data", "0 (truncated)"),
        ({"height": 2, "width": 5, "row_step": 8}, "row_step", "8"),
        ({"width": 2**31, "height": 2**10}, "data", "truncated"),
        ({"fields": (*message(plain()).fields, PointField("time", 14, 8))}, "point_step", "16"),
        ({"fields": (*message(plain()).fields, PointField("ring", 2**31 - 1, 4))}, "point_step", "16"),
        ({"fields": (PointField("x", -4, 7), PointField("y", 4, 7), PointField("z", 8, 7))}, "fields", "offset -4"),
    ],
)
def test_what_is_wrong_is_named(changes, field, words):
    with pytest.raises(CloudError) as error:
        read_layout(replace(message(plain()), **changes), LIDAR, 10**6)
    assert error.value.field == field
    assert words in str(error.value)


def test_too_many_points_are_cut(lib):
    sweep = read_layout(message(plain(10)), LIDAR, 4)
    assert sweep.cut == 6
    np.testing.assert_array_equal(unpack(lib, sweep.data, sweep.layout, IDENTITY).xyz[:, 0], [1, 2, 3, 4])
    assert read_layout(message(plain(10), height=2), LIDAR, 8).cut == 5  # whole rows


@given(st.binary(max_size=64), st.integers(0, 40), st.integers(0, 5), st.integers(0, 40), st.integers(0, 90),
       st.lists(st.tuples(st.sampled_from(["x", "y", "z", "time", "ring"]), st.integers(-2, 30), st.integers(0, 12))))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_no_message_reads_outside_its_bytes(lib, data, width, height, step, row, fields):
    event = CloudMsg(
        "/points", 0, 0, "lidar", STAMP, height, width, [PointField(*f) for f in fields], False, step, row, data
    )
    try:
        sweep = read_layout(event, LIDAR, 100)
    except CloudError:
        return
    out = unpack(lib, sweep.data, sweep.layout, IDENTITY)
    assert len(out.xyz) + sum(out.dropped.values()) == sweep.points - sweep.cut
