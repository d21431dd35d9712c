"""CameraInfo: binning, regions of interest, rectified images, distortion models; against OpenCV."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.messages.events import CameraInfoMsg
from autonomy_perception.ops.image import plan, preprocess
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.project import project
from autonomy_perception.sensors.lens import LensError, model_of

LIB = CpuLibrary()
K = np.array([[300.0, 0.0, 158.0], [0.0, 310.0, 97.0], [0.0, 0.0, 1.0]])
LENSES = {
    "plumb_bob": np.array([-0.28, 0.07, 0.001, -0.0015, 0.002]),
    "rational_polynomial": np.array([0.6, -0.4, 0.0006, -0.0004, 0.05, 0.95, -0.3, 0.02]),
    "equidistant": np.array([0.05, -0.01, 0.003, -0.001]),
}


def info(model: str = "plumb_bob", **changes: object) -> CameraInfoMsg:
    D, P = LENSES.get(model, np.zeros(5)), np.hstack([K, np.zeros((3, 1))])
    return replace(CameraInfoMsg("/info", 0, 0, "camera", 0, 320, 200, model, D, K, P), **changes)


def by_opencv(xyz: np.ndarray, model: str, D: np.ndarray) -> np.ndarray:
    flat = np.ascontiguousarray(xyz[:, None], np.float64)
    project_points = cv2.fisheye.projectPoints if model == "equidistant" else cv2.projectPoints
    return project_points(flat, np.zeros(3), np.zeros(3), K, D)[0].reshape(-1, 2)


@given(st.sampled_from(list(LENSES)), st.integers(1, 4), st.integers(1, 4), st.integers(0, 60), st.integers(0, 40),
       st.integers(0, 2**32 - 1))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_points_land_in_the_binned_region_where_opencv_puts_them_on_the_full_sensor(name, bx, by, x, y, seed) -> None:
    width, height = (320 - x) // bx * bx, (200 - y) // by * by
    model = model_of(info(name, binning=(bx, by), roi=(x, y, width, height)))
    assert (model.width, model.height) == (width // bx, height // by)
    rng = np.random.default_rng(seed)
    xyz = np.stack([rng.uniform(-3, 3, 300), rng.uniform(-2, 2, 300), rng.uniform(4, 40, 300)], 1).astype(np.float32)
    ours = project(LIB, xyz, model, np.eye(4))
    seen = ours.valid.astype(bool)
    full = by_opencv(xyz, name, LENSES[name])
    # pixel i of the binned image covers pixels x + i b ... x + i b + b - 1 of the sensor
    want = (full - (x, y) + 0.5) / (bx, by) - 0.5
    np.testing.assert_allclose(ours.uv[seen], want[seen], atol=2e-3)
    inside = (want > -0.4).all(1) & (want < (model.width - 0.6, model.height - 0.6)).all(1)
    assert np.all(seen[inside])


def test_a_binned_image_shows_what_the_full_one_shows() -> None:
    y, x = np.mgrid[0:200, 0:320]
    full = np.stack([0.8 * x, 1.2 * y, 128 + 60 * np.sin(x / 40)], -1).clip(0, 255).astype(np.uint8)
    binned = full[20:180, 40:280].reshape(80, 2, 120, 2, 3).mean((1, 3)).round().astype(np.uint8)
    K_out = np.array([[150.0, 0, 50], [0, 150.0, 30], [0, 0, 1]])
    for name in LENSES:
        whole, part = model_of(info(name)), model_of(info(name, binning=(2, 2), roi=(40, 20, 240, 160)))
        a = preprocess(LIB, full, plan(whole, 100, 60, K_out, (0, 0, 0), (1, 1, 1))) * 255
        b = preprocess(LIB, binned, plan(part, 100, 60, K_out, (0, 0, 0), (1, 1, 1))) * 255
        assert np.abs(a - b)[:, 2:-2, 2:-2].max() < 1.5, name


def test_no_region_and_no_binning_is_the_full_sensor() -> None:
    plain = model_of(info())
    assert (plain.width, plain.height, plain.distortion_model) == (320, 200, "plumb_bob")
    np.testing.assert_array_equal(plain.K, K)
    whole = model_of(info(binning=(1, 1), roi=(0, 0, 320, 200)))
    np.testing.assert_array_equal(whole.K, K)
    assert model_of(info(distortion_model="")).distortion_model == "plumb_bob"


def test_rectified_images_are_those_of_p_without_distortion() -> None:
    P = np.hstack([K * [[0.9], [0.9], [1.0]], np.array([[-30.0], [0], [0]])])
    model = model_of(info("rational_polynomial", P=P), rectified=True)
    np.testing.assert_array_equal(model.K, P[:, :3])
    assert not model.D.any() and model.distortion_model == "plumb_bob"
    turned = cv2.Rodrigues(np.array([0.0, 0.02, 0.0]))[0]
    with pytest.raises(LensError, match="r: expected the identity"):
        model_of(info(R=turned), rectified=True)
    assert model_of(info(R=turned)).D.any()


@pytest.mark.parametrize(("changes", "field"), [
    ({"K": np.zeros((3, 3))}, "k"), ({"K": np.full((3, 3), np.nan)}, "k"), ({"D": np.array([np.inf])}, "k"),
    ({"width": 0}, "width x height"), ({"roi": (0, 0, 330, 200)}, "roi"), ({"roi": (100, 0, 300, 200)}, "roi"),
    ({"binning": (500, 1)}, "binning_x, binning_y"), ({"distortion_model": "thin"}, "distortion_model, d"),
    ({"D": np.arange(1.0, 9.0)}, "distortion_model, d"),
])  # fmt: skip
def test_what_cannot_be_used_is_named(changes, field) -> None:
    with pytest.raises(LensError) as error:
        model_of(info(**changes))
    assert error.value.field == field
