"""ONNX: ONNX Runtime answers as torch does, the file says what it is, a model that differs never appears."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="make setup EXTRAS=train")
onnx = pytest.importorskip("onnx", reason="make setup EXTRAS=train")
pytest.importorskip("onnxscript", reason="make setup EXTRAS=train")
pytest.importorskip("onnxruntime", reason="make setup EXTRAS=train")

from training.worlds import TINY

from autonomy_perception.networks import export
from autonomy_perception.networks.bev_net import BevNet

pytestmark = pytest.mark.filterwarnings("default")  # the exporter warns of its own parts


def made(variant: str) -> BevNet:
    torch.manual_seed(1)
    net = BevNet(TINY.model_copy(update={"variant": variant}))
    for module in net.modules():  # as after training: statistics that are not 0 and 1
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.2)
            module.running_var.uniform_(0.5, 2.0)
    return net


@pytest.mark.parametrize("variant", ["lidar", "fusion"])
def test_every_output_is_as_torch_has_it(variant: str, tmp_path: Path) -> None:
    net, path = made(variant), tmp_path / "net.onnx"
    parity = export.export_onnx(net, path, about={"steps": 7})
    assert set(parity) == set(net.layout.outputs)
    assert all(p.largest > 0 and p.share < 1e-5 for p in parity.values())
    other = export.example(net, seed=9)  # and for inputs that the exporter never saw
    with torch.no_grad():
        expected = net.named(*(torch.from_numpy(a) for a in other.values()))
    for name, found in export.run_onnx(path, other).items():
        np.testing.assert_allclose(found, expected[name].numpy(), atol=1e-4, rtol=1e-4)
    told = json.loads(path.with_suffix(".json").read_text())
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["outputs"] == {name: list(shape) for name, shape in net.layout.outputs.items()}
    assert told["steps"] == 7 and set(told["parity"]) == set(net.layout.outputs)
    graph = onnx.load(path).graph
    assert [i.name for i in graph.input] == list(net.layout.inputs)
    kinds = {node.op_type for node in graph.node}
    assert not {k for k in kinds if k.startswith(("Scatter", "NonZero", "Loop", "If", "Unique"))}
    assert all(d.dim_value > 0 for v in [*graph.input, *graph.output] for d in v.type.tensor_type.shape.dim)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.json", "net.onnx"]


def test_a_model_that_differs_never_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, real = made("lidar"), export.run_onnx

    def spoiled(path: Path, inputs: dict) -> dict:
        out = real(path, inputs)
        return out | {"elevation": out["elevation"] + 0.01}

    monkeypatch.setattr(export, "run_onnx", spoiled)
    with pytest.raises(export.ExportError, match=r"output elevation: ONNX Runtime differs from torch by 0\.01"):
        export.export_onnx(net, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []
