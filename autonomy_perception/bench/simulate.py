"""``bench simulate``: a sweep, a labelled image, whole samples and a data set, beside nothing but the ray casting."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from autonomy_perception.bench.result import BenchResult, time_pair
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.dataset import DatasetSetup, write_dataset
from autonomy_perception.simulation.rays.casting import first_hits
from autonomy_perception.simulation.rays.tracing import RayBundle, Stage
from autonomy_perception.simulation.sensors.camera import Camera
from autonomy_perception.simulation.sensors.rig import Rig, default_rig
from autonomy_perception.simulation.world.world import World

SEED = 2
MOMENT_S = 12.0
IMAGE = (704, 256)


def small_camera(rig: Rig) -> Camera:
    """The first camera of a rig with an image of 704 x 256 pixels."""
    name, setup = next(iter(rig.setup.cameras.items()))
    w, h = IMAGE
    k = [490.0, 490.0, 0.5 * (w - 1), 0.5 * (h - 1)]
    return Camera(
        name, rig.vehicle.cameras[name], setup.model_copy(update={"width": w, "height": h, "K": k}),
        rig.vehicle.dimensions,
    )  # fmt: skip


def run(runs: int = 15, samples: int = 12, dataset: int = 64) -> BenchResult:
    """Time everything in the demo's world, and a data set of mixed worlds.

    Args:
        runs: timed sweeps and images. samples: whole samples (sweep, image, all labels), made by a process per core.
        dataset: samples of the data set, of 16 and of 4 moments of each world.
    """
    rig = default_rig()
    world = World(SEED, rig.vehicle)
    lidar, camera = rig.lidars[0], small_camera(rig)
    bundle = lidar.rays(world.ego, MOMENT_S)

    def noise() -> np.random.Generator:
        return np.random.default_rng(SEED)

    sweep, bare = time_pair(lambda: lidar.sweep(world, MOMENT_S, noise()), lambda: raw_cast(world, bundle), runs)
    pixels = camera.rays(world.ego, MOMENT_S)
    shot, plain = time_pair(lambda: camera.shoot(world, MOMENT_S, noise()), lambda: raw_cast(world, pixels), runs)
    count = len(bundle.directions)
    ours = {
        "lidar_ms": sweep.ms,
        "camera_ms": shot.ms,
        "samples_per_s": samples_per_s(samples),
        "dataset_samples_per_s": dataset_samples_per_s(dataset, 16),
        "dataset_4_samples_per_s": dataset_samples_per_s(dataset, 4),
        "rays_per_s": count / sweep.ms * 1e3,
    }
    peer = {"lidar_ms": bare.ms, "camera_ms": plain.ms, "rays_per_s": count / bare.ms * 1e3}
    return BenchResult("simulate", ours, peer, sweep.ms / bare.ms)


def raw_cast(world: World, bundle: RayBundle) -> object:
    """The same rays through the same triangles with the ray-casting library alone, on every core too."""
    return first_hits(Stage.of(world).library, bundle.origins, bundle.directions)


def samples_per_s(count: int) -> float:
    """Whole samples of one drive per second in steady state, made by a process per core."""
    workers = os.cpu_count() or 1
    drive = SyntheticDrive(SEED, 0.1 * (count + workers) + 0.01, start_s=10.0)
    arrivals = [time.perf_counter() for _ in drive.samples(workers)]
    return float(count / (arrivals[-1] - arrivals[workers - 1]))


def dataset_samples_per_s(count: int, moments: int) -> float:
    """Samples per second of ``simulate --dataset --moments N`` with a process per core: from its start to the last shard, so with the
    start of the processes, the building of the worlds, packing and writing."""
    setup = DatasetSetup(samples=count, moments=moments, seed=SEED, rig=default_rig())
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        made = write_dataset(setup, Path(folder), os.cpu_count() or 1)
        return made / (time.perf_counter() - start)
