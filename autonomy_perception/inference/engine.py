"""What every runtime offers: named arrays in, named arrays out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.inference.tensors import Specs, check_arrays


class Engine(ABC):
    """A network ready to run; it belongs to the thread that made it.

    Attributes:
        name: what messages call it. runtime: such as ``onnxruntime 1.32.0, 2 threads``.
        inputs, outputs: type and shape of each, by name. note: what its user should know of how it was made; mostly empty.
    """

    note = ""

    def __init__(self, name: str, runtime: str, inputs: Specs, outputs: Specs) -> None:
        self.name, self.runtime, self.inputs, self.outputs = name, runtime, inputs, outputs

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs of one frame.

        Args:
            inputs: an array for each input, of exactly its type and shape; engines on a GPU also take arrays there.

        Returns:
            an array for each output; whether the next call writes over it is said by the engine.

        Raises:
            EngineError: an input is missing, unknown, or of another type or shape, or the runtime failed.
        """
        check_arrays(self.name, self.inputs, inputs)
        return self._run(inputs)

    @abstractmethod
    def _run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run with inputs that were checked."""

    def to_host(self, array: Any) -> NDArray[Any]:
        """An output as NumPy, wherever it lies. Raises EngineError: the GPU reports an error."""
        return np.asarray(array)
