"""Images: sizes without decoding, raw encodings as views, corrupt bytes named."""

from __future__ import annotations

import time
import zlib
from dataclasses import replace

import cv2
import numpy as np
import pytest

from autonomy_perception.messages.events import ImageMsg
from autonomy_perception.sensors.high_bytes import LOOKS, HighBytes
from autonomy_perception.sensors.image import (
    ENCODINGS,
    check,
    decode,
    decoder,
    pixels,
    raw_pixels,
)
from autonomy_perception.sensors.image_header import MAX_PIXELS, MOST_CHUNKS, MOST_PADDING, ImageError, encoded_size
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


def scene(height: int = 36, width: int = 52) -> np.ndarray:
    """A smooth colourful picture: half resolutions of colour lose little of it."""
    y, x = np.mgrid[0:height, 0:width] / (height, width)[0]
    return np.clip(np.stack([255 * y, 200 * (1 - y), 120 + 100 * np.sin(3 * x)], -1), 0, 255).astype(np.uint8)


def yuv(rgb: np.ndarray) -> np.ndarray:
    """BT.601, limited range, float (H,W,3): the matrix of ITU-R BT.601-7, 2.5."""
    kr, kb = 0.299, 0.114
    r, g, b = (rgb[..., i].astype(float) for i in range(3))
    luma = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - luma) / (2 * (1 - kb)), (r - luma) / (2 * (1 - kr))
    return np.stack([16 + luma * 219 / 255, 128 + u * 224 / 255, 128 + v * 224 / 255], -1)


@pytest.mark.parametrize("pad", [0, 12])
@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21"])
def test_yuv_is_converted_by_the_standards_formula(encoding, pad):
    rgb = scene()
    y, u, v = np.moveaxis(np.round(yuv(rgb)).astype(np.uint8), -1, 0)
    if encoding.startswith("nv"):
        chroma = [u[::2, ::2], v[::2, ::2]] if encoding == "nv12" else [v[::2, ::2], u[::2, ::2]]
        rows = np.vstack([y, np.stack(chroma, -1).reshape(18, 52)])
    else:
        packed = np.empty((36, 52, 2), np.uint8)
        luma = 1 if encoding in ("yuv422", "uyvy") else 0
        packed[..., luma], packed[:, ::2, 1 - luma], packed[:, 1::2, 1 - luma] = y, u[:, ::2], v[:, ::2]
        rows = packed.reshape(36, 104)
    rows = np.pad(rows, ((0, 0), (0, pad)))
    message = ImageMsg("/image", 0, 0, "", 0, encoding, rows.tobytes(), False, 36, 52, rows.shape[1])
    image = raw_pixels(message)
    assert image.shape == rgb.shape
    assert np.abs(image.astype(int) - rgb).max() <= 16 and np.abs(image.astype(int) - rgb).mean() < 5
    with pytest.raises(ImageError, match="data: expected"):
        raw_pixels(replace(message, data=rows.tobytes()[:-1]))
    with pytest.raises(ImageError, match="even"):
        raw_pixels(replace(message, width=51))


@pytest.mark.parametrize("big", [False, True])
def test_sixteen_bits_are_read_by_their_high_bytes(big):
    grey = RGB[..., 0].astype(np.uint16) * 256 + 77
    data = grey.astype(">u2" if big else "<u2")
    message = raw("mono16", data.view(np.uint8), width=51, is_bigendian=big)
    image = raw_pixels(message)
    np.testing.assert_array_equal(image[..., 1], RGB[..., 0])
    assert np.shares_memory(image, np.frombuffer(message.data, np.uint8))
    wide = (RGB.astype(np.uint16) * 256 + 9).astype(">u2" if big else "<u2")
    np.testing.assert_array_equal(raw_pixels(raw("rgb16", wide.view(np.uint8), width=51, is_bigendian=big)), RGB)


@pytest.mark.parametrize("pad", [0, 5])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("pattern", "red", "blue"), [("rggb", (0, 0), (1, 1)), ("bggr", (1, 1), (0, 0)),
                                                      ("gbrg", (1, 0), (0, 1)), ("grbg", (0, 1), (1, 0))])  # fmt: skip
