"""The command line: one typer app; each verb lives in its own module and imports heavy rooms only when called."""

from __future__ import annotations

import importlib

import typer

app = typer.Typer(
    name="autonomy-perception",
    help="Camera and lidar topics in; occupancy grids, terrain and tracked objects out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

VERBS: tuple[str, ...] = (
    "import_",
    "info",
    "replay",
    "gate",
    "demo",
    "up",
    "doctor",
    "build_engine",
    "bench",
    "torture",
    "simulate",
    "train",
    "vehicle",
)
"""Modules under autonomy_perception.cli; each has ``register(app)``."""

for _verb in VERBS:
    importlib.import_module(f"autonomy_perception.cli.{_verb}").register(app)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
