"""Which runtime runs a network: one ranking, and what of it is here."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autonomy_perception.inference.errors import EngineError
from autonomy_perception.inference.manifest import Precision, Runtime, Variant
from autonomy_perception.inference.tensorrt_api import open_tensorrt
from autonomy_perception.ops.cuda_memory import compute_capability
from autonomy_perception.ops.errors import KernelError

RANKING: tuple[tuple[Runtime, Precision], ...] = (
    ("tensorrt", "int8"),
    ("tensorrt", "fp16"),
    ("tensorrt", "fp32"),
    ("tensorrt_rtx", "int8"),
    ("tensorrt_rtx", "fp16"),
    ("tensorrt_rtx", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "int8"),
    ("openvino", "bf16"),
    ("onnxruntime", "fp32"),
    ("openvino", "fp32"),
)
"""The rule: the first of these that is here, that the model has a file for, and that answers the model's golden input.

GPU before CPU, classic TensorRT (tuned on the GPU at hand) before RTX, fewer bits before more. On the CPU, medians over 14 networks
on two idle cores of an AMD EPYC with VNNI and BF16, as multiples of ONNX Runtime's fp32: OpenVINO int8 3.5, ONNX Runtime int8 (U8S8)
2.9, OpenVINO bf16 1.9, OpenVINO fp32 0.99. ONNX Runtime's int8 stands first all the same: on busy cores the two are alike, and as a
part of every set-up it gives the same outputs wherever the suite runs (docs/inference.md has the figures)."""

RUNTIMES: tuple[Runtime, ...] = tuple(dict.fromkeys(runtime for runtime, _ in RANKING))


@dataclass(frozen=True)
class Probe:
    """Whether a runtime can be used here: its version and device, or why it cannot."""

    usable: bool
    text: str


@dataclass(frozen=True)
class Choice:
    """A runtime and a file of a model, and in words why not one that ranks higher."""

    runtime: Runtime
    variant: Variant
    reason: str

    def __str__(self) -> str:
        return f"{self.runtime} {self.variant.precision}: {self.reason}"


def probe_all() -> dict[Runtime, Probe]:
    """Every runtime that the suite knows, in the order of the ranking."""
    return {runtime: probe(runtime) for runtime in RUNTIMES}


def probe(runtime: Runtime) -> Probe:
    """Look whether a runtime is installed and finds what it runs on."""
    if runtime in ("onnxruntime", "openvino"):
        try:
            version = importlib.import_module(runtime).__version__.partition("-")[0]
        except (ImportError, OSError) as e:
            return Probe(False, _why(e))
        return Probe(True, f"{version} on the CPU")
    try:
        trt = open_tensorrt(runtime)
    except EngineError as e:
        return Probe(False, _why(e.__cause__))
    try:
        architecture = "sm_{}{}".format(*compute_capability())
    except KernelError as e:
        return Probe(False, f"{trt.version} is installed; {e}")
    if runtime == "tensorrt_rtx" and architecture not in trt.architectures():
        known = ", ".join(trt.architectures())
        return Probe(False, f"{trt.version} is installed; this GPU is {architecture}, it compiles for {known}")
    return Probe(True, f"{trt.version} on {architecture}")


def candidates(
    name: str, variants: Sequence[Variant], probes: Mapping[Runtime, Probe], only: Runtime | None = None
) -> list[Choice]:
    """What could run the model ``name``, best first, each with why none that ranks higher is used instead.

    Args:
        variants: files of the model. only: consider this runtime alone.

    Raises:
        EngineError: nothing here can run the model; says why for each runtime.
    """
    out: list[Choice] = []
    passed = {"asked for": ""} if only else {}
    for runtime, precision in RANKING:
        if only not in (None, runtime):
            continue
        variant = next((v for v in variants if v.precision == precision and runtime in v.runtimes), None)
        if not probes[runtime].usable:
            passed.setdefault(runtime, probes[runtime].text)
        elif variant is None:
            passed[f"{runtime} {precision}"] = "the model has no such file"
        else:
            reason = "; ".join(f"{k}: {v}" if v else k for k, v in passed.items()) or "first of the ranking"
            out.append(Choice(runtime, variant, reason))
            passed[f"{runtime} {precision}"] = ""  # if it comes to the next, what was wrong with this one is told then
    if not out:
        raise EngineError(f"model {name}: nothing here can run it: " + "; ".join(f"{k}: {v}" for k, v in passed.items()))  # fmt: skip
    return out


def default_threads() -> int:
    """Threads of a network on the CPU where nobody says another number: the cores this process may use, at most 4."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, cores)


def _why(error: BaseException | None) -> str:
    return "not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be imported: {error}"
