"""The gate: what is good passes, what is worse is named and drawn, what cannot be judged is said in one sentence."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from autonomy_perception.bags.importers.base import ImportOptions, write_drive
from autonomy_perception.bags.importers.sources import SOURCES
from autonomy_perception.cli.main import app
from autonomy_perception.gate import baseline as files
from autonomy_perception.gate.limits import Limits
from autonomy_perception.paths import vehicle_file

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(400)  # the first test waits for the drive
OWN = ROOT / "test" / "gate" / "own" / "junction.json"


def gate(bag: Path, baseline: Path, *more: object, vehicle: Path | None = None) -> Result:
    vehicle = vehicle or bag.with_name(f"{bag.name}.vehicle.yaml")
    arguments = ["gate", bag, "--vehicle", vehicle, "--baseline", baseline, "-o", baseline.parent / "pictures", *more]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(a) for a in arguments])


def cases(path: Path) -> dict[str, ET.Element | None]:
    """Test cases of a report by name, with what is in them: failure, error, skipped (None: passed)."""
    suite = ET.parse(path).getroot()[0]
    out = {c.attrib["name"]: next((e for e in c if e.tag != "system-out"), None) for c in suite}
    for what in ("failure", "error", "skipped"):
        kinds = suite.attrib[{"failure": "failures", "error": "errors"}.get(what, what)]
        assert int(kinds) == sum(e is not None and e.tag == what for e in out.values())
    assert int(suite.attrib["tests"]) == len(out)
    return out


@pytest.fixture(scope="module")
def made(junction: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline of the drive by this code."""
    path = tmp_path_factory.mktemp("baseline") / "drive.json"
    result = gate(junction, path, "--update")
    assert result.exit_code == 0 and "written" in result.output, result.output
    return path


@pytest.fixture
def baseline(made: Path, tmp_path: Path) -> Path:
    """The same for one test alone, with limits of latency that hold on a busy machine."""
    for file in made.parent.glob("drive*"):
        if file.is_file():
            shutil.copy(file, tmp_path)
    edit(tmp_path / "drive.json", lambda b: b["limits"].update(latency_p50_ratio=5.0, latency_p95_ratio=10.0))
    return tmp_path / "drive.json"


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_the_repository_passes_its_own_gate(junction: Path, tmp_path: Path) -> None:
    pytest.importorskip("trackeval", reason="the baseline holds MOTA, IDF1 and HOTA")
    result = gate(junction, OWN, "-o", tmp_path, "--junit", tmp_path / "junit.xml")
    assert result.exit_code == 0, result.output
    assert {"outputs", "determinism", "latency p50", "accuracy: track recall"} <= cases(tmp_path / "junit.xml").keys()


def test_the_same_code_is_good(junction: Path, baseline: Path, tmp_path: Path) -> None:
    result = gate(junction, baseline, "--junit", tmp_path / "junit.xml")
    assert result.exit_code == 0, result.output
    found = cases(tmp_path / "junit.xml")
    passed = {name for name, inside in found.items() if inside is None}
    assert {"outputs", "determinism", "latency p50", "latency p95", "rate", "lost scans"} <= passed
    assert found["memory"] is not None and found["memory"].tag == "skipped"  # too few frames
    assert not (tmp_path / "pictures").exists()


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"detection": {"gap": 0.7}}, r"detections of \w+ number \d+ at \(.*\) m in base_link: was there, is missing"),
        ({"occupancy": {"hit": 0.2}}, r"occupancy\.states of cell ix \d+ iy \d+ at .*: was occupied, is unknown"),
    ],
)
def test_another_parameter_is_named_and_drawn(
    params: dict[str, Any], named: str, junction: Path, baseline: Path, tmp_path: Path
) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    result = gate(junction, baseline, "--params", tmp_path / "params.yaml", "--junit", tmp_path / "junit.xml")
    assert result.exit_code == 1, result.output
    assert re.search(named, result.output), result.output
    failure = cases(tmp_path / "junit.xml")["outputs"]
    assert failure is not None and failure.tag == "failure" and re.search(named, failure.text or "")
    assert "frame 0 (0.00 s)" in failure.attrib["message"]
    assert (tmp_path / "pictures" / "junction.png").stat().st_size > 10_000