def test_bayer_patterns_of_either_depth(pattern, red, blue, depth, pad):
    rgb, mosaic = scene(40, 60), scene(40, 60)[..., 1].copy()
    mosaic[red[0] :: 2, red[1] :: 2] = rgb[red[0] :: 2, red[1] :: 2, 0]
    mosaic[blue[0] :: 2, blue[1] :: 2] = rgb[blue[0] :: 2, blue[1] :: 2, 2]
    rows = np.pad(mosaic if depth == 8 else (mosaic.astype("<u2") * 256 + 3).view(np.uint8), ((0, 0), (0, pad)))
    image = raw_pixels(raw(f"bayer_{pattern}{depth}", rows, width=60))
    assert np.abs(image.astype(int) - rgb)[2:-2, 2:-2].max() <= 12


def test_every_encoding_has_a_decoder_that_opencv_knows():
    for name, e in ENCODINGS.items():
        assert bool(e.convert) == (e.order is None) and (not e.convert or hasattr(cv2, f"COLOR_{e.convert}")), name


def test_image_transports_formats():
    bgr, rgb = RGB[..., ::-1], RGB
    png = {"bgr": cv2.imencode(".png", bgr)[1].tobytes(), "rgb": cv2.imencode(".png", rgb)[1].tobytes()}
    for original in ("bgr8", "rgb8", "bgra8", "rgba8"):
        np.testing.assert_array_equal(decode(png["bgr"], f"{original}; png compressed bgr8"), RGB)
        np.testing.assert_array_equal(decode(png["rgb"], f"{original}; png compressed rgb8"), RGB)
    for plain in ("", "png", "jpeg", "rgb8; png", "rgb8; jpeg compressed ", "nonsense;;"):
        np.testing.assert_array_equal(decode(png["bgr"], plain), RGB)
    grey = cv2.imencode(".png", RGB[..., 0])[1].tobytes()
    image = decode(grey, "mono8; png compressed mono8")
    assert image.shape == RGB.shape and image.strides[2] == 0  # a view of one plane
    np.testing.assert_array_equal(image[..., 2], RGB[..., 0])
    deep = cv2.imencode(".png", RGB[..., 0].astype(np.uint16) * 256 + 5)[1].tobytes()
    np.testing.assert_array_equal(decode(deep, "mono16; png compressed ")[..., 0], RGB[..., 0])
    with pytest.raises(ImageError, match="expected JPEG or PNG"):
        decode(bytes(12) + grey, "16UC1; compressedDepth png")


