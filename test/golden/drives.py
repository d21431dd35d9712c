"""The drives whose outputs are held across commits, and how their summaries are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from autonomy_perception.bags.importers.base import ImportOptions, write_drive
from autonomy_perception.bags.importers.sources import SOURCES
from autonomy_perception.bags.replay import replay_offline
from autonomy_perception.config import PerceptionConfig, load_vehicle
from autonomy_perception.metrics.golden import Golden, GoldenFrame
from autonomy_perception.metrics.simulated import simulated_steps
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.paths import vehicle_file
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.sensors.rig import Rig, RigFile
from autonomy_perception.simulation.sensors.setups import LidarSetup
from autonomy_perception.simulation.world.truck import demo_vehicle

STORED = Path(__file__).parent / "outputs"
SECONDS = 3.0
RECORDED_FRAMES = 10


def sparse_rig() -> Rig:
    """The demo truck with a lidar of 32 beams and 1080 columns, and no camera: quick to simulate."""
    vehicle = demo_vehicle()
    lidar = vehicle.lidars["top"].model_copy(update={"beam_elevations_deg": []})
    vehicle = vehicle.model_copy(update={"lidars": {"top": lidar}})
    setup = RigFile(vehicle="demo_truck.yaml", lidars={"top": LidarSetup(model="spinning32")})
    return Rig.of("sparse", setup, vehicle)


def simulated(scenario: str, seed: int, start_s: float, config: PerceptionConfig | None = None) -> Golden:
    """Outputs of SECONDS of a simulated drive."""
    drive = SyntheticDrive(
        seed, SECONDS, scenario=scenario, rig=sparse_rig(), cameras=False, start_s=start_s, grid=(10.0, 1.0)
    )
    steps = simulated_steps(drive, drive.samples(1), config or PerceptionConfig(), CpuLibrary())
    frames = tuple(GoldenFrame.of(s.frame, s.result) for s in steps)
    about = f"{scenario}, seed {seed}, {SECONDS:g} s from {start_s:g} s, lidar of 32 beams"
    return Golden({"drive": about}, frames)


SIMULATED: Mapping[str, Callable[[], Golden]] = {
    "demo": lambda: simulated("demo", 3, 8.0),
    "quarry": lambda: simulated("quarry", 3, 8.0),
}


def recorded(kind: str, folder: str, data: Path, work: Path) -> Golden:
    """Outputs of the first frames of a recording. Single cells are not kept: no picture of a recording is shipped."""
    source = SOURCES[kind](data / folder, ImportOptions(derive_stamps=True))
    write_drive(source, work / "bag")
    steps = replay_offline(
        work / "bag", load_vehicle(vehicle_file("kitti")), PerceptionConfig(), CpuLibrary(), RECORDED_FRAMES
    )
    frames = tuple(GoldenFrame.of(s.frame, s.result, cells=False) for s in steps)
    return Golden({"drive": f"{kind} {folder}, first {RECORDED_FRAMES} frames"}, frames)


RECORDED: Mapping[str, tuple[str, str]] = {
    "kitti_raw": ("kitti-raw", "kitti_raw/2011_09_26/2011_09_26_drive_sfnd_sync"),
    "kitti_tracking": ("kitti-tracking", "kitti_tracking/training"),
}


def file_of(name: str) -> Path:
    """Golden file of a drive."""
    return STORED / f"{name}.npz"
