"""TensorRT on an NVIDIA GPU, with the memory and the stream of :mod:`autonomy_perception.ops.cuda_memory`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.inference.engine import Engine
from autonomy_perception.inference.errors import EngineError
from autonomy_perception.inference.plans import Plan
from autonomy_perception.inference.tensorrt_api import TensorRT
from autonomy_perception.inference.tensors import differences
from autonomy_perception.ops.cuda import DeviceArray, device_view
from autonomy_perception.ops.cuda_memory import Memory
from autonomy_perception.ops.errors import KernelError


class TensorRTEngine(Engine):
    """A plan on a GPU.

    Inputs may lie on the host or on the GPU (``__cuda_array_interface__``, contiguous; work on them must be on ``memory.stream``
    or finished). Buffers are allocated once. Outputs are new host arrays, or with ``on_device`` arrays on the GPU that the next
    call writes over.
    """

    def __init__(self, name: str, trt: TensorRT, plan: Plan, memory: Memory, on_device: bool = False) -> None:
        """Load a plan. Raises EngineError: damaged, built by another TensorRT or for another GPU, or no room on the GPU."""
        self._memory, self._on_device = memory, on_device
        self._engine = trt.load(plan.data)
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        found = {n: trt.spec(self._engine.get_tensor_dtype(n), self._engine.get_tensor_shape(n)) for n in names}
        if wrong := differences(found, {**plan.inputs, **plan.outputs}):
            raise EngineError(f"{name}: the plan is not what its manifest says: {'; '.join(wrong)}")
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise EngineError(f"{name}: {trt.package} makes no context: {trt.errors()}")
        try:
            self._buffers = {n: DeviceArray(s.shape, s.dtype, memory.allocate(s.nbytes), self, memory.stream) for n, s in found.items()}  # fmt: skip
        except KernelError as e:
            raise EngineError(f"{name}: {e}") from e
        for tensor, buffer in self._buffers.items():
            self._context.set_tensor_address(tensor, buffer.address)
        runtime = f"{trt.package} {trt.version} on {memory.device_name}"
        super().__init__(name, runtime, plan.inputs, plan.outputs)
        self.note = plan.note

    def _run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        try:
            for name, array in inputs.items():
                self._bind(name, array)
            if not self._context.execute_async_v3(self._memory.stream):
                raise EngineError(f"{self.name}: {self.runtime} did not start")
            out: dict[str, Any] = {name: self._buffers[name] for name in self.outputs}
            return out if self._on_device else {name: self.to_host(array) for name, array in out.items()}
        except KernelError as e:
            raise EngineError(f"{self.name}: {self.runtime}: {e}") from e

    def _bind(self, name: str, array: Any) -> None:
        """Copy a host array into its buffer, or have TensorRT read an array on the GPU where it lies."""
        view = device_view(array)
        if view is not None and not view.contiguous:
            raise EngineError(f"{self.name}: input {name} is not contiguous")
        buffer = self._buffers[name]
        self._context.set_tensor_address(name, view.address if view is not None else buffer.address)
        if view is None:
            self._memory.copy_in(buffer.address, np.ascontiguousarray(array))

    def to_host(self, array: Any) -> NDArray[Any]:
        if not isinstance(array, DeviceArray):
            return np.asarray(array)
        out = np.empty(array.shape, array.dtype)
        try:
            self._memory.copy_out(out, array.address)
        except KernelError as e:
            raise EngineError(f"{self.name}: {self.runtime}: {e}") from e
        return out
