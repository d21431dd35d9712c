"""What importers put their records together from: images with lens, clouds, the rig, truth, ego motion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags import messages
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers.base import (
    TRUTH_POINTS_TOPIC,
    TRUTH_TOPIC,
    ImportOptions,
    Record,
    odometry_records,
)
from autonomy_perception.bags.importers.files import image_size, read_bytes

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

BASE_FRAME, ODOM_FRAME = "base_link", "odom"
Edge = tuple[str, str, F64]
"""Parent frame, child frame, T_parent_child (4,4)."""


@dataclass(frozen=True)
class Lens:
    """K (3,3) [px], distortion coefficients and their model as in CameraInfo."""

    K: F64
    D: F64 = field(default_factory=lambda: np.zeros(5))
    model: str = "plumb_bob"


def image_records(name: str, path: Path, stamp_ns: int, lens: Lens) -> list[Record]:
    """CameraInfo and image (the file's bytes as they are) of camera ``name``. Raises BagError."""
    encoded, frame = read_bytes(path), f"{name}_optical"
    kind = "png" if path.suffix == ".png" else "jpeg"
    image = messages.compressed_image(frame, stamp_ns, encoded, f"bgr8; {kind} compressed bgr8")
    info = messages.camera_info(frame, stamp_ns, image_size(encoded, path), lens.K, lens.D, lens.model)
    return [Record(f"/{name}/camera_info", messages.CAMERA_INFO, stamp_ns, info),
            Record(f"/{name}/image/compressed", messages.COMPRESSED_IMAGE, stamp_ns, image)]  # fmt: skip


def image_truth(name: str, encoded: bytes, stamp_ns: int) -> Record:
    """Class numbers of the pixels of camera ``name``: a grey PNG."""
    message = messages.compressed_image(f"{name}_optical", stamp_ns, encoded, "mono8; png compressed mono8")
    return Record(f"/ground_truth/{name}/labels", messages.COMPRESSED_IMAGE, stamp_ns, message)


def points(xyz: NDArray[Any], **columns: NDArray[Any]) -> NDArray[Any]:
    """Structured array (N,) of x y z float32 and further columns as they are: a cloud's layout."""
    kinds = [(name, "<f4") for name in "xyz"] + [(name, c.dtype.newbyteorder("<").str) for name, c in columns.items()]
    out = np.empty(len(xyz), np.dtype(kinds))
    for k, name in enumerate("xyz"):
        out[name] = xyz[:, k]
    for name, column in columns.items():
        out[name] = column
    return out


def cloud_record(name: str, stamp_ns: int, cloud: NDArray[Any], received_ns: int | None = None) -> Record:
    """Cloud (N,) of lidar ``name`` (its frame has the same name) on ``/NAME/points``."""
    message = messages.cloud(name, stamp_ns, cloud)
    return Record(f"/{name}/points", messages.CLOUD, stamp_ns if received_ns is None else received_ns, message)


def label_record(name: str, stamp_ns: int, xyz: NDArray[Any], labels: NDArray[Any]) -> Record:
    """Class number (N,) of each point (N,3) of lidar ``name``."""
    message = messages.cloud(name, stamp_ns, points(xyz, label=np.asarray(labels, np.uint16)))
    return Record(TRUTH_POINTS_TOPIC, messages.CLOUD, stamp_ns, message)


def truth_record(stamp_ns: int, objects: Sequence[messages.TruthObject], frame: str = BASE_FRAME) -> Record:
    """Labelled objects of one frame."""
    return Record(TRUTH_TOPIC, messages.TRACKED_OBJECTS, stamp_ns, messages.truth(frame, stamp_ns, objects))


def static_record(stamp_ns: int, edges: Sequence[Edge]) -> Record:
    """/tf_static with the rig's edges."""
    return Record("/tf_static", messages.TF, stamp_ns, messages.transforms(stamp_ns, edges))


@dataclass(frozen=True)
class Ego:
    """Ego motion by frame: stamps (N,), T_odom_base (N,4,4), twist (N,6), position variance (N,) [m^2], 0 unknown."""

    stamps: I64
    T_odom_base: F64
    twist: F64
    variance: F64

    def records(self, frame: int) -> Iterator[Record]:
        """Odometry and /tf of one frame; nothing beyond the last pose."""
        if frame < len(self.stamps):
            cov = np.array([self.variance[frame]] * 3 + [0.0] * 3)
            yield from odometry_records(ODOM_FRAME, BASE_FRAME, int(self.stamps[frame]), self.T_odom_base[frame],
                                        self.twist[frame], cov)  # fmt: skip

    def between(self, first_ns: int, last_ns: int) -> Iterator[Record]:
        """Odometry and /tf of all poses with first_ns <= stamp < last_ns."""
        for frame in np.flatnonzero((self.stamps >= first_ns) & (self.stamps < last_ns)):
            yield from self.records(int(frame))


def ego_note(source: str, ego: Ego | None, frames: int) -> str:
    """What the bag says of its ego motion."""
    return source if ego is None or len(ego.stamps) >= frames else f"{source}, for {len(ego.stamps)} of {frames} frames"


def derived_stamps(frames: int, options: ImportOptions, missing: Path, start_ns: int) -> I64:
    """Stamps (frames,) at a fixed period. Raises BagError unless the user asked for it."""
    if not options.derive_stamps:
        raise BagError(f"{missing}: no timestamps; pass --derive-stamps (and --period) to number the frames at a "
                       "fixed period; the bag will say so")  # fmt: skip
    return start_ns + np.round(np.arange(frames) * options.period_s * 1e9).astype(np.int64)


def chosen(found: Sequence[str], wanted: str, where: Path, what: str) -> str:
    """The sequence to import: the wanted one, or the only one. Raises BagError."""
    if wanted and wanted not in found:
        raise BagError(f"{where}: no {what} {wanted!r}, found {', '.join(found) or 'none'}")
    if not wanted and len(found) != 1:
        raise BagError(f"{where}: holds {len(found)} {what}s; choose one with --sequence: {', '.join(found)}")
    return wanted or found[0]


def sequence_folder(folder: Path, holds: str, options: ImportOptions) -> Path:
    """The folder of one sequence: ``folder`` if it holds what a sequence does, else the chosen one of those inside.

    Raises:
        BagError: several are inside and none, or one that is not there, was chosen.
    """
    if (folder / holds).exists() or not folder.is_dir():
        return folder
    found = sorted(p.name for p in folder.iterdir() if (p / holds).exists())
    return folder / chosen(found, options.sequence, folder, "sequence") if found else folder


def notes_of(source: str, drive: str, **facts: str) -> Mapping[str, str]:
    """What a bag says of itself, in the order that `info` shows."""
    return {"source": source, "drive": drive, **facts}