def test_what_is_worse_than_the_baseline_fails_by_its_name(junction: Path, baseline: Path, tmp_path: Path) -> None:
    def better(b: dict[str, Any]) -> None:
        b["ways"]["offline"].update(latency_p50_ms=0.5, rate_hz=25.0)
        b["accuracy"]["track recall"].update(value=0.99)
        b["accuracy"]["position RMSE"].update(value=0.01)
        b["accuracy"].pop("speed RMSE")

    edit(baseline, better)
    assert gate(junction, baseline, "--junit", tmp_path / "junit.xml").exit_code == 1
    found = cases(tmp_path / "junit.xml").items()
    failed = {name for name, inside in found if inside is not None and inside.tag == "failure"}
    worse = {"track recall", "position RMSE", "speed RMSE"}
    assert failed == {"latency p50", "rate", *(f"accuracy: {name}" for name in worse)}


def test_limits_of_the_baseline_override_the_table(junction: Path, baseline: Path) -> None:
    edit(baseline, lambda b: b["accuracy"]["track recall"].update(value=0.99))
    edit(baseline, lambda b: b["limits"].update(accuracy_absolute=0.5))
    assert gate(junction, baseline).exit_code == 0


CANNOT: list[tuple[Callable[[Path], object], str]] = [
    (lambda b: b.unlink(), r"drive\.json: there is no baseline; make one with --update"),
    (lambda b: b.write_text("{"), r"drive\.json: not valid JSON"),
    (lambda b: b.write_text("[]"), r"drive\.json: not a baseline"),
    (lambda b: edit(b, lambda d: d.update(version=99)), r"version: this suite .* expects 1, found 99"),
    (lambda b: edit(b, lambda d: d.update(workload=0)), r"workload: this suite .* expects 1, found 0"),
    (lambda b: edit(b, lambda d: d.update(sha256="0" * 64)), r"damaged: expected SHA-256 0000"),
    (lambda b: edit(b, lambda d: d.update(outputs="../etc.npz")), "expected a name without a folder"),
    (lambda b: edit(b, lambda d: d["limits"].update(latency=1)), r"limits\.latency: no such field"),
    (lambda b: edit(b, lambda d: d["limits"].update(outputs={"center": {}})), r"outputs\.center: expected at least"),
    (lambda b: edit(b, lambda d: d["bag"]["messages"].update({"/odometry": 7})), r"another bag: /odometry has .* expected 7"),
    (lambda b: next(b.parent.glob("*.npz")).unlink(), r"drive\.json: its outputs drive\..*\.npz are missing"),
    (lambda b: next(b.parent.glob("*.npz")).write_bytes(b"no"), "damaged"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "said"), CANNOT)
def test_what_cannot_be_judged_is_said(
    spoil: Callable[[Path], object], said: str, junction: Path, baseline: Path, tmp_path: Path
) -> None:
    spoil(baseline)
    result = gate(junction, baseline, "--junit", tmp_path / "junit.xml")
    assert result.exit_code == 2
    assert re.search(said, " ".join(result.output.split())) and "Traceback" not in result.output
    error = cases(tmp_path / "junit.xml")["gate"]
    assert error is not None and error.tag == "error" and re.search(said, error.text or "")


def test_a_bag_or_vehicle_that_is_not_there_is_said(junction: Path, baseline: Path, tmp_path: Path) -> None:
    vehicle = junction.with_name("junction.vehicle.yaml")
    assert "no such file or folder" in (gone := gate(tmp_path / "gone", baseline, vehicle=vehicle)).output
    assert (
        "gone.yaml: cannot be read" in (no_vehicle := gate(junction, baseline, vehicle=tmp_path / "gone.yaml")).output
    )
    ros = gate(junction, baseline, "--ros")
    assert "holds no figures of --ros" in " ".join(ros.output.split())
    assert (gone.exit_code, no_vehicle.exit_code, ros.exit_code) == (2, 2, 2)


def test_an_update_says_what_changed_and_keeps_the_limits(junction: Path, baseline: Path, tmp_path: Path) -> None:
    before = json.loads(baseline.read_text())
    (tmp_path / "params.yaml").write_text("detection: {gap: 0.7}\n")
    result = gate(junction, baseline, "--params", tmp_path / "params.yaml", "--update")
    after = json.loads(baseline.read_text())
    assert result.exit_code == 0
    assert f"{before['outputs']} -> {after['outputs']}" in result.output and "was there, is missing" in result.output
    assert after["limits"] == before["limits"] == {"latency_p50_ratio": 5.0, "latency_p95_ratio": 10.0}
    assert [p.name for p in baseline.parent.glob("*.npz")] == [after["outputs"]]
    assert gate(junction, baseline, "--params", tmp_path / "params.yaml").exit_code == 0


