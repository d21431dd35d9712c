"""GPU memory, copies, stream and events: with PyCUDA, or by ctypes on the driver library where PyCUDA is missing.

Both use the device's primary context, which torch and the CUDA runtime share. Nothing here is imported or loaded
before a memory is opened, so machines without a GPU are not troubled.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from numpy.typing import NDArray

from autonomy_perception.ops.errors import KernelError


class Memory(Protocol):
    """What :class:`~autonomy_perception.ops.cuda.CudaLibrary` needs; addresses are integers; work runs on ``stream``."""

    name: str
    device_name: str
    stream: int

    def allocate(self, n_bytes: int) -> int:
        """Address of ``n_bytes`` > 0 on the device. Raises KernelError when there is no room."""

    def copy_in(self, address: int, array: NDArray[Any]) -> None:
        """Copy a contiguous array to the device; the array may be changed or dropped afterwards."""

    def copy_out(self, array: NDArray[Any], address: int) -> None:
        """Copy from the device into a contiguous array and wait for it. Raises KernelError for an error of the GPU."""

    def copy_on_device(self, target: int, source: int, n_bytes: int) -> None:
        """Copy within the device, in stream order."""

    def synchronize(self) -> None:
        """Wait for the stream."""

    def event(self) -> Any:
        """An event recorded on the stream now."""

    def elapsed_ms(self, start: Any, end: Any) -> float:
        """Milliseconds between two events; waits for the second."""


class PyCudaMemory:
    """Memory through PyCUDA."""

    name = "pycuda"

    def __init__(self, device: int = 0) -> None:
        self._driver = importlib.import_module("pycuda.driver")
        try:
            self._driver.init()
            gpu = self._driver.Device(device)
            self._context = gpu.retain_primary_context()
        except self._driver.Error as e:
            raise KernelError(f"no usable NVIDIA GPU {device}: {e}") from e
        self.device_name = str(gpu.name())
        self._context.push()
        self._stream = self._driver.Stream()
        self.stream = int(self._stream.handle)
        self._owned: list[Any] = []

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Errors of the driver as KernelError; those of kernels show here, where the host waits for them."""
        try:
            yield
        except self._driver.Error as e:
            raise KernelError(f"{what}: {e}") from e

    def allocate(self, n_bytes: int) -> int:
        try:
            block = self._driver.mem_alloc(n_bytes)
        except self._driver.MemoryError as e:
            raise KernelError(f"the GPU has no room for {n_bytes} bytes: {e}") from e
        self._owned.append(block)
        return int(block)

    def copy_in(self, address: int, array: NDArray[Any]) -> None:
        with self._told("memcpy_htod_async"):
            self._driver.memcpy_htod_async(address, array, self._stream)

    def copy_out(self, array: NDArray[Any], address: int) -> None:
        with self._told("memcpy_dtoh_async"):
            self._driver.memcpy_dtoh_async(array, address, self._stream)
            self._stream.synchronize()

    def copy_on_device(self, target: int, source: int, n_bytes: int) -> None:
        self._driver.memcpy_dtod_async(target, source, n_bytes, self._stream)

    def synchronize(self) -> None:
        with self._told("synchronize"):
            self._stream.synchronize()

    def event(self) -> Any:
        event = self._driver.Event()
        event.record(self._stream)
        return event

    def elapsed_ms(self, start: Any, end: Any) -> float:
        end.synchronize()
        return float(end.time_since(start))


class DriverMemory:
    """Memory by ctypes on libcuda.so.1 (the driver itself): needs nothing installed but the driver."""

    name = "libcuda"

    def __init__(self, device: int = 0) -> None:
        try:
            self._lib = ctypes.CDLL("libcuda.so.1")
        except OSError as e:
            raise KernelError("no NVIDIA driver here: libcuda.so.1 is not on the library path") from e
        self._call("cuInit", ctypes.c_uint(0))
        gpu, context = ctypes.c_int(), ctypes.c_void_p()
        self._call("cuDeviceGet", ctypes.byref(gpu), ctypes.c_int(device))
        name = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", name, ctypes.c_int(256), gpu)
        self.device_name = name.value.decode()
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), gpu)
        self._call("cuCtxSetCurrent", context)
        stream = ctypes.c_void_p()
        self._call("cuStreamCreate", ctypes.byref(stream), ctypes.c_uint(0))
        self.stream = int(stream.value or 0)

    def _call(self, name: str, *args: Any) -> None:
        result = int(getattr(self._lib, name)(*args))
        if result:
            text = ctypes.c_char_p()
            self._lib.cuGetErrorString(ctypes.c_int(result), ctypes.byref(text))
            raise KernelError(f"{name}: {(text.value or b'unknown error').decode()} (CUDA error {result})")

    def allocate(self, n_bytes: int) -> int:
        address = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(n_bytes))
        return int(address.value)

    def copy_in(self, address: int, array: NDArray[Any]) -> None:
        source = ctypes.c_void_p(array.ctypes.data)
        self._call(
            "cuMemcpyHtoDAsync_v2", ctypes.c_uint64(address), source, ctypes.c_size_t(array.nbytes), self._handle
        )

    def copy_out(self, array: NDArray[Any], address: int) -> None:
        target = ctypes.c_void_p(array.ctypes.data)
        self._call(
            "cuMemcpyDtoHAsync_v2", target, ctypes.c_uint64(address), ctypes.c_size_t(array.nbytes), self._handle
        )
        self.synchronize()

    def copy_on_device(self, target: int, source: int, n_bytes: int) -> None:
        self._call(
            "cuMemcpyDtoDAsync_v2",
            ctypes.c_uint64(target),
            ctypes.c_uint64(source),
            ctypes.c_size_t(n_bytes),
            self._handle,
        )

    def synchronize(self) -> None:
        self._call("cuStreamSynchronize", self._handle)

    def event(self) -> ctypes.c_void_p:
        event = ctypes.c_void_p()
        self._call("cuEventCreate", ctypes.byref(event), ctypes.c_uint(0))
        self._call("cuEventRecord", event, self._handle)
        return event

    def elapsed_ms(self, start: ctypes.c_void_p, end: ctypes.c_void_p) -> float:
        self._call("cuEventSynchronize", end)
        ms = ctypes.c_float()
        name = "cuEventElapsedTime_v2" if hasattr(self._lib, "cuEventElapsedTime_v2") else "cuEventElapsedTime"
        self._call(name, ctypes.byref(ms), start, end)
        self._call("cuEventDestroy_v2", start)
        self._call("cuEventDestroy_v2", end)
        return float(ms.value)

    @property
    def _handle(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.stream)


def open_memory(device: int = 0) -> Memory:
    """GPU memory with PyCUDA if it is installed, else by the driver. Raises KernelError without a usable GPU."""
    try:
        importlib.import_module("pycuda.driver")
    except ImportError:
        return DriverMemory(device)
    return PyCudaMemory(device)


def compute_capability(device: int = 0) -> tuple[int, int]:
    """Architecture of a GPU, (8, 7) for sm_87; asks the driver and makes no context. Raises KernelError without a usable GPU."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as e:
        raise KernelError("no NVIDIA driver here: libcuda.so.1 is not on the library path") from e
    gpu, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    code = driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(gpu), ctypes.c_int(device))
    for attribute, value in ((75, major), (76, minor)):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR
        code = code or driver.cuDeviceGetAttribute(ctypes.byref(value), ctypes.c_int(attribute), gpu)
    if code:
        raise KernelError(f"no usable NVIDIA GPU {device}: the driver answers with CUDA error {code}")
    return major.value, minor.value
