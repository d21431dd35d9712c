"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autonomy_perception.inference.engine import Engine
from autonomy_perception.inference.errors import EngineError
from autonomy_perception.inference.onnx_file import read_onnx


class OnnxRuntimeEngine(Engine):
    """A model on ONNX Runtime; outputs are new arrays at each call.

    Its threads wait passively: between frames the cores belong to the kernels, and spinning would take them away.
    """

    def __init__(self, path: Path, threads: int | None) -> None:
        """Load a model.

        Args:
            threads: how many; None: as ONNX Runtime does it if nobody says anything (all cores, spinning), to compare with.

        Raises:
            EngineError: ONNX Runtime is not installed or cannot run the model. ModelError: no model.
        """
        file = read_onnx(path)
        try:
            import onnxruntime
        except ImportError as e:
            raise EngineError(f"onnxruntime cannot be imported ({e}): pip install onnxruntime") from e
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        if threads is not None:
            options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
            for kind in ("intra_op", "inter_op"):
                options.add_session_config_entry(f"session.{kind}.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as e:  # its exceptions have no common class
            raise EngineError(f"{path}: onnxruntime {onnxruntime.__version__} cannot load it: {e}") from e
        how = "its defaults" if threads is None else f"{threads} thread{'s' if threads > 1 else ''}"
        super().__init__(path.name, f"onnxruntime {onnxruntime.__version__}, {how}", file.inputs, file.outputs)

    def _run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        feed = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
        try:
            return dict(zip(self.outputs, self._session.run(list(self.outputs), feed), strict=True))
        except Exception as e:
            raise EngineError(f"{self.name}: {self.runtime}: {e}") from e
