"""One object for all operations, bound to a device and a stream: the dispatch rule of the suite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from numpy.typing import NDArray

from autonomy_perception.ops import (
    canvas,
    cells,
    cluster,
    decode,
    decode_ground,
    footprint,
    freespace,
    ground,
    image,
    iou,
    lift,
    pillar_net,
    pillarise,
    project,
    terrain,
    transform,
    unpack,
)
from autonomy_perception.ops.cuda import CudaLibrary
from autonomy_perception.ops.library import LIB_DIR, CpuLibrary, KernelError, Library

P = ParamSpec("P")
R = TypeVar("R")

DEVICES = ("auto", "cpu", "cuda")


def open_library(device: str = "auto") -> tuple[Library, str]:
    """The library for ``auto``, ``cpu`` or ``cuda``, and a sentence on why it was taken.

    The rule: ``auto`` takes the GPU when libap_cuda.so is built and a GPU answers, else the CPU and says why.

    Raises:
        ValueError: unknown device. KernelError: ``cuda`` was asked for and does not work, or no library is built.
    """
    if device not in DEVICES:
        raise ValueError(f"device {device!r} is unknown, expected one of {DEVICES}")
    if device == "cpu":
        return CpuLibrary(), "cpu: asked for"
    if device == "auto" and not (LIB_DIR / "libap_cuda.so").exists():
        return CpuLibrary(), "cpu: libap_cuda.so is not built"
    try:
        library = CudaLibrary()
    except KernelError as e:
        if device == "cuda":
            raise
        return CpuLibrary(), f"cpu: {e}"
    return library, f"cuda: {library.memory.device_name} by {library.memory.name}"


def _bound(function: Callable[Concatenate[Library, P], R]) -> Callable[Concatenate[Ops, P], R]:
    """The operation as a method: ``ops.f(...)`` is ``f(ops.lib, ...)``."""

    def method(self: Ops, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return function(self.lib, *args, **kwargs)

    method.__doc__, method.__name__ = function.__doc__, function.__name__
    return method


def _bound_workspace(function: Callable[Concatenate[cluster.Workspace, P], R]) -> Callable[Concatenate[Ops, P], R]:
    """As :func:`_bound` for operations with scratch memory: ``ops.f(...)`` is ``f(ops.workspace, ...)``."""

    def method(self: Ops, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return function(self.workspace, *args, **kwargs)

    method.__doc__, method.__name__ = function.__doc__, function.__name__
    return method


class Ops:
    """All operations on one device; arrays are NumPy on the CPU and DeviceArrays on a GPU.

    Attributes:
        lib: the library underneath, for stages that take one.
        reason: why this device was taken (for ``doctor``, status and logs).
        workspace: scratch memory of the cluster operations.
    """

    def __init__(self, device: str = "auto") -> None:
        self.lib, self.reason = open_library(device)
        self.workspace = cluster.Workspace(self.lib)

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        return self.lib.device

    def to_device(self, array: NDArray[Any]) -> Any:
        """The array on the device (itself on the CPU)."""
        return self.lib.to_device(array)

    def to_host(self, array: Any) -> NDArray[Any]:
        """The array as NumPy: the only place where results are copied to the host."""
        return self.lib.to_host(array)

    unpack = _bound(unpack.unpack)
    transform = _bound(transform.transform)
    cell_ids = _bound(cells.cell_ids)
    cell_index = _bound(cells.cell_index)
    cell_stats = _bound(cells.cell_stats)
    pillarise = _bound(pillarise.pillarise)
    ground = _bound(ground.ground)
    terrain_fuse = _bound(terrain.fuse)
    terrain_derive = _bound(terrain.derive)
    footprint = _bound(footprint.footprint)
    free_space = _bound(freespace.free_space)
    update_log_odds = _bound(freespace.update_log_odds)
    cluster_points = _bound_workspace(cluster.cluster_points)
    fit_boxes = _bound_workspace(cluster.fit_boxes)
    undistort_map = _bound(image.with_map)
    preprocess = _bound(image.preprocess)
    project = _bound(project.project)
    iou_bev = _bound(iou.iou_bev)
    iou_3d = _bound(iou.iou_3d)
    frustum_index = _bound(lift.frustum_index)
    bev_pool = _bound(lift.bev_pool)
    bev_pool_grad = _bound(lift.bev_pool_grad)
    pillar_net = _bound(pillar_net.pillar_net)
    bev_canvas = _bound(canvas.bev_canvas)
    decode_boxes = _bound(decode.decode_boxes)
    decode_ground = _bound(decode_ground.decode_ground)
