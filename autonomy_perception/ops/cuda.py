"""The kernels on an NVIDIA GPU: device arrays and the library object that launches libap_cuda.so.

A CudaLibrary belongs to the thread that made it (the worker that owns the CUDA context); callbacks only enqueue.
NumPy arrays among the arguments of a call are host tables (small parameters); frame-sized data are DeviceArrays.
"""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autonomy_perception.ops.cuda_memory import Memory, open_memory
from autonomy_perception.ops.library import LIB_DIR, KernelError, host_argument, launcher

MAX_TABLE_BYTES = 4096
"""Largest host table of a kernel (they travel as kernel arguments); anything longer must be a device array."""


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


class CudaLibrary:
    """libap_cuda.so with memory on the primary context of one GPU; see the module for threads and arguments."""

    device = "cuda"

    def __init__(self, path: Path = LIB_DIR / "libap_cuda.so", memory: Memory | None = None) -> None:
        if not path.exists():
            raise KernelError(f"{path} is missing: run `make kernels-cuda` (or `python kernels/build.py cuda`)")
        self.memory = memory if memory is not None else open_memory()
        self._lib = ctypes.CDLL(str(path))
        self._pool = Pool(self.memory)
        self._thread = threading.get_ident()

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
        view = array.__cuda_array_interface__
        if view.get("strides"):
            raise KernelError(f"device array of shape {view['shape']} must be contiguous")
        out = np.empty(view["shape"], np.dtype(view["typestr"]))
        if out.nbytes:
            self.memory.copy_out(out, view["data"][0])
        return out

    def call(self, name: str, *args: Any) -> int:
        self._own_thread()
        result = int(
            launcher(self._lib, name)(*(self._argument(name, a) for a in args), ctypes.c_void_p(self.memory.stream))
        )
        if result <= -100:
            raise KernelError(f"{name} failed on {self.memory.device_name}: CUDA error {-100 - result}")
        if result < 0:
            raise KernelError(f"{name} refused its arguments (code {result})")
        return result

    def spread(self, on: bool) -> None:
        """No helper threads here."""

    def release(self) -> None:
        """No memory is kept between calls here."""

    @staticmethod
    def _argument(name: str, value: Any) -> Any:
        if hasattr(value, "__cuda_array_interface__"):
            return ctypes.c_void_p(value.__cuda_array_interface__["data"][0])
        if isinstance(value, np.ndarray) and value.nbytes > MAX_TABLE_BYTES:
            raise KernelError(f"{name}: array of shape {value.shape} lies on the host: use to_device first")
        return host_argument(name, value)

    def _own_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise KernelError("the CUDA library belongs to the thread that made it: enqueue work for that thread")
