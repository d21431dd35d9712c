"""What a training run consists of: one YAML file. No torch here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from autonomy_perception.config import MAX_ERRORS, ConfigError, Strict
from autonomy_perception.networks.config import SIZES, NetworkConfig
from autonomy_perception.wrong_fields import sentences


class AugmentConfig(Strict):
    """How far a sample is changed, all its sensors and labels together; 0 everywhere: not at all."""

    mirror: float = Field(0.5, ge=0, le=1, description="probability of left and right exchanged")
    rotate_deg: float = Field(20.0, ge=0, le=180, description="turned about the vehicle by at most this [deg]")
    scale: float = Field(0.05, ge=0, le=0.3, description="larger or smaller by at most this share")
    drop_points: float = Field(0.3, ge=0, le=0.9, description="share of returns lost: drawn from 0 to this")
    drop_beams: float = Field(
        0.3, ge=0, le=0.9, description="share of beams lost: drawn from 0 to this, in every other sample"
    )
    range_noise: float = Field(
        0.03, ge=0, le=0.3, description="standard deviation along the ray: drawn from 0 to this [m]"
    )
    intensity_gamma: float = Field(
        0.6, ge=0, le=2, description="intensity to the power exp(g), g drawn from -this to this"
    )
    intensity_zero: float = Field(0.15, ge=0, le=1, description="share of intensities lost: drawn from 0 to this")


class DataConfig(Strict):
    """Where samples lie."""

    train: tuple[Path, ...] = Field(min_length=1, description="folders of simulate --dataset to learn from")
    held: tuple[Path, ...] = Field((), description="folders to judge by, of other seeds; nothing of them is learnt")
    workers: int = Field(1, ge=0, le=64, description="processes that prepare batches; 0: the training process itself")


class TrainConfig(Strict):
    """One run. Everything that decides its result is in here (and in the versions of torch and the kernels)."""

    size: Literal["edge-cpu", "vehicle"] | None = Field(
        "edge-cpu", description="a size by name; None: network says it all"
    )
    network: NetworkConfig | None = Field(None, description="a network of one's own; needs size: null")
    data: DataConfig
    augment: AugmentConfig = Field(default_factory=AugmentConfig)
    output: Path = Field(Path("out/training"), description="folder of checkpoints, figures and pictures")
    seed: int = Field(0, ge=0, description="draws weights, order and augmentation")
    steps: int = Field(2000, ge=1, description="optimiser steps")
    batch: int = Field(4, ge=1, le=1024, description="samples of a step")
    learning_rate: float = Field(
        2e-3, gt=0, le=1, description="its peak; one cycle: up over the first part, then a half cosine to 0"
    )
    warm_up: float = Field(0.05, ge=0, lt=1, description="share of the steps in which the rate rises")
    weight_decay: float = Field(0.01, ge=0, le=1, description="of AdamW")
    clip: float = Field(10.0, gt=0, description="largest norm of the gradient")
    ema: float = Field(
        0.998, ge=0, lt=1, description="decay of the averaged weights, which are those that are judged and exported"
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="auto: bf16 where the processor multiplies in it"
    )
    threads: int = Field(0, ge=0, le=256, description="of torch on the CPU; 0: as many as cores")
    save_every: int = Field(200, ge=1, description="steps between checkpoints")
    show_every: int = Field(50, ge=1, description="steps between points in TensorBoard; pictures at every checkpoint")
    device: str = Field("cpu", description="cpu, or cuda")

    @property
    def net(self) -> NetworkConfig:
        """The network of this run."""
        return self.network or SIZES[self.size or "edge-cpu"]

    def as_text(self) -> str:
        """The run as YAML that :func:`load_config` reads."""
        return yaml.safe_dump(json.loads(self.model_dump_json()), sort_keys=False)


def load_config(path: Path, **changes: Any) -> TrainConfig:
    """Read a run from YAML; paths in it are relative to the working directory. ``changes`` replace fields where not None.

    Raises:
        ConfigError: naming file, field, what was expected and found.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    except (UnicodeDecodeError, yaml.YAMLError) as e:
        raise ConfigError(f"{path}: not valid YAML: {e}") from e
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected fields of a training run, found {type(data).__name__}")
    try:
        config = TrainConfig.model_validate(data | {k: v for k, v in changes.items() if v is not None})
    except ValidationError as e:
        lines = [f"  {text}" for text in sentences(e, TrainConfig, MAX_ERRORS)]
        raise ConfigError(f"{path}: {e.error_count()} wrong field(s)\n" + "\n".join(lines)) from e
    if (config.network is None) == (config.size is None):
        raise ConfigError(f"{path}: expected either size or network, found {'both' if config.network else 'neither'}")
    return config
