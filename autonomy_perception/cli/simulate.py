"""``autonomy-perception simulate``: synthetic drives with exact truth, as a bag or as training samples."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from autonomy_perception.simulation.drive import SyntheticDrive

EPILOG = """Examples:

  autonomy-perception simulate --scenario quarry --seed 7 --duration 20 -o out/quarry7 --preview

  autonomy-perception simulate --scenario mix --weather mix --time-of-day mix --samples 1000 --dataset out/samples

  autonomy-perception simulate --dataset out/moving --samples 4000 --past 4 --rig demo_truck,kitti,nuscenes --vary --grid-ahead 20

  autonomy-perception simulate --scenario rural --rig kitti --compare recordings/drive_0005"""


COMPARED_SWEEPS = 40
DURATION_S = 30.0


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("simulate", epilog=EPILOG)(simulate)


def simulate(
    scenario: Annotated[str, typer.Option(help="name of a scenario (a wrong one lists them), or mix: drawn")] = "mix",
    seed: Annotated[int, typer.Option(min=0, help="draws everything that is drawn")] = 0,
    duration: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=600.0, show_default="30; --dataset: 34", help="length of the drive (--dataset: drives) [s]"
        ),
    ] = None,
    rig: Annotated[
        str, typer.Option(help="rig YAML, or the name of one under config/rigs; --dataset: several, with commas")
    ] = "demo_truck",
    weather: Annotated[str, typer.Option(help="name of a weather, or mix")] = "clear",
    time_of_day: Annotated[str, typer.Option(help="name of a time of day, or mix")] = "noon",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="bag to make; never overwritten")] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="folder for training samples; an unfinished one is gone on with")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="with --dataset: how many")] = 640,
    moments: Annotated[
        int, typer.Option(min=1, max=64, help="with --dataset: samples of one world, apart in place")
    ] = 4,
    past: Annotated[int, typer.Option(min=0, max=20, help="with --dataset: past frames in every sample")] = 0,
    past_every: Annotated[int, typer.Option(min=1, max=10, help="sweeps from one past frame to the next")] = 1,
    grid_side: Annotated[
        float, typer.Option(min=20, max=300, help="with --dataset: edge of the BEV labels [m]")
    ] = 100.0,
    grid_resolution: Annotated[float, typer.Option(min=0.1, max=2, help="with --dataset: their cell edge [m]")] = 0.5,
    grid_ahead: Annotated[
        float,
        typer.Option(min=-150, max=150, help="with --dataset: how far ahead of the vehicle their middle lies [m]"),
    ] = 0.0,
    vary: Annotated[
        bool,
        typer.Option("--vary", help="with --dataset: draw lidar models, mounts, lenses, clutter, faults of receivers"),
    ] = False,
    cameras: Annotated[bool, typer.Option(help="images")] = True,
    pixel_labels: Annotated[bool, typer.Option(help="class, instance and depth of every pixel")] = True,
    preview: Annotated[
        bool, typer.Option(help="picture sheet beside the bag (or ./preview_SCENARIO_SEED.png)")
    ] = False,
    compare: Annotated[
        Path | None, typer.Option(help="recorded bag: how far its data and those of this drive with --rig are apart")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="processes; 0: one per core")] = 0,
) -> None:
    """Make a synthetic drive with exact ground truth: a bag, training samples (--dataset) or a picture sheet.

    The same arguments give the same bytes. Exit code 1 if a file cannot be read or written, 2 if an argument is wrong,
    130 after Ctrl-C.
    """
    from concurrent.futures.process import BrokenProcessPool

    from autonomy_perception.bags.errors import BagError
    from autonomy_perception.config import ConfigError
    from autonomy_perception.ops.errors import KernelError

    if output is None and dataset is None and compare is None and not preview:
        raise typer.BadParameter("expected -o BAG, --dataset DIR, --preview or --compare BAG, found none of them")
    processes = workers or os.cpu_count() or 1
    try:
        if dataset is not None:
            given: dict[str, Any] = {"samples": samples, "cameras": cameras, "pixel_labels": pixel_labels}
            given |= {"moments": moments, "past": past, "past_every": past_every, "vary": vary}
            given |= {"grid_side": grid_side, "grid_resolution": grid_resolution, "grid_ahead": grid_ahead}
            given |= {} if duration is None else {"drive_s": duration}
            _dataset(dataset, seed, (scenario, weather, time_of_day), rig, processes, given)
        if output is not None or preview:
            for path in () if output is None else (output, _beside(output, ".vehicle.yaml")):
                if path.exists():
                    raise BagError(f"{path}: exists already; choose another name or remove it first")
            drive = _drive(seed, duration or DURATION_S, (scenario, weather, time_of_day), rig, cameras, pixel_labels)
            if output is not None:
                _bag(drive, output, processes)
            if preview:
                _preview(drive, output)
        if compare is not None:
            _compare(compare, seed, (scenario, weather, time_of_day), rig, output)
    except (BagError, OSError, BrokenProcessPool) as e:
        typer.echo(f"simulate: {e}", err=True)
        raise typer.Exit(1) from e
    except (ConfigError, KernelError, ValueError) as e:
        typer.echo(f"simulate: {e}", err=True)
        raise typer.Exit(2) from e
    except KeyboardInterrupt as e:
        rest = "" if dataset is None else f"; the shards in {dataset} are whole, the same command goes on with the rest"
        typer.echo(f"simulate: stopped{rest}", err=True)
        raise typer.Exit(130) from e


def _drive(
    seed: int, duration: float, names: tuple[str, str, str], rig: str, cameras: bool, pixel_labels: bool
) -> SyntheticDrive:
    from autonomy_perception.simulation.drive import SyntheticDrive, drawn
    from autonomy_perception.simulation.sensors.rig import load_rig

    drew = drawn(seed, *names)
    return SyntheticDrive(
        seed,
        duration,
        scenario=drew.scenario,
        weather=drew.weather,
        time_of_day=drew.time_of_day,
        rig=load_rig(rig),
        cameras=cameras,
        pixel_labels=pixel_labels,
    )


def _beside(output: Path, ending: str) -> Path:
    return output.with_name(output.name + ending)


def _bag(drive: SyntheticDrive, output: Path, processes: int) -> None:
    import yaml

    from autonomy_perception.simulation.io.write_bag import write_bag

    with _progress("sweeps") as bar:
        task = bar.add_task("simulate", total=len(drive))
        count = write_bag(drive, output, processes, lambda done: bar.update(task, completed=done))
    vehicle = _beside(output, ".vehicle.yaml")
    vehicle.write_text(yaml.safe_dump(drive.vehicle.model_dump(mode="json"), sort_keys=False))
    typer.echo(f"{output}: {drive.world.scenario.name}, {len(drive)} sweeps, {count} messages; vehicle file {vehicle}")


def _preview(drive: SyntheticDrive, output: Path | None) -> None:
    import cv2

    from autonomy_perception.report.preview import MOMENTS, sheet

    path = Path(f"preview_{drive.world.scenario.name}_{drive.seed}.png") if output is None else _beside(output, ".png")
    with _progress("pictures") as bar:
        task = bar.add_task("preview", total=MOMENTS)
        image = sheet(drive, progress=lambda done: bar.update(task, completed=done))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image[..., ::-1]):
        raise OSError(f"{path}: cannot be written")
    typer.echo(f"preview: {path}")


def _dataset(
    folder: Path, seed: int, names: tuple[str, str, str], rig: str, processes: int, given: dict[str, Any]
) -> None:
    from autonomy_perception.simulation.io.dataset import DatasetSetup, write_dataset
    from autonomy_perception.simulation.sensors.rig import load_rig

    scenario, weather, time_of_day = names
    first, *more = (load_rig(name.strip()) for name in rig.split(","))
    setup = DatasetSetup(
        seed=seed,
        scenario=scenario,
        weather=weather,
        time_of_day=time_of_day,
        rig=first,
        more_rigs=tuple(more),
        **given,
    )
    with _progress("samples") as bar:
        task = bar.add_task("simulate", total=setup.samples)
        made = write_dataset(setup, folder, processes, lambda done: bar.update(task, completed=done))
    typer.echo(f"{folder}: {setup.samples} samples in {setup.shards} shards, {made} of them made now")


def _compare(real: Path, seed: int, names: tuple[str, str, str], rig: str, output: Path | None) -> None:
    from rich.console import Console

    from autonomy_perception.bags.reader import BagReader
    from autonomy_perception.metrics.realism import compare
    from autonomy_perception.ops.library import CpuLibrary
    from autonomy_perception.report.realism_sheet import table, write_sheet
    from autonomy_perception.simulation.sensors.rig import load_rig

    loaded = load_rig(rig)
    with BagReader(real):  # answers before a world is built if there is no bag
        pass
    drive = _drive(seed, COMPARED_SWEEPS * loaded.lidars[0].period + 0.5, names, rig, True, False)
    title = f"{real.name} and {drive.world.scenario.name}, seed {seed}, rig {rig}"
    path = Path(f"realism_{real.name}_{seed}.png") if output is None else _beside(output, ".realism.png")
    with Console().status(f"comparing {COMPARED_SWEEPS} sweeps"):
        realism = compare(real, loaded, drive, CpuLibrary(), COMPARED_SWEEPS)
    Console().print(table(realism, title))
    typer.echo(f"realism: {write_sheet(realism, path, title)}")


def _progress(unit: str) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    return Progress(*columns, transient=True)
