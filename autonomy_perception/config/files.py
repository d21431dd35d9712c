"""Reading configuration files."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from autonomy_perception.config.base import MAX_ERRORS, ConfigError
from autonomy_perception.config.pipeline import PerceptionConfig
from autonomy_perception.config.vehicle import VehicleConfig
from autonomy_perception.wrong_fields import sentences


def _load(path: Path, model: type[BaseModel]) -> BaseModel:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not UTF-8 text: {e}") from e
    except Exception as e:  # the parser raises whatever an impossible date or endless nesting leads to
        raise ConfigError(f"{path}: not valid YAML: {e}") from e
    try:
        return model.model_validate(data if data is not None else {})
    except ValidationError as e:
        lines = [f"  {text}" for text in sentences(e, model, MAX_ERRORS)]
        raise ConfigError(f"{path}: {e.error_count()} wrong field(s)\n" + "\n".join(lines)) from e


def load_perception(path: Path) -> PerceptionConfig:
    """Read a stage-parameter YAML. Raises ConfigError naming file and field."""
    config = _load(path, PerceptionConfig)
    assert isinstance(config, PerceptionConfig)
    return config


def load_vehicle(path: Path) -> VehicleConfig:
    """Read a vehicle YAML. Raises ConfigError naming file and field."""
    config = _load(path, VehicleConfig)
    assert isinstance(config, VehicleConfig)
    return config
