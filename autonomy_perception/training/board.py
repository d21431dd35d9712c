"""What a run shows in TensorBoard: losses, weights of the tasks, and the BEV of a sample beside what the network says of it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from autonomy_perception.networks.bev_net import BevNet
from autonomy_perception.networks.layout import TERRAIN
from autonomy_perception.ops.canvas import CANVAS
from autonomy_perception.training.batches import Batch
from autonomy_perception.training.losses import TASKS, Balance, Tensors
from autonomy_perception.training.scene import IGNORED

_COLOURS = np.array(
    [(120, 120, 125), (190, 175, 140), (150, 105, 70), (95, 150, 60), (60, 110, 200), (240, 240, 250), (200, 60, 50)],
    np.uint8,
)
assert len(_COLOURS) == len(TERRAIN)
Picture = NDArray[np.uint8]


class Board:
    """Writes event files below ``folder``/board; points after ``step`` of an earlier run are taken back."""

    def __init__(self, folder: Path, step: int) -> None:
        self._writer = SummaryWriter(str(folder / "board"), purge_step=step + 1 if step else None)

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def scalars(self, step: int, told: Tensors, balance: Balance, rate: float) -> None:
        """Losses, balance and learning rate after ``step``."""
        for name, value in told.items():
            self._writer.add_scalar(f"loss/{name}", float(value), step)
        for task, s in zip(TASKS, balance.s.tolist(), strict=True):
            self._writer.add_scalar(f"balance/{task}", s, step)
        self._writer.add_scalar("rate", rate, step)

    def picture(self, step: int, net: BevNet, batch: Batch) -> None:
        """First sample of a batch."""
        self._writer.add_image("bev", picture(net, batch), step, dataformats="HWC")


def _grey(layer: NDArray[np.floating], low: float, high: float) -> Picture:
    scaled = np.clip((np.nan_to_num(layer) - low) / (high - low), 0.0, 1.0)
    return np.repeat((scaled * 255.0).astype(np.uint8)[..., None], 3, axis=-1)


def _terrain(layer: NDArray[np.integer]) -> Picture:
    return np.where((layer == IGNORED)[..., None], np.uint8(0), _COLOURS[np.where(layer == IGNORED, 0, layer)])


@torch.no_grad()
def picture(net: BevNet, batch: Batch) -> Picture:
    """uint8 (2*ny, 4*nx, 3): canvas and truth above, what the network says below; x is up, y to the left.

    Columns: height (below: elevation), terrain, drivable, all heatmaps.
    """
    training = net.training
    out = net.eval().named(*(batch[name][:1].to(next(net.parameters()).device) for name in net.layout.inputs))
    net.train(training)
    said = {name: value[0].float().cpu().numpy() for name, value in out.items()}
    true = {name: batch[name][0].numpy() for name in ("canvas", "terrain", "drivable", "drivable_known", "heatmap")}
    fine = np.ones((2, 2))
    above = [
        _grey(true["canvas"][CANVAS.index("z_max")], -0.5, 1.0), _terrain(true["terrain"]),
        _grey(np.where(true["drivable_known"], 0.3 + 0.7 * true["drivable"], 0.0), 0.0, 1.0),
        _grey(np.kron(true["heatmap"].max(0), fine), 0.0, 1.0),
    ]  # fmt: skip
    below = [
        _grey(said["elevation"][0], -2.0, 4.0), _terrain(said["terrain"].argmax(0)),
        _grey(1.0 / (1.0 + np.exp(-said["drivable"][0])), 0.0, 1.0),
        _grey(np.kron(1.0 / (1.0 + np.exp(-said["heatmap"].max(0))), fine), 0.0, 1.0),
    ]  # fmt: skip
    rows = [np.concatenate([np.rot90(p, 2).transpose(1, 0, 2) for p in row], axis=1) for row in (above, below)]
    return np.ascontiguousarray(np.concatenate(rows))
