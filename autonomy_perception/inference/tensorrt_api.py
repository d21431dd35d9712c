"""The one face of classic TensorRT (10.3 to 11) and TensorRT-RTX: what differs between them is bridged here.

Both have the same builder, parser and runtime as far as they are used here, if precision lies in the ONNX file and networks are
strongly typed: TensorRT 11 and RTX know nothing else, TensorRT 10 is asked for it. They differ in the target: classic TensorRT
builds for the GPU at hand; RTX builds for architectures by name, without a GPU.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, cast, get_args

from autonomy_perception.inference.errors import EngineError
from autonomy_perception.inference.tensors import DType, TensorSpec

Package = Literal["tensorrt", "tensorrt_rtx"]
PACKAGES: tuple[Package, ...] = get_args(Package)
INSTALL = {"tensorrt": "it comes with JetPack, or pip install tensorrt", "tensorrt_rtx": "make setup EXTRAS=infer"}
DTYPES = {"FLOAT": "float32", "HALF": "float16", "INT8": "int8", "UINT8": "uint8", "INT32": "int32", "INT64": "int64", "BOOL": "bool"}  # fmt: skip
KEPT_LINES = 2000


class TensorRT:
    """One package of TensorRT.

    Attributes:
        package: ``tensorrt`` or ``tensorrt_rtx``. version: of the package. module: the package itself.
        log: the last lines that it said, ``SEVERITY text``; cleared by whoever starts something.
    """

    def __init__(self, package: Package, module: Any) -> None:
        self.package, self.module, self.version = package, module, str(module.__version__)
        self.log: list[str] = []
        self._logger = _logger(module, self._take)
        self._runtime: Any = None

    def _take(self, severity: str, text: str) -> None:
        self.log.append(f"{severity} {text}")
        del self.log[:-KEPT_LINES]

    def errors(self) -> str:
        """What it complained of, in one line."""
        return "; ".join(line.partition(" ")[2] for line in self.log if line.startswith(("ERROR", "INTERNAL_ERROR")))

    def builder(self) -> Any:
        """A new builder."""
        return self.module.Builder(self._logger)

    def network(self, builder: Any) -> Any:
        """An empty, strongly typed network."""
        return builder.create_network(1 << int(self.module.NetworkDefinitionCreationFlag.STRONGLY_TYPED))

    def parser(self, network: Any) -> Any:
        """A parser that fills ``network``; the caller keeps the network, the parser does not."""
        return self.module.OnnxParser(network, self._logger)

    def architectures(self) -> tuple[str, ...]:
        """Targets that need no GPU to build for, such as ``sm_86``; none for classic TensorRT."""
        if self.package == "tensorrt":
            return ()
        names = (n for n in dir(self.module.ComputeCapability) if n.startswith("SM"))
        return tuple(f"sm_{n[2:]}" for n in sorted(names, key=lambda n: int(n[2:])))

    def aim(self, config: Any, target: str) -> None:
        """Make a builder configuration build for ``target``; classic TensorRT builds for the GPU at hand. Raises EngineError."""
        if self.package == "tensorrt":
            return
        if target not in self.architectures():
            raise EngineError(
                f"target {target}: tensorrt_rtx {self.version} builds for {', '.join(self.architectures())}"
            )
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(self.module.ComputeCapability, target.replace("_", "").upper()), 0)

    def watch(self, config: Any, progress: Callable[[str, int, int], None]) -> None:
        """Have a build call ``progress(phase, steps done, steps in all)``."""
        config.progress_monitor = _monitor(self.module, progress)

    def load(self, plan: bytes) -> Any:
        """An engine from a plan. Raises EngineError: damaged, or built by or for something else."""
        self.log.clear()
        if self._runtime is None:  # one for all engines, because it has to live as long as any of them
            self._runtime = self.module.Runtime(self._logger)
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise EngineError(f"{self.package} {self.version} refuses the plan: {self.errors() or 'no reason given'}")
        return engine

    def spec(self, dtype: Any, shape: Any) -> TensorSpec:
        """Type and shape of a tensor of TensorRT's. Raises EngineError for a type that no other runtime knows."""
        name = str(dtype).rpartition(".")[2]
        if name not in DTYPES:
            raise EngineError(f"{self.package}: type {name} of a tensor, expected one of {', '.join(DTYPES)}")
        return TensorSpec(dtype=cast(DType, DTYPES[name]), shape=tuple(shape))


@cache
def open_tensorrt(package: Package) -> TensorRT:
    """The package, imported once, with the one logger that TensorRT takes in a process. Raises EngineError: not installed."""
    try:
        return TensorRT(package, importlib.import_module(package))
    except (ImportError, OSError) as e:
        raise EngineError(f"{package} cannot be imported ({e}): {INSTALL[package]}") from e


def _logger(module: Any, take: Callable[[str, str], None]) -> Any:
    class Logger(module.ILogger):  # type: ignore[misc] # a base class is known at run time only
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, text: str) -> None:
            name = str(severity).rpartition(".")[2]
            if name != "VERBOSE":
                take(name, text)

    return Logger()


def _monitor(module: Any, progress: Callable[[str, int, int], None]) -> Any:
    class Monitor(module.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase: str, parent: str, steps: int) -> None:
            self._steps[phase] = steps
            progress(phase, 0, steps)

        def step_complete(self, phase: str, step: int) -> bool:
            progress(phase, step + 1, self._steps.get(phase, 0))
            return True  # go on

        def phase_finish(self, phase: str) -> None:
            steps = self._steps.pop(phase, 0)
            progress(phase, steps, steps)

    return Monitor()
