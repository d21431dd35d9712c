"""``bench inference`` on a small network: what it prints as JSON, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inference.networks import conv_net, model
from typer.testing import CliRunner

from autonomy_perception.bench import inference
from autonomy_perception.cli.main import app


def test_every_runtime_is_timed_beside_the_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "PAUSE_S", 0.0)
    for name in (str(conv_net(tmp_path / "one.onnx")), str(model(tmp_path).folder / "net.yaml")):
        done = CliRunner().invoke(app, ["bench", "inference", name, "--runs", "6", "--threads", "1", "--json"])
        assert done.exit_code == 0, done.output
        result = json.loads(done.stdout.splitlines()[-1])
        assert result["bench"] == "inference" and 0 < result["ours"]["ms"] <= result["ours"]["p99_ms"]
        assert result["ratio"] == result["ours"]["ms"] / result["peer"]["ms"]
        assert 0 <= result["ours"]["deviation"] < 0.25
        assert "chosen" in done.stdout and "1 thread" in done.stdout


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "inference", str(tmp_path / "gone.onnx")])
    assert done.exit_code == 1 and "gone.onnx: cannot be read" in done.stderr
