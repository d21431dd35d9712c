"""``autonomy-perception torture``: faults at random in the live graph, and whether each was noticed and survived."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

EPILOG = """Examples:

  autonomy-perception torture --minutes 30 --seed 1

  autonomy-perception torture --minutes 10 --bag drive --vehicle config/kitti.yaml"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("torture", epilog=EPILOG)(torture)


def torture(
    minutes: Annotated[float, typer.Option(min=0.1, help="length of the campaign [min]")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="of everything that is drawn at random")] = 0,
    bag: Annotated[Path | None, typer.Option(help="drive to loop over; a known one otherwise")] = None,
    vehicle: Annotated[Path | None, typer.Option(help="vehicle YAML that belongs to --bag")] = None,
    slack: Annotated[float, typer.Option(min=1.0, help="factor on the times of docs/faults.md (a busy machine)")] = 2.0,
) -> None:
    """Inject every fault of sensors, streams, ROS time and running processes of docs/faults.md (but "/dev/shm full") into the
    live graph, then faults at random, alone and together; watch outputs, memory, threads and file descriptors. Faults of
    starting, ending and files are left to the tests. Without --bag every sensor fault has something to aim at.

    Exit code 1 if a fault was not noticed in time, not survived, or something grew (threads and files are judged in
    campaigns of 8 minutes or more, memory in 22 or more)."""
    from autonomy_perception.live.live_run import isolated
    from autonomy_perception.nodes import environment

    if (bag is None) != (vehicle is None):
        raise typer.BadParameter("--bag and --vehicle belong together")
    words = [str(bag or ""), str(vehicle or ""), str(minutes), str(seed), str(slack)]
    command = [sys.executable, "-m", "autonomy_perception.live.torture", *words]
    os.execve(
        command[0], command, isolated(environment.of_node(os.environ))
    )  # so that SIGINT reaches the campaign itself
