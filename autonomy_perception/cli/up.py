"""``autonomy-perception up``: the nodes of the launch files on a machine without `ros2 launch`."""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = """Examples:

  autonomy-perception up --vehicle kitti

  autonomy-perception up --vehicle kitti --bag drive --record out/drive_outputs

  autonomy-perception up vehicle:=kitti record:=out/outputs"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("up", epilog=EPILOG)(up)


def up(
    given: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME:=VALUE]...", help="as `ros2 launch` takes them")
    ] = None,
    vehicle: Annotated[str, typer.Option(help="vehicle YAML, or the name of one under config/")] = "",
    params_file: Annotated[str, typer.Option(help="YAML of stage parameters; defaults otherwise")] = "",
    mode: Annotated[str, typer.Option(help="auto, or geometric: no network")] = "auto",
    stages: Annotated[str, typer.Option(help="composed, or split: a node for each stage")] = "composed",
    detector: Annotated[bool, typer.Option(help="split only: start the suite's own detector")] = True,
    convert: Annotated[bool, typer.Option("--convert", help="tracks as autoware_perception_msgs, vision_msgs")] = False,
    use_sim_time: Annotated[bool, typer.Option("--use-sim-time", help="time comes from /clock")] = False,
    rviz: Annotated[bool, typer.Option("--rviz", help="start RViz, where it is installed")] = False,
    record: Annotated[str, typer.Option(help="new folder for a bag of the outputs")] = "",
    bag: Annotated[str, typer.Option(help="rosbag2 folder or .mcap file to play")] = "",
    rate: Annotated[float, typer.Option(help="speed of playing")] = 1.0,
    loop: Annotated[bool, typer.Option("--loop", help="begin the bag again at its end")] = False,
) -> None:
    """Start perception, health monitor and markers (with a bag: the player too) and keep them until Ctrl-C."""
    import shutil
    import signal

    from autonomy_perception.nodes import graph
    from autonomy_perception.nodes.supervisor import Supervisor

    options = graph.Arguments(
        vehicle, params_file, mode, stages, detector, convert, use_sim_time, rviz, record, bag, rate, loop
    )
    try:
        arguments = graph.checked(graph.parsed(graph.texts_of(given or []), options))
        nodes = graph.nodes_for(arguments)
        if missing := [n.executable for n, _ in nodes if not n.module and not shutil.which(n.executable)]:
            raise graph.GraphError(f"{missing[0]} is not on the PATH: it comes with a full ROS installation")
    except graph.GraphError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(2) from error
    with Supervisor(say=lambda line: typer.echo(line)) as supervisor:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: supervisor.stop())
        supervisor.start(nodes)
        typer.echo(f"started {', '.join(node.name for node, _ in nodes)}; Ctrl-C ends them")
        code = supervisor.wait()
    raise typer.Exit(code)
