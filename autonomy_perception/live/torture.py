"""``autonomy-perception torture`` as a process of its own, with the tuned transport from its start (rclpy only here)."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autonomy_perception.bags.errors import BagError
from autonomy_perception.config import ConfigError
from autonomy_perception.live import bench_live
from autonomy_perception.live.faults.campaign import Campaign, Tally
from autonomy_perception.live.faults.session import Session, SessionError
from autonomy_perception.nodes import environment
from autonomy_perception.nodes.graph import GraphError

WIDE_SEGMENT_BYTES = 256 << 20


def torture(bag: Path | None, vehicle: Path | None, minutes: float, seed: int, slack: float) -> int:
    """Run a campaign; the exit code: 0 if everything was as the table says, 1 if not.

    Args:
        bag, vehicle: what is played; None: :func:`known_drive`.
        minutes, seed, slack: see :class:`Campaign`.

    Raises:
        BagError, ConfigError, GraphError: an argument is wrong.
    """
    console = Console(stderr=True)
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="autonomy_perception_torture_") as folder:
        recordings = Path(folder) / "recordings"
        recordings.mkdir()
        env = dict(os.environ)  # of the graph
        widen_segment(Path(folder) / "transport.xml")
        if bag is None or vehicle is None:
            bag, vehicle = known_drive(Path(folder) / "drive", console)
        columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
        with (
            Progress(*columns, console=console, disable=not console.is_terminal) as progress,
            Session(bag, vehicle, ("health_monitor",), seed, env=env, say=lines.append) as session,
        ):
            task = progress.add_task("torture", total=minutes * 60)
            campaign = Campaign(session, lines, recordings, minutes, seed, slack, lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True))  # fmt: skip
            tally = campaign.run(lambda seconds: progress.update(task, completed=seconds))
        show(tally, campaign, Console())
    return 1 if tally.wrong else 0


def known_drive(path: Path, console: Console) -> tuple[Path, Path]:
    """Bag (made at ``path``) and vehicle file of the KITTI recording if it is at hand, else of a synthetic drive.

    A raw camera beside the compressed one gives every fault something to aim at.
    """
    return bench_live.drive(path, console, "raw")


def widen_segment(profile: Path) -> None:
    """Give this process a segment of shared memory that holds several clouds of five million points.

    What does not fit goes out in pieces over UDP and arrives incomplete, which is no test of a cloud of that size. Written to
    ``profile``; a profile of the user's own stays.
    """
    for variable in environment.PROFILE_VARIABLES:
        if os.environ.get(variable) == str(environment.profile()):
            text, size = environment.profile().read_text(), f"<segment_size>{environment.SEGMENT_BYTES}<"
            profile.write_text(text.replace(size, f"<segment_size>{WIDE_SEGMENT_BYTES}<"))
            os.environ[variable] = str(profile)


def show(tally: Tally, campaign: Campaign, console: Console) -> None:
    """What was injected and noticed, how the processes fared, and everything that was wrong."""
    table = Table(title=f"{sum(tally.injected.values())} faults injected")
    for column in ("fault", "injected", "noticed"):
        table.add_column(column, justify="left" if column == "fault" else "right")
    for name, count in sorted(tally.injected.items()):
        table.add_row(name, str(count), str(tally.noticed[name]))
    console.print(table)
    if campaign.left_out:
        console.print(f"not injected, the vehicle has no such sensor: {', '.join(campaign.left_out)}", soft_wrap=True)
    for name, vitals in campaign.vitals.items():
        console.print(f"{name}: {vitals.summary()}", highlight=False, soft_wrap=True)
    for text in tally.wrong:
        console.print(f"WRONG: {text}", markup=False, highlight=False, soft_wrap=True)
    console.print("nothing was wrong" if not tally.wrong else f"{len(tally.wrong)} things were wrong")


def main() -> int:
    """Arguments: bag and vehicle (empty: none), minutes, seed, slack."""
    bag, vehicle, minutes, seed, slack = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM):  # also where the shell that started this has them ignored
        signal.signal(number, signal.default_int_handler)
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    try:
        return torture(Path(bag) if bag else None, Path(vehicle) if vehicle else None, float(minutes), int(seed), float(slack))  # fmt: skip
    except KeyboardInterrupt:
        print("torture: interrupted before it began", file=sys.stderr)
        return 130
    except (BagError, ConfigError, GraphError, SessionError) as e:
        print(f"torture: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
