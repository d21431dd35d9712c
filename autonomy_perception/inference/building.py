"""Which plans a model needs for a target, and making them: behind ``build-engine`` and the first use of a model on a GPU."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from autonomy_perception.inference.choose import RANKING
from autonomy_perception.inference.errors import EngineError, ModelError
from autonomy_perception.inference.manifest import Variant, file_hash, find_model
from autonomy_perception.inference.onnx_file import read_onnx
from autonomy_perception.inference.plans import Plan, PlanCache, PlanKey
from autonomy_perception.inference.tensorrt_api import Package, TensorRT, open_tensorrt
from autonomy_perception.inference.tensorrt_build import Progress, compile_plan
from autonomy_perception.ops.cuda_memory import compute_capability
from autonomy_perception.ops.errors import KernelError


@dataclass(frozen=True)
class Job:
    """One file for one target."""

    path: Path
    variant: Variant | None
    trt: TensorRT
    target: str

    @property
    def key(self) -> PlanKey:
        """What decides the plan. Raises ModelError: the file cannot be read."""
        return plan_key(self.trt, self.path, self.target, self.variant)


def jobs(model: str, target: str) -> list[Job]:
    """What to compile.

    Args:
        model: an ONNX file, or a model (name or manifest): each of its files that is for the package of the target.
        target: ``this`` (the GPU at hand) or an architecture such as ``sm_86``.

    Raises:
        EngineError: no package of TensorRT for the target, or nothing of the model is for it. ModelError: see :meth:`.Model.checked`.
    """
    trt, architecture = package_for(target)
    if model.endswith(".onnx"):
        return [Job(Path(model), None, trt, architecture)]
    found = find_model(model)
    wanted = [v for v in found.manifest.variants if trt.package in v.runtimes and (trt.package, v.precision) in RANKING]
    if not wanted:
        raise EngineError(f"model {found.manifest.name}: no file of it is for {trt.package}")
    return [Job(found.checked(v), v, trt, architecture) for v in wanted]


def package_for(target: str) -> tuple[TensorRT, str]:
    """The package that builds for a target, and the target's architecture.

    The rule: for the GPU at hand classic TensorRT where it is installed, which tunes on that GPU, else TensorRT-RTX; for any
    other architecture TensorRT-RTX, which alone builds without the GPU.

    Raises:
        EngineError: ``this`` without a GPU, or no package that builds for the target is installed.
    """
    try:
        here = "sm_{}{}".format(*compute_capability())
    except KernelError as e:
        here = ""
        if target == "this":
            raise EngineError(f"target this: {e}; name an architecture instead, such as sm_86") from e
    architecture = here if target == "this" else target
    packages: tuple[Package, ...] = ("tensorrt", "tensorrt_rtx") if architecture == here else ("tensorrt_rtx",)
    missing = []
    for package in packages:
        try:
            trt = open_tensorrt(package)
        except EngineError as e:
            missing.append(str(e))
            continue
        if package == "tensorrt" or architecture in trt.architectures():
            return trt, architecture
        known = ", ".join(trt.architectures())
        missing.append(f"{package} {trt.version} builds for {known}")
    raise EngineError(f"target {target}: {'; '.join(missing)}")


def build_plan(
    trt: TensorRT, path: Path, key: PlanKey, cache: PlanCache, why: str, progress: Progress | None = None
) -> Plan:
    """Compile a plan and store it, with what TensorRT said in a .log beside it.

    Args:
        why: why it is built; stands in the plan's note, with why it could not be stored if that is so.

    Raises:
        EngineError: see :func:`.compile_plan`.
    """
    compiled = compile_plan(trt, path, key.target, progress)
    stored, problem = cache.store(path, key, compiled)
    if stored:
        with contextlib.suppress(OSError):
            stored.with_suffix(".log").write_text("\n".join(trt.log) + "\n", encoding="utf-8")
    note = f"compiled in {compiled.seconds:.1f} s: {why}"
    return Plan(compiled.plan, compiled.inputs, compiled.outputs, stored, f"{note}; {problem}" if problem else note)


def plan_key(trt: TensorRT, path: Path, target: str, variant: Variant | None = None) -> PlanKey:
    """What decides the plan of a file; without a variant its precision is read from the file. Raises ModelError."""
    precision = variant.precision if variant else read_onnx(path).precision
    try:
        digest = file_hash(path)
    except OSError as e:
        raise ModelError(f"{path}: cannot be read: {e.strerror}") from e
    calibration = variant.calibration if variant else None
    return PlanKey(onnx_sha256=digest, package=trt.package, version=trt.version, target=target, precision=precision, calibration=calibration)  # fmt: skip
