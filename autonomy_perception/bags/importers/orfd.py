"""ORFD (Min et al., 2022): a sequence with image_data/, calib/, lidar_data/ (Hesai, 40 beams) or dense_depth/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import files, mounting, parts
from autonomy_perception.bags.importers.base import Drive, ImportOptions, Record

LIDAR, CAMERA = "hesai", "camera_front"
FORWARD = (0.0, 1.0, 0.0)
"""The data set's car frame has y ahead and x to the right."""
STRIDE = 4
"""Every so many rows and columns of a depth image become a point: about as dense as the scan it was made of."""
DEPTH_SCALE = 1.0 / 256.0  # [m] of one unit of the 16-bit image
BLUE = 200  # labels are painted; drivable is blue
FAR_M = 60.0
"""Farther depths are not used: between beams so far apart the filling-in draws walls."""


@dataclass(frozen=True)
class Calibration:
    """Camera matrix, ``T_car_camera`` and ``T_car_lidar`` (4,4); car: at the lidar, levelled."""

    K: parts.F64
    T_car_camera: parts.F64
    T_car_lidar: parts.F64


def open_drive(folder: Path, options: ImportOptions) -> Drive:
    """Open one sequence. Raises BagError if a needed file is missing or broken."""
    folder = parts.sequence_folder(folder, "image_data", options)
    images = files.numbered(folder / "image_data", *files.IMAGES)
    scans = files.numbered(folder / "lidar_data", ".bin")
    depths = files.numbered(folder / "dense_depth", ".png")
    if not scans and depths and not options.derive_cloud:
        raise BagError(f"{folder / 'lidar_data'}: no scans; pass --derive-cloud to make points of dense_depth/, which are "
                       "interpolated between beams; the bag will say so")  # fmt: skip
    sources = scans or depths
    frames = sorted(set(images) & set(sources))[: options.limit or None]
    if not frames:
        raise BagError(f"{folder}: expected MILLISECONDS.png in image_data/ and lidar_data/ or dense_depth/ of the same "
                       f"names, found {len(images)}, {len(scans)} and {len(depths)}")  # fmt: skip
    rigs = {k: read_calibration(folder / "calib" / f"{images[k].stem}.txt") for k in frames}
    first = rigs[frames[0]]
    in_car = geometry.transform_points(first.T_car_lidar, read_cloud(sources[frames[0]], first)[:, :3])
    T_base_car = mounting.mounting(in_car, options, sources[frames[0]], FORWARD)
    points = "recorded" if scans else f"derived from dense_depth, every {STRIDE}th row and column, up to {FAR_M:.0f} m"
    notes = parts.notes_of(
        "orfd", folder.name, ego="none", stamps="recorded (file names)", point_times="none", stamp_at="mid (assumed)",
        points=points, mounting=mounting.note(T_base_car, FORWARD),
    )  # fmt: skip

    def records() -> Iterator[Sequence[Record]]:
        T_base_camera, T_base_lidar = T_base_car @ first.T_car_camera, T_base_car @ first.T_car_lidar
        edges = [(parts.BASE_FRAME, LIDAR, T_base_lidar), (parts.BASE_FRAME, f"{CAMERA}_optical", T_base_camera)]
        yield [parts.static_record(frames[0] * 1_000_000, edges)]
        for k in frames:
            at = k * 1_000_000
            out = parts.image_records(CAMERA, images[k], at, parts.Lens(rigs[k].K))
            cloud = read_cloud(sources[k], rigs[k])
            layout = parts.points(cloud[:, :3], intensity=cloud[:, 3])
            out.append(parts.cloud_record(LIDAR, at, layout, at + 50_000_000))
            truth = folder / "gt_image" / f"{images[k].stem}_fillcolor.png"
            out += [parts.image_truth(CAMERA, _drivable(truth), at)] if truth.exists() else []
            yield out

    return Drive(len(frames), notes, records)


def read_calibration(path: Path) -> Calibration:
    """``cam_K`` (9), ``cam_RT`` (16, car to camera), ``lidar_R`` (9) and ``lidar_T`` (3, lidar to car). Raises BagError."""
    values = files.read_values(path)
    K, RT, R, t = (files.value(values, [name], size, path)
                   for name, size in (("cam_K", 9), ("cam_RT", 16), ("lidar_R", 9), ("lidar_T", 3)))  # fmt: skip
    T_car_lidar = geometry.make_transform(R.reshape(3, 3), t)
    return Calibration(K.reshape(3, 3), geometry.invert(RT.reshape(4, 4)), T_car_lidar)


def read_cloud(path: Path, rig: Calibration) -> parts.F32:
    """Points (N,4) x y z intensity in the lidar's frame, of a scan (.bin) or a depth image (.png). Raises BagError."""
    if path.suffix == ".bin":
        return files.read_points(path, 5)[:, :4]  # x y z intensity and a beam number
    depth = cv2.imdecode(np.frombuffer(files.read_bytes(path), np.uint8), cv2.IMREAD_UNCHANGED)
    if depth is None or depth.dtype != np.uint16 or depth.ndim != 2:
        found = "no image" if depth is None else f"{depth.dtype} {depth.shape}"
        raise BagError(f"{path}: expected a 16-bit depth image, found {found}")
    return _unproject(np.asarray(depth), rig)


def _drivable(path: Path) -> bytes:
    """A PNG that says 1 where the painted labels are blue (drivable), else 0. Raises BagError."""
    painted = cv2.imdecode(np.frombuffer(files.read_image(path), np.uint8), cv2.IMREAD_COLOR)
    if painted is None:
        raise BagError(f"{path}: expected a picture, found one that cannot be decoded")
    return cv2.imencode(".png", (painted[..., 0] > BLUE).astype(np.uint8))[1].tobytes()


def _unproject(depth: NDArray[np.uint16], rig: Calibration) -> parts.F32:
    v, u = np.mgrid[0 : depth.shape[0] : STRIDE, 0 : depth.shape[1] : STRIDE]
    z = depth[v, u].astype(np.float64) * DEPTH_SCALE
    seen = (z > 0) & (z < FAR_M)
    pixels = np.column_stack([u[seen] + 1.0, v[seen] + 1.0, np.ones(int(seen.sum()))])  # the set's pixels begin at 1
    in_camera = (pixels @ np.linalg.inv(rig.K).T) * z[seen, None]
    T_lidar_camera = geometry.invert(rig.T_car_lidar) @ rig.T_car_camera
    xyz = geometry.transform_points(T_lidar_camera, in_camera)
    return np.column_stack([xyz, np.zeros(len(xyz))]).astype(np.float32)
