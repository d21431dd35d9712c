"""``autonomy-perception vehicle``: does a vehicle file describe the vehicle that made a recording?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from autonomy_perception.vehicle_check.check import Outcome

EPILOG = """Examples:

  autonomy-perception vehicle check config/kitti.yaml drive -o check.html

  autonomy-perception vehicle check config/kitti.yaml drive --inject"""
COLORS = {"ERROR": "red", "WARNING": "yellow", "NOTE": "bright_black"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(no_args_is_help=True, help="Check a vehicle file against a recording.")
    group.command("check", epilog=EPILOG)(check)
    app.add_typer(group, name="vehicle")


def check(
    vehicle: Annotated[Path, typer.Argument(help="vehicle YAML")],
    bag: Annotated[Path, typer.Argument(help="rosbag2 folder or .mcap file of a drive")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="new HTML file with pictures and all findings")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1.0, help="how much of the recording is read [s]")] = 30.0,
    inject: Annotated[
        bool,
        typer.Option(
            "--inject",
            help="falsify the calibration by 2 degrees and 0.2 m, axis by axis, and say what notices it when",
        ),
    ] = False,
) -> None:
    """Name every mistake of VEHICLE by field, and draw lidar over each image and all lidars over each other.

    Checked: topics, types, frames, TF, CameraInfo, rates, stamps, where the ground lies, what the sensors see of the
    vehicle itself, and sensor against sensor. Exit code 1 if something is wrong, 2 if a file cannot be read.
    """
    from autonomy_perception.bags.errors import BagError
    from autonomy_perception.config import ConfigError, load_vehicle

    if output is not None and output.exists():
        typer.secho(f"{output}: exists already; choose another name or remove it first", fg="red", err=True)
        raise typer.Exit(2)
    try:
        car = load_vehicle(vehicle)
    except ConfigError as e:
        typer.secho(str(e), fg="red", err=True)
        raise typer.Exit(2 if not vehicle.is_file() else 1) from e
    try:
        if inject:
            from autonomy_perception.vehicle_check.injection import print_injections

            print_injections(car, bag, seconds)
            return
        outcome = _run(car, bag, seconds)
    except BagError as e:
        typer.secho(str(e), fg="red", err=True)
        raise typer.Exit(2) from e
    _print(outcome)
    if output is not None:
        from autonomy_perception.vehicle_check.page import write_page

        typer.echo(f"report: {write_page(outcome, output)}")
    if not outcome.ok:
        raise typer.Exit(1)


def _run(car: object, bag: Path, seconds: float) -> Outcome:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from autonomy_perception.config import VehicleConfig
    from autonomy_perception.vehicle_check.check import check_vehicle

    assert isinstance(car, VehicleConfig)
    columns = (TextColumn(bag.name), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("check", total=None)
        return check_vehicle(car, bag, seconds, lambda done, total: progress.update(task, completed=done, total=total))


def _print(outcome: Outcome) -> None:
    for finding in outcome.findings:
        typer.secho(str(finding), fg=COLORS[finding.level.name])
    for result in outcome.calibration.checks:
        typer.echo(f"{result.verdict.name.lower():7s} {result.name}: {result.text}")
    errors = sum(f.level.name == "ERROR" for f in outcome.findings)
    warnings = sum(f.level.name == "WARNING" for f in outcome.findings)
    figures = ", ".join(f"{key} {value}" for key, value in outcome.summary.items())
    typer.secho(f"{errors} errors, {warnings} warnings ({figures})", fg="red" if errors else "green")
