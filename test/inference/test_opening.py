"""The rule for the runtime, and engines that are used only after their golden answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from inference.networks import conv_net, example, manifest, model, reference, variant

from autonomy_perception.inference import opening
from autonomy_perception.inference.choose import RANKING, RUNTIMES, Probe, candidates, default_threads, probe_all
from autonomy_perception.inference.engine import Engine
from autonomy_perception.inference.errors import EngineError, ModelError
from autonomy_perception.inference.golden import TOLERANCES
from autonomy_perception.inference.manifest import Runtime, Variant, load_manifest
from autonomy_perception.inference.opening import Means, open_engine
from autonomy_perception.inference.plans import PlanCache

ABSENT = Probe(False, "not installed")
ORT: dict[Runtime, Probe] = dict.fromkeys(RUNTIMES, ABSENT) | {"onnxruntime": Probe(True, "1 on the CPU")}


def variants(*pairs: tuple[str, str]) -> list[Variant]:
    """Files of a model by precision and runtime."""
    return [Variant(file=f"{p}.{r}.onnx", sha256="0" * 64, precision=p, runtimes=(r,)) for r, p in pairs]  # type: ignore[arg-type]


def test_the_first_of_the_ranking_is_chosen_and_every_other_follows() -> None:
    here: dict[Runtime, Probe] = dict.fromkeys(RUNTIMES, Probe(True, "here"))
    found = candidates("net", variants(*reversed(RANKING)), here)
    assert [(c.runtime, c.variant.precision) for c in found] == list(RANKING)
    assert str(found[0]) == "tensorrt int8: first of the ranking"


def test_the_reason_names_everything_that_ranks_higher() -> None:
    found = candidates("net", variants(("onnxruntime", "fp32"), ("tensorrt", "fp16")), ORT)
    assert [(c.runtime, c.variant.precision) for c in found] == [("onnxruntime", "fp32")]
    for text in ("tensorrt: not installed", "tensorrt_rtx: not installed", "openvino: not installed",
                 "onnxruntime int8: the model has no such file"):  # fmt: skip
        assert text in found[0].reason


def test_nothing_here_says_why_for_each() -> None:
    with pytest.raises(
        EngineError,
        match=r"model net: nothing here can run it: tensorrt: not installed; .*onnxruntime: not installed; openvino: not",
    ):
        candidates("net", variants(("onnxruntime", "fp32")), dict.fromkeys(RUNTIMES, ABSENT))
    with pytest.raises(EngineError, match="openvino: not installed"):
        candidates("net", variants(("onnxruntime", "fp32")), ORT, only="openvino")


def test_probes_say_what_is_here() -> None:
    found = probe_all()
    assert tuple(found) == RUNTIMES and found["onnxruntime"].usable and "on the CPU" in found["onnxruntime"].text
    assert all(p.usable or p.text for p in found.values())
    assert 1 <= default_threads() <= 4


def test_a_sound_model_opens_in_its_best_precision(tmp_path: Path) -> None:
    found = open_engine(model(tmp_path), probes=ORT)
    assert (found.choice.runtime, found.choice.variant.precision, found.refused) == ("onnxruntime", "int8", ())
    assert found.engine.run({"x": example(3)})["y"].shape == (1, 8, 16, 16)
    assert "onnxruntime" in str(found) and "int8 (tensorrt: not installed" in str(found)


def test_a_model_opens_by_the_path_of_its_manifest(tmp_path: Path) -> None:
    model(tmp_path)
    assert open_engine(str(tmp_path / "net.yaml"), probes=ORT, only="onnxruntime").choice.reason == "asked for"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"gain": 1.3}, "is off by 0.3 of its peak, allowed 0.25"), ({"tail": "nan"}, "holds 2048 of 2048 values that are not finite")],
)  # fmt: skip
def test_an_engine_that_answers_wrong_is_refused_and_the_next_precision_taken(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    files = conv_net(tmp_path / "net.fp32.onnx"), conv_net(tmp_path / "net.int8.onnx", **wrong)
    net = load_manifest(manifest(tmp_path, variant(files[0], "fp32"), variant(files[1], "int8")))
    found = open_engine(net, probes=ORT)
    assert found.choice.variant.precision == "fp32" and said in found.refused[0]
    assert f"refused: onnxruntime int8: net.int8.onnx on {found.engine.runtime} does not give the golden output" in str(
        found
    )


def test_where_every_engine_answers_wrong_the_model_is_refused(tmp_path: Path) -> None:
    files = conv_net(tmp_path / "net.fp32.onnx", gain=1.01), conv_net(tmp_path / "net.int8.onnx", tail="nan")
    net = load_manifest(manifest(tmp_path, variant(files[0], "fp32"), variant(files[1], "int8")))
    with pytest.raises(
        EngineError, match=r"model net is refused: onnxruntime int8: .*not finite; onnxruntime fp32: .*is off by"
    ):
        open_engine(net, probes=ORT)


def test_the_manifest_may_allow_more(tmp_path: Path) -> None:
    path = conv_net(tmp_path / "net.onnx", gain=1.01)
    net = load_manifest(manifest(tmp_path, variant(path, "fp32"), tolerance={"fp32": {"peak": 0.02, "rms": 0.02}}))
    assert open_engine(net, probes=ORT).refused == ()


def test_after_a_tampered_file_no_other_is_tried(tmp_path: Path) -> None:
    net = model(tmp_path)
    conv_net(tmp_path / "net.int8.onnx", "int8", gain=1.0001)
    with pytest.raises(ModelError, match=r"net\.int8\.onnx: hash"):
        open_engine(net, probes=ORT)


def test_a_tensorrt_engine_that_cannot_be_made_is_refused_and_a_cpu_runtime_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a laptop with a damaged driver does."""
    net = model(tmp_path)
    make = opening.make_engine

    def fails(runtime: Runtime, path: Path, one: Variant | None, means: Means) -> Engine:
        if runtime == "tensorrt_rtx":
            raise EngineError("no room on the GPU")
        return make(runtime, path, one, means)

    monkeypatch.setattr(opening, "make_engine", fails)
    here = ORT | {"tensorrt_rtx": Probe(True, "1 on sm_86")}
    found = open_engine(net, Means(1, PlanCache(tmp_path)), probes=here)
    assert found.refused == ("tensorrt_rtx int8: no room on the GPU", "tensorrt_rtx fp32: no room on the GPU")
    assert found.choice.runtime == "onnxruntime" and "1 thread," in str(found)
    y = found.engine.run({"x": example()})["y"]
    assert abs(y - reference(example())).max() < 0.25 * y.max()


def test_the_documented_ranking_is_the_one_that_is_used() -> None:
    page = (Path(__file__).parents[2] / "docs" / "inference.md").read_text()
    rows = re.findall(r"^\| \d+ \| (\w+) \| (\w+) \|$", page, re.M)
    assert rows == list(RANKING)
    limits = re.findall(r"^\| (fp32|fp16|bf16|int8) \| ([\d.]+) \| ([\d.]+) \|$", page, re.M)
    assert [(p, float(peak), float(rms)) for p, peak, rms in limits] == [
        (p, t.peak, t.rms) for p, t in TOLERANCES.items()
    ]