def test_a_compressed_bayer_mosaic_is_converted():
    rgb = scene(40, 60)
    mosaic = rgb[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = rgb[::2, ::2, 0], rgb[1::2, 1::2, 2]
    image = decode(cv2.imencode(".png", mosaic)[1].tobytes(), "bayer_rggb8; png compressed bayer_rggb8")
    assert np.abs(image.astype(int) - rgb)[2:-2, 2:-2].max() <= 12
    colour = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(decode(colour, "bayer_rggb8; png compressed bgr8"), rgb)


def test_orientation_in_a_jpeg_does_not_turn_the_image():
    jpeg = encoded(".jpg")
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    turned = jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape == (51, 37, 3)
    assert decode(turned).shape == (37, 51, 3)


def test_what_claims_to_be_huge_is_refused_before_it_is_decoded():
    png = bytearray(encoded(".png"))
    png[16:24] = (60_000).to_bytes(4, "big") * 2
    for refuse in (encoded_size, decode):
        with pytest.raises(ImageError, match="60000 x 60000 pixels claimed by"):
            refuse(bytes(png))
        with pytest.raises(ImageError, match=f"1 to {MAX_PIXELS} pixels, found 60000 x 60000"):
            refuse(bytes(png[:-12]) + bytes(12 * 50_000) + bytes(png[-12:]))
    with pytest.raises(ImageError, match="found 100000 x 100000"):
        check(ImageMsg("/image", 0, 0, "", 0, "rgb8", b"", False, 100_000, 100_000, 300_000))


def test_a_header_that_lies_about_the_size_is_named():
    jpeg = bytearray(encoded(".jpg"))
    at = jpeg.index(b"\xff\xc0")
    second = bytes(jpeg)  # a second frame header in front, of another size
    jpeg[at + 5 : at + 9] = b"\0\x10\0\x10"
    lying = bytes(jpeg[:at]) + bytes(jpeg[at : at + 19]) + second[at:]
    with pytest.raises(ImageError, match=r"cannot be decoded|as its header says|decoded"):
        decode(lying)


def test_pixels_are_those_of_the_message_and_come_when_asked_for():
    asked = []
    frame = CameraFrame("front", 0, CameraModel(51, 37, np.eye(3), np.zeros(5)), np.eye(4),
                        decoder=lambda: asked.append(1) or decoder(raw("bgr8", np.ascontiguousarray(RGB[..., ::-1])))())  # fmt: skip
    assert not asked
    np.testing.assert_array_equal(pixels(frame), RGB)
    assert pixels(frame) is frame.image and asked == [1]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("zeros", [1, 63, 64, 65, 5_000, 3_000_000])
def test_zeros_behind_an_image_are_overlooked(suffix, zeros):
    data = encoded(suffix)
    assert encoded_size(data + bytes(zeros)) == (51, 37)
    np.testing.assert_array_equal(decode(data + bytes(zeros)), decode(data))
    with pytest.raises(ImageError, match="cut off"):
        encoded_size(data[:-40] + bytes(zeros))


def test_more_zeros_than_any_buffer_has_are_not_searched():
    with pytest.raises(ImageError, match="cut off"):
        encoded_size(encoded(".jpg") + bytes(MOST_PADDING + 64))


def fill(jpeg: bytes, count: int) -> bytes:
    return jpeg[:2] + b"\xff" * count + jpeg[2:]


@pytest.mark.parametrize("count", [1, 2, 61, 62, 63, 64, 65, 500, 3_000_000])
def test_fill_bytes_before_a_marker_are_skipped(count):
    assert encoded_size(fill(encoded(".jpg"), count)) == (51, 37)


HOSTILE = {
    "fill": lambda: b"\xff\xd8" + b"\xff" * 60_000_000 + b"\xff\xd9",
    "segments": lambda: b"\xff\xd8" + b"\xff\xe0\x00\x02" * 15_000_000 + b"\xff\xd9",
    "filled segments": lambda: b"\xff\xd8" + b"\xff\xff\xff\xe0\x00\x02" * 10_000_000 + b"\xff\xd9",
    "chunks": lambda: encoded(".png")[:33] + bytes(12 * 5_000_000) + encoded(".png")[-12:],
    "zeros": lambda: bytes(60_000_000),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_bytes_are_refused_without_a_step_for_each(kind):
    data = HOSTILE[kind]()
    began = time.process_time()
    with pytest.raises(ImageError, match=r"broken|expected JPEG or PNG"):
        encoded_size(data)
    assert time.process_time() - began < 0.5


def test_a_png_of_many_chunks_is_read():
    png = encoded(".png")
    text = b"\0\0\0\0tEXt" + zlib.crc32(b"tEXt").to_bytes(4, "big")
    assert encoded_size(png[:33] + text * (MOST_CHUNKS - 10) + png[33:]) == (51, 37)
    with pytest.raises(ImageError, match=f"at most {MOST_CHUNKS} chunks"):
        encoded_size(png[:33] + text * MOST_CHUNKS + png[33:])


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", ["mono16", "bayer_rggb16"])
def test_a_camera_that_leaves_the_high_bits_unused_is_named_once(encoding, big):
    def message(shift: int) -> ImageMsg:
        values = (np.arange(40 * 60).reshape(40, 60) % 4096 << shift).astype(">u2" if big else "<u2")
        return raw(encoding, values.view(np.uint8), width=60, is_bigendian=big)

    watch = HighBytes()
    said = [watch.dark(message(0)) for _ in range(LOOKS + 5)]
    assert [bool(s) for s in said] == [k == LOOKS - 1 for k in range(LOOKS + 5)]
    assert said[LOOKS - 1].startswith("none above 2559 in 10 images")  # of 0..2399
    shifted = HighBytes()
    assert not any(shifted.dark(message(4 if k == 3 else 0)) for k in range(2 * LOOKS)), "one bright image is enough"
    assert not any(
        HighBytes().dark(m) for m in (raw("rgb8", RGB), ImageMsg("/i", 0, 0, "", 0, "jpeg", encoded(".jpg")))
    )
