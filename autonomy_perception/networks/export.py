"""A network as ONNX: exported by the dynamo exporter, held against torch by ONNX Runtime, described in a JSON file.

The legacy exporter is never used: it drops accumulation silently and stores constants as large as the canvas.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from autonomy_perception.networks.bev_net import BevNet

OPSET = 20
logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(
    logging.ERROR
)  # it misses torchvision, we do not
TOLERANCE = 1e-4
"""Largest difference between ONNX Runtime and torch, as a share of the output's largest magnitude."""


class ExportError(RuntimeError):
    """The exported model does not do what the network does; the message names the output."""


@dataclass(frozen=True)
class Parity:
    """ONNX Runtime beside torch for one output: largest magnitude and largest difference."""

    largest: float
    difference: float

    @property
    def share(self) -> float:
        """Difference as a share of the largest magnitude."""
        return self.difference / max(self.largest, 1e-6)


def example(net: BevNet, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Inputs drawn from a seed, by name: as sparse as a canvas is, all sensors present."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, shape in net.layout.inputs.items():
        drawn = rng.normal(size=shape) * (rng.random((1, 1, *shape[2:])) < 0.3) if len(shape) == 4 else np.ones(shape)
        out[name] = drawn.astype(np.float32)
    return out


def run_onnx(path: Path, inputs: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Outputs of a model by name, from ONNX Runtime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def export_onnx(
    net: BevNet, path: Path, inputs: dict[str, NDArray[np.float32]] | None = None, about: dict[str, Any] | None = None
) -> dict[str, Parity]:
    """Write ``path`` (.onnx) and ``path`` with .json; appears only when it is right.

    Args:
        net: the network; it is put into evaluation mode.
        inputs: what both are asked, by name; drawn if None.
        about: said in the JSON file besides layout, hash and parity.

    Returns:
        the parity of every output.

    Raises:
        ExportError: an output is missing, has another shape, or differs by more than the tolerance.
    """
    net = net.eval().cpu().float()
    given = example(net) if inputs is None else inputs
    tensors = tuple(torch.from_numpy(given[name]) for name in net.layout.inputs)
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns of its own parts
            program = torch.onnx.export(
                net, tensors, dynamo=True, opset_version=OPSET, verbose=False,
                input_names=list(net.layout.inputs), output_names=list(net.layout.outputs),
            )  # fmt: skip
        assert program is not None
        program.save(str(part), external_data=False)
        parity = _parity(net, tensors, run_onnx(part, given))
        report = {
            "onnx": path.name,
            "sha256": hashlib.sha256(part.read_bytes()).hexdigest(),
            "opset": OPSET,
            "network": net.config.model_dump(mode="json"),
            **net.layout.described(),
            "parity": {name: {**asdict(p), "share": p.share} for name, p in parity.items()},
            "tolerance": TOLERANCE,
            **(about or {}),
        }
        path.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return parity


def _parity(net: BevNet, tensors: tuple[torch.Tensor, ...], found: dict[str, NDArray[np.float32]]) -> dict[str, Parity]:
    with torch.no_grad():
        expected = {name: value.numpy() for name, value in net.named(*tensors).items()}
    out = {}
    for name, value in expected.items():
        if name not in found or found[name].shape != value.shape:
            got = found[name].shape if name in found else "nothing"
            raise ExportError(f"output {name}: expected shape {value.shape}, found {got}")
        out[name] = Parity(float(np.abs(value).max()), float(np.abs(found[name] - value).max()))
        if not out[name].share <= TOLERANCE:  # NaN, too
            raise ExportError(
                f"output {name}: ONNX Runtime differs from torch by {out[name].difference:g}, expected at most "
                f"{TOLERANCE:g} of {out[name].largest:g}"
            )
    return out
