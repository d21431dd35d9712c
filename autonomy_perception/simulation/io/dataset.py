"""Training samples in shards: seeded, compressed, made by several processes, gone on with where a killed run stopped.

A dataset is a folder of ``shard-000000.tar`` ... (WebDataset: plain tar files, the files of a sample side by side) and
``dataset.json``, which says what was asked for, what the arrays hold and what the numbers in them mean. A shard appears
when it is whole (written beside, then renamed); its bytes follow from ``dataset.json`` alone, whatever the number of
processes. Sample ``seed`` is moment ``seed % moments`` of the world drawn from ``seed // moments``: a world takes
seconds to build and then serves several samples (:mod:`autonomy_perception.simulation.io.moments` says which).
"""

from __future__ import annotations

import io
import multiprocessing
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from threading import BrokenBarrierError
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.claim import claimed, part_of, remove_parts, shard_path
from autonomy_perception.simulation.io.make_sample import make_sample
from autonomy_perception.simulation.io.moments import moment_index, names_of, turn_of
from autonomy_perception.simulation.io.sample import ARRAYS, PIXEL, Sample
from autonomy_perception.simulation.io.source import libraries, sample_digest
from autonomy_perception.simulation.io.workers import end_on_interrupt, interrupt_held, single_threaded
from autonomy_perception.simulation.scenarios import MIX, SCENARIOS
from autonomy_perception.simulation.sensors.rig import Rig
from autonomy_perception.simulation.sensors.variety import Receiver, varied
from autonomy_perception.simulation.sensors.variety import about as sensors
from autonomy_perception.simulation.world import motion
from autonomy_perception.simulation.world.materials import Kind, Semantic
from autonomy_perception.types import ObjectClass

MOMENTS = 4
"""Samples of one world."""
CLUTTER = (0.0, 0.1, 0.3, 0.6, 0.6)
"""Things tried per metre of the way, where worlds vary: more than the scenarios have, as real verges do."""
SHARD = 16
"""Samples of one shard."""
FORMAT = "autonomy_perception simulated samples, WebDataset tar shards, version 2"


