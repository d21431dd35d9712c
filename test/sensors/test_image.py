"""Images: sizes without decoding, raw encodings as views, corrupt bytes named."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from autonomy_perception.sensors.events import ImageMsg
from autonomy_perception.sensors.image import ImageError, check, decode, encoded_size, pixels, raw_pixels
from autonomy_perception.types import CameraFrame, CameraModel

RGB = np.random.default_rng(0).integers(0, 255, (37, 51, 3), np.uint8)


def encoded(suffix: str, *options: int) -> bytes:
    return cv2.imencode(suffix, RGB[..., ::-1], list(options))[1].tobytes()


def raw(encoding: str, array: np.ndarray, **changes) -> ImageMsg:
    rows = array.reshape(array.shape[0], -1)
    values = {
        "encoding": encoding,
        "data": rows.tobytes(),
        "compressed": False,
        "height": rows.shape[0],
        "width": array.shape[1],
        "step": rows.shape[1],
    }
    return ImageMsg("/image", 0, 0, **{**values, **changes})


@pytest.mark.parametrize("data", [encoded(".png"), encoded(".jpg"), encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)])
def test_size_is_read_from_the_header_and_pixels_are_rgb(data):
    assert encoded_size(data) == (51, 37)
    assert encoded_size(np.frombuffer(data, np.uint8)) == (51, 37)
    image = decode(memoryview(data))
    assert image.shape == (37, 51, 3)
    if data.startswith(b"\x89PNG"):
        np.testing.assert_array_equal(image, RGB)
    else:
        assert np.abs(image.mean((0, 1)) - RGB.mean((0, 1))).max() < 6  # lossy, but red stays red


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("cut", [0, 1, 10, 30, 200, -1])
def test_cut_off_images_are_named(suffix, cut):
    with pytest.raises(ImageError, match=r"cut off|expected JPEG or PNG|broken"):
        encoded_size(encoded(suffix)[:cut])


def test_a_damaged_image_is_found_when_it_is_decoded():
    damaged = bytearray(encoded(".png"))
    damaged[60:-20] = bytes(len(damaged) - 80)
    model = CameraModel(51, 37, np.eye(3), np.zeros(5))
    with pytest.raises(ImageError, match="front:"):
        pixels(CameraFrame("front", 0, model, np.eye(4), encoded=bytes(damaged)))


def test_pixels_are_decoded_once():
    frame = CameraFrame("front", 0, CameraModel(51, 37, np.eye(3), np.zeros(5)), np.eye(4), encoded=encoded(".png"))
    assert pixels(frame) is pixels(frame)


@pytest.mark.parametrize(
    ("encoding", "array"),
    [("rgb8", RGB), ("bgr8", RGB[..., ::-1]), ("8UC3", RGB[..., ::-1]), ("rgba8", np.dstack([RGB, RGB[..., :1]])),
     ("bgra8", np.dstack([RGB[..., ::-1], RGB[..., :1]]))],
)  # fmt: skip
def test_raw_encodings_are_views_in_rgb(encoding, array):
    array = np.ascontiguousarray(array)
    message = raw(encoding, array)
    image = raw_pixels(message)
    np.testing.assert_array_equal(image, RGB)
    assert np.shares_memory(image, np.frombuffer(message.data, np.uint8))


def test_grey_padding_and_bayer():
    grey = RGB[..., 0]
    image = raw_pixels(raw("mono8", grey))
    assert image.shape == RGB.shape and all(np.array_equal(image[..., c], grey) for c in range(3))
    padded = np.pad(RGB.reshape(37, -1), ((0, 0), (0, 11)))
    np.testing.assert_array_equal(raw_pixels(raw("rgb8", RGB, data=padded.tobytes(), step=padded.shape[1])), RGB)
    red = np.zeros((20, 20), np.uint8)
    red[::2, ::2] = 200  # bayer_rggb8: red in the even rows and columns
    assert raw_pixels(raw("bayer_rggb8", red))[4:-4, 4:-4].mean((0, 1)).argmax() == 0
    red[:] = 0
    red[1::2, 1::2] = 200  # bayer_bggr8: red in the odd rows and columns
    assert raw_pixels(raw("bayer_bggr8", red))[4:-4, 4:-4].mean((0, 1)).argmax() == 0
    red[:] = 0
    red[1::2, ::2] = 200  # bayer_gbrg8: red in the odd rows, even columns
    assert raw_pixels(raw("bayer_gbrg8", red))[4:-4, 4:-4].mean((0, 1)).argmax() == 0
    red[:] = 0
    red[::2, 1::2] = 200  # bayer_grbg8: red in the even rows, odd columns
    assert raw_pixels(raw("bayer_grbg8", red))[4:-4, 4:-4].mean((0, 1)).argmax() == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"encoding": "32FC1"}, "'32FC1' is not supported"), ({"data": b"\0" * 100}, "expected 5661 bytes, found 100"),
     ({"step": 100}, "step: expected >= 153"), ({"height": 0}, "51 x 0")],
)  # fmt: skip
def test_raw_images_that_do_not_add_up_are_named(changes, words):
    with pytest.raises(ImageError, match=words):
        check(replace(raw("rgb8", RGB), **changes))
