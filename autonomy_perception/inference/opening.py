"""From a model's name to an engine that has answered its golden input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autonomy_perception.inference.building import build_plan, plan_key
from autonomy_perception.inference.choose import Choice, Probe, candidates, default_threads, probe_all
from autonomy_perception.inference.engine import Engine
from autonomy_perception.inference.errors import EngineError
from autonomy_perception.inference.golden import Golden, faults
from autonomy_perception.inference.manifest import Model, Runtime, Variant, find_model
from autonomy_perception.inference.onnxruntime_engine import OnnxRuntimeEngine
from autonomy_perception.inference.openvino_engine import OpenVinoEngine
from autonomy_perception.inference.plans import PlanCache
from autonomy_perception.inference.tensorrt_api import open_tensorrt
from autonomy_perception.inference.tensorrt_build import Progress
from autonomy_perception.inference.tensorrt_engine import TensorRTEngine
from autonomy_perception.ops.cuda_memory import Memory, compute_capability, open_memory
from autonomy_perception.ops.errors import KernelError


@dataclass(frozen=True)
class Opened:
    """An engine that may be used.

    Attributes:
        choice: runtime and file. refused: what ranks higher and failed, one sentence each.
    """

    engine: Engine
    choice: Choice
    refused: tuple[str, ...]

    def __str__(self) -> str:
        """What runs and why, for the log and ``doctor``."""
        tail = "".join(f"; {text}" for text in (self.engine.note, *(f"refused: {t}" for t in self.refused)) if text)
        return f"{self.engine.runtime}, {self.choice.variant.precision} ({self.choice.reason}{tail})"


@dataclass(frozen=True)
class Means:
    """With what engines are made.

    Attributes:
        threads: of CPU runtimes. cache: of TensorRT's plans. memory: opens the GPU's memory. progress: of a build.
        on_device: outputs stay on the GPU.
    """

    threads: int
    cache: PlanCache
    memory: Callable[[], Memory] = open_memory
    progress: Progress | None = None
    on_device: bool = False


def open_engine(
    name: str | Model,
    means: Means | None = None,
    only: Runtime | None = None,
    probes: Mapping[Runtime, Probe] | None = None,
) -> Opened:
    """The best engine for a model that works here.

    Args:
        name: of a shipped model, the path of a manifest, or a model. only: this runtime and no other.
        probes: what is here; looked up if not given.

    Raises:
        ModelError: a file of the model is missing, damaged, or not what the manifest says. No other file is tried: who
            changed one may have changed all.
        EngineError: no runtime here gives the golden output; says for each why.
    """
    model = name if isinstance(name, Model) else find_model(name)
    means = means or Means(default_threads(), PlanCache())
    golden = model.golden()
    refused: list[str] = []
    manifest, here = model.manifest, probe_all() if probes is None else probes
    for choice in candidates(manifest.name, manifest.variants, here, only):
        path = model.checked(choice.variant)
        try:
            engine = make_engine(choice.runtime, path, choice.variant, means)
            check_golden(engine, golden, model, choice.variant)
        except EngineError as e:
            refused.append(f"{choice.runtime} {choice.variant.precision}: {e}")
            continue
        return Opened(engine, choice, tuple(refused))
    raise EngineError(f"model {manifest.name} is refused: {'; '.join(refused)}")


def check_golden(engine: Engine, golden: Golden, model: Model, variant: Variant) -> None:
    """Have an engine answer the golden input. Raises EngineError: beyond tolerance, or not finite; names the output."""
    found = engine.run(golden.inputs)
    host = {name: engine.to_host(array) for name, array in found.items()}
    if wrong := faults(host, golden.outputs, model.manifest.tolerance_of(variant.precision)):
        raise EngineError(f"{engine.name} on {engine.runtime} does not give the golden output: {'; '.join(wrong)}")


def make_engine(runtime: Runtime, path: Path, variant: Variant | None, means: Means) -> Engine:
    """An engine that nobody has checked yet, of one file. Raises EngineError, ModelError."""
    if runtime == "onnxruntime":
        return OnnxRuntimeEngine(path, means.threads)
    if runtime == "openvino":
        return OpenVinoEngine(path, means.threads, variant is not None and variant.precision == "bf16")
    trt = open_tensorrt(runtime)
    try:
        target = "sm_{}{}".format(*compute_capability())
        memory = means.memory()
    except KernelError as e:
        raise EngineError(str(e)) from e
    key = plan_key(trt, path, target, variant)
    plan, why = means.cache.find(path, key)
    if plan is not None:
        try:
            return TensorRTEngine(path.name, trt, plan, memory, means.on_device)
        except EngineError as e:
            why = str(e)
    plan = build_plan(trt, path, key, means.cache, why, means.progress)
    return TensorRTEngine(path.name, trt, plan, memory, means.on_device)
