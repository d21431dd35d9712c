"""``autonomy-perception import``: a public data set in, a rosbag2 MCAP out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LAYOUTS = {
    "kitti-raw": "a DATE_drive_NNNN_sync folder",
    "kitti-tracking": "its training folder",
    "kitti-object": "its training folder",
    "nuscenes-keyframe": "root with v1.0-*/ and samples/, or a folder of keyframe YAML files",
    "argoverse2": "one log of the sensor data set",
    "pjlab": "one moment: calib.pcd, calib.jpg, calib.txt",
    "rellis3d": "a sequence, or the flat example",
    "monoforce": "a sequence with clouds/, images/, calibration/",
    "orfd": "a sequence with image_data/, calib/, lidar_data/ or dense_depth/",
    "semantic-kitti": "sequences/NN, or a folder of range images NN.npz",
}
EGO = ("poses", "oxts", "none")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("import")(import_drive)


def import_drive(
    kind: Annotated[str, typer.Argument(help=f"layout of SRC: {', '.join(LAYOUTS)}")],
    src: Annotated[Path, typer.Argument(help="; ".join(f"{kind}: {layout}" for kind, layout in LAYOUTS.items()))],
    output: Annotated[Path, typer.Option("-o", "--output", help="bag folder to make; never overwritten")],
    ego: Annotated[
        str, typer.Option(help="ego motion: poses (as the set has them), oxts (KITTI's GPS/IMU) or none")
    ] = "poses",
    sequence: Annotated[
        str, typer.Option(help="which sequence, scene or frame, where SRC holds several, e.g. 0000")
    ] = "",
    derive_stamps: Annotated[
        bool, typer.Option(help="number frames --period apart where there are no timestamps")
    ] = False,
    derive_times: Annotated[bool, typer.Option(help="give each point a time from its azimuth")] = False,
    derive_mounting: Annotated[
        bool, typer.Option(help="fit the lidar's height, roll and pitch to the ground where the set does not say them")
    ] = False,
    derive_cloud: Annotated[
        bool, typer.Option(help="orfd: make points of the depth images where no scans are")
    ] = False,
    period: Annotated[float, typer.Option(min=0.01, max=1.0, help="one turn of the lidar [s]")] = 0.1035,
    limit: Annotated[int, typer.Option(min=0, help="at most this many frames; 0: all")] = 0,
) -> None:
    """Write a recorded drive as a bag (PointCloud2, images, CameraInfo, /tf, Odometry, ground truth where labelled).

    Examples:

      autonomy-perception import kitti-raw 2011_09_26/2011_09_26_drive_0005_sync -o drive_0005 --ego oxts

      autonomy-perception import pjlab moments/1 -o moment_1 --derive-mounting

    What had to be derived is written into the bag's metadata and shown by `info`. Exit code 1 if a source file is
    missing or broken, 2 if an argument is wrong or the bag exists already.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from autonomy_perception.bags.errors import BagError
    from autonomy_perception.bags.importers.base import ImportOptions, write_drive
    from autonomy_perception.bags.importers.sources import SOURCES

    if kind not in SOURCES:
        raise typer.BadParameter(f"KIND: expected {' or '.join(SOURCES)}, found {kind!r}")
    if ego not in EGO:
        raise typer.BadParameter(f"--ego: expected {', '.join(EGO)}, found {ego!r}")
    options = ImportOptions(ego, derive_stamps, derive_times, derive_mounting, derive_cloud, period, sequence, limit)
    columns = (TextColumn(src.name), BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeRemainingColumn())
    if output.exists():
        typer.echo(f"import: {output}: exists already; choose another name or remove it first", err=True)
        raise typer.Exit(2)
    try:
        drive = SOURCES[kind](src, options)
        with Progress(*columns, transient=True) as progress:
            task = progress.add_task("import", total=drive.frames)
            count = write_drive(drive, output, lambda done: progress.update(task, completed=done))
    except BagError as e:
        typer.echo(f"import: {e}", err=True)
        raise typer.Exit(1) from e
    typer.echo(f"{output}: {drive.frames} frames, {count} messages")
