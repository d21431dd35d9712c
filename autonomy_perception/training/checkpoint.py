"""All that a run needs to go on, in one file that is whole or absent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autonomy_perception.config import ConfigError
from autonomy_perception.networks.bev_net import BevNet
from autonomy_perception.training.config import TrainConfig
from autonomy_perception.training.losses import Balance

MAY_CHANGE = ("data", "output", "threads", "save_every", "show_every", "device")
"""Fields that a run may be resumed with others of. Of ``data`` only the workers and the folders' place, which the user vouches for."""


class Average:
    """Weights averaged over the steps (exponentially; the decay starts low, as the first weights say little)."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Take in the weights after ``step``; counters and statistics of batch norms are averaged as well."""
        decay = min(self.decay, (1.0 + step) / (10.0 + step))
        for name, value in net.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value.detach(), 1.0 - decay)
            else:
                self.state[name].copy_(value)


@dataclass
class Training:
    """What changes during a run; ``step`` counts finished steps."""

    net: BevNet
    average: Average
    balance: Balance
    optimiser: torch.optim.Optimizer
    step: int = 0

    def save(self, path: Path, config: TrainConfig) -> None:
        """Write the state; an earlier file is replaced in one go."""
        state = {
            "step": self.step, "net": self.net.state_dict(), "average": self.average.state, "balance": self.balance.state_dict(),
            "optimiser": self.optimiser.state_dict(), "random": torch.get_rng_state(), "config": config.model_dump_json(),
        }  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        torch.save(state, part)
        part.replace(path)

    def load(self, path: Path, config: TrainConfig) -> None:
        """Go on from a file. Raises ConfigError if it is broken or of another run, naming the field."""
        state = read(path)
        was, now = json.loads(state["config"]), json.loads(config.model_dump_json())
        for field in now:
            if field not in MAY_CHANGE and was.get(field) != now[field]:
                raise ConfigError(
                    f"{path} is of a run with {field} {was.get(field)}, found {now[field]}: choose another output, or remove it"
                )
        self.net.load_state_dict(state["net"])
        self.balance.load_state_dict(state["balance"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, value in state["average"].items():
            self.average.state[name].copy_(value)
        torch.set_rng_state(state["random"])
        self.step = int(state["step"])


def read(path: Path) -> dict[str, Any]:
    """A checkpoint's content; nothing in it is executed. Raises ConfigError if it cannot be read."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        missing = {"step", "net", "average", "balance", "optimiser", "random", "config"} - set(state)
    except Exception as e:  # torch raises whatever a broken archive leads to
        raise ConfigError(
            f"{path}: expected a checkpoint of train, found: {str(e).splitlines()[0] if str(e) else e!r}"
        ) from e
    if missing:
        raise ConfigError(f"{path}: expected a checkpoint of train, found none of {', '.join(sorted(missing))}")
    return dict(state)


def load_network(path: Path) -> tuple[BevNet, TrainConfig, int]:
    """The averaged network of a checkpoint in evaluation mode, its configuration, and after how many steps.

    Raises:
        ConfigError: broken file.
    """
    state = read(path)
    config = TrainConfig.model_validate_json(state["config"])
    net = BevNet(config.net)
    average: dict[str, Tensor] = state["average"]
    net.load_state_dict(average)
    return net.eval(), config, int(state["step"])
