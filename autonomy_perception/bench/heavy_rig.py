"""A drive made heavy: two lidars of 120k points and two 1280x720 JPEG cameras from a drive with one of each.

The second lidar sits beside the first and sees the same world, each of its points with an error of its own, so that
the stages have twice the points to work on and a scene that holds together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.importers.base import Drive, Record
from autonomy_perception.config import VehicleConfig
from autonomy_perception.messages.parts import stamp_ns

POINTS = 120_000
"""Least number of points of each sweep; sparser ones are filled up with copies."""
SIZE = (1280, 720)
QUALITY = 90
"""JPEG quality: some 300 kB an image."""
NOISE = 0.01
"""Standard deviation of the second lidar's points and of copies [m]."""
SIDE = geometry.make_transform(geometry.rotation_rpy(0.0, 0.0, 0.03), (0.0, -0.5, 0.05))
"""The second lidar in the first one's frame."""
SUFFIX = "_second"
_KINDS = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 8: "<f8"}


def heavy_vehicle(vehicle: VehicleConfig) -> VehicleConfig:
    """The vehicle with a second lidar and a second camera beside its first ones."""
    name, lidar = next(iter(vehicle.lidars.items()))
    eye, camera = next(iter(vehicle.cameras.items()))
    second = lidar.model_copy(update={"topic": lidar.topic + SUFFIX, "frame": lidar.frame + SUFFIX})
    other = camera.model_copy(
        update={
            "topic": camera.topic + SUFFIX,
            "info_topic": camera.info_topic + SUFFIX,
            "frame": camera.frame + SUFFIX,
        }
    )
    lidars, cameras = {name: lidar, name + SUFFIX: second}, {eye: camera, eye + SUFFIX: other}
    return vehicle.model_copy(update={"name": vehicle.name + "_heavy", "lidars": lidars, "cameras": cameras})


def heavy_drive(drive: Drive, vehicle: VehicleConfig) -> Drive:
    """The records of a drive of ``vehicle`` (its extrinsics on /tf_static), as :func:`heavy_vehicle` records them."""

    def records() -> Iterator[Sequence[Record]]:
        rig = _Rig(vehicle, np.random.default_rng(0))
        for frame in drive.records():
            yield [heavy for record in frame for heavy in rig.widened(record)]

    return Drive(drive.frames, {**drive.notes, "rig": "heavy: two lidars, two cameras"}, records, drive.empty_topics)


@dataclass
class _Rig:
    vehicle: VehicleConfig
    rng: np.random.Generator

    def __post_init__(self) -> None:
        self._lidar = next(iter(self.vehicle.lidars.values()))
        self._camera = next(iter(self.vehicle.cameras.values()))

    def widened(self, record: Record) -> list[Record]:
        """The record of the first sensor and that of the second; other records as they are."""
        if record.topic == self._lidar.topic:
            return self._clouds(record)
        if record.topic == self._camera.topic:
            return self._images(record)
        if record.topic == self._camera.info_topic:
            return self._infos(record)
        return [self._with_second(record)] if record.topic == "/tf_static" else [record]

    def _clouds(self, record: Record) -> list[Record]:
        message = record.message
        points = structured(message)
        short = max(0, POINTS - len(points))
        first = np.concatenate([points, self._moved(points[np.arange(short) % len(points)], np.eye(4))])
        second = self._moved(first, geometry.invert(SIDE))
        stamp = stamp_ns(message.header.stamp)
        return [
            Record(topic, m.CLOUD, record.receive_ns, m.cloud(frame, stamp, cloud))
            for topic, frame, cloud in (
                (record.topic, self._lidar.frame, first),
                (record.topic + SUFFIX, self._lidar.frame + SUFFIX, second),
            )
        ]

    def _moved(self, points: NDArray[Any], T: NDArray[np.float64]) -> NDArray[Any]:
        xyz = geometry.transform_points(T, np.stack([points[k] for k in "xyz"], 1))
        xyz += self.rng.normal(0.0, NOISE, xyz.shape)
        out = points.copy()
        for axis, name in enumerate("xyz"):
            out[name] = xyz[:, axis]
        return out

    def _images(self, record: Record) -> list[Record]:
        large = cv2.resize(cv2.imdecode(record.message.data, cv2.IMREAD_COLOR), SIZE, interpolation=cv2.INTER_CUBIC)
        encoded = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        stamp, frame = stamp_ns(record.message.header.stamp), self._camera.frame
        return [
            Record(record.topic + s, m.COMPRESSED_IMAGE, record.receive_ns,
                   m.compressed_image(frame + s, stamp, encoded, "rgb8; jpeg compressed bgr8"))
            for s in ("", SUFFIX)
        ]  # fmt: skip

    def _infos(self, record: Record) -> list[Record]:
        info = record.message
        scale = np.array([[SIZE[0] / info.width], [SIZE[1] / info.height], [1.0]])
        K, stamp, frame = np.asarray(info.k).reshape(3, 3) * scale, stamp_ns(info.header.stamp), self._camera.frame
        return [
            Record(record.topic + s, m.CAMERA_INFO, record.receive_ns,
                   m.camera_info(frame + s, stamp, SIZE, K, np.asarray(info.d), info.distortion_model))
            for s in ("", SUFFIX)
        ]  # fmt: skip

    def _with_second(self, record: Record) -> Record:
        edges = [(t.header.frame_id, t.child_frame_id, _transform(t.transform)) for t in record.message.transforms]
        for parent, child, T in list(edges):
            if child in (self._lidar.frame, self._camera.frame):
                edges.append((parent, child + SUFFIX, T @ SIDE if child == self._lidar.frame else T))
        return Record(record.topic, m.TF, record.receive_ns, m.transforms(record.receive_ns, edges))


def structured(message: Any) -> NDArray[Any]:
    """Points of a PointCloud2 as a structured array (N,) with its fields."""
    names, offsets = [f.name for f in message.fields], [f.offset for f in message.fields]
    formats = [_KINDS[f.datatype] for f in message.fields]
    layout = {"names": names, "formats": formats, "offsets": offsets, "itemsize": message.point_step}
    return np.frombuffer(np.asarray(message.data).tobytes(), np.dtype(layout))  # type: ignore[call-overload]


def _transform(t: Any) -> NDArray[np.float64]:
    q, p = t.rotation, t.translation
    return geometry.make_transform(geometry.rotation_of([q.x, q.y, q.z, q.w]), (p.x, p.y, p.z))
