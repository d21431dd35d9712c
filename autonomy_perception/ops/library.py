"""The compiled kernels behind one call rule: the CPU build by ctypes, the CUDA build with PyCUDA memory.

ABI of every launcher ``ap_*``: pointers, then ``int32_t`` and ``float`` scalars in the order of the Python
arguments, a stream last (null on the CPU); returns 0, or a negative number that the operation explains.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

LIB_DIR = Path(__file__).parent / "_lib"


class KernelError(RuntimeError):
    """A kernel library is missing or a kernel refused its arguments."""


class Library(Protocol):
    """What an operation needs of a device; arrays are NumPy on the CPU, device arrays on a GPU."""

    device: str

    def empty(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Any:
        """Uninitialised array on the device."""

    def to_device(self, array: NDArray[Any]) -> Any:
        """Contiguous copy on the device (the array itself on the CPU)."""

    def to_host(self, array: Any) -> NDArray[Any]:
        """The array as NumPy (itself on the CPU)."""

    def call(self, name: str, *args: Any) -> int:
        """Run launcher ``name``; returns its value if >= 0. Raises KernelError if negative."""

    def spread(self, on: bool) -> None:
        """From now on kernels called by this thread hold it on its core and their helper threads on the others."""

    def release(self) -> None:
        """Empty the work memory that kernels keep for the calling thread (it grows with the largest sweep)."""


class CpuLibrary:
    """libap_cpu.so by ctypes; releases the GIL while a kernel runs."""

    device = "cpu"

    def __init__(self, path: Path = LIB_DIR / "libap_cpu.so") -> None:
        if not path.exists():
            raise KernelError(f"{path} is missing: run `make kernels` (or `python kernels/build.py cpu`)")
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle kernel threads must not spin beside the worker
        self._lib = ctypes.CDLL(str(path))

    def empty(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        return np.empty(shape, dtype)

    def to_device(self, array: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(array)

    def to_host(self, array: Any) -> NDArray[Any]:
        return np.asarray(array)

    def call(self, name: str, *args: Any) -> int:
        result = int(launcher(self._lib, name)(*[host_argument(name, a) for a in args], None))
        if result < 0:
            raise KernelError(f"{name} refused its arguments (code {result})")
        return result

    def spread(self, on: bool) -> None:
        self._lib.ap_spread(int(on))

    def release(self) -> None:
        self._lib.ap_release()


def launcher(lib: ctypes.CDLL, name: str) -> Any:
    """The function ``name`` of a kernel library. Raises KernelError when this build has no such kernel."""
    try:
        return getattr(lib, name)
    except AttributeError as e:
        raise KernelError(f"{Path(lib._name).name} holds no kernel {name}: build it again") from e


def host_argument(name: str, value: Any) -> Any:
    """A Python argument as the ABI takes it: contiguous array -> pointer, int -> int32, float -> float, None -> null.

    Raises:
        KernelError: an array is not contiguous, or the type has no place in the ABI.
    """
    kind = type(value)
    if kind is int:
        return ctypes.c_int32(value)
    if kind is float:
        return ctypes.c_float(value)
    if isinstance(value, np.ndarray):
        try:  # a quarter of the time of value.ctypes, which counts in small kernels
            return ctypes.byref(ctypes.c_char.from_buffer(value))  # type: ignore[arg-type]
        except (TypeError, ValueError):  # not contiguous, empty or not writeable
            if not value.flags.c_contiguous:
                raise KernelError(f"{name}: array of shape {value.shape} must be contiguous") from None
            return ctypes.c_void_p(value.ctypes.data)
    if isinstance(value, bool | int | np.integer):
        return ctypes.c_int32(int(value))
    if isinstance(value, float | np.floating):
        return ctypes.c_float(float(value))
    if value is None:
        return ctypes.c_void_p(None)
    raise KernelError(f"{name}: argument of type {type(value).__name__} cannot be passed")
