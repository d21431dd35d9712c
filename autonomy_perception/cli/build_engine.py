"""``autonomy-perception build-engine``: models compiled by TensorRT ahead of the drive, or only checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from autonomy_perception.inference.building import Job
    from autonomy_perception.inference.tensorrt_build import Progress

EPILOG = """Examples:

  autonomy-perception build-engine model.onnx --target this

  autonomy-perception build-engine model.onnx --target sm_86 --target sm_89 --target sm_120 --check"""

BAD, CANNOT = 1, 2


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("build-engine", epilog=EPILOG)(build_engine)


def build_engine(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="ONNX file, model name, or manifest (.yaml)")],
    target: Annotated[
        list[str] | None,
        typer.Option(help="this (the GPU at hand), sm_86, sm_89, sm_120, ...; repeatable; default: this"),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="compile and tell; write nothing")] = False,
    cache: Annotated[Path | None, typer.Option(help="folder of the plans; default: see docs/inference.md")] = None,
    json_: Annotated[bool, typer.Option("--json", help="print one JSON line for each plan")] = False,
) -> None:
    """Compile MODELs with TensorRT for each target, into the cache that the drive looks into.

    Exit code 0: all compiled (or found in the cache), 1: TensorRT cannot compile one (the node is named), 2: cannot be done
    here (no TensorRT, no such file, cache not writable).
    """
    import json

    from rich.console import Console

    from autonomy_perception.inference.building import jobs
    from autonomy_perception.inference.errors import InferenceError
    from autonomy_perception.inference.plans import PlanCache

    plans, worst, out = PlanCache(cache), 0, Console(soft_wrap=True, highlight=False)
    for name in models:
        for one in target or ["this"]:
            try:
                todo = jobs(name, one)
            except InferenceError as e:
                typer.echo(f"build-engine: {e}", err=True)
                worst = CANNOT
                continue
            for job in todo:
                code, fields = _one(job, None if check else plans)
                worst = max(worst, code)
                out.print(json.dumps(fields) if json_ else _line(fields), markup=False)
    raise typer.Exit(worst)


def _one(job: Job, cache: object) -> tuple[int, dict[str, object]]:
    """Exit code and what there is to say of one job."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    from autonomy_perception.inference.building import build_plan
    from autonomy_perception.inference.errors import EngineError, ModelError, UnsupportedNodeError
    from autonomy_perception.inference.plans import PlanCache
    from autonomy_perception.inference.tensorrt_build import compile_plan

    fields: dict[str, object] = {"model": str(job.path), "target": job.target, "package": job.trt.package}
    try:
        key = job.key
        fields |= {"version": job.trt.version, "precision": key.precision}
        with Bars(console=Console(stderr=True), transient=True) as bars:
            progress = _shown(bars, f"{job.path.name} for {job.target}")
            if not isinstance(cache, PlanCache):
                made = compile_plan(job.trt, job.path, job.target, progress)
                size = len(made.plan)
                return 0, fields | {
                    "layers": made.layers,
                    "bytes": size,
                    "seconds": round(made.seconds, 2),
                    "state": "compiles",
                }
            plan, why = cache.find(job.path, key)
            if plan is not None:
                return 0, fields | {"bytes": len(plan.data), "state": "found", "plan": str(plan.path)}
            plan = build_plan(job.trt, job.path, key, cache, why, progress)
    except UnsupportedNodeError as e:
        return BAD, fields | {"state": "refused", "node": e.node, "operator": e.operator, "error": str(e)}
    except EngineError as e:
        return BAD, fields | {"state": "refused", "error": str(e)}
    except ModelError as e:
        return CANNOT, fields | {"state": "refused", "error": str(e)}
    fields |= {"bytes": len(plan.data), "note": plan.note}
    if plan.path is None:
        return CANNOT, fields | {"state": "not stored"}
    return 0, fields | {"state": "built", "plan": str(plan.path)}


def _shown(bars: object, title: str) -> Progress:
    """A bar for each phase of a build."""
    from rich.progress import Progress as Bars

    assert isinstance(bars, Bars)
    tasks = {"": bars.add_task(title, total=None)}

    def show(phase: str, done: int, steps: int) -> None:
        if phase not in tasks:
            tasks[phase] = bars.add_task(f"  {phase}", total=steps)
        bars.update(tasks[phase], completed=done)

    return show


def _line(fields: dict[str, object]) -> str:
    """What there is to say, for people."""
    if "error" in fields:
        return f"{fields['target']}: refused: {fields['error']}"
    size = f"{int(str(fields['bytes'])) / 1e6:.2f} MB"
    head = f"{fields['target']}: {fields['model']} ({fields['precision']}) by {fields['package']} {fields['version']}: {fields['state']}, {size}"
    if "layers" in fields:
        return f"{head}, {fields['layers']} layers, {fields['seconds']} s"
    return "; ".join(str(part) for part in (head, fields.get("note"), fields.get("plan")) if part)
