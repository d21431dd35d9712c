"""TensorRT-RTX compiles small real networks here, without a GPU; the cache, the command and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inference.networks import SHAPE_OUT, conv_net, model
from typer.testing import CliRunner

pytest.importorskip("tensorrt_rtx", reason="make setup EXTRAS=infer")

from autonomy_perception.cli.main import app
from autonomy_perception.inference import building
from autonomy_perception.inference.building import build_plan, jobs, package_for, plan_key
from autonomy_perception.inference.errors import EngineError, ModelError, UnsupportedNodeError
from autonomy_perception.inference.manifest import shipped
from autonomy_perception.inference.plans import PlanCache
from autonomy_perception.inference.tensorrt_api import open_tensorrt
from autonomy_perception.inference.tensorrt_build import compile_plan
from autonomy_perception.inference.tensors import TensorSpec

TARGETS = ("sm_86", "sm_89", "sm_120")
TRT = open_tensorrt("tensorrt_rtx")


@pytest.mark.parametrize("kind", ["fp32", "fp16", "int8"])
def test_every_precision_compiles(tmp_path: Path, kind: str) -> None:
    seen: list[tuple[str, int, int]] = []
    found = compile_plan(TRT, conv_net(tmp_path / "net.onnx", kind), "sm_86", lambda *step: seen.append(step))
    assert found.outputs == {"y": TensorSpec(dtype="float32", shape=SHAPE_OUT)} and len(found.plan) > 1000
    assert seen and all(0 <= done <= steps for _, done, steps in seen) and seen[-1][1] == seen[-1][2]


def test_every_target_compiles_and_twice_the_same(tmp_path: Path) -> None:
    path = conv_net(tmp_path / "net.onnx")
    plans = [compile_plan(TRT, path, target).sha256 for target in (*TARGETS, TARGETS[0])]
    assert plans[0] == plans[3] and len(set(plans)) == 3


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("target", TARGETS)
def test_every_shipped_model_compiles(name: str, target: str) -> None:
    assert [compile_plan(job.trt, job.path, job.target).layers > 0 for job in jobs(name, target)]


def test_a_node_that_tensorrt_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UnsupportedNodeError, match=r"net\.onnx: node where_it_is \(NonZero\) is not supported by tensorrt_rtx"
    ) as e:
        compile_plan(TRT, conv_net(tmp_path / "net.onnx", tail="nonzero"), "sm_86")
    assert (e.value.node, e.value.operator) == ("where_it_is", "NonZero")


def test_targets_that_cannot_be_built_for_are_named() -> None:
    with pytest.raises(
        EngineError, match=r"target sm_87: tensorrt_rtx .* builds for sm_75, sm_80, sm_86, sm_89, sm_120"
    ):
        package_for("sm_87")
    assert package_for("sm_89")[1] == "sm_89"


def test_this_without_a_gpu_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> tuple[int, int]:
        raise building.KernelError("no NVIDIA driver here")

    monkeypatch.setattr(building, "compute_capability", none)
    with pytest.raises(EngineError, match="target this: no NVIDIA driver here; name an architecture instead"):
        package_for("this")


def test_the_gpu_at_hand_is_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "compute_capability", lambda: (8, 6))
    assert package_for("this")[1] == "sm_86"


def test_a_plan_is_found_again_only_as_long_as_it_is_the_one_that_was_built(tmp_path: Path) -> None:
    path, cache = conv_net(tmp_path / "net.onnx"), PlanCache(tmp_path / "cache")
    key = plan_key(TRT, path, "sm_86")
    assert cache.find(path, key) == (None, "not built yet")
    built = build_plan(TRT, path, key, cache, "not built yet")
    assert built.path is not None and built.path.with_suffix(".log").read_text().startswith("INFO")
    assert sorted(p.suffix for p in cache.folder.iterdir()) == [".json", ".log", ".plan"], "nothing temporary is left"
    found, why = cache.find(path, key)
    assert found is not None and (found.data, found.inputs, found.outputs, why) == (
        built.data,
        built.inputs,
        built.outputs,
        "",
    )

    manifest = built.path.with_suffix(".json")
    good = manifest.read_text(), built.path.read_bytes()
    spoilt: list[tuple[str, bytes, str]] = [
        (good[0], good[1][:-1], "is damaged: its hash"),
        (good[0], good[1][:-1] + bytes([good[1][-1] ^ 1]), "is damaged: its hash"),
        (good[0][:-20], good[1], "json is damaged"),
        (good[0].replace("sm_86", "sm_89"), good[1], "belongs to another model, TensorRT or GPU"),
        (good[0].replace('"format": 1', '"format": 0'), good[1], "belongs to another"),
    ]
    for text, data, said in spoilt:
        manifest.write_text(text)
        built.path.write_bytes(data)
        nothing, why = cache.find(path, key)
        assert nothing is None and said in why
    manifest.unlink()
    assert "No such file" in cache.find(path, key)[1]


def test_a_changed_model_is_stale_and_its_plan_replaced(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path / "cache")
    path = conv_net(tmp_path / "net.onnx")
    other = conv_net(tmp_path / "other.onnx")
    for one, target in ((path, "sm_86"), (path, "sm_89"), (other, "sm_86")):
        build_plan(TRT, one, plan_key(TRT, one, target), cache, "")
    conv_net(path, gain=2.0)
    key = plan_key(TRT, path, "sm_86")
    found, why = cache.find(path, key)
    assert found is None and why.endswith("is stale: the model file changed")
    build_plan(TRT, path, key, cache, why)
    assert cache.find(path, key)[0] is not None
    assert len(list(cache.folder.glob("*.plan"))) == 3, "the one it replaces is gone, those of others stay"


def test_the_key_holds_everything_that_decides_a_plan(tmp_path: Path) -> None:
    key = plan_key(TRT, conv_net(tmp_path / "net.onnx", "int8"), "sm_86")
    assert key.precision == "int8"
    for field in ("onnx_sha256", "package", "version", "target", "precision", "calibration"):
        assert key.model_copy(update={field: "other"}).digest != key.digest


def test_a_cache_that_cannot_be_written_is_told_and_the_plan_is_there_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = conv_net(tmp_path / "net.onnx")
    built = build_plan(TRT, path, plan_key(TRT, path, "sm_86"), PlanCache(tmp_path / "file" / "cache"), "not built yet")
    assert built.path is None and len(built.data) > 1000
    assert "cannot be written (Not a directory): the plan is not kept" in built.note


def build(*words: Any) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, JSON lines and complaints of the command."""
    done = CliRunner().invoke(app, ["build-engine", *map(str, words), "--json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_check_compiles_and_writes_nothing(tmp_path: Path) -> None:
    path = conv_net(tmp_path / "net.onnx")
    targets = [word for t in TARGETS for word in ("--target", t)]
    code, lines, _ = build(path, *targets, "--check", "--cache", tmp_path / "cache")
    assert code == 0 and [line["target"] for line in lines] == list(TARGETS)
    assert all(line["state"] == "compiles" and line["bytes"] > 1000 and line["seconds"] >= 0 for line in lines)
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_the_command_builds_once_and_finds_it_then(tmp_path: Path) -> None:
    model(tmp_path)
    words = (tmp_path / "net.yaml", "--target", "sm_86", "--cache", tmp_path / "cache")
    first, second = build(*words), build(*words)
    assert [line["state"] for line in first[1]] == ["built"] * 2 and first[0] == 0
    assert [line["state"] for line in second[1]] == ["found"] * 2 and second[0] == 0
    assert [line["precision"] for line in second[1]] == ["fp32", "int8"]
    assert [line["plan"] for line in first[1]] == [line["plan"] for line in second[1]]


def test_exit_codes(tmp_path: Path) -> None:
    bad, good = conv_net(tmp_path / "bad.onnx", tail="nonzero"), conv_net(tmp_path / "net.onnx")
    code, (line,), _ = build(bad, "--target", "sm_86", "--check")
    assert (code, line["node"], line["operator"]) == (1, "where_it_is", "NonZero")
    assert build(tmp_path / "gone.onnx", "--target", "sm_86", "--check")[0] == 2
    code, lines, said = build(good, "--target", "sm_87", "--check")
    assert (code, lines) == (2, []) and "target sm_87" in said
    (tmp_path / "file").write_text("")
    code, (line,), _ = build(good, "--target", "sm_86", "--cache", tmp_path / "file" / "cache")
    assert (code, line["state"]) == (2, "not stored") and "cannot be written" in line["note"]


def test_a_tampered_model_is_not_compiled(tmp_path: Path) -> None:
    model(tmp_path)
    conv_net(tmp_path / "net.int8.onnx", "int8", gain=1.0001)
    with pytest.raises(ModelError, match=r"net\.int8\.onnx: hash"):
        jobs(str(tmp_path / "net.yaml"), "sm_86")


def test_what_people_read(tmp_path: Path) -> None:
    path = conv_net(tmp_path / "net.onnx")
    done = CliRunner().invoke(app, ["build-engine", str(path), "--target", "sm_86", "--check"])
    assert done.exit_code == 0 and "compiles" in done.stdout and " MB, " in done.stdout and "layers" in done.stdout
    bad = conv_net(tmp_path / "bad.onnx", tail="nonzero")
    done = CliRunner().invoke(app, ["build-engine", str(bad), "--target", "sm_86", "--check"])
    assert done.exit_code == 1 and "where_it_is (NonZero) is not supported" in done.stdout
