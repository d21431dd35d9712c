"""``bench``: speed and quality beside a peer that runs in the same process (one sub-command per bench)."""

from __future__ import annotations

import importlib
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="print one JSON object as the last line")]


class Rig(str, Enum):
    """Sensors of ``bench live``."""

    plain = "plain"
    heavy = "heavy"


app = typer.Typer(
    help="Measure against a peer in the same run. Example: autonomy-perception bench kernels --json",
    no_args_is_help=True,
)


def register(parent: typer.Typer) -> None:
    """Add the verb."""
    parent.add_typer(app, name="bench")


def _run(module: str, as_json: bool, *, note: str = "", **options: Any) -> None:
    """Run ``autonomy_perception.<module>.run`` and show its result; what it cannot do ends in one line and code 1."""
    from autonomy_perception.bench.result import show

    try:
        result = importlib.import_module(f"autonomy_perception.{module}").run(**options)
    except (ImportError, OSError, RuntimeError, ValueError) as e:
        typer.echo(f"bench {module.rpartition('.')[2].removeprefix('bench_')}: {e}", err=True)
        raise typer.Exit(1) from e
    show(result, as_json, note)


@app.command()
def kernels(
    runs: Annotated[int, typer.Option(min=1, help="timed runs of each kernel")] = 15, json: Json = False
) -> None:
    """Every kernel on the CPU beside NumPy, OpenCV or Numba. Example: bench kernels --runs 30"""
    _run("bench.kernels", json, note="120k points, 1242x375 image", runs=runs)


@app.command()
def messages(json: Json = False) -> None:
    """Reading and filling messages beside sensor_msgs_py-style code. Example: bench messages --json"""
    _run("live.bench_messages", json)


@app.command()
def ground(
    data: Annotated[Path | None, typer.Option(help="folder with semantic_kitti_range/")] = None,
    against: Annotated[str, typer.Option(help="peer")] = "patchworkpp",
    json: Json = False,
) -> None:
    """Ground segmentation on labelled scans. Example: bench ground --data DIR --against patchworkpp"""
    _run("bench.ground", json, data=data, against=against)


@app.command()
def tracker(json: Json = False) -> None:
    """The tracker beside a filterpy loop with scipy assignment. Example: bench tracker --json"""
    _run("bench.tracker", json)


@app.command()
def simulate(
    runs: Annotated[int, typer.Option(min=3, help="timed sweeps and images")] = 15, json: Json = False
) -> None:
    """Synthetic sweeps, images, samples and a data set beside the bare ray casting. Example: bench simulate --json"""
    _run("bench.simulate", json, note="64 x 1800 rays, 704 x 256 pixels", runs=runs)


@app.command()
def inference(
    model: Annotated[str, typer.Argument(help="ONNX file, model name, or manifest (.yaml)")],
    runs: Annotated[int, typer.Option(min=6, help="timed runs of each")] = 60,
    threads: Annotated[int | None, typer.Option(min=1, help="of CPU runtimes; default: the cores, at most 4")] = None,
    json: Json = False,
) -> None:
    """A network on every runtime that is here. Example: bench inference model.onnx --runs 200 --json"""
    _run("bench.inference", json, note=model, model=model, runs=runs, threads=threads)


@app.command()
def live(
    minutes: Annotated[float, typer.Option(min=0.1, help="length of the run [min]")] = 2.0,
    rig: Annotated[
        Rig, typer.Option(help="plain: as recorded; heavy: two 120k lidars, two 1280x720 cameras")
    ] = Rig.plain,
    json: Json = False,
) -> None:
    """The live graph beside the stock transport. Example: bench live --rig heavy --minutes 10 --json"""
    _run("live.bench_live", json, note=f"{rig.value} rig", minutes=minutes, rig=rig.value)
