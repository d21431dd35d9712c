"""The GPU check's comparison, run with the CPU build on both sides, and its answer without a GPU."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="what the benches compare with is not installed: requirements/bench.txt")

from autonomy_perception.bench import kernel_peers
from autonomy_perception.bench.kernel_cases import CASES
from autonomy_perception.bench.kernel_peers import PEERS
from autonomy_perception.bench.kernel_scene import kernel_scene
from autonomy_perception.bench.kernels import run as bench_kernels
from autonomy_perception.ops.library import CpuLibrary, KernelError
from autonomy_perception.ops.signatures import SIGNATURES

KERNELS = Path(__file__).parents[2] / "kernels"
sys.path.insert(0, str(KERNELS))
import gpu_check

SCENE = kernel_scene(columns=120)


class Recording(CpuLibrary):
    """The CPU library, noting which launchers were called."""

    def __init__(self) -> None:
        super().__init__()
        self.called: set[str] = set()

    def call(self, name: str, **arguments: Any) -> int:
        self.called.add(name)
        return super().call(name, **arguments)


def test_the_cases_call_every_launcher_and_pass_against_themselves() -> None:
    lib = Recording()
    for name, make in CASES.items():
        entry = gpu_check.check_case(make, SCENE, CpuLibrary(), lib)
        assert entry["ok"], (name, entry)
        assert entry["max_difference"] == 0.0, name
    assert set(SIGNATURES) - lib.called == set(), "no case runs these"


@pytest.mark.parametrize("name", ["unpack", "log_odds", "iou_bev"])
def test_a_kernel_that_differs_is_reported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lib = CpuLibrary()

    def off_by_one(array: Any) -> Any:
        return array + np.asarray(1, array.dtype)

    monkeypatch.setattr(lib, "to_host", lambda a: off_by_one(np.asarray(a)) if np.size(a) > 8 else np.asarray(a))
    entry = gpu_check.check_case(CASES[name], SCENE, CpuLibrary(), lib)
    assert not entry["ok"]
    assert entry["outliers"] > 0.5


def test_nan_shape_and_border_rules_of_the_comparison() -> None:
    a = np.array([1.0, np.nan, 3.0, 100.0])
    assert gpu_check.differences({"v": a}, {"v": a.copy()}, 0.0) == (0.0, 0.0)
    assert gpu_check.differences({"v": a}, {"v": a[:3]}, 0.0)[1] == 1.0
    assert gpu_check.differences({"v": a}, {"v": np.array([1.0, 2.0, 3.0, 100.0])}, 1.0) == (np.inf, 0.25)
    assert gpu_check.differences({"v": a}, {"v": a + 0.01}, 0.1) == (pytest.approx(0.01), 0.0)


def test_without_a_gpu_one_line_and_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def none() -> Any:
        raise KernelError("no NVIDIA driver here")

    monkeypatch.setattr(gpu_check, "open_memory", none)
    assert gpu_check.main(tmp_path) == 2
    assert capsys.readouterr().out == "gpu-check: no NVIDIA driver here\n"
    assert not list(tmp_path.iterdir())


def test_bench_kernels_agrees_with_its_peers_and_prints_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        kernel_peers.numba, "njit", lambda function, **_: function
    )  # compiling takes longer than the test
    for slow in ("iou_bev", "pillar_net"):  # without Numba
        monkeypatch.delitem(PEERS, slow)
    result = bench_kernels(runs=1, columns=100)
    parsed = json.loads(result.to_json())
    assert set(parsed) == {"bench", "ours", "peer", "ratio"}
    assert {f"{name}_ms" for name in PEERS} | {"ms", "p99_ms"} <= set(parsed["ours"]) & set(parsed["peer"])
    assert parsed["ratio"] == pytest.approx(parsed["ours"]["ms"] / parsed["peer"]["ms"])
    assert parsed["ours"]["agreement"] > 0.998
