"""OpenVINO on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autonomy_perception.inference.engine import Engine
from autonomy_perception.inference.errors import EngineError
from autonomy_perception.inference.onnx_file import read_onnx


class OpenVinoEngine(Engine):
    """A model on OpenVINO; outputs are new arrays at each call.

    Left alone, OpenVINO computes full-precision models in bfloat16 where the CPU has it; here that is a precision of its own.
    """

    def __init__(self, path: Path, threads: int, bf16: bool = False) -> None:
        """Load ``path``; ``bf16``: compute in bfloat16. Raises EngineError: OpenVINO is missing or cannot run the model."""
        file = read_onnx(path)
        try:
            import openvino
        except ImportError as e:
            raise EngineError(f"openvino cannot be imported ({e}): make setup EXTRAS=infer") from e
        version = openvino.__version__.partition("-")[0]
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
            "ENABLE_CPU_PINNING": False,  # its threads share the cores with those of the kernels
        }
        core = openvino.Core()
        if bf16 and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise EngineError(f"{path}: this CPU has no bfloat16")  # OpenVINO would compute in float32 and not tell
        try:
            self._request = core.compile_model(str(path), "CPU", settings).create_infer_request()
        except Exception as e:
            raise EngineError(f"{path}: openvino {version} cannot load it: {e}") from e
        super().__init__(path.name, f"openvino {version}, {threads} threads", file.inputs, file.outputs)

    def _run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        feed = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
        try:
            self._request.infer(feed, share_inputs=True)
            return {name: np.array(self._request.get_tensor(name).data) for name in self.outputs}
        except Exception as e:
            raise EngineError(f"{self.name}: {self.runtime}: {e}") from e
