"""What goes wrong with models and engines."""

from __future__ import annotations


class InferenceError(RuntimeError):
    """A network cannot be used; the message says which file or tensor, what was expected and what was found."""


class ModelError(InferenceError):
    """A model's files are missing, damaged, or not what its manifest says."""


class EngineError(InferenceError):
    """A runtime cannot take, compile or run a model, or was given arrays that the model does not take."""


class UnsupportedNodeError(EngineError):
    """TensorRT knows no way to run a node of the model.

    Attributes:
        node: name of the node, as in the ONNX file; operator: its type, such as ``NonZero``.
    """

    def __init__(self, message: str, node: str, operator: str) -> None:
        super().__init__(message)
        self.node, self.operator = node, operator
