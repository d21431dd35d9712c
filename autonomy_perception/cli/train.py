"""``autonomy-perception train``, ``evaluate`` and ``export``: a BEV network from samples to ONNX."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

TRAIN = """Examples:

  autonomy-perception simulate --samples 640 --dataset out/samples --no-cameras

  autonomy-perception train config/training/lidar-edge-cpu.yaml

  autonomy-perception train config/training/lidar-edge-cpu.yaml --output out/other --seed 3"""
EVALUATE = """Example:

  autonomy-perception evaluate out/training/checkpoint.pt --held out/held --json out/figures.json"""
EXPORT = """Example:

  autonomy-perception export out/training/checkpoint.pt -o out/lidar.onnx"""
BAD, CANNOT = 1, 2


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("train", epilog=TRAIN)(train)
    app.command("evaluate", epilog=EVALUATE)(evaluate)
    app.command("export", epilog=EXPORT)(export)


def train(
    config: Annotated[Path, typer.Argument(help="YAML of the run (config/training has some)")],
    output: Annotated[
        Path | None, typer.Option(help="folder of checkpoints and figures; instead of the file's")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="instead of the file's")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="instead of the file's")] = None,
) -> None:
    """Train a BEV network; a run that was stopped goes on where its last checkpoint lies, to the same weights.

    Figures and pictures: tensorboard --logdir OUTPUT/board. Exit code 1 if numbers stop being finite (the batch is saved), 2 if the
    run cannot start, 130 after Ctrl-C.
    """
    _need("torch", "train")
    from autonomy_perception.config import ConfigError
    from autonomy_perception.training.config import load_config
    from autonomy_perception.training.loop import CHECKPOINT, TrainingError
    from autonomy_perception.training.loop import train as run

    try:
        loaded = load_config(config, output=output, seed=seed, steps=steps)
        with _bar() as bar:
            task = bar.add_task("train", total=loaded.steps)

            def shown(step: int, loss: float) -> None:
                text = "train" if math.isnan(loss) else f"train, loss {loss:.3f}"
                bar.update(task, completed=step, description=text)

            run(loaded, shown)
    except TrainingError as e:
        _end("train", e, BAD)
    except (ConfigError, OSError) as e:
        _end("train", e, CANNOT)
    except KeyboardInterrupt as e:
        typer.echo("train: stopped; the same command goes on from the last checkpoint", err=True)
        raise typer.Exit(130) from e
    typer.echo(f"{loaded.output / CHECKPOINT}: {loaded.steps} steps")


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of train")],
    held: Annotated[list[Path] | None, typer.Option(help="folder of samples; instead of the run's")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="also write the figures there")] = None,
) -> None:
    """Judge a network on samples kept aside, beside a trivial predictor and beside bare geometry on the same samples.

    Exit code 2 if it cannot be judged.
    """
    _need("torch", "evaluate")
    from rich.console import Console

    from autonomy_perception.config import ConfigError
    from autonomy_perception.training.checkpoint import load_network
    from autonomy_perception.training.judge import judge

    try:
        net, config, steps = load_network(checkpoint)
        folders = tuple(held or config.data.held)
        if not folders:
            raise ConfigError(f"{checkpoint}: its run names no data.held, expected --held FOLDER")
        with _bar() as bar:
            task = bar.add_task("evaluate", total=None)
            figures = judge(
                net, folders, config.data.train, lambda done, of: bar.update(task, completed=done, total=of)
            )
        if json_file:
            _write(json_file, {"steps": steps, "held": [str(f) for f in folders], "figures": figures})
    except (ConfigError, OSError) as e:
        _end("evaluate", e, CANNOT)
    Console().print(_table(figures, f"{checkpoint}, {steps} steps"))


def export(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of train")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="the ONNX file; a .json of the same name comes beside it")
    ],
) -> None:
    """Write a network as ONNX and hold ONNX Runtime against torch for every output.

    Exit code 1 if an output differs, 2 if it cannot be exported.
    """
    _need("torch", "export")
    _need("onnxruntime", "export")
    _need("onnxscript", "export")
    from autonomy_perception.config import ConfigError
    from autonomy_perception.networks.export import ExportError, export_onnx
    from autonomy_perception.training.checkpoint import load_network

    try:
        net, config, steps = load_network(checkpoint)
        about = {"training": json.loads(config.model_dump_json()), "steps": steps}
        parity = export_onnx(net, output, about=about)
    except ExportError as e:
        _end("export", e, BAD)
    except (ConfigError, OSError) as e:
        _end("export", e, CANNOT)
    for name, p in parity.items():
        typer.echo(f"{name:18s} ONNX Runtime differs from torch by {p.share:.1e} of its largest value")
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


def _need(package: str, verb: str) -> None:
    import importlib.util

    if importlib.util.find_spec(package) is None:
        typer.echo(f"{verb}: needs {package}, which is not installed: make setup EXTRAS=train", err=True)
        raise typer.Exit(CANNOT)


def _end(verb: str, error: Exception, code: int) -> NoReturn:
    typer.echo(f"{verb}: {error}", err=True)
    raise typer.Exit(code) from error


def _write(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text: Callable[[object], object] = lambda x: None if isinstance(x, float) and math.isnan(x) else x  # noqa: E731
    figures = {name: {k: text(v) for k, v in row.items()} for name, row in content["figures"].items()}  # type: ignore[attr-defined]
    path.write_text(json.dumps({**content, "figures": figures}, indent=1) + "\n")


def _table(figures: dict[str, dict[str, float]], title: str) -> object:
    from rich.table import Table

    table = Table("figure", *figures, title=title)
    for name in next(iter(figures.values())):
        values = [row[name] for row in figures.values()]
        table.add_row(name, *("-" if math.isnan(v) else f"{v:.3f}" for v in values))
    return table


def _bar() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, transient=True)
