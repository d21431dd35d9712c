"""Makes a training sample of a moment of a drive: what the vehicle's front end gives, and what is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.drive import Reading, SyntheticDrive, level
from autonomy_perception.simulation.io import labels
from autonomy_perception.simulation.io.sample import Sample
from autonomy_perception.simulation.io.sensed import SeenFrame, seen
from autonomy_perception.simulation.sensors.camera import Shot
from autonomy_perception.simulation.sensors.lidar import Sweep
from autonomy_perception.simulation.sensors.variety import Receiver
from autonomy_perception.simulation.world.truck import mounting

LATER_S = 0.02
"""Sweeps of other lidars that end so little after the reference's belong to its frame (``sensors.jitter_ms``) [s]."""


def make_sample(
    drive: SyntheticDrive,
    index: int,
    info: Mapping[str, Any],
    past: Sequence[int] = (),
    receiver: Receiver | None = None,
) -> Sample:
    """Sweep ``index`` of a drive as a sample; ``info`` goes with it.

    Args:
        past: numbers of the sweeps of the past frames, the last one first.
        receiver: what becomes of the returns of all lidars; nothing without.
    """
    moments = [(k, _around(drive, k)) for k in (*past[::-1], index)]
    if receiver is not None:
        moments = [(k, tuple(_received(drive, index, r, receiver) for r in readings)) for k, readings in moments]
    frames = seen(drive, moments)[::-1]
    t = drive.end_of(index)
    shots = drive.newest_shots(t)
    truth = drive.truth(index, [s.reading for s in frames[0].scans] or moments[-1][1], in_odom=False)
    lidars = [lidar.name for lidar in drive.lidars]
    arrays = _poses(drive, frames, [index, *past])
    arrays |= _points(frames, arrays["T_ego_base"], lidars)
    mounts = [mounting(drive.vehicle.lidars[name].extrinsics, name) for name in lidars]
    arrays["T_ego_lidar"] = arrays["T_ego_base"][0] @ np.array(mounts)
    now = arrays["sweep"] == 0
    returns = arrays["instance"][now]
    arrays |= labels.grid(truth) | labels.observed(drive, t, truth, arrays["xyz"][now], returns >= 0)
    for reading in shots:
        arrays |= _camera(drive, frames[0], reading)
    if drive.pixel_labels and shots:
        arrays["bev_pixels"] = labels.pixels_on(drive, t, truth, shots)
    pixels = [arrays[f"{r.sensor}_instance"] for r in shots if drive.pixel_labels]
    arrays |= labels.objects(drive, t, truth, frames[0], returns, pixels)
    arrays |= labels.structures(drive, truth, returns, pixels)
    arrays["twist"] = drive.twist(t).astype(np.float32)
    about = {
        r.sensor: {"distortion_model": r.data.frame.model.distortion_model, "time": r.t - t} for r in shots
    }  # fmt: skip
    images = {r.sensor: bytes(r.data.frame.encoded or b"") for r in shots}
    return Sample(arrays, images, {**info, "drive_time": t, "lidars": lidars, "cameras": about})


def _around(drive: SyntheticDrive, index: int) -> tuple[Reading[Sweep], ...]:
    """The sweeps that may become a frame with sweep ``index`` of the reference lidar."""
    t = drive.end_of(index)
    return drive.sweeps(t - drive.lidar.period, t, later=LATER_S)


def _received(drive: SyntheticDrive, index: int, reading: Reading[Sweep], receiver: Receiver) -> Reading[Sweep]:
    """A sweep as the receiver gives it, for sample ``index`` of the drive."""
    number = [lidar.name for lidar in drive.lidars].index(reading.sensor)
    lidar = drive.lidars[number]
    fixed = np.random.default_rng([drive.seed, 36, index, number])
    rng = np.random.default_rng([drive.seed, 37, index, number, round(reading.t * 1e6)])
    return replace(reading, data=receiver.receive(reading.data, lidar.beams, lidar.period, fixed, rng))


def _poses(drive: SyntheticDrive, frames: Sequence[SeenFrame], sweeps: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Where base_link was at the end of each frame; without ego motion the vehicle takes itself for level and at rest."""
    t = np.array([drive.end_of(k) for k in sweeps])
    true, measured = drive.world.ego.poses(t), np.tile(np.eye(4), (len(t), 1, 1))
    motions = [f.frame.trajectory for f in frames]
    if all(m is not None for m in motions):
        at = np.array([m.pose(f.frame.stamp_ns) for m, f in zip(motions, frames, strict=True) if m is not None])
        measured = geometry.invert(level(at[0])) @ at
    return {"sweep_time": t - t[0], "T_ego_base": measured, "T_ego_base_true": geometry.invert(level(true[0])) @ true}


def _points(frames: Sequence[SeenFrame], T_ego_base: NDArray[np.float64], lidars: list[str]) -> dict[str, NDArray[Any]]:
    """Points of all frames, each brought to ego by its pose (1+K,4,4)."""
    columns: dict[str, list[NDArray[Any]]] = {}
    for number, (frame, T) in enumerate(zip(frames, T_ego_base, strict=True)):
        late = (frame.frame.stamp_ns - frames[0].frame.stamp_ns) * 1e-9
        for part in frame.scans:
            cloud, sweep = part.scan.cloud, part.reading.data
            xyz = geometry.transform_points(T, cloud.xyz.astype(np.float64))
            fresh: dict[str, NDArray[Any]] = {
                "xyz": (np.round(xyz * 512.0) / 512.0).astype(np.float32),
                "intensity": np.round(cloud.intensity * 255.0).astype(np.uint8),
                "time": (cloud.time + late).astype(np.float32),
                "ring": cloud.ring,
                "lidar": np.full(len(cloud), lidars.index(part.scan.sensor), np.uint8),
                "sweep": np.full(len(cloud), number, np.uint8),
                "semantic": sweep.semantic[part.rows],
                "instance": sweep.instance[part.rows],
            }
            for name, column in fresh.items():
                columns.setdefault(name, []).append(column)
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _camera(drive: SyntheticDrive, frame: SeenFrame, reading: Reading[Shot]) -> dict[str, NDArray[Any]]:
    """Calibration of an image, where the vehicle believes it was taken from, and the truth of its pixels."""
    name, shot, model = reading.sensor, reading.data, reading.data.frame.model
    motion, T_ego_base = frame.frame.trajectory, np.eye(4)
    if motion is not None:
        stamp = shot.frame.stamp_ns + round(drive.vehicle.cameras[name].offset_ms * 1e6)
        T_ego_base = geometry.invert(level(motion.pose(frame.frame.stamp_ns))) @ motion.pose(stamp)
    out = {f"{name}_K": model.K, f"{name}_D": model.D, f"{name}_T_ego_camera": T_ego_base @ shot.frame.T_base_camera}
    return out | (labels.pixels(name, shot) if drive.pixel_labels else {})