class DatasetSetup(BaseModel):
    """What a dataset is made of; everything in it follows from this and from the versions of simulator and libraries."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: int = Field(ge=1, description="how many")
    seed: int = Field(0, ge=0, description="the samples have the seeds seed * 1,000,000 and following")
    scenario: str = Field(MIX, description="name of a scenario, or mix: one drawn for every world")
    weather: str = Field(MIX, description="name of a weather, or mix")
    time_of_day: str = Field(MIX, description="name of a time of day, or mix")
    rig: Rig
    more_rigs: tuple[Rig, ...] = Field((), description="further ones: the worlds take all of them in turn")
    vary: bool = Field(
        False,
        description="lidar models, mounts, lenses and clutter drawn for every world, what receivers make of returns for every "
        "sample",
    )
    drive_s: float = Field(motion.STORY_S, description="of how long drives samples are moments [s]")
    cameras: bool = Field(True, description="images and their labels")
    pixel_labels: bool = Field(True, description="class, instance and depth of every pixel")
    moments: int = Field(MOMENTS, ge=1, le=64, description="samples of one world, apart in place")
    past: int = Field(0, ge=0, le=20, description="past frames in every sample")
    past_every: int = Field(1, ge=1, le=10, description="sweeps from one of them to the next")
    shard_samples: int = Field(SHARD, ge=1, description="samples in a shard: what one process makes at a time")
    grid_side: float = Field(100.0, ge=20, le=300, description="edge length of the BEV labels [m]")
    grid_resolution: float = Field(0.5, ge=0.1, le=2, description="their cell edge [m]")
    grid_ahead: float = Field(0.0, ge=-150, le=150, description="their middle lies so far ahead of the vehicle [m]")

    def check(self) -> None:
        """Raises ValueError naming what is wrong and the allowed values."""
        names_of(0, self.scenario, self.weather, self.time_of_day)
        if not 0.5 <= self.drive_s <= motion.STORY_S:
            raise ValueError(
                f"duration of the drives that samples are moments of: expected 0.5 .. {motion.STORY_S:g} s, "
                f"found {self.drive_s:g}"
            )
        cells = (self.grid_side / self.grid_resolution, self.grid_ahead / self.grid_resolution)
        if any(abs(c - round(c)) > 1e-6 for c in cells) or round(cells[0]) % 2:
            raise ValueError(
                f"grid: expected a side of an even number of cells of {self.grid_resolution:g} m and an offset of whole ones, "
                f"found {self.grid_side:g} m and {self.grid_ahead:g} m"
            )
        longest = self.past * self.past_every * max(r.lidars[0].period for r in self.rigs)
        if longest > 0.5 * self.drive_s:
            raise ValueError(
                f"past frames: expected at most {0.5 * self.drive_s:g} s of a drive of {self.drive_s:g} s, found {longest:g} s"
            )
        if self.samples > 1_000_000:
            raise ValueError(f"samples: expected at most 1000000 for one seed, found {self.samples}")

    @property
    def rigs(self) -> tuple[Rig, ...]:
        """All rigs."""
        return self.rig, *self.more_rigs

    @property
    def shards(self) -> int:
        """Number of shards; the last one may be smaller."""
        return -(-self.samples // self.shard_samples)

    def seeds(self, shard: int) -> range:
        """Seeds of the samples of a shard."""
        size, first = self.shard_samples, self.seed * 1_000_000
        return range(first + shard * size, first + min((shard + 1) * size, self.samples))


class SampleMaker:
    """Makes samples by seed; keeps the newest world, so seeds in order are fast."""

    def __init__(self, setup: DatasetSetup) -> None:
        self._setup = setup
        self._world = -1
        self._drive: SyntheticDrive | None = None

    def make(self, seed: int) -> Sample:
        """Sample ``seed``: the same whatever was made before."""
        setup = self._setup
        world, moment = divmod(seed, setup.moments)
        names = names_of(world, setup.scenario, setup.weather, setup.time_of_day)
        if self._drive is None or world != self._world:
            rig, rng = setup.rigs[turn_of(world, len(setup.rigs))], np.random.default_rng([world, 34])
            self._drive = SyntheticDrive(
                world,
                setup.drive_s,
                cameras=setup.cameras,
                pixel_labels=setup.pixel_labels,
                rig=varied(rig, rng) if setup.vary else rig,
                clutter=float(rng.choice(CLUTTER)) if setup.vary else 0.0,
                grid=(setup.grid_side, setup.grid_resolution, setup.grid_ahead),
                scenario=names.scenario,
                weather=names.weather,
                time_of_day=names.time_of_day,
            )
            self._world = world
        back = [k * setup.past_every for k in range(1, setup.past + 1)]
        index = moment_index(self._drive, moment, setup.moments, max(back, default=0))
        about = {"seed": seed, "world_seed": world, "sweep": index, "rig": self._drive.rig.name, **names._asdict()}
        about["sensors"] = sensors(self._drive.rig)
        receiver = Receiver.drawn(np.random.default_rng([seed, 38])) if setup.vary else None
        if receiver is not None:
            about["receiver"] = asdict(receiver)
        return make_sample(self._drive, index, about, [index - k for k in back], receiver)


def manifest(setup: DatasetSetup) -> dict[str, Any]:
    """What ``dataset.json`` holds."""
    return {
        "format": FORMAT,
        "libraries": libraries(),
        "simulator": sample_digest(),
        "setup": setup.model_dump(mode="json"),
        "shards": setup.shards,
        "frame": "ego: origin base_link, heading of the vehicle, level, at the end of the reference sweep",
        "grid": "cell [iy, ix] has its corner at (ix, iy) * grid_resolution - grid_side / 2 + (grid_ahead, 0) in ego",
        "arrays": ARRAYS,
        "classes": {
            "semantic": {c.name: int(c) for c in Semantic},
            "pixel": PIXEL,
            "object": {c.name: int(c) for c in ObjectClass},
            "structure": {c.name: int(c) for c in Kind},
        },
        "scenarios": {s.name: s.description for s in SCENARIOS.values()},
    }


def write_dataset(
    setup: DatasetSetup, folder: Path, workers: int, progress: Callable[[int], None] = lambda done: None
) -> int:
    """Make the shards that are missing; returns how many samples were made now.

    Args:
        workers: processes.
        progress: told how many samples are there, those of earlier runs included.

    Raises:
        ConfigError: the folder holds something else, or shards of another setup or version of the simulator.
        ValueError: a name in the setup is not known.
        KernelError: the front end's kernels are not built.
    """
    setup.check()
    CpuLibrary()
    with claimed(folder, manifest(setup)):
        return _make_missing(setup, folder, workers, progress)


def _make_missing(setup: DatasetSetup, folder: Path, workers: int, progress: Callable[[int], None]) -> int:
    remove_parts(folder)
    todo = [k for k in range(setup.shards) if not shard_path(folder, k).exists()]
    before = setup.samples - sum(len(setup.seeds(k)) for k in todo)
    progress(before)
    context = multiprocessing.get_context("spawn")
    made: Synchronized[int] = context.Value("q", 0)
    stop = context.RawValue("b", 0)
    count = max(1, min(workers, len(todo)))
    up = context.Barrier(count)
    pool = ProcessPoolExecutor(count, context, _start_worker, (setup, folder, made, stop, up))
    try:
        with single_threaded(), interrupt_held():
            pending = {pool.submit(_make_shard, k) for k in todo}
        while pending:
            done, pending = wait(pending, timeout=0.5, return_when=FIRST_EXCEPTION)
            progress(before + made.value)
            for future in done:
                future.result()  # raises what the process raised
    except BaseException:
        stop.value = 1  # nobody may be left at work in the folder, nor anybody wait for whole shards
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        remove_parts(folder)
    return made.value


def read_shard(path: Path) -> Iterator[Sample]:
    """Samples of a shard in order.

    Raises:
        ValueError: not a shard of samples.
        OSError: it cannot be read.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            key, files = "", dict[str, bytes]()
            for member in tar:
                start, _, rest = member.name.partition(".")
                if start != key and files:
                    yield Sample.of_files(files)
                    files = {}
                key = start
                content = tar.extractfile(member)
                files[rest] = content.read() if content else b""
            if files:
                yield Sample.of_files(files)
    except (tarfile.TarError, ValueError) as e:
        raise ValueError(f"{path}: {e}") from e


START_S = 60.0
"""Longest wait of a worker process for the others to be up [s]."""
_worker: list[tuple[SampleMaker, DatasetSetup, Path, Any, Any]] = []


class _Stopped(Exception):
    """Another process failed, or the run was interrupted."""


def _start_worker(setup: DatasetSetup, folder: Path, made: Any, stop: Any, up: Any) -> None:
    with suppress(
        BrokenBarrierError
    ):  # all or none: Ctrl-C that ends one leaves no other to find the pool gone as it starts
        up.wait(START_S)
    end_on_interrupt()
    _worker.append((SampleMaker(setup), setup, folder, made, stop))


def _make_shard(shard: int) -> None:
    maker, setup, folder, made, stop = _worker[0]
    with (
        part_of(shard_path(folder, shard)) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for seed in setup.seeds(shard):
            if stop.value:
                raise _Stopped
            _add(tar, seed, maker)
            with made.get_lock():
                made.value += 1


def _add(tar: tarfile.TarFile, seed: int, maker: SampleMaker) -> None:
    for name, data in maker.make(seed).files(f"{seed:012d}").items():
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
