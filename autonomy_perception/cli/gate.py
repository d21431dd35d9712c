"""``autonomy-perception gate``: a bag judged against its baseline, for CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from autonomy_perception.config import PerceptionConfig, VehicleConfig
    from autonomy_perception.gate.measure import Measured
    from autonomy_perception.metrics.golden import Golden

EPILOG = """Examples:

  autonomy-perception gate drive --vehicle truck.yaml --baseline baselines/drive.json --update

  autonomy-perception gate drive --vehicle truck.yaml --baseline baselines/drive.json --junit out/gate.xml

  autonomy-perception gate drive --vehicle truck.yaml --baseline baselines/drive.json --ros"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("gate", epilog=EPILOG)(gate)


def gate(
    bag: Annotated[Path, typer.Argument(help="rosbag2 folder or .mcap file")],
    vehicle: Annotated[Path, typer.Option(help="vehicle YAML")],
    baseline: Annotated[Path, typer.Option(help="JSON file; the packed outputs lie beside it")],
    params: Annotated[Path | None, typer.Option(help="stage parameters YAML; defaults otherwise")] = None,
    update: Annotated[bool, typer.Option("--update", help="make what is measured now the baseline")] = False,
    ros: Annotated[bool, typer.Option("--ros", help="through the live nodes, in lockstep")] = False,
    junit: Annotated[Path | None, typer.Option(help="write a JUnit XML report")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="folder for the picture of a difference")] = Path(
        "out/gate"
    ),
) -> None:
    """Replay BAG and judge outputs, accuracy (if it has truth), determinism, latency, rate, drops and memory.

    Exit code 0: as good as the baseline, 1: worse or different (the first object or cell is named and drawn), 2: cannot be
    judged (one sentence says why).
    """
    from rich.console import Console

    from autonomy_perception.config import ConfigError, PerceptionConfig, load_perception, load_vehicle
    from autonomy_perception.gate.run import CANNOT, GateOptions, run

    errors = Console(stderr=True)
    try:
        car, config = load_vehicle(vehicle), load_perception(params) if params else PerceptionConfig()
    except ConfigError as e:
        typer.echo(f"gate: {e}", err=True)
        raise typer.Exit(CANNOT) from e
    options = GateOptions(bag, car, baseline, "ros" if ros else "offline", update, output, junit)

    def measure(golden: Golden | None) -> Measured:
        if not ros:
            return _offline(bag, car, config, golden, errors)
        from autonomy_perception.live.gate_live import measure_live

        assert golden is not None  # --ros never makes a baseline of its own
        return measure_live(bag, vehicle, params, golden, errors)

    try:
        code = run(options, measure, Console(), errors)
    except KeyboardInterrupt as e:
        typer.echo("gate: stopped; the baseline is as it was", err=True)
        raise typer.Exit(130) from e
    if code:
        raise typer.Exit(code)


def _offline(
    bag: Path, vehicle: VehicleConfig, config: PerceptionConfig, golden: Golden | None, console: Console
) -> Measured:
    from rich.progress import Progress

    from autonomy_perception.gate.measure import measure_offline, scans_of, work
    from autonomy_perception.ops.library import CpuLibrary

    wanted = None if golden is None else frozenset(f.stamp_ns for f in golden.frames)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("replay", total=work(scans_of(bag, vehicle)))
        return measure_offline(
            bag, vehicle, config, CpuLibrary(), wanted, lambda done: bar.update(task, completed=done)
        )
