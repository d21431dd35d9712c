"""A drive with a raw camera beside its compressed one, so that a vehicle without any has what faults of raw images aim at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from autonomy_perception.bags import messages as m
from autonomy_perception.bags.importers.base import Drive, Record
from autonomy_perception.config import CameraConfig, VehicleConfig
from autonomy_perception.messages.parts import stamp_ns

SHRUNK = 2
"""Width and height are divided by this: the transport is not what is tested."""


def _compressed(vehicle: VehicleConfig) -> tuple[str, CameraConfig] | None:
    """The camera to copy; None: there is no camera, or a raw one already."""
    if not all(camera.compressed for camera in vehicle.cameras.values()):
        return None
    return next(iter(vehicle.cameras.items()), None)


def _copy(name: str, camera: CameraConfig) -> CameraConfig:
    topics = {"topic": f"/{name}_raw/image", "info_topic": f"/{name}_raw/camera_info"}
    return camera.model_copy(update={**topics, "compressed": False})


def raw_vehicle(vehicle: VehicleConfig) -> VehicleConfig:
    """The vehicle with a raw camera at the place of its first one, if all are compressed."""
    if (found := _compressed(vehicle)) is None:
        return vehicle
    name, camera = found
    return vehicle.model_copy(update={"cameras": {**vehicle.cameras, f"{name}_raw": _copy(name, camera)}})


def raw_drive(drive: Drive, vehicle: VehicleConfig) -> Drive:
    """The records of a drive of ``vehicle``, as :func:`raw_vehicle` records them: each image again, small and decoded."""
    if (found := _compressed(vehicle)) is None:
        return drive
    camera, raw = found[1], _copy(*found)

    def records() -> Iterator[Sequence[Record]]:
        for frame in drive.records():
            yield [record for first in frame for record in (first, *beside(first))]

    def beside(record: Record) -> list[Record]:
        if record.topic == camera.topic:
            return [_decoded(record, raw.topic)]
        return [_shrunk(record, raw.info_topic)] if record.topic == camera.info_topic else []

    return replace(drive, records=records)


def _size(width: int, height: int) -> tuple[int, int]:
    return width // SHRUNK, height // SHRUNK


def _decoded(record: Record, topic: str) -> Record:
    pixels = np.asarray(cv2.imdecode(np.asarray(record.message.data), cv2.IMREAD_COLOR))
    width, height = _size(pixels.shape[1], pixels.shape[0])
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    head = record.message.header
    image = m.image(head.frame_id, stamp_ns(head.stamp), small, "bgr8")
    return Record(topic, m.IMAGE, record.receive_ns, image)


def _shrunk(record: Record, topic: str) -> Record:
    info = record.message
    width, height = _size(info.width, info.height)
    A = np.diag([width / info.width, height / info.height, 1.0])
    A[:2, 2] = 0.5 * A.diagonal()[:2] - 0.5  # pixel centres are at integers
    K, P = (A @ np.reshape(values, (3, -1)) for values in (info.k, info.p))
    made = replace(info, width=width, height=height, k=K.ravel(), p=P.ravel())
    return Record(topic, m.CAMERA_INFO, record.receive_ns, made)
