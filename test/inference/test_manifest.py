"""A model is used only if every file is the one that its manifest describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inference.networks import conv_net, example, manifest, model, reference, variant

from autonomy_perception.grid import BevGrid
from autonomy_perception.inference import manifest as manifest_module
from autonomy_perception.inference.errors import ModelError
from autonomy_perception.inference.golden import TOLERANCES, write_golden
from autonomy_perception.inference.manifest import find_model, load_manifest


def test_a_sound_model_is_taken(tmp_path: Path) -> None:
    net = model(tmp_path)
    assert [net.checked(v).name for v in net.manifest.variants] == ["net.fp32.onnx", "net.int8.onnx"]
    golden = net.golden()
    assert (golden.outputs["y"] == reference(golden.inputs["x"])).all()
    assert net.manifest.grid is not None and net.manifest.grid.bev == BevGrid(-4, 4, -4, 4, 0.5)
    assert net.manifest.tolerance_of("int8") == TOLERANCES["int8"]


def test_a_tampered_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    net = model(tmp_path)
    data = bytearray((tmp_path / "net.fp32.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "net.fp32.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=r"net\.fp32\.onnx: hash .* not the file that was shipped"):
        net.checked(net.manifest.variants[0])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    net = model(tmp_path)
    for name in ("net.fp32.onnx", "net.golden.npz"):
        (tmp_path / name).unlink()
    with pytest.raises(ModelError, match=r"net\.fp32\.onnx: cannot be read: No such file"):
        net.checked(net.manifest.variants[0])
    with pytest.raises(ModelError, match=r"net\.golden\.npz: cannot be read: No such file"):
        net.golden()


@pytest.mark.parametrize(
    ("net", "changed", "said"),
    [
        ({}, {"inputs": {"x": {"dtype": "float32", "shape": [1, 3, 32, 16]}}}, r"input x is float32 \(1, 3, 16, 16\), expected float32 \(1, 3, 32, 16\)"),
        ({}, {"inputs": {"x": {"dtype": "float16", "shape": [1, 3, 16, 16]}}}, r"input x is float32 .* expected float16"),
        ({}, {"outputs": {"z": {"dtype": "float32", "shape": [1, 8, 16, 16]}}, "classes": {}}, "output z is missing; output y is there and was not expected"),
        ({"opset": 17}, {}, "opset is 17, its manifest says 20"),
        ({"opset": 21}, {"opset": 21}, "opset is 21, expected 13 to 20"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, net: dict[str, Any], changed: dict[str, Any], said: str
) -> None:
    path = conv_net(tmp_path / "net.onnx", **net)
    found = load_manifest(manifest(tmp_path, variant(path, "fp32"), **changed))
    with pytest.raises(ModelError, match=said):
        found.checked(found.manifest.variants[0])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"licens": "MIT"}, r"licens: no such field \(did you mean licence\?\)"),
        ({"licence": ""}, "licence: .*at least 1 character"),
        ({"classes": {"y": ["one", "two"]}}, r"classes\.y: 2 names for axis 1 of an output of the shape \(1, 8, 16, 16\)"),
        ({"classes": {"q": ["one"]}}, r"classes\.q: 1 names for axis 1 of an output of the shape None"),
        ({"inputs": {"x": {"dtype": "float32", "shape": [0, 3]}}}, r"inputs\.x\.shape: .*at least 1, got \[0, 3\]"),
        ({"variants": []}, "variants: .*at least 1 item"),
        ({"grid": {"x_min": 0, "x_max": 1, "y_min": 0, "y_max": 1, "resolution": 0}}, r"grid\.resolution: .*greater than 0"),
    ],
)  # fmt: skip
def test_a_wrong_manifest_is_answered_with_file_and_field(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    path = manifest(tmp_path, variant(conv_net(tmp_path / "net.onnx"), "fp32"), **changed)
    with pytest.raises(ModelError, match=said) as caught:
        load_manifest(path)
    assert str(path) in str(caught.value)


def test_files_outside_of_the_folder_and_two_for_one_purpose_are_refused(tmp_path: Path) -> None:
    one = variant(conv_net(tmp_path / "net.onnx"), "fp32")
    with pytest.raises(ModelError, match=r"variants\.0\.file"):
        load_manifest(manifest(tmp_path, one | {"file": "../net.onnx"}))
    with pytest.raises(ModelError, match="more than one file for onnxruntime fp32"):
        load_manifest(manifest(tmp_path, one, one | {"runtimes": ["onnxruntime"]}))


def test_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("a: [")
    with pytest.raises(ModelError, match="not valid YAML"):
        load_manifest(tmp_path / "net.yaml")
    with pytest.raises(ModelError, match="cannot be read"):
        load_manifest(tmp_path / "gone.yaml")


def test_a_golden_file_of_another_model_is_refused(tmp_path: Path) -> None:
    net = model(tmp_path)
    write_golden(tmp_path / "net.golden.npz", {"x": example()}, {"other": example()})
    with pytest.raises(ModelError, match=r"net\.golden\.npz: hash"):
        net.golden()
    again = load_manifest(tmp_path / "net.yaml")
    spec = again.manifest.golden.model_copy(update={"sha256": manifest_module.file_hash(tmp_path / "net.golden.npz")})
    again.manifest = again.manifest.model_copy(update={"golden": spec})
    with pytest.raises(ModelError, match=r"out holds .*other.* expected .*y"):
        again.golden()


def test_models_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    model(tmp_path / "models")
    monkeypatch.setattr(manifest_module.paths, "share", lambda: tmp_path)
    assert find_model("net").manifest.name == "net"
    with pytest.raises(ModelError, match=r"model 'nat': neither a manifest \(\.yaml\) nor one of net"):
        find_model("nat")
