"""What an export ends with opens as a model, and what does not fit is refused while it is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from inference.networks import conv_net, example, reference

from autonomy_perception.inference.errors import ModelError
from autonomy_perception.inference.golden import Golden, Tolerance
from autonomy_perception.inference.manifest import GridSpec, Model, load_manifest
from autonomy_perception.inference.opening import open_engine
from autonomy_perception.inference.shipping import ship, variant

GOLDEN = Golden({"x": example()}, {"y": reference(example())})
NAMES = {"y": tuple(f"class_{i}" for i in range(8))}


def shipped(folder: Path, golden: Golden = GOLDEN, names: dict[str, tuple[str, ...]] = NAMES, opset: int = 20) -> Model:
    """A model of two files."""
    full, small = conv_net(folder / "a.onnx", opset=20), conv_net(folder / "b.onnx", "int8", opset=opset)
    variants = [variant(full, "fp32", ["onnxruntime", "tensorrt"]), variant(small, "int8", ["onnxruntime"], "ab" * 32)]
    return ship(
        folder, "net", variants, golden, licence="Apache-2.0", training_data="none", classes=names,
        grid=GridSpec(x_min=0, x_max=8, y_min=-4, y_max=4, resolution=0.5), tolerance={"int8": Tolerance(peak=0.1, rms=0.05)},
    )  # fmt: skip


def test_what_was_shipped_opens(tmp_path: Path) -> None:
    made = shipped(tmp_path)
    again = load_manifest(tmp_path / "net.yaml")
    assert again.manifest == made.manifest and again.manifest.variants[1].calibration == "ab" * 32
    opened = open_engine(again, only="onnxruntime")
    assert opened.choice.variant.file == "b.onnx" and opened.refused == ()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"classes\.y: 1 names"):
        shipped(tmp_path, names={"y": ("one",)})
    with pytest.raises(ModelError, match=r"b\.onnx: opset is 19, its manifest says 20"):
        shipped(tmp_path, opset=19)
    with pytest.raises(ModelError, match=r"net\.golden\.npz: out holds"):
        shipped(tmp_path, golden=Golden({"x": example()}, {"y": example()}))
