"""The kernels on an NVIDIA GPU: device arrays and the library object that launches libap_cuda.so.

A CudaLibrary belongs to the thread that made it (the worker that owns the CUDA context); callbacks only enqueue.
All arrays of a call are on the GPU: DeviceArrays, or arrays of others with ``__cuda_array_interface__``.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autonomy_perception.ops.arguments import Side, View, refusal
from autonomy_perception.ops.cuda_memory import Memory, open_memory
from autonomy_perception.ops.errors import CudaError, KernelArgumentError, KernelError
from autonomy_perception.ops.library import LIB_DIR, Launchers
from autonomy_perception.ops.signatures import CUDA_ERROR, SIGNATURES


class Pool:
    """Device blocks by size class, kept for reuse: after the first frames nothing is allocated any more.

    A block that goes back may be handed out at once, because all work runs on one stream, in order.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._free: dict[int, list[int]] = {}

    def take(self, n_bytes: int) -> Block:
        """A block of at least ``n_bytes``."""
        size = max(256, 1 << (n_bytes - 1).bit_length()) if n_bytes < 1 << 20 else -(-n_bytes // (1 << 20)) << 20
        free = self._free.setdefault(size, [])
        return Block(free.pop() if free else self._memory.allocate(size), free)


class Block:
    """Ownership of one pool block; gives it back when the last array on it is dropped."""

    def __init__(self, address: int, free: list[int]) -> None:
        self.address, self._free = address, free

    def __del__(self) -> None:
        self._free.append(self.address)


class DeviceArray:
    """A contiguous array on the GPU; others read it through ``__cuda_array_interface__``."""

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, address: int, owner: object, stream: int) -> None:
        self.shape, self.dtype, self.address, self.stream = shape, np.dtype(dtype), address, stream
        self._owner = owner

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address, False),
            "version": 3,
            "stream": self.stream or 1,
        }

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> DeviceArray:
        """View of consecutive rows. Raises KernelError for any other index."""
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise KernelError(f"device arrays are cut by consecutive rows only, got [{rows}]")
        first, last, _ = rows.indices(len(self))
        shape = (max(last - first, 0), *self.shape[1:])
        row_bytes = self.nbytes // len(self) if len(self) else 0
        return DeviceArray(shape, self.dtype, self.address + first * row_bytes, self._owner, self.stream)

    def reshape(self, *shape: int) -> DeviceArray:
        """View in another shape of the same size; one length may be -1. Raises ValueError if it does not fit."""
        fitted = (
            np.broadcast_to(np.int8(0), self.shape).reshape(shape).shape
            if self.nbytes
            else np.empty(self.shape, np.int8).reshape(shape).shape
        )
        return DeviceArray(fitted, self.dtype, self.address, self._owner, self.stream)


def device_view(value: Any) -> View | None:
    """View of a DeviceArray or of any array with ``__cuda_array_interface__``."""
    if not hasattr(value, "__cuda_array_interface__"):
        return None
    seen = value.__cuda_array_interface__
    shape, dtype, strides = tuple(seen["shape"]), np.dtype(seen["typestr"]), seen.get("strides")
    address, read_only = seen["data"]
    packed = tuple(int(np.prod(shape[i + 1 :], dtype=np.int64)) * dtype.itemsize for i in range(len(shape)))
    return View(dtype, shape, address, strides is None or tuple(strides) == packed or 0 in shape, not read_only)


DEVICE = Side("on the GPU", device_view, "{}.address", "{}.address", "{}.address", {})


class CudaLibrary:
    """libap_cuda.so with memory on the primary context of one GPU; see the module for threads and arguments."""

    device = "cuda"

    def __init__(self, path: Path = LIB_DIR / "libap_cuda.so", memory: Memory | None = None) -> None:
        self._launchers = Launchers(path, "cuda", DEVICE)
        self.memory = memory if memory is not None else open_memory()
        self._pool = Pool(self.memory)
        self._thread = threading.get_ident()
        self._running: deque[str] = deque(maxlen=8)  # launched since the last wait for the stream

    def empty(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> DeviceArray:
        self._own_thread()
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        n_bytes = int(np.prod(sizes, dtype=np.int64)) * np.dtype(dtype).itemsize
        block = self._pool.take(max(n_bytes, 1))
        return DeviceArray(sizes, dtype, block.address, block, self.memory.stream)

    def to_device(self, array: Any) -> Any:
        if hasattr(array, "__cuda_array_interface__"):
            return array
        host = np.ascontiguousarray(array)
        out = self.empty(host.shape, host.dtype)
        if host.nbytes:
            self.memory.copy_in(out.address, host)
        return out

    def to_host(self, array: Any) -> NDArray[Any]:
        if isinstance(array, np.ndarray):
            return array
        self._own_thread()
        view = device_view(array)
        if view is None or not view.contiguous:
            raise KernelArgumentError(
                f"to_host: {view or type(array).__name__} cannot be copied, expected a contiguous array on the GPU"
            )
        out = np.empty(view.shape, view.dtype)
        if out.nbytes:
            try:
                self.memory.copy_out(out, view.address)
            except KernelError as e:
                raise KernelError(f"copy to the host{self._after()}: {e}") from e
            self._running.clear()
        return out

    def call(self, name: str, **arguments: Any) -> int:
        self._own_thread()
        function, pack = self._launchers[name]
        result: int = function(pack(arguments), self.memory.stream)
        if result <= CUDA_ERROR:
            raise self._cuda_error(name, CUDA_ERROR - result)
        if result < 0:
            raise refusal(SIGNATURES[name], arguments, result)
        self._running.append(name)
        return result

    def spread(self, on: bool) -> None:
        """No helper threads here."""

    def release(self) -> None:
        """No memory is kept between calls here."""

    def _cuda_error(self, name: str, code: int) -> CudaError:
        label = self._launchers.text("ap_cuda_error_name", code)
        why = self._launchers.text("ap_cuda_error_string", code)
        return CudaError(f"{name} on {self.memory.device_name}{self._after()}: {label} ({code}): {why}", code, label)

    def _after(self) -> str:
        """Which kernels may be to blame besides the one at hand: errors of a running kernel show at a later call."""
        return f" after {', '.join(self._running)}" if self._running else ""

    def _own_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise KernelError("the CUDA library belongs to the thread that made it: enqueue work for that thread")
