"""``autonomy-perception info``: what is in a bag."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from autonomy_perception.bags.summary import BagSummary, TopicSummary

MOST_GAPS = 5


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("info")(info)


def info(bag: Annotated[Path, typer.Argument(help="rosbag2 folder, or an .mcap file")]) -> None:
    """List topics with types, rates, gaps, layouts and frames, the TF tree, and what an importer derived.

    Example: autonomy-perception info drive_0005

    Exit code 2 if the bag cannot be read.
    """
    from autonomy_perception.bags.errors import BagError
    from autonomy_perception.bags.summary import summarise

    try:
        summary = summarise(bag)
    except BagError as e:
        typer.echo(f"info: {e}", err=True)
        raise typer.Exit(2) from e
    _print(summary)


def _print(summary: BagSummary) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.tree import Tree

    console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=160)
    total = sum(t.count for t in summary.topics)
    console.print(f"{summary.path}: {summary.duration_s:.2f} s from {summary.start_ns} ns, {total} messages")
    for key, value in sorted(summary.notes.items()):
        console.print(f"  {key}: {value}")
    table = Table(box=None, pad_edge=False)
    for name in ("topic", "type", "count", "Hz", "delay ms", "frame"):
        table.add_column(name, overflow="fold", justify="right" if name in ("count", "Hz", "delay ms") else "left")
    for t in summary.topics:
        delay = "" if t.delay_ms is None else f"{t.delay_ms:.1f}"
        rate = f"{t.rate_hz:.2f}" if t.rate_hz else ""
        table.add_row(t.topic, t.msgtype.replace("/msg/", "/"), str(t.count), rate, delay, ", ".join(sorted(t.frames)))
    console.print(table)
    for t in summary.topics:
        for line in _details(t):
            console.print(f"{t.topic}: {line}", highlight=False)
    children: dict[str, list[str]] = {}
    for child, (parent, _) in summary.tf.items():
        children.setdefault(parent, []).append(child)

    def grow(tree: Tree, frame: str) -> None:
        for child in children.get(frame, []):
            grow(tree.add(f"{child} ({'static' if summary.tf[child][1] else 'moving'})"), child)

    for root in sorted(set(children) - set(summary.tf)):
        tree = Tree(root)
        grow(tree, root)
        console.print(tree)
    for fault in summary.tf_faults:
        console.print(f"TF: {fault}")


def _details(t: TopicSummary) -> list[str]:
    lines = list(t.layouts)
    if t.gaps:
        shown = ", ".join(f"{length:.2f} s at {at:.2f} s" for at, length in t.gaps[:MOST_GAPS])
        lines.append(f"{len(t.gaps)} gaps: {shown}" + (", ..." if len(t.gaps) > MOST_GAPS else ""))
    return lines + t.faults
