"""``bench simulate``: what its JSON holds, and that the data set's speed is that of the whole way to the files."""

import json
import time

import pytest

from autonomy_perception.bench import simulate as bench_simulate
from autonomy_perception.bench.simulate import dataset_samples_per_s
from autonomy_perception.bench.simulate import run as bench
from autonomy_perception.simulation.io.claim import MANIFEST


def test_the_speed_of_a_data_set_is_that_of_the_whole_call(monkeypatch):
    seen = []

    def write(setup, folder, workers):
        seen.append((setup, folder, workers))
        time.sleep(0.2)
        return setup.samples

    monkeypatch.setattr(bench_simulate, "write_dataset", write)
    assert 0.0 < dataset_samples_per_s(10, 16) < 50.0
    setup, folder, workers = seen[0]
    assert (setup.samples, setup.moments, setup.scenario, setup.weather, setup.cameras) == (10, 16, "mix", "mix", True)
    assert workers >= 1
    assert not folder.exists()  # nothing is left behind


@pytest.mark.long
def test_the_keys_of_the_json(monkeypatch):
    written, real = [], bench_simulate.write_dataset

    def write(setup, folder, workers):
        made = real(setup, folder, workers)
        written.extend(p.name for p in folder.iterdir())
        return made

    monkeypatch.setattr(bench_simulate, "write_dataset", write)
    parsed = json.loads(bench(runs=3, samples=2, dataset=2).to_json())
    assert set(parsed) == {"bench", "ours", "peer", "ratio"}
    speeds = {"lidar_ms", "camera_ms", "rays_per_s"}
    assert set(parsed["peer"]) == speeds
    assert set(parsed["ours"]) == speeds | {"samples_per_s", "dataset_samples_per_s", "dataset_4_samples_per_s"}
    assert all(v > 0.0 for side in ("ours", "peer") for v in parsed[side].values())
    assert parsed["ratio"] == pytest.approx(parsed["ours"]["lidar_ms"] / parsed["peer"]["lidar_ms"])
    assert sorted(written) == [MANIFEST, "shard-000000.tar"]
