"""``autonomy-perception import``: a public data set in, a rosbag2 MCAP out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KINDS = ("kitti-raw", "kitti-tracking")
EGO = ("poses", "oxts", "none")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("import")(import_drive)


def import_drive(
    kind: Annotated[str, typer.Argument(help=f"layout of SRC: {' or '.join(KINDS)}")],
    src: Annotated[
        Path, typer.Argument(help="kitti-raw: a DATE_drive_NNNN_sync folder; kitti-tracking: its training folder")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="bag folder to make; never overwritten")],
    ego: Annotated[str, typer.Option(help="ego motion: poses (lidar odometry file), oxts (GPS/IMU) or none")] = "poses",
    sequence: Annotated[str, typer.Option(help="kitti-tracking: which sequence, e.g. 0000")] = "",
    derive_stamps: Annotated[
        bool, typer.Option(help="number frames --period apart where there are no timestamps")
    ] = False,
    derive_times: Annotated[bool, typer.Option(help="give each point a time from its azimuth")] = False,
    period: Annotated[float, typer.Option(min=0.01, max=1.0, help="one turn of the lidar [s]")] = 0.1035,
    limit: Annotated[int, typer.Option(min=0, help="at most this many frames; 0: all")] = 0,
) -> None:
    """Write a recorded drive as a bag (PointCloud2, images, CameraInfo, /tf, Odometry, ground truth where labelled).

    Example: autonomy-perception import kitti-raw 2011_09_26/2011_09_26_drive_0005_sync -o drive_0005 --ego oxts

    What had to be derived is written into the bag's metadata and shown by `info`. Exit code 1 if a source file is
    missing or broken, 2 if an argument is wrong.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from autonomy_perception.bags.errors import BagError
    from autonomy_perception.bags.importers.base import ImportOptions, write_drive
    from autonomy_perception.bags.importers.sources import SOURCES

    if kind not in SOURCES:
        raise typer.BadParameter(f"KIND: expected {' or '.join(SOURCES)}, found {kind!r}")
    if ego not in EGO:
        raise typer.BadParameter(f"--ego: expected {', '.join(EGO)}, found {ego!r}")
    options = ImportOptions(ego, derive_stamps, derive_times, period, sequence, limit)
    columns = (TextColumn(src.name), BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeRemainingColumn())
    try:
        if output.exists():
            raise BagError(f"{output}: exists already; choose another name or remove it first")
        drive = SOURCES[kind](src, options)
        with Progress(*columns, transient=True) as progress:
            task = progress.add_task("import", total=drive.frames)
            count = write_drive(drive, output, lambda done: progress.update(task, completed=done))
    except BagError as e:
        typer.echo(f"import: {e}", err=True)
        raise typer.Exit(1) from e
    typer.echo(f"{output}: {drive.frames} frames, {count} messages")
