"""Runs: resumed to the same bytes, ended by what is not finite, refused with the field; the verbs from end to end."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="make setup EXTRAS=train")
pytest.importorskip("tensorboard", reason="make setup EXTRAS=train")

from training.worlds import TINY, write_samples
from typer.testing import CliRunner

from autonomy_perception.cli.main import app
from autonomy_perception.config import ConfigError
from autonomy_perception.training import loop
from autonomy_perception.training.batches import TrainingSet, batches
from autonomy_perception.training.checkpoint import load_network, read
from autonomy_perception.training.config import DataConfig, TrainConfig, load_config

pytestmark = pytest.mark.filterwarnings("default")  # tensorboard and the exporter warn of their own parts


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Path:
    return write_samples(tmp_path_factory.mktemp("loop") / "samples", range(5))


def run_of(samples: Path, output: Path, **fields) -> TrainConfig:
    given = {"size": None, "network": TINY, "data": DataConfig(train=(samples,), held=(samples,), workers=0), "output": output,
             "steps": 6, "batch": 2, "threads": 1, "save_every": 3, "show_every": 2, "precision": "fp32"}  # fmt: skip
    return TrainConfig(**(given | fields))


def weights(run: loop.Training) -> dict[str, bytes]:
    named = {
        **run.net.state_dict(),
        **{f"average.{k}": v for k, v in run.average.state.items()},
        **run.balance.state_dict(),
    }
    return {name: value.contiguous().numpy().tobytes() for name, value in named.items()}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_run_ends_with_the_same_bytes(samples: Path, tmp_path: Path, precision: str) -> None:
    whole = loop.train(run_of(samples, tmp_path / "whole", precision=precision))
    parted = run_of(samples, tmp_path / "parted", precision=precision)
    early = loop.train(parted, stop_after=4)
    assert early.step == 4
    resumed = loop.train(parted)
    assert resumed.step == whole.step == 6
    assert weights(resumed) == weights(whole) != weights(early)
    again = loop.train(parted)  # nothing is left to do
    assert weights(again) == weights(whole)


def test_workers_and_the_process_itself_make_the_same_batches(samples: Path, tmp_path: Path) -> None:
    alone = run_of(samples, tmp_path, steps=5)
    helped = alone.model_copy(update={"data": alone.data.model_copy(update={"workers": 1})})
    for one, other in zip(batches(TrainingSet(alone), alone, 4), batches(TrainingSet(helped), helped, 4), strict=True):
        assert set(one) == set(other)
        for name in one:
            torch.testing.assert_close(one[name], other[name], rtol=0, atol=0)


def test_every_epoch_holds_every_sample_in_another_order(samples: Path, tmp_path: Path) -> None:
    data = TrainingSet(run_of(samples, tmp_path))
    epochs = [[data.index(5 * e + k) for k in range(5)] for e in range(4)]
    assert all(sorted(epoch) == list(range(5)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_the_rate_rises_and_falls(samples: Path, tmp_path: Path) -> None:
    config = run_of(samples, tmp_path, steps=100, warm_up=0.1)
    rates = [loop.rate(config, step) for step in range(100)]
    assert max(rates) == pytest.approx(config.learning_rate) and rates.index(max(rates)) in (9, 10)
    assert rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True) and rates[-1] < 1e-5


def test_what_is_not_finite_ends_the_run_and_is_kept(samples: Path, tmp_path: Path) -> None:
    config = run_of(samples, tmp_path)
    run = loop.begin(config)
    batch = next(iter(batches(TrainingSet(config), config, 0)))
    before = weights(run)
    batch["canvas"][0, 3, 5, 5] = math.nan
    with pytest.raises(loop.TrainingError, match=r"step 0: .*terrain.* not finite; .*bad_batch.pt"):
        loop.Step(config, run)(batch)
    trained = {k: v for k, v in weights(run).items() if "running" not in k and "num_batches" not in k}
    assert trained == {k: before[k] for k in trained}
    kept = torch.load(tmp_path / "bad_batch.pt", weights_only=True)
    assert torch.isnan(kept["batch"]["canvas"]).sum() == 1 and kept["step"] == 0


def test_a_checkpoint_of_another_run_is_refused(samples: Path, tmp_path: Path) -> None:
    loop.train(run_of(samples, tmp_path), stop_after=1)
    with pytest.raises(ConfigError, match=r"run with seed 0, found 4"):
        loop.train(run_of(samples, tmp_path, seed=4))
    path = tmp_path / loop.CHECKPOINT
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ConfigError, match=r"checkpoint.pt: expected a checkpoint of train"):
        read(path)


def test_configuration_files(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("data: {train: [a]}\nstepz: 3\n")
    with pytest.raises(ConfigError, match=r"(?s)run.yaml: 1 wrong field.*stepz"):
        load_config(path)
    path.write_text("- 1\n")
    with pytest.raises(ConfigError, match="expected fields of a training run, found list"):
        load_config(path)
    path.write_text("size: null\ndata: {train: [a]}\n")
    with pytest.raises(ConfigError, match="either size or network, found neither"):
        load_config(path)
    path.write_text("data: {train: [a]}\n")
    config = load_config(path, seed=5, steps=None)
    assert config.seed == 5 and config.steps == 2000
    path.write_text(config.as_text())
    assert load_config(path) == config
    for shipped in (Path(__file__).resolve().parents[2] / "config" / "training").glob("*.yaml"):
        assert load_config(shipped).data.held


def test_train_evaluate_export_from_the_command_line(samples: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="make setup EXTRAS=train")
    pytest.importorskip("onnxscript", reason="make setup EXTRAS=train")
    file, call = tmp_path / "run.yaml", CliRunner().invoke
    file.write_text(run_of(samples, tmp_path / "run").as_text())
    assert call(app, ["train", str(file), "--seed", "x"]).exit_code == 2
    assert call(app, ["train", str(tmp_path / "none.yaml")]).exit_code == 2
    done = call(app, ["train", str(file), "--steps", "3"])
    assert done.exit_code == 0, done.output
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    net, config, step = load_network(checkpoint)
    assert step == 3 and config.steps == 3 and not net.training
    assert any((tmp_path / "run" / "board").iterdir())
    done = call(app, ["evaluate", str(checkpoint), "--json", str(tmp_path / "figures.json")])
    assert done.exit_code == 0, done.output
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert set(figures) == {"network", "trivial", "geometry"}
    assert figures["trivial"]["drivable IoU"] > 0.8  # the samples are of one road, and so is its habit
    assert figures["geometry"]["elevation RMSE within 30 m [m]"] == pytest.approx(
        np.std(0.05 * np.linspace(-11, 11, 100)), abs=0.1
    )
    done = call(app, ["export", str(checkpoint), "-o", str(tmp_path / "net.onnx")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "net.json").read_text())["steps"] == 3
    assert call(app, ["export", str(file), "-o", str(tmp_path / "other.onnx")]).exit_code == 2
