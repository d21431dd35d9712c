"""``bench inference``: a network on the runtime that the rule chooses, beside ONNX Runtime left to itself and all others here.

Runs come in blocks, one runtime after another, a few rounds of them, each round begun by another and a pause before each block:
threads of some runtimes spin for a while after each call, and on busy cores the scheduler takes back from whoever comes next what
the one before has had too much of.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from autonomy_perception.bench.result import BenchResult, Figures, Timing
from autonomy_perception.inference.choose import RUNTIMES, candidates, default_threads, probe_all
from autonomy_perception.inference.engine import Engine
from autonomy_perception.inference.errors import EngineError
from autonomy_perception.inference.manifest import Variant, file_hash, find_model
from autonomy_perception.inference.onnx_file import read_onnx
from autonomy_perception.inference.onnxruntime_engine import OnnxRuntimeEngine
from autonomy_perception.inference.opening import Means, make_engine
from autonomy_perception.inference.plans import PlanCache
from autonomy_perception.inference.tensors import Specs

ROUNDS = 6
PAUSE_S = 0.2


def run(model: str, runs: int = 60, threads: int | None = None) -> BenchResult:
    """Time every runtime and precision that can run a model here.

    Args:
        model: an ONNX file (random inputs), or a model's name or manifest (its golden inputs).
        runs: timed runs of each. threads: of CPU runtimes.

    Returns:
        ``ours``: the first of the ranking that works; ``deviation`` is the largest difference of its outputs from the
        peer's over the peer's largest value. ``peer``: ONNX Runtime with its default options on the full-precision file,
        and ``<runtime>_<precision>_ms`` of the others.

    Raises:
        ModelError: the model's files are wrong. EngineError: nothing here runs it.
    """
    folder, variants, inputs = _case(model)
    full = next((v for v in variants if v.precision == "fp32"), variants[0])
    peer = OnnxRuntimeEngine(folder / full.file, None)
    means, console = Means(threads or default_threads(), PlanCache()), Console(width=100)
    engines: dict[str, Engine] = {}
    for choice in candidates(Path(model).name, variants, probe_all()):
        name = f"{choice.runtime}_{choice.variant.precision}"
        try:
            engines[name] = make_engine(choice.runtime, folder / choice.variant.file, choice.variant, means)
            console.print(
                f"{name}: {engines[name].runtime}" + ("" if len(engines) > 1 else f", chosen ({choice.reason})")
            )
        except EngineError as e:
            console.print(f"{name}: cannot run it: {e}")
    if not engines:
        raise EngineError(f"{model}: nothing here runs it")
    times = _times({"peer": peer, **engines}, inputs, runs)
    chosen = next(iter(engines))
    ours: Figures = {"ms": times[chosen].ms, "p99_ms": times[chosen].p99_ms}
    ours["deviation"] = _deviation(engines[chosen], peer, inputs)
    beside: Figures = {"ms": times["peer"].ms, "p99_ms": times["peer"].p99_ms}
    beside |= {f"{name}_ms": times[name].ms for name in engines if name != chosen}
    return BenchResult("inference", ours, beside, ours["ms"] / beside["ms"])


def _case(model: str) -> tuple[Path, tuple[Variant, ...], dict[str, NDArray[Any]]]:
    """Folder, files and inputs of what is to be timed."""
    if not model.endswith(".onnx"):
        found = find_model(model)
        for variant in found.manifest.variants:
            found.checked(variant)
        return found.folder, found.manifest.variants, found.golden().inputs
    path = Path(model)
    file = read_onnx(path)
    one: dict[str, Any] = {"file": path.name, "sha256": file_hash(path)}
    variants = [Variant(**one, precision=file.precision, runtimes=RUNTIMES)]
    if file.precision == "fp32":
        variants.append(Variant(**one, precision="bf16", runtimes=("openvino",)))
    if file.precision == "fp16":  # CPU runtimes widen it
        variants.append(Variant(**one, precision="fp32", runtimes=("onnxruntime", "openvino")))
    return path.parent, tuple(variants), _random(file.inputs)


def _random(specs: Specs) -> dict[str, NDArray[Any]]:
    """Standard normal numbers; for whole numbers and truth values zeros, because they may be indices."""
    rng = np.random.default_rng(0)
    return {
        name: rng.standard_normal(spec.shape).astype(spec.dtype)
        if spec.dtype.startswith("float")
        else np.zeros(spec.shape, spec.dtype)
        for name, spec in specs.items()
    }


def _times(engines: dict[str, Engine], inputs: dict[str, NDArray[Any]], runs: int) -> dict[str, Timing]:
    taken: dict[str, list[float]] = {name: [] for name in engines}
    for first in range(ROUNDS):
        for i in range(len(engines)):
            name = list(engines)[(first + i) % len(engines)]
            time.sleep(PAUSE_S)
            for k in range(-2, -(-runs // ROUNDS)):
                start = time.perf_counter_ns()
                engines[name].run(inputs)
                if k >= 0:
                    taken[name].append((time.perf_counter_ns() - start) * 1e-6)
    return {name: Timing(tuple(ms)) for name, ms in taken.items()}


def _deviation(engine: Engine, peer: Engine, inputs: dict[str, NDArray[Any]]) -> float:
    found, wanted = engine.run(inputs), peer.run(inputs)
    worst = 0.0
    for name, value in wanted.items():
        a, b = np.asarray(engine.to_host(found[name]), np.float64), np.asarray(value, np.float64)
        worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)))
    return worst
