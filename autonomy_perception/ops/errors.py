"""What goes wrong at the kernels' border."""

from __future__ import annotations


class KernelError(RuntimeError):
    """A kernel library is missing, or a kernel could not do its work."""


class KernelArgumentError(KernelError, ValueError):
    """A kernel cannot take an argument; nothing has run. The message names kernel and argument, expected and found."""


class CudaError(KernelError):
    """The CUDA runtime reported an error, at a launch or for a kernel that ran before.

    Attributes:
        code: number of the ``cudaError_t``; name: such as ``cudaErrorIllegalAddress``.
    """

    def __init__(self, message: str, code: int, name: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name
