"""Projection and image preprocessing against NumPy and OpenCV."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.ops.image import plan, preprocess, scaled_K, with_map
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.project import project
from autonomy_perception.types import CameraModel

LIB = CpuLibrary()
K = np.array([[300.0, 0.0, 158.0], [0.0, 310.0, 97.0], [0.0, 0.0, 1.0]])
PLAIN = CameraModel(320, 200, K, np.zeros(0))
BARREL = CameraModel(320, 200, K, np.array([-0.28, 0.07, 0.001, -0.0015, 0.002]))
RATIONAL = CameraModel(
    320, 200, K, np.array([0.6, -0.4, 0.0006, -0.0004, 0.05, 0.95, -0.3, 0.02]), "rational_polynomial"
)
FISHEYE = CameraModel(320, 200, K, np.array([0.05, -0.01, 0.003, -0.001]), "equidistant")
MODELS = [PLAIN, BARREL, RATIONAL, FISHEYE]
T = np.array([[0.0, -1.0, 0.0, 0.1], [0.0, 0.0, -1.0, 1.5], [1.0, 0.0, 0.0, -0.3], [0.0, 0.0, 0.0, 1.0]])


def by_opencv(xyz: NDArray[np.float32], camera: CameraModel) -> NDArray[np.float64]:
    if camera is FISHEYE:
        p = np.c_[xyz, np.ones(len(xyz))] @ T.T
        uv, _ = cv2.fisheye.projectPoints(p[:, None, :3].astype(float), np.zeros(3), np.zeros(3), camera.K, camera.D)
    else:
        uv, _ = cv2.projectPoints(
            xyz.astype(float), cv2.Rodrigues(T[:3, :3])[0], T[:3, 3], camera.K, camera.D if len(camera.D) else None
        )
    return np.asarray(uv.reshape(-1, 2))


@pytest.mark.parametrize("camera", MODELS, ids=["plain", "barrel", "rational", "fisheye"])
def test_points_in_view_land_where_opencv_puts_them(camera: CameraModel) -> None:
    rng = np.random.default_rng(3)
    xyz = np.stack([rng.uniform(2, 60, 2000), rng.uniform(-30, 30, 2000), rng.uniform(-2, 6, 2000)], 1).astype(
        np.float32
    )
    ours = project(LIB, xyz, camera, T)
    seen = ours.valid.astype(bool)
    assert 200 < seen.sum() < 2000
    np.testing.assert_allclose(ours.uv[seen], by_opencv(xyz[seen], camera), atol=2e-3)
    np.testing.assert_allclose(ours.depth, xyz[:, 0] - 0.3, rtol=1e-6)
    inside = (ours.uv >= -0.5).all(1) & (ours.uv[:, 0] < 319.5) & (ours.uv[:, 1] < 199.5)
    np.testing.assert_array_equal(seen, inside)


def test_points_beyond_the_fold_of_the_lens_do_not_come_back_into_view() -> None:
    xyz = np.stack([np.full(50, 2.0), np.linspace(2.5, 40, 50), np.full(50, 1.5)], 1).astype(np.float32)
    uv = by_opencv(xyz, CameraModel(320, 200, K, np.array([-0.28, 0.02, 0, 0, 0])))
    assert np.any((uv[:, 0] > 0) & (uv[:, 0] < 320))  # the bare polynomial folds them back
    assert not project(LIB, xyz, CameraModel(320, 200, K, np.array([-0.28, 0.02, 0, 0, 0])), T).valid.any()


def test_behind_not_finite_and_none() -> None:
    xyz = np.array([[-5, 0, 0], [np.nan, 0, 0], [0.3, 0, 1.5], [5, 0.1, 1.5], [np.inf, 0, 0]], np.float32)
    ours = project(LIB, xyz, BARREL, T)
    assert ours.valid.tolist() == [0, 0, 0, 1, 0]
    assert np.isnan(ours.uv[[0, 1, 2]]).all()
    assert project(LIB, np.empty((0, 3), np.float32), BARREL, T).uv.shape == (0, 2)
    with pytest.raises(ValueError, match="distortion model 'thin' is unknown"):
        project(LIB, xyz, CameraModel(4, 4, K, np.zeros(5), "thin"), T)
    with pytest.raises(ValueError, match="min_depth"):
        project(LIB, xyz, BARREL, T, min_depth=0.0)


def test_colours_come_from_the_nearest_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 320, 3), np.uint8)
    y, z = np.random.default_rng(1).uniform(-4, 4, (2, 500))
    ours = project(LIB, np.stack([np.full(500, 8.0), y, z], 1).astype(np.float32), BARREL, T, image=image)
    seen = ours.valid.astype(bool)
    px = np.floor(ours.uv[seen] + 0.5).astype(int)
    assert seen.sum() > 50
    np.testing.assert_array_equal(ours.color[seen], image[px[:, 1], px[:, 0]])
    assert not ours.color[~seen].any()


def bilinear(image: NDArray[np.uint8], u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Samples (...,3) with black outside, in float64."""
    padded = np.zeros((image.shape[0] + 2, image.shape[1] + 2, 3))
    padded[1:-1, 1:-1] = image
    inside = (u > -1) & (v > -1) & (u < image.shape[1]) & (v < image.shape[0])
    u, v = np.where(inside, u, -1.0), np.where(inside, v, -1.0)
    x, y = np.floor(u).astype(int), np.floor(v).astype(int)
    a, b = (u - x)[..., None], (v - y)[..., None]
    at = [padded[y + 1 + dy, x + 1 + dx] for dy in (0, 1) for dx in (0, 1)]
    out = at[0] * (1 - a) * (1 - b) + at[1] * a * (1 - b) + at[2] * (1 - a) * b + at[3] * a * b
    return np.where(inside[..., None], out, 0.0)


