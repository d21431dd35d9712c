"""Ordinary memory in the place of a GPU's, filled with rubbish as a GPU's is: for tests of the device path."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray


class HostMemory:
    """Implements ops.cuda_memory.Memory."""

    name = device_name = "host"
    stream = 0

    def __init__(self) -> None:
        self.blocks: list[NDArray[np.uint8]] = []

    def allocate(self, n_bytes: int) -> int:
        self.blocks.append(np.full(n_bytes, 0xA5, np.uint8))
        return int(self.blocks[-1].ctypes.data)

    def copy_in(self, address: int, array: NDArray[Any]) -> None:
        ctypes.memmove(address, array.ctypes.data, array.nbytes)

    def copy_out(self, array: NDArray[Any], address: int) -> None:
        ctypes.memmove(array.ctypes.data, address, array.nbytes)

    def copy_on_device(self, target: int, source: int, n_bytes: int) -> None:
        ctypes.memmove(target, source, n_bytes)

    def synchronize(self) -> None:
        """Nothing is pending."""

    def event(self) -> None:
        """No clock."""

    def elapsed_ms(self, start: Any, end: Any) -> float:
        return 0.0
