"""A recorded drive once with its odometry and once with an IMU and a speed derived from it: the same world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from autonomy_perception import geometry
from autonomy_perception.bags.events import events
from autonomy_perception.bags.importers.base import ImportOptions, write_drive
from autonomy_perception.bags.importers.sources import SOURCES
from autonomy_perception.config import PerceptionConfig, VehicleConfig, load_vehicle
from autonomy_perception.messages.events import CloudMsg, Event, ImuMsg, OdomMsg, SpeedMsg, TfMsg
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.build import make_pipeline
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.types import Mode, Perception, SensorFrame, Trajectory

MS = 1_000_000
KITTI = Path(__file__).parents[2] / "config" / "kitti.yaml"
DRIVES = {"kitti-raw": "kitti_raw/2011_09_26/2011_09_26_drive_sfnd_sync", "kitti-tracking": "kitti_tracking/training"}


def derived(odometry: list[OdomMsg], rng: np.random.Generator) -> list[Event]:
    """A gyroscope at 100 Hz with noise and a wheel speed at 20 Hz in steps of 0.05 m/s, of the motion in the messages."""
    poses = [geometry.make_transform(geometry.rotation_of(o.quaternion), o.position) for o in odometry]
    stamps = np.array([o.stamp_ns for o in odometry])
    path = Trajectory(stamps, np.array(poses), np.array([o.twist for o in odometry]))
    out: list[Event] = []
    for k, stamp in enumerate(np.arange(stamps[0], stamps[-1] + 100 * MS, 10 * MS)):
        T, later = path.poses(np.array([stamp - 5 * MS, stamp + 5 * MS]))
        moved = geometry.invert(T) @ later
        rate = np.array(geometry.rpy_of(moved)) / 0.01 + rng.normal(0, 0.003, 3)
        at = int(stamp)
        if k % 5 == 0:
            speed = round(float(moved[0, 3]) / 0.01 / 0.05) * 0.05
            out.append(SpeedMsg("/speed", at + 2 * MS, 0, "base_link", at, speed))
        out.append(ImuMsg("/imu", at + 3 * MS, 0, "base_link", at, tuple(rate), None))
    return out


def vehicle(**odometry: str) -> VehicleConfig:
    kitti = load_vehicle(KITTI).model_dump() | {"cameras": {}}
    return VehicleConfig.model_validate({**kitti, "odometry": odometry})


def run(drive: list[Event], config: VehicleConfig) -> list[tuple[SensorFrame, Perception]]:
    lib, params = CpuLibrary(), PerceptionConfig()
    front, pipeline = SensorFrontEnd(params, config, lib), make_pipeline(params, config, lib)
    out = []
    for event in sorted(drive, key=lambda e: e.receive_ns):
        out += [(frame, pipeline.step(frame)) for frame in front.feed(event)]
    assert [c for c in front.diagnostics().faults if c.newest.field == "unexpected error"] == []
    return out


def occupied(result: Perception) -> np.ndarray:
    """Centres (N,2) of the occupied cells within 40 m, in base_link [m]."""
    grid = result.occupancy.grid
    iy, ix = np.nonzero(result.occupancy.wire > 65)
    xyz = np.stack([*((np.stack([ix, iy], 1) + 0.5) * grid.resolution + np.array(grid.origin)).T, np.zeros(len(ix))], 1)
    local = geometry.transform_points(geometry.invert(result.T_odom_base), xyz)[:, :2]
    return local[np.linalg.norm(local, axis=1) < 40.0]


def read(real_data: Path, kind: str, folder: Path, frames: int) -> list[Event]:
    """Clouds, TF and odometry."""
    bag, options = folder / "bag", ImportOptions(derive_stamps=True, derive_times=True, limit=frames)
    write_drive(SOURCES[kind](real_data / DRIVES[kind], options), bag)
    return [e for e in events(bag, vehicle(topic="/odometry")) if isinstance(e, CloudMsg | TfMsg | OdomMsg)]


@pytest.mark.real_data
def test_imu_and_speed_give_the_world_that_odometry_gives(real_data: Path, tmp_path: Path) -> None:
    drive = read(real_data, "kitti-tracking", tmp_path, 20)  # turns by 13 degrees and dips
    odometry = [e for e in drive if isinstance(e, OdomMsg)]
    rest = [e for e in drive if not isinstance(e, OdomMsg)]
    by_odometry = run(drive, vehicle(topic="/odometry"))
    reckoning = vehicle(topic="", imu_topic="/imu", speed_topic="/speed")
    reckoned = run(rest + derived(odometry, np.random.default_rng(0)), reckoning)
    (frame, result), (other_frame, other) = by_odometry[-1], reckoned[-1]
    assert frame.stamp_ns == other_frame.stamp_ns and len(reckoned) == len(by_odometry)
    assert other.has_ego_motion and "DEAD_RECKONING" in other.reasons and "DEAD_RECKONING" not in result.reasons
    # both start where the vehicle stands at their first message; compare the way since the second frame
    way = [geometry.invert(r[1][1].T_odom_base) @ r[-1][1].T_odom_base for r in (by_odometry, reckoned)]
    length = float(np.linalg.norm(way[0][:3, 3]))
    assert np.linalg.norm(way[0][:2, 3] - way[1][:2, 3]) < 0.01 * length + 0.05
    assert abs(geometry.yaw_of(way[0]) - geometry.yaw_of(way[1])) < 0.01
    # the grid around the vehicle: what one calls occupied the other does, within a cell and a half
    cells = [occupied(r) for r in (result, other)]
    for a, b in (cells, cells[::-1]):
        assert len(a) > 300 and np.mean(cKDTree(b).query(a)[0] < 0.75) > 0.9
    tracks = [r.tracks for r in (result, other)]
    assert abs(len(tracks[0]) - len(tracks[1])) <= 0.3 * len(tracks[0]) + 2


@pytest.mark.real_data
def test_odometry_lost_for_a_few_frames_keeps_the_maps_and_says_so(real_data: Path, tmp_path: Path) -> None:
    drive = read(real_data, "kitti-raw", tmp_path, 15)
    stamps = sorted(e.stamp_ns for e in drive if isinstance(e, OdomMsg))
    gap = range(stamps[5], stamps[11])
    lost = [e for e in drive if not (isinstance(e, OdomMsg) and e.stamp_ns in gap)]
    result = run(lost, vehicle(topic="/odometry"))
    held = [r for f, r in result if f.trajectory is not None and f.trajectory.held]
    assert 2 <= len(held) <= 6 and all("EGO_MOTION_HELD" in r.reasons and r.has_ego_motion for r in held)
    assert all(r.mode == Mode.GEOMETRIC and r.has_ego_motion for _, r in result[1:])
    assert all(f.reset_reason is None for f, _ in result[1:])
    whole = run(drive, vehicle(topic="/odometry"))
    assert np.mean(np.concatenate([r.occupancy.wire.ravel() >= 0 for r in held])) > 0.8 * np.mean(
        np.concatenate([r.occupancy.wire.ravel() >= 0 for f, r in whole if f.stamp_ns in {h.stamp_ns for h in held}])
    )
    short = run(lost, without_hold(vehicle(topic="/odometry")))
    assert any(not r.has_ego_motion for _, r in short[1:])  # what it would be without holding


def without_hold(config: VehicleConfig) -> VehicleConfig:
    return config.model_copy(update={"odometry": config.odometry.model_copy(update={"hold_ms": 0.0})})
