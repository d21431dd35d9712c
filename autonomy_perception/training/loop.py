"""The training loop, in plain torch: a run that was stopped goes on to the same bytes of weights, so every step is ours."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import torch

from autonomy_perception.networks.bev_net import BevNet
from autonomy_perception.training.batches import Batch, TrainingSet, batches
from autonomy_perception.training.board import Board
from autonomy_perception.training.checkpoint import Average, Training
from autonomy_perception.training.config import TrainConfig
from autonomy_perception.training.losses import Balance, Tensors, losses
from autonomy_perception.training.targets import coarse_grid

CHECKPOINT = "checkpoint.pt"
Progress = Callable[[int, float], None]


class TrainingError(RuntimeError):
    """The run cannot go on; the message says why and where its last batch lies."""


def bf16_pays(device: str) -> bool:
    """Whether the processor multiplies in bfloat16 (otherwise it is emulated, and slower than float32)."""
    if device != "cpu":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return any(flag in _cpu_flags() for flag in ("avx512_bf16", "amx_bf16"))


def _cpu_flags() -> set[str]:
    try:
        line = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return set()
    return set(line.split())


def rate(config: TrainConfig, step: int) -> float:
    """Learning rate of a step: linear rise, then half a cosine down to 0."""
    rise = max(1, round(config.warm_up * config.steps))
    if step < rise:
        return config.learning_rate * (step + 1) / rise
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(1, config.steps - rise)))


def begin(config: TrainConfig) -> Training:
    """A run before its first step: weights drawn from the seed."""
    torch.manual_seed(config.seed)
    net = BevNet(config.net).to(config.device).to(memory_format=torch.channels_last)
    balance = Balance().to(config.device)
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1] + list(balance.parameters())
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return Training(net, Average(net, config.ema), balance, torch.optim.AdamW(groups, lr=config.learning_rate))


class Step:
    """One optimiser step on a batch."""

    def __init__(self, config: TrainConfig, run: Training) -> None:
        self._config, self._run = config, run
        self._half = config.precision == "bf16" or (config.precision == "auto" and bf16_pays(config.device))
        self._cell = coarse_grid(run.net.layout).resolution

    def __call__(self, batch: Batch) -> Tensors:
        """Change the weights; losses by task, and ``total``, detached.

        Raises:
            TrainingError: a loss or the gradient is not finite; the weights are as before, the batch is written to disk.
        """
        config, run = self._config, self._run
        data = {name: value.to(config.device) for name, value in batch.items()}
        run.net.train()
        for group in run.optimiser.param_groups:
            group["lr"] = rate(config, run.step)
        inputs = [data[name].contiguous(memory_format=torch.channels_last) for name in run.net.layout.inputs]
        with torch.autocast(config.device, torch.bfloat16, enabled=self._half):
            out = run.net.named(*inputs)
        by_task = losses({name: value.float() for name, value in out.items()}, data, self._cell)
        total = run.balance(by_task)
        run.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_([*run.net.parameters(), *run.balance.parameters()], config.clip)
        told = {task: value.detach() for task, value in by_task.items()} | {"total": total.detach(), "gradient": norm}
        self._refuse_nan(batch, told)
        run.optimiser.step()
        run.step += 1
        run.average.update(run.net, run.step)
        return told

    def _refuse_nan(self, batch: Batch, told: Tensors) -> None:
        wrong = [name for name, value in told.items() if not bool(torch.isfinite(value))]
        if wrong:
            path = self._config.output / "bad_batch.pt"
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save({"step": self._run.step, "batch": batch, "net": self._run.net.state_dict()}, path)
            raise TrainingError(
                f"step {self._run.step}: {', '.join(wrong)} not finite; the batch and the weights lie in {path}"
            )


def train(config: TrainConfig, progress: Progress = lambda step, loss: None, stop_after: int | None = None) -> Training:
    """Run to the end, from the checkpoint in ``config.output`` if there is one.

    Args:
        progress: told finished steps and the last total loss.
        stop_after: end earlier, after this step, with a checkpoint: as if it had been interrupted there.

    Raises:
        ConfigError: data or checkpoint cannot be used.
        TrainingError: numbers that are not finite.
    """
    torch.set_num_threads(config.threads or os.cpu_count() or 1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    data, run, path = TrainingSet(config), begin(config), config.output / CHECKPOINT
    if path.exists():
        run.load(path, config)
    end = config.steps if stop_after is None else min(stop_after, config.steps)
    config.output.mkdir(parents=True, exist_ok=True)
    (config.output / "config.yaml").write_text(config.as_text())
    one = Step(config, run)
    with Board(config.output, run.step) as board:
        progress(run.step, math.nan)
        if run.step < end:
            for batch in batches(data, config, run.step):
                told = one(batch)
                progress(run.step, float(told["total"]))
                if run.step % config.show_every == 0:
                    board.scalars(run.step, told, run.balance, rate(config, run.step))
                if run.step % config.save_every == 0 or run.step == end:
                    run.save(path, config)
                    board.picture(run.step, run.net, batch)
                if run.step == end:
                    break
    return run
