"""Losses of all heads, balanced by weights that are learnt (Kendall, Gal and Cipolla 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from autonomy_perception.networks.layout import LOG_VARIANCE
from autonomy_perception.training.scene import IGNORED

TASKS = ("terrain", "drivable", "elevation", "visibility", "heatmap", "box")
BETA = 0.5
"""Of the beta-NLL (Seitzer et al. 2022): keeps a head from explaining errors away by its variance."""
FOCUS, FALL = 2.0, 4.0
"""Exponents of the focal loss on heatmaps (Law and Deng 2018)."""

Tensors = dict[str, Tensor]


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)


def nll(error2: Tensor, log_variance: Tensor) -> Tensor:
    """beta-NLL of squared errors under a Gaussian, element by element."""
    weight = (BETA * log_variance).exp().detach()
    return 0.5 * weight * (error2 * (-log_variance).exp() + log_variance)


def focal(logits: Tensor, target: Tensor, unseen: Tensor) -> Tensor:
    """Focal loss (B,K,h,w), per true centre; cells (B,h,w) ``unseen`` count only if they are a centre."""
    on, off = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    peak = target == 1.0
    hit = -on * off.exp() ** FOCUS
    miss = -off * on.exp() ** FOCUS * (1.0 - target) ** FALL * ~unseen[:, None]
    return torch.where(peak, hit, miss).sum() / peak.sum().clamp(min=1)


def box_loss(box: Tensor, log_variance: Tensor, cell: Tensor, target: Tensor, cell_size: float) -> Tensor:
    """beta-NLL of every quantity at the true centres; box (B,10,h,w), cell (M,3), target (M,10)."""
    if not len(cell):
        return box.sum() * 0.0
    at = (cell[:, 0], slice(None), cell[:, 1], cell[:, 2])
    error, lv = box[at] - target, log_variance[at]
    meters = torch.cat([error[:, :2] * cell_size, error[:, 2:6]], 1).square()
    yaw = error[:, 6:8].square().sum(1, keepdim=True)
    squared = torch.cat([meters, yaw, error[:, 8:].square()], 1)
    return nll(squared, lv).mean()


def losses(out: Tensors, truth: Tensors, cell_size: float) -> Tensors:
    """Loss of every task (scalars); outputs as in ``networks.layout``, truth as in :mod:`.targets`.

    Args:
        cell_size: edge of a heatmap cell [m].
    """
    drivable, visibility = out["drivable"][:, 0], out["visibility"][:, 0]
    judged = (truth["terrain"] != IGNORED).sum().clamp(min=1)
    terrain = functional.cross_entropy(out["terrain"], truth["terrain"], ignore_index=IGNORED, reduction="sum") / judged
    bce = functional.binary_cross_entropy_with_logits
    elevation, log_variance = out["elevation"][:, 0], out["elevation"][:, 1]
    return {
        "terrain": terrain,
        "drivable": _mean(bce(drivable, truth["drivable"], reduction="none"), truth["drivable_known"]),
        "elevation": _mean(nll((elevation - truth["elevation"]).square(), log_variance), truth["elevation_known"]),
        "visibility": _mean(bce(visibility, truth["visibility"], reduction="none"), truth["visibility_known"]),
        "heatmap": focal(out["heatmap"], truth["heatmap"], truth["unseen"]),
        "box": box_loss(out["box"], out["box_log_variance"], truth["cell"], truth["box"], cell_size),
    }


class Balance(nn.Module):
    """Weights of the tasks: sum of exp(-s) L + s over the tasks, every s learnt and within the bounds of log-variances."""

    def __init__(self) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.zeros(len(TASKS)))

    def forward(self, by_task: Tensors) -> Tensor:
        """One number of the losses by task."""
        s = self.s.clamp(*LOG_VARIANCE)
        return (torch.stack([by_task[task] for task in TASKS]) * (-s).exp() + s).sum()
