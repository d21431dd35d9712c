"""Batches by number: batch ``n`` follows from the configuration and ``n`` alone, whoever makes it and whatever came before."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from autonomy_perception.networks.layout import Layout
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.training.augment import Move, augmented, moved
from autonomy_perception.training.canvas import CanvasMaker
from autonomy_perception.training.config import TrainConfig
from autonomy_perception.training.samples import SampleStore
from autonomy_perception.training.scene import Scene
from autonomy_perception.training.targets import Arrays, encoded_layers, encoded_objects

ORDER, CHANGE = 1, 2
"""Streams of random numbers, beside each other for every seed."""
Batch = dict[str, Tensor]


def prepared(scene: Scene, layout: Layout, maker: CanvasMaker) -> Arrays:
    """Input and targets of a scene whose layers lie on the grid of the network."""
    return {
        "canvas": maker.fill(scene.points),
        **encoded_layers(scene.layers),
        **encoded_objects(scene.objects, layout),
    }


def unchanged(scene: Scene, layout: Layout) -> Scene:
    """The scene on the grid of the network, as it was recorded."""
    return moved(scene, Move(), layout.config.grid.bev)


def collate(samples: list[Arrays]) -> Batch:
    """Samples side by side; objects in one list, ``cell`` (M,3) with the sample's number in front."""
    cells = [np.insert(s["cell"].astype(np.int64), 0, k, axis=1) for k, s in enumerate(samples)]
    out: dict[str, Any] = {
        name: np.stack([s[name] for s in samples]) for name in samples[0] if name not in ("cell", "box")
    }
    out |= {"cell": np.concatenate(cells), "box": np.concatenate([s["box"] for s in samples])}
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in out.items()}


class TrainingSet(Dataset[Arrays]):
    """Sample ``n`` of the endless sequence of a run: every epoch in an order of its own, every sample changed anew."""

    def __init__(self, config: TrainConfig) -> None:
        self._config, self._layout = config, Layout(config.net)
        self._store = SampleStore(config.data.train)

    def __len__(self) -> int:
        return len(self._store)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if not k.startswith("_cached")}  # kernels stay in their process

    def index(self, n: int) -> int:
        """Which stored sample is the ``n``-th."""
        epoch, position = divmod(n, len(self._store))
        return int(self._order(epoch)[position])

    def _order(self, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.random.default_rng([self._config.seed, ORDER, epoch]).permutation(len(self._store))

    @functools.cached_property
    def _cached_maker(self) -> CanvasMaker:
        return CanvasMaker(self._config.net.grid.bev, CpuLibrary())

    def __getitem__(self, n: int) -> Arrays:
        rng = np.random.default_rng([self._config.seed, CHANGE, n])
        scene = augmented(self._store[self.index(n)], self._config.augment, self._config.net.grid.bev, rng)
        return prepared(scene, self._layout, self._cached_maker)


def batches(data: TrainingSet, config: TrainConfig, first: int) -> Iterator[Batch]:
    """Batches of the steps from ``first`` to the last."""
    b = config.batch
    numbers = [list(range(step * b, (step + 1) * b)) for step in range(first, config.steps)]
    workers = min(config.data.workers, len(numbers))
    loader: DataLoader[Arrays] = DataLoader(
        data, batch_sampler=numbers, num_workers=workers, collate_fn=collate,
        multiprocessing_context="spawn" if workers else None, prefetch_factor=4 if workers else None,
    )  # fmt: skip
    yield from loader
