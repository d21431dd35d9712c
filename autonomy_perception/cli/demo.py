"""``autonomy-perception demo``: the main job on a drive that the project makes itself, live, judged by its truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

EPILOG = """Examples:

  autonomy-perception demo

  autonomy-perception demo --seed 7 --duration 20 -o out/demo7"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo", epilog=EPILOG)(demo)


def demo(
    seed: Annotated[int, typer.Option(min=0, help="draws road, traffic, driver and noise")] = 0,
    duration: Annotated[float, typer.Option(min=2.0, max=34.0, help="length of the drive [s]")] = 30.0,
    output: Annotated[Path, typer.Option("-o", "--output", help="folder for drive, outputs and report.html")] = Path(
        "out/demo"
    ),
    json_: Annotated[bool, typer.Option("--json", help="print the figures as the last line")] = False,
) -> None:
    """Make a synthetic drive, run the live graph on it, and judge rates, latency and accuracy.

    Writes the drive, the recorded outputs and report.html. Exit code 0 only if rates and accuracy hold (latency too,
    within three times its budget when CI=true).
    """
    from autonomy_perception.bags.errors import BagError
    from autonomy_perception.cli.demo_run import run_demo
    from autonomy_perception.config import ConfigError

    try:
        checks = run_demo(seed, duration, output)
    except (BagError, ConfigError) as e:
        typer.secho(str(e), fg="red", err=True)
        raise typer.Exit(2) from e
    if json_:
        typer.echo(json.dumps([{"name": c.name, "value": c.value, "limit": c.limit, "ok": c.ok} for c in checks]))
    if not all(c.ok for c in checks):
        raise typer.Exit(1)
