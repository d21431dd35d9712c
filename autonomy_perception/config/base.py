"""What all parameter models share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MAX_ERRORS = 50
"""More wrong fields than this are counted but not listed."""


class ConfigError(ValueError):
    """A configuration file is wrong; the message names the file, the field, what was expected and what came."""


class Strict(BaseModel):
    """Frozen, finite, and without fields that nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


DRIVES = "test/metrics/test_floors.py: judged, not fitted, on simulated drives of seeds nobody has seen"


def tuned(default: Any, low: float, high: float, description: str, experiment: str = "none") -> Any:
    """Field of a value that was chosen by trying.

    Args:
        low, high: inclusive bounds.
        experiment: what its default rests on, a command that can be run again; "none": judgement alone.
    """
    return Field(default, ge=low, le=high, description=description, json_schema_extra={"experiment": experiment})
