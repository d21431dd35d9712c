"""What every bench returns and prints: our figures beside a peer's, measured in the same run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from autonomy_perception.latency import Percentiles

Figures = dict[str, float]


@dataclass(frozen=True)
class BenchResult:
    """Figures of one bench.

    Attributes:
        bench: its name.
        ours, peer: named figures; ``ms`` is the median time, ``p99_ms`` the 99th percentile, others carry their
            unit in the name (``unpack_ms``) or have none (``f1``).
        ratio: time ours / time peer; below 1 we are faster.
    """

    bench: str
    ours: Figures
    peer: Figures
    ratio: float

    def to_json(self) -> str:
        """One line: an object with exactly ``bench``, ``ours``, ``peer`` and ``ratio``."""
        return json.dumps(asdict(self), allow_nan=False)


@dataclass(frozen=True)
class Timing:
    """Times of one function over several runs [ms]."""

    runs_ms: tuple[float, ...]

    @property
    def ms(self) -> float:
        """Median."""
        return Percentiles.of(self.runs_ms).p50

    @property
    def p99_ms(self) -> float:
        """99th percentile (the slowest of fewer than 100 runs)."""
        return Percentiles.of(self.runs_ms).p99


def time_pair(
    ours: Callable[[], object], peer: Callable[[], object], runs: int, warmup: int = 2
) -> tuple[Timing, Timing]:
    """Time two functions in turn, run by run, so that a busy moment of the machine falls on both."""
    taken: tuple[list[float], list[float]] = ([], [])
    for k in range(-warmup, runs):
        for function, times in zip((ours, peer), taken, strict=True):
            start = time.perf_counter_ns()
            function()
            if k >= 0:
                times.append((time.perf_counter_ns() - start) * 1e-6)
    return Timing(tuple(taken[0])), Timing(tuple(taken[1]))


def show(result: BenchResult, as_json: bool, note: str = "") -> None:
    """Print the table and, if asked, the JSON object as the last line."""
    table = Table(title=f"bench {result.bench}" + (f" · {note}" if note else ""))
    for heading in ("figure", "ours", "peer", "ours / peer"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name in dict.fromkeys([*result.ours, *result.peer]):
        a, b = result.ours.get(name), result.peer.get(name)
        quotient = f"{a / b:.3f}" if a is not None and b else ""
        table.add_row(name, *("" if v is None else f"{v:.4g}" for v in (a, b)), quotient)
    table.add_row("time ours / peer", "", "", f"{result.ratio:.3f}", style="bold")
    Console(width=100).print(table)
    if as_json:
        print(result.to_json())
