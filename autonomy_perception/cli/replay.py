"""``autonomy-perception replay``: a bag through the pipeline, offline or through the live nodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

EPILOG = """Examples:

  autonomy-perception replay drive --offline --vehicle config/kitti.yaml -o out/drive

  autonomy-perception replay drive --offline --vehicle config/kitti.yaml --hash

  autonomy-perception replay drive --offline --start 60 --duration 10 --vehicle config/kitti.yaml -o out/minute

  autonomy-perception replay drive --offline --duration 60 --vehicle config/kitti.yaml --save-state minute.npz

  autonomy-perception replay drive --offline --load-state minute.npz --vehicle config/kitti.yaml -o out/rest

  autonomy-perception replay drive --ros --rate 1.0 --vehicle config/kitti.yaml -o out/live"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("replay", epilog=EPILOG)(replay)


def replay(
    bag: Annotated[Path, typer.Argument(help="rosbag2 folder or .mcap file")],
    vehicle: Annotated[Path, typer.Option(help="vehicle YAML")],
    params: Annotated[Path | None, typer.Option(help="stage parameters YAML; defaults otherwise")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="without ROS, as fast as it goes")] = False,
    ros: Annotated[bool, typer.Option("--ros", help="through the live nodes")] = False,
    lockstep: Annotated[bool, typer.Option("--lockstep", help="with --ros: every frame waits for its outputs")] = False,
    rate: Annotated[float, typer.Option(min=0.01, help="with --ros: speed of playing")] = 1.0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="new folder for report.html and the outputs bag")
    ] = None,
    hash_: Annotated[bool, typer.Option("--hash", help="print the hash of all outputs as the last line")] = False,
    max_frames: Annotated[int | None, typer.Option(min=1, help="stop after this many frames (offline)")] = None,
    start: Annotated[
        float | None, typer.Option(min=0.0, help="begin this many seconds after the bag does (offline)")
    ] = None,
    duration: Annotated[float | None, typer.Option(help="stop this many seconds after the start (offline)")] = None,
    load_state: Annotated[
        Path | None, typer.Option(help="go on from a saved state, behind its last frame (offline)")
    ] = None,
    save_state: Annotated[Path | None, typer.Option(help="write the state after the last frame (offline)")] = None,
    json_: Annotated[bool, typer.Option("--json", help="print the figures as one JSON line")] = False,
) -> None:
    """Replay BAG and say how long each stage took, what was dropped, and (with -o) show it.

    The outputs for a bag with truth (synthetic, or labelled boxes of an imported data set) are scored against it.
    """
    from autonomy_perception.bags.errors import BagError
    from autonomy_perception.config import ConfigError, PerceptionConfig, load_perception, load_vehicle
    from autonomy_perception.pipeline.errors import PipelineError

    if offline == ros:
        raise typer.BadParameter("say either --offline or --ros")
    if lockstep and not ros:
        raise typer.BadParameter("--lockstep needs --ros")
    if ros and any(value is not None for value in (start, duration, load_state, save_state)):
        raise typer.BadParameter("--start, --duration, --load-state, --save-state: only with --offline")
    if output is not None and output.exists():
        typer.secho(f"{output}: exists already; choose another name or remove it first", fg="red", err=True)
        raise typer.Exit(2)
    try:
        config = load_perception(params) if params else PerceptionConfig()
        car = load_vehicle(vehicle)
        if offline:
            from autonomy_perception.report.offline import Part, run_offline

            part = Part(max_frames, start, duration, load_state, save_state)
            figures, digest = run_offline(bag, car, config, output, part)
        else:
            from autonomy_perception.live.replay_live import run_live_replay

            figures, digest = run_live_replay(bag, vehicle, params, output, rate, lockstep)
    except (BagError, ConfigError, PipelineError) as e:
        typer.secho(str(e), fg="red", err=True)
        raise typer.Exit(2) from e
    if json_:
        typer.echo(json.dumps(figures))
    if hash_:
        typer.echo(digest)
