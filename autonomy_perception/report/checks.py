"""Verdicts: figures against their limits, as rows for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

from rich.console import Console
from rich.table import Table

from autonomy_perception.metrics.figure import Figure
from autonomy_perception.metrics.score import Score


@dataclass(frozen=True)
class Check:
    """One figure in words; ``limit`` says what is demanded (say, "<= 0.5 %"), empty for a figure that is only told."""

    name: str
    value: str
    limit: str
    ok: bool
    measured: bool = True

    @classmethod
    def of(cls, figure: Figure) -> Check:
        """The row of a figure."""
        return cls(figure.name, figure.said, figure.demanded, figure.ok, not isnan(figure.value))

    @property
    def verdict(self) -> str:
        """held, FAILED or open (nothing to measure), or nothing where nothing is demanded."""
        return ("held" if self.ok else "FAILED" if self.measured else "open") if self.limit else ""


def print_checks(checks: Sequence[Check], console: Console, title: str = "checks") -> None:
    """The rows as a table."""
    table = Table(title=title)
    for column in ("figure", "value", "demanded", ""):
        table.add_column(column, justify="left" if column in ("figure", "") else "right")
    for c in checks:
        color = "green" if c.ok else "red" if c.measured else "yellow"
        table.add_row(c.name, c.value, c.limit, f"[{color}]{c.verdict}[/{color}]" if c.verdict else "")
    console.print(table)


def print_score(score: Score | None, console: Console) -> list[Check]:
    """The figures of a drive that has truth as a table; returns its rows (none where there was no truth)."""
    if score is None:
        return []
    checks = [Check.of(f) for f in score.figures]
    print_checks(checks, console, f"against {score.truth} truth")
    return checks
