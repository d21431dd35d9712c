"""Times of a replay as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from autonomy_perception.latency import BUDGET_MS, TOTAL_P50_MS, Percentiles

BUDGETS_MS = {**BUDGET_MS, "send to publish": TOTAL_P50_MS}


def print_times(title: str, samples_ms: Mapping[str, Sequence[float]], console: Console) -> None:
    """Percentiles [ms] of each stage beside its budget."""
    table = Table(title=title)
    for column in ("stage", "p50 ms", "p95 ms", "p99 ms", "max ms", "budget p50"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for name, samples in samples_ms.items():
        p = Percentiles.of(samples)
        budget = f"{BUDGETS_MS[name]:.0f}" if name in BUDGETS_MS else ""
        table.add_row(name, *(f"{v:.2f}" for v in (p.p50, p.p95, p.p99, p.max)), budget)
    console.print(table)
