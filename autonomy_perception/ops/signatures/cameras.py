"""Launchers that look through a camera: network input, projection, alignment."""

from __future__ import annotations

from autonomy_perception.ops.signatures.model import Field, Record, Signature, reads, writes

LENS = Record("Lens", "Pinhole camera with the lens models of sensor_msgs/CameraInfo.", (
    Field("fx", "f32", "[px]"),
    Field("fy", "f32", "[px]"),
    Field("cx", "f32", "[px]"),
    Field("cy", "f32", "[px]"),
    Field("skew", "f32", "[px]"),
    Field("k", "f32", "polynomial: k1 k2 k3 over k4 k5 k6; equidistant: k1..k4", 6),
    Field("p1", "f32", "tangential"),
    Field("p2", "f32"),
    Field("max_sq", "f32", "squared normalised radius beyond which the polynomial folds back"),
    Field("model", "i32", "0 polynomial, 1 equidistant"),
    Field("width", "i32", "[px]"),
    Field("height", "i32", "[px]"),
))  # fmt: skip

IMAGE_VIEW = Record("ImageView", "Where output pixels look and how their values are scaled.", (
    Field("ox", "f32", "pixel (i, j) looks along x = ox + i * sx, y = oy + j * sy"),
    Field("oy", "f32"),
    Field("sx", "f32"),
    Field("sy", "f32"),
    Field("scale", "f32", "value = byte * scale + shift, in output channel order", 3),
    Field("shift", "f32", "", 3),
))  # fmt: skip

CAMERAS = (
    Signature("ap_preprocess", "Undistorted, resized, normalised image, channels first.", (
        reads("image", "u8", "(lens.height - 1) * step + (lens.width - 1) * pixel + 3", "rows of the source"),
        reads("map", "f32", "out_height, out_width, 2", "source pixels, as from ap_undistort_map", with_="map"),
        writes("out", "f32", "3, out_height, out_width"),
    ), (
        Field("lens", LENS, "of the source"),
        Field("view", IMAGE_VIEW),
        Field("step", "i32", "per source row [bytes]"),
        Field("pixel", "i32", "per source pixel, 3 or 4 [bytes]"),
        Field("swap", "i32", "1: source and output differ in RGB/BGR order"),
    )),
    Signature("ap_undistort_map", "Source pixel of every output pixel.", (
        writes("map", "f32", "out_height, out_width, 2", "[px]"),
    ), (
        Field("lens", LENS, "of the source"),
        Field("view", IMAGE_VIEW),
    )),
    Signature("ap_project", "Lidar points into a camera image.", (
        reads("xyz", "f32", "n, 3", "[m]"),
        reads("image", "u8", "lens.height, lens.width, 3", "to sample colours from", with_="color"),
        writes("uv", "f32", "n, 2", "[px], NaN where not in front of the lens"),
        writes("depth", "f32", "n", "along the optical axis [m]"),
        writes("valid", "u8", "n", "1 in view"),
        writes("color", "u8", "n, 3", "of the nearest pixel, zero where not in view", with_="color"),
    ), (
        Field("lens", LENS),
        Field("pose", "f32", "T_camera_points, rows of a 3x4 matrix", 12),
        Field("min_depth", "f32", "[m]"),
    )),
    Signature("ap_map_scores", "Sums of a map over points under many projections, in fixed point.", (
        reads("points", "f32", "n, 3", "[m]"),
        reads("weights", "f32", "n", "0..1"),
        reads("projections", "f32", "m, 12", "rows of 3x4 matrices, to homogeneous pixels"),
        reads("map", "u8", "height, width"),
        writes("score", "i64", "m", "weight times value"),
        writes("inside", "i64", "m", "weight of the points on the map"),
    )),
)  # fmt: skip
