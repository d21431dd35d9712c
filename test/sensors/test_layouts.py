"""Clouds as real drivers send them: what their fields mean is found without being told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensors.layouts import DRIVERS, STAMP, XYZ, Driver, message, struct

from autonomy_perception.config import LidarConfig
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.unpack import unpack
from autonomy_perception.sensors.cloud import CloudReader, Sweep

LIB = CpuLibrary()
IDENTITY = np.eye(4, dtype=np.float32)[None, :3]
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def lidar(**changes: object) -> LidarConfig:
    return LidarConfig.model_validate({"topic": "/points", "frame": "lidar", **changes})


def points_of(sweep: Sweep):
    return unpack(LIB, sweep.data, sweep.layout, IDENTITY)


@pytest.mark.parametrize("name", DRIVERS)
def test_a_drivers_cloud_is_understood_without_being_told_its_units(name: str) -> None:
    driver = DRIVERS[name]
    raw, want = driver.sweep()
    reader = CloudReader(lidar(stamp_at=driver.stamp_at))
    sweep = reader.read(message(raw, height=driver.height, pad=0 if driver.height == 1 else 13), 10**6)
    out = points_of(sweep)
    np.testing.assert_array_equal(out.xyz, want["xyz"])
    np.testing.assert_allclose(out.intensity, want["intensity"], atol=1e-6)
    np.testing.assert_allclose(out.time, want["time"], atol=2e-6)
    np.testing.assert_array_equal(out.ring, want["ring"])
    assert (sweep.has_time, sweep.has_ring, sweep.odd) == (bool(driver.time), bool(driver.ring), None)
    assert f"{driver.dtype.itemsize} bytes a point" in reader.about
    assert ("no time" in reader.about) == (not driver.time)


@given(st.sampled_from(list(UNITS)), st.sampled_from(["f8", "f4", "u4", "i4", "u8", "i8"]), st.booleans(),
       st.sampled_from(["start", "mid", "end"]), st.sampled_from([50.0, 100.0, 200.0]),
       st.sampled_from([STAMP, 12_345_678_901, 3_600_000_000_000]), st.booleans())  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_times_in_any_unit_of_either_kind_are_found(unit, kind, absolute, stamp_at, period_ms, stamp, junk) -> None:
    period, scale = period_ms * 1e-3, UNITS[unit]
    time = np.linspace(0.0, period, 2000) - {"start": 0.0, "mid": 0.5, "end": 1.0}[stamp_at] * period
    values = (time + stamp * 1e-9 * absolute) / scale
    resolution = scale if kind[0] != "f" else np.spacing(np.abs(values).max().astype(kind)) * scale
    limits = np.iinfo(kind) if kind[0] != "f" else np.finfo(kind)
    if resolution > 1e-3 * period or values.min() < limits.min or values.max() > limits.max:
        return  # nobody can send times like that
    if not absolute and stamp_at != "start" and kind[0] == "u":
        return
    dtype = struct(32, *XYZ, ("time", kind, 16))
    raw = np.zeros(2000, dtype)
    raw["x"], raw["time"] = 5.0, values
    if junk:  # points without return that carry no time, or any
        raw["x"][:50], raw["time"][:50] = np.nan, 0
        raw["time"][50:60], raw["x"][50:60] = 2**30, np.nan
    config = lidar(stamp_at=stamp_at, period_ms=period_ms)
    out = points_of(CloudReader(config).read(message(raw, stamp_ns=stamp), 10**6))
    np.testing.assert_allclose(out.time, time[-len(out.time) :], atol=max(2e-6, 1.01 * resolution))


def timed(seconds: np.ndarray, kind: str = "u4", scale: float = 1e-9) -> np.ndarray:
    raw = np.zeros(len(seconds), struct(20, *XYZ, ("t", kind, 12)))
    raw["x"], raw["t"] = 5.0, np.round(seconds / scale) if kind[0] != "f" else seconds / scale
    return raw


def test_what_a_sweep_taught_holds_for_the_parts_of_later_ones() -> None:
    reader, whole = CloudReader(lidar(stamp_at="start")), np.linspace(0, 0.1, 5000)
    assert "us from the header stamp" in (reader.read(message(timed(whole, scale=1e-6)), 10**6), reader.about)[1]
    part = reader.read(message(timed(whole[:300], scale=1e-6)), 10**6)
    np.testing.assert_allclose(points_of(part).time, whole[:300], atol=1e-6)


def test_one_wrong_sweep_does_not_teach_a_wrong_unit() -> None:
    reader, whole = CloudReader(lidar(stamp_at="start")), np.linspace(0, 0.1, 5000)
    for scale in (1.0, 1e-6, 1.0):
        sweep = reader.read(message(timed(whole, "f8", scale)), 10**6)
        np.testing.assert_allclose(points_of(sweep).time, whole, atol=1e-6)


def test_times_that_are_none_are_named_and_the_cloud_is_used_without() -> None:
    reader = CloudReader(lidar())
    raw = timed(np.full(5000, 40.0), "f8", 1.0)
    sweep = reader.read(message(raw), 10**6)
    assert not sweep.has_time and len(points_of(sweep).xyz) == 5000
    assert sweep.odd is not None and sweep.odd.field == "fields.t" and "40 to 40" in sweep.odd.found
    assert reader.read(message(timed(np.linspace(-0.1, 0, 5000), "f8", 1.0)), 10**6).has_time


def test_absolute_times_of_another_clock_than_the_headers_count_by_their_differences() -> None:
    for stamp_at, shift in (("start", 0.0), ("mid", -0.05), ("end", -0.1)):
        for began in (1_000_000.0, STAMP * 1e-9 + 37.0):  # an uptime; TAI
            raw = timed(began + np.linspace(0, 0.1, 5000), "f8", 1.0)
            reader = CloudReader(lidar(stamp_at=stamp_at))
            out = points_of(reader.read(message(raw), 10**6))
            np.testing.assert_allclose(out.time, np.linspace(0, 0.1, 5000) + shift, atol=2e-3)
            assert "not of the header's clock" in reader.about


def test_all_times_zero_is_one_moment() -> None:
    sweep = CloudReader(lidar()).read(message(timed(np.zeros(100))), 100)
    assert sweep.has_time and not points_of(sweep).time.any()


def test_the_vehicle_file_has_the_last_word() -> None:
    seconds = np.linspace(0, 1e-4, 5000)  # a sensor whose sweep is over after 0.1 ms of its 100
    guessed = CloudReader(lidar(stamp_at="start")).read(message(timed(seconds)), 10**6)
    assert points_of(guessed).time.max() == pytest.approx(0.1)
    told = CloudReader(lidar(stamp_at="start", time_unit="ns")).read(message(timed(seconds)), 10**6)
    np.testing.assert_allclose(points_of(told).time, seconds, atol=1e-9)
    raw, _ = DRIVERS["velodyne"].sweep()
    out = points_of(CloudReader(lidar(intensity_max=510.0)).read(message(raw), 10**6))
    assert 0.4 < out.intensity.max() <= 0.5


@pytest.mark.parametrize(("kind", "full", "want"), [("f4", 1.0, 1.0), ("f4", 100.0, 255.0), ("u2", 255.0, 255.0),
                                                    ("u2", 3000.0, 4095.0), ("u2", 60000.0, 65535.0),
                                                    ("f4", 2e6, None), ("u1", 80.0, 255.0), ("i2", 30000.0, 65535.0)])  # fmt: skip
def test_the_scale_of_intensities_is_learned_and_grows(kind: str, full: float, want: float | None) -> None:
    raw = np.zeros(5000, struct(16, *XYZ, ("intensity", kind, 12)))
    raw["x"], raw["intensity"] = 5.0, np.linspace(0, full, 5000)
    reader = CloudReader(lidar())
    first = points_of(reader.read(message(raw), 10**6)).intensity
    expected = want or 0.99 * full
    np.testing.assert_allclose(first, np.minimum(raw["intensity"] / expected, 1.0), rtol=2e-2)
    few = raw.copy()
    few["intensity"][:-50] = 0  # a few brighter ones do not change it
    np.testing.assert_allclose(points_of(reader.read(message(few), 10**6)).intensity[:-50], 0)
    assert f"up to {expected:g}"[:8] in reader.about
    if kind == "f4" and want:
        raw["intensity"] *= 500.0
        assert points_of(reader.read(message(raw), 10**6)).intensity.mean() < 0.9
        assert f"up to {expected:g} " not in reader.about


def test_a_driver_that_is_set_up_anew_is_read_anew() -> None:
    reader, driver = CloudReader(lidar(stamp_at="start")), DRIVERS["hesai"]
    reader.read(message(driver.sweep()[0]), 10**6)
    other: Driver = DRIVERS["livox"]
    raw, want = other.sweep()
    np.testing.assert_allclose(points_of(reader.read(message(raw), 10**6)).time, want["time"], atol=2e-6)
    big = np.zeros(2000, replace(driver).dtype.newbyteorder(">"))
    for name in driver.dtype.names:
        big[name] = driver.sweep(2000)[0][name]
    out = points_of(reader.read(message(big), 10**6))
    np.testing.assert_allclose(out.time, driver.sweep(2000)[1]["time"], atol=2e-6)
    assert "big endian" in reader.about


@pytest.mark.parametrize(("stamp_at", "period_ms", "fits"), [("start", 100.0, True), ("mid", 100.0, False),
                                                             ("end", 100.0, False), ("start", 50.0, False), ("start", 110.0, True)])  # fmt: skip
def test_times_that_do_not_fit_the_vehicle_file_are_named_and_used(stamp_at: str, period_ms: float, fits: bool) -> None:
    raw, want = DRIVERS["ouster"].sweep()  # from 0 to 100 ms
    sweep = CloudReader(lidar(stamp_at=stamp_at, period_ms=period_ms)).read(message(raw, height=64), 10**6)
    np.testing.assert_allclose(points_of(sweep).time, want["time"], atol=2e-6)
    assert (sweep.odd is None) == fits
    if sweep.odd is not None:
        assert sweep.odd.field == "time of points" and f"stamp_at: {stamp_at}" in sweep.odd.expected
        assert sweep.odd.found == "3 to 94 ms"