def test_an_update_that_fails_leaves_the_old_pair(
    junction: Path, baseline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = files.read(baseline)[0]
    (tmp_path / "params.yaml").write_text("detection: {gap: 0.7}\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write_json", full)
    result = gate(junction, baseline, "--params", tmp_path / "params.yaml", "--update")
    assert result.exit_code == 2 and "No space left" in result.output
    assert files.read(baseline)[0] == old


def test_a_damaged_baseline_is_replaced_with_a_word(junction: Path, baseline: Path) -> None:
    baseline.write_text("{")
    result = gate(junction, baseline, "--update")
    assert result.exit_code == 0 and "replaced: " in result.output and "not valid JSON" in result.output
    assert files.read(baseline)[0].ways.keys() == {"offline"}


def blocks() -> list[dict[str, Any]]:
    """The YAML files of docs/gate.md: GitHub's, GitLab's."""
    return [yaml.safe_load(b) for b in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "gate.md").read_text(), re.S)]


def test_the_commands_of_the_page_run(junction: Path, baseline: Path, tmp_path: Path) -> None:
    github, gitlab = blocks()
    steps = [s["run"] for s in github["jobs"]["gate"]["steps"] if s.get("name") == "gate"]
    assert steps == gitlab["perception gate"]["script"] and len(steps) == 1
    env = {
        **os.environ, "BAG": str(junction), "VEHICLE": f"{junction}.vehicle.yaml", "BASELINE": str(baseline),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    shell = ["bash", "-eo", "pipefail", "-c", steps[0]]
    done = subprocess.run(shell, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "outputs" in cases(tmp_path / "out" / "gate" / "junit.xml")


def test_the_files_of_the_page_keep_the_report() -> None:
    github, gitlab = blocks()
    upload = github["jobs"]["gate"]["steps"][-1]
    assert upload["if"] == "always()" and upload["with"]["path"] == "out/gate"
    artifacts = gitlab["perception gate"]["artifacts"]
    assert artifacts["when"] == "always" and artifacts["reports"]["junit"] == "out/gate/junit.xml"
    for job in (github["jobs"]["gate"]["env"], gitlab["perception gate"]["variables"]):
        assert set(job) == {"BAG", "VEHICLE", "BASELINE"}


def test_the_page_has_every_limit() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", (ROOT / "docs" / "gate.md").read_text(), re.M)
    usual = Limits()
    table = [(n, str(getattr(usual, n)), f.description) for n, f in Limits.model_fields.items()]
    assert rows == table


def test_help_has_examples() -> None:
    text = CliRunner().invoke(app, ["gate", "--help"]).output
    assert "--update" in text and "autonomy-perception gate drive" in " ".join(text.split())


@pytest.mark.real_data
def test_a_recording_is_good_against_itself_and_bad_with_another_parameter(real_data: Path, tmp_path: Path) -> None:
    source = SOURCES["kitti-raw"](
        real_data / "kitti_raw/2011_09_26/2011_09_26_drive_sfnd_sync", ImportOptions(derive_stamps=True)
    )
    write_drive(source, tmp_path / "kitti")
    vehicle, path = vehicle_file("kitti"), tmp_path / "b" / "kitti.json"
    assert gate(tmp_path / "kitti", path, "--update", vehicle=vehicle).exit_code == 0
    edit(path, lambda b: b["limits"].update(latency_p50_ratio=5.0, latency_p95_ratio=10.0))
    good = gate(tmp_path / "kitti", path, "--junit", tmp_path / "junit.xml", vehicle=vehicle)
    assert good.exit_code == 0, good.output
    skipped = cases(tmp_path / "junit.xml")["accuracy"]
    assert skipped is not None and skipped.tag == "skipped"  # a recording without labels has no truth
    (tmp_path / "params.yaml").write_text("detection: {gap: 0.7}\n")
    bad = gate(tmp_path / "kitti", path, "--params", tmp_path / "params.yaml", vehicle=vehicle)
    assert bad.exit_code == 1 and re.search(r"outputs: frame 0 .*: detections", bad.output)
