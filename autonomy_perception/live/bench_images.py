"""Images for ``bench messages``: every encoding our way, beside cv_bridge's conversion to rgb8 (Python side and copies).

cv_bridge is not among the ROS wheels; its steps are written after ros-perception/vision_opencv, cv_bridge/core.py: a view
of the bytes made contiguous, then ``cvtColor2``, which copies where the encoding is wanted already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from autonomy_perception.messages import sensors_in as convert
from autonomy_perception.messages import sensors_out
from autonomy_perception.nodes.messages import ROS
from autonomy_perception.ops.image import IMAGENET_MEAN, IMAGENET_STD, ImagePlan, plan, preprocess
from autonomy_perception.ops.library import Library
from autonomy_perception.sensors.image import ENCODINGS, decoder
from autonomy_perception.types import CameraModel

U8 = NDArray[np.uint8]
ENCODED = ("rgb8", "bgr8", "rgba8", "bgra8", "mono8", "mono16", "bayer_rggb8", "yuv422", "yuv422_yuy2", "nv12")
FORMATS = {"jpeg": ".jpg", "png": ".png"}
INPUT = (704, 256)
"""Size of the network input that an image is made into [px]."""
_TO_RGB = {
    "bgr8": cv2.COLOR_BGR2RGB, "rgba8": cv2.COLOR_RGBA2RGB, "bgra8": cv2.COLOR_BGRA2RGB, "mono8": cv2.COLOR_GRAY2RGB,
    "mono16": cv2.COLOR_GRAY2RGB, "bayer_rggb8": cv2.COLOR_BayerBG2RGB, "yuv422": cv2.COLOR_YUV2RGB_UYVY,
    "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUY2, "nv12": cv2.COLOR_YUV2RGB_NV12,
}  # fmt: skip


def raw_image(encoding: str, rng: np.random.Generator, width: int, height: int) -> Any:
    """sensor_msgs/Image of random values."""
    e = ENCODINGS[encoding]
    step, rows = width * e.channels * e.depth, round(height * e.rows)
    message = Image(height=height, width=width, encoding=encoding, step=step)
    message.data = ROS.sequence(rng.integers(0, 256, rows * step, np.uint8))
    return message


def compressed_image(image_format: str, width: int, height: int) -> Any:
    """sensor_msgs/CompressedImage of a picture with shades and edges."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([x % 256, y % 256, (x // 40 + y // 40) % 2 * 200], -1).astype(np.uint8)
    encoded = cv2.imencode(FORMATS[image_format], picture)[1].tobytes()
    return sensors_out.compressed_image(ROS, "", 0, encoded, f"bgr8; {image_format} compressed bgr8")


def read_ours(message: Any) -> U8:
    """Pixels (H,W,3) RGB of either message, as a consumer gets them."""
    event = convert.compressed_image if isinstance(message, CompressedImage) else convert.image
    return decoder(event("/image", message, 0))()


def read_plainly(message: Any) -> U8:
    """The same by cv_bridge's ``imgmsg_to_cv2(message, "rgb8")`` or ``compressed_imgmsg_to_cv2``."""
    if isinstance(message, CompressedImage):
        encoded = np.ndarray((1, len(message.data)), np.uint8, message.data)
        return np.asarray(cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB), np.uint8)
    e = ENCODINGS[message.encoding]
    rows = round(message.height * e.rows)  # cv_bridge knows no NV12: OpenCV alone
    kind = np.dtype(np.uint8 if e.depth == 1 else np.uint16)
    per_row = message.step // kind.itemsize // e.channels
    shape = (rows, per_row) if e.channels == 1 else (rows, per_row, e.channels)
    image = np.ascontiguousarray(np.ndarray(shape, kind, message.data)[:rows, : message.width])
    if kind.itemsize == 2:
        image = cv2.convertScaleAbs(image, alpha=255.0 / 65535.0)
    code = _TO_RGB.get(message.encoding)
    return image.copy() if code is None else np.asarray(cv2.cvtColor(image, code), np.uint8)


def input_plan(width: int, height: int) -> ImagePlan:
    """Constants for making a network input of images without distortion."""
    K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
    return plan(CameraModel(width, height, K, np.zeros(5)), *INPUT)


def input_plainly(image: U8) -> NDArray[np.float32]:
    """Network input (3,256,704) by OpenCV and NumPy."""
    small = cv2.resize(image, INPUT, interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255.0
    mean, std = (np.array(v, np.float32) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return np.ascontiguousarray(((small - mean) / std).transpose(2, 0, 1))


Pair = tuple[Callable[[], object], Callable[[], object], int]
"""Ours, peer, number of runs."""


def pairs(rng: np.random.Generator, lib: Library, width: int, height: int, runs: int) -> dict[str, Pair]:
    """Reading of each encoding (``image_*``), and three of them made into a network input (``input_*``)."""
    messages = {e: raw_image(e, rng, width, height) for e in ENCODED}
    messages |= {f: compressed_image(f, width, height) for f in FORMATS}
    made = input_plan(width, height)
    inputs = {f"input_{name}": _making(messages[name], lib, made, runs) for name in ("bgr8", "bgra8", "nv12")}
    return {f"image_{name}": _reading(message, runs) for name, message in messages.items()} | inputs


def _reading(message: Any, runs: int) -> Pair:
    return lambda: read_ours(message), lambda: read_plainly(message), runs


def _making(message: Any, lib: Library, made: ImagePlan, runs: int) -> Pair:
    return lambda: preprocess(lib, read_ours(message), made), lambda: input_plainly(read_plainly(message)), runs
