"""``autonomy-perception doctor``: what is here, what works, and how to mend what does not."""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = """Examples:

  autonomy-perception doctor

  autonomy-perception doctor --json"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor", epilog=EPILOG)(doctor)


def doctor(
    json_: Annotated[bool, typer.Option("--json", help="print one JSON line instead of the table")] = False,
) -> None:
    """Check ROS, interface packages, kernels, GPU, runtimes of networks, models and the transport; exit code 1 if something fails."""
    import dataclasses
    import json

    from rich.console import Console
    from rich.table import Table

    from autonomy_perception.live import checkup

    findings = checkup.all_findings()
    if json_:
        typer.echo(json.dumps([dataclasses.asdict(f) for f in findings]))
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("check", "", "finding"):
            table.add_column(heading, overflow="fold")
        colours = {"ok": "green", "absent": "yellow", "failed": "red"}
        for f in findings:
            table.add_row(
                f.check, f"[{colours[f.state]}]{f.state}[/]", f.text + (f"\n[bold]{f.remedy}[/]" if f.remedy else "")
            )
        Console(soft_wrap=True).print(table)
    raise typer.Exit(1 if any(f.state == "failed" for f in findings) else 0)
