"""The compiled kernels behind one call rule; the CPU build by ctypes (the CUDA build: :mod:`.cuda`).

Every launcher is called as ``int32_t ap_name(const ap::NameArgs&, void* stream)``: one struct with its arrays, sizes and
parameters (kernels/launchers.h), packed and checked by :mod:`.border` from the table in :mod:`.signatures`.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autonomy_perception.ops.arguments import Side, refusal
from autonomy_perception.ops.border import HOST, Pack, make_border
from autonomy_perception.ops.errors import CudaError, KernelArgumentError, KernelError
from autonomy_perception.ops.signatures import SIGNATURES
from autonomy_perception.ops.signatures.header import border

__all__ = ["LIB_DIR", "CpuLibrary", "CudaError", "KernelArgumentError", "KernelError", "Launchers", "Library"]

LIB_DIR = Path(__file__).parent / "_lib"


class Library(Protocol):
    """What an operation needs of a device; arrays are NumPy on the CPU, device arrays on a GPU."""

    device: str

    def empty(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Any:
        """Uninitialised array on the device."""

    def to_device(self, array: NDArray[Any]) -> Any:
        """Contiguous copy on the device (the array itself on the CPU)."""

    def to_host(self, array: Any) -> NDArray[Any]:
        """The array as NumPy (itself on the CPU)."""

    def call(self, name: str, **arguments: Any) -> int:
        """Run launcher ``name`` with its arrays and parameters as :data:`.SIGNATURES` names them.

        Returns:
            its value, >= 0.

        Raises:
            KernelArgumentError: an argument is missing or unknown, has another dtype, shape, layout, place or type than
                the table says, or the launcher refused it; nothing has run.
            CudaError: the CUDA runtime reported an error.
        """

    def spread(self, on: bool) -> None:
        """From now on kernels called by this thread hold it on its core and their helper threads on the others."""

    def release(self) -> None:
        """Empty the work memory that kernels keep for the calling thread (it grows with the largest sweep)."""


class Launchers(dict[str, tuple[Any, Pack]]):
    """The launchers of one kernel library by name, each with its border, all made here: the first frame must not wait.

    Raises:
        KernelError: the library is missing or was built from another table; for an unknown launcher when asked for it.
    """

    def __init__(self, path: Path, target: str, side: Side) -> None:
        super().__init__()
        goal = "kernels" if target == "cpu" else f"kernels-{target}"
        again = f"run `make {goal}` (or `python kernels/build.py {target}`)"
        if not path.exists():
            raise KernelError(f"{path} is missing: {again}")
        self.lib = ctypes.CDLL(str(path))
        built = self.text("ap_border")
        if built != border():
            raise KernelError(f"{path} was built for other signatures ({built}, expected {border()}): {again}")
        for name, signature in SIGNATURES.items():
            if hasattr(self.lib, name):
                function = getattr(self.lib, name)
                function.argtypes, function.restype = (ctypes.c_char_p, ctypes.c_void_p), ctypes.c_int32
                self[name] = function, make_border(signature, side)

    def __missing__(self, name: str) -> tuple[Any, Pack]:
        raise KernelError(f"{Path(self.lib._name).name} holds no kernel {name}")

    def text(self, name: str, *args: int) -> str:
        """What a function of the library that returns a string says; ``?`` where the library has none."""
        try:
            function = getattr(self.lib, name)
        except AttributeError:
            return "?"
        function.restype = ctypes.c_char_p
        return str(function(*map(ctypes.c_int32, args)).decode())


class CpuLibrary:
    """libap_cpu.so by ctypes; releases the GIL while a kernel runs."""

    device = "cpu"

    def __init__(self, path: Path = LIB_DIR / "libap_cpu.so") -> None:
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle kernel threads must not spin beside the worker
        self._launchers = Launchers(path, "cpu", HOST)

    def empty(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        return np.empty(shape, dtype)

    def to_device(self, array: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(array)

    def to_host(self, array: Any) -> NDArray[Any]:
        return np.asarray(array)

    def call(self, name: str, **arguments: Any) -> int:
        function, pack = self._launchers[name]
        result: int = function(pack(arguments), None)
        if result < 0:
            raise refusal(SIGNATURES[name], arguments, result)
        return result

    def spread(self, on: bool) -> None:
        self._launchers.lib.ap_spread(int(on))

    def release(self) -> None:
        self._launchers.lib.ap_release()