def expected(
    image: NDArray[np.uint8], camera: CameraModel, width: int, height: int, K_out: NDArray[np.float64]
) -> NDArray[np.float64]:
    i, j = np.meshgrid(np.arange(width), np.arange(height))
    ray = np.stack([(i - K_out[0, 2]) / K_out[0, 0], (j - K_out[1, 2]) / K_out[1, 1], np.ones(i.shape)], -1).reshape(
        -1, 1, 3
    )
    if camera is FISHEYE:
        uv, _ = cv2.fisheye.projectPoints(ray, np.zeros(3), np.zeros(3), camera.K, camera.D)
    else:
        uv, _ = cv2.projectPoints(ray, np.zeros(3), np.zeros(3), camera.K, camera.D if len(camera.D) else None)
    uv = uv.reshape(height, width, 2)
    value = bilinear(image, uv[..., 0], uv[..., 1]) / 255.0
    return np.asarray(((value - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(2, 0, 1))


@pytest.mark.parametrize("camera", MODELS, ids=["plain", "barrel", "rational", "fisheye"])
@pytest.mark.parametrize(("width", "height"), [(320, 200), (96, 64), (401, 33)])
def test_preprocess_agrees_with_numpy(camera: CameraModel, width: int, height: int) -> None:
    image = np.random.default_rng(5).integers(0, 256, (200, 320, 3), np.uint8)
    p = plan(camera, width, height)
    want = expected(image, camera, width, height, scaled_K(K, width / 320, height / 200))
    direct, mapped = preprocess(LIB, image, p), preprocess(LIB, image, with_map(LIB, p))
    assert direct.shape == (3, height, width)
    np.testing.assert_array_equal(direct, mapped)
    np.testing.assert_allclose(direct, want, atol=2e-2)  # noise image: 1e-4 px of coordinate is 1e-3 of value
    assert np.abs(direct - want).mean() < 5e-4


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 30), st.integers(1, 50), st.integers(1, 40), st.booleans(), st.floats(-40, 40)
)
def test_any_size_and_window(w: int, h: int, out_w: int, out_h: int, swap: bool, shift: float) -> None:
    camera = CameraModel(w, h, np.array([[50.0, 0, w / 2], [0, 50.0, h / 2], [0, 0, 1]]), np.zeros(0))
    image = np.arange(w * h * 3, dtype=np.uint8).reshape(h, w, 3)
    K_out = np.array([[40.0, 0, out_w / 2 + shift], [0, 45.0, out_h / 2], [0, 0, 1]])
    ours = preprocess(LIB, image, plan(camera, out_w, out_h, K_out), swap)
    source = np.ascontiguousarray(image[..., ::-1]) if swap else image
    want = expected(source, camera, out_w, out_h, K_out)
    np.testing.assert_allclose(ours, want, atol=2e-2)


def test_a_plain_copy_is_exact_and_wrong_images_are_refused() -> None:
    image = np.random.default_rng(2).integers(0, 256, (200, 320, 3), np.uint8)
    ours = preprocess(LIB, image, plan(PLAIN, 320, 200, mean=(0, 0, 0), std=(1, 1, 1)))
    np.testing.assert_allclose(ours, image.transpose(2, 0, 1) / 255.0, atol=2e-4)
    with pytest.raises(ValueError, match="expected uint8"):
        preprocess(LIB, image[:100], plan(PLAIN, 320, 200))
    with pytest.raises(ValueError, match="no pixel"):
        plan(PLAIN, 0, 5)
    with pytest.raises(ValueError, match="later one is not zero"):
        plan(CameraModel(320, 200, K, np.array([0.1, 0, 0, 0, 0, 0.3])), 10, 10)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 20),
    st.integers(3, 5),
    st.integers(0, 9),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_views_of_raw_messages_are_read_where_they_lie(
    w: int, h: int, pixel: int, pad: int, backwards: bool, swap: bool, grey: bool
) -> None:
    camera = CameraModel(w, h, np.array([[50.0, 0, w / 2], [0, 50.0, h / 2], [0, 0, 1]]), np.zeros(0))
    rows = np.random.default_rng(w * h).integers(0, 256, (h, w * pixel + pad), np.uint8)
    view = (
        rows[:, : w * pixel].reshape(h, w, pixel)[..., 2::-1]
        if backwards
        else rows[:, : w * pixel].reshape(h, w, pixel)[..., :3]
    )
    if grey:
        view = np.broadcast_to(view[..., :1], (h, w, 3))
    p = plan(camera, 2 * w, 2 * h)
    np.testing.assert_array_equal(preprocess(LIB, view, p, swap), preprocess(LIB, np.ascontiguousarray(view), p, swap))
