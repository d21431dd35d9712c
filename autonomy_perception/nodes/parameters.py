"""ROS parameters of the perception node, generated from autonomy_perception.config: names, ranges, descriptions, defaults.

A parameter is called ``<stage>.<field>``. What pydantic refuses, the node refuses, with the same sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from autonomy_perception.config import ConfigError, PerceptionConfig, Strict
from autonomy_perception.wrong_fields import sentences


class NodeConfig(Strict):
    """The perception node itself."""

    vehicle_file: str = Field("", description="vehicle YAML (required)")
    config_file: str = Field("", description="YAML of stage parameters that replaces the defaults; empty: none")
    mode: Literal["auto", "geometric"] = Field(
        "auto", description="auto: best mode that sensors and models allow; geometric: no network"
    )
    autostart: bool = Field(True, description="configure and activate at start; false: wait for lifecycle transitions")
    lockstep: bool = Field(False, description="obey the player's tokens, one message at a time (reproducible replay)")
    hash: bool = Field(False, description="digest every output; the trace file holds the result")
    trace_file: str = Field("", description="JSON written at shutdown: latencies, counts, hash; empty: none")


class PlayerConfig(Strict):
    """The bag player."""

    bag: str = Field("", description="rosbag2 folder or .mcap file to play (required)")
    rate: float = Field(1.0, gt=0, le=100, description="bag seconds per second")
    loop: bool = Field(
        False, description="begin again at the end; the clock jumps back and everything downstream resets"
    )
    start_paused: bool = Field(False, description="wait for the service ~/start")
    lockstep: bool = Field(False, description="send a message only when the one before has been worked off")
    wait_for: list[str] = Field(
        [], description="topics that need a subscriber before the start; empty: any cloud topic"
    )
    wait_for_nodes: list[str] = Field([], description="nodes that must be there and listen before the start")
    wait_s: float = Field(30.0, ge=0, le=600, description="longest wait for subscribers; then the player gives up [s]")
    linger_s: float = Field(1.0, ge=0, le=60, description="time that the publishers stay after the last message [s]")
    trace_file: str = Field("", description="JSON written at the end: when each cloud and image was sent; empty: none")


class RecorderConfig(Strict):
    """The recorder."""

    output: str = Field("", description="rosbag2 folder to make (required); it appears when everything is written")
    topics: list[str] = Field([], description="topics to record; empty: the outputs of the perception node")
    queue_mb: float = Field(256.0, ge=1, le=8192, description="messages waiting for the disk; more are dropped [MB]")


class HealthConfig(Strict):
    """The health monitor."""

    max_latency_ms: float = Field(80.0, ge=1, le=10000, description="p99 latency above it is a warning [ms]")
    max_age_ms: float = Field(400.0, ge=10, le=10000, description="outputs silent for longer are an error [ms]")
    min_rate_hz: float = Field(4.0, ge=0, le=100, description="occupancy grids rarer than this are a warning [Hz]")


class MarkersConfig(Strict):
    """The markers node."""

    vehicle_file: str = Field("", description="vehicle YAML; needed for the coloured cloud")
    bev_size: int = Field(600, ge=100, le=2000, description="edge of the bird's-eye picture [px]")
    bev_side: float = Field(80.0, ge=10, le=300, description="edge of the bird's-eye picture [m]")
    cloud_stride: int = Field(1, ge=1, le=32, description="every n-th point is shown")


@dataclass(frozen=True)
class Parameter:
    """One ROS parameter: full name, Python type, default, inclusive bounds, choices, description."""

    name: str
    type: type
    default: Any
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    description: str

    @property
    def range_text(self) -> str:
        """The bounds or the choices in words; empty if there is none."""
        if self.choices:
            return " | ".join(self.choices)
        if self.low is None and self.high is None:
            return ""
        return f"{'' if self.low is None else f'{self.low:g}'} .. {'' if self.high is None else f'{self.high:g}'}"


def _bound(field: FieldInfo, *kinds: type) -> float | None:
    for item in field.metadata:
        for kind in kinds:
            if isinstance(item, kind):
                return float(getattr(item, kind.__name__.lower()))
    return None


def _describe(prefix: str, name: str, field: FieldInfo, default: Any) -> Parameter:
    kind = field.annotation
    choices: tuple[str, ...] = ()
    if get_origin(kind) is Literal:
        choices, kind = tuple(map(str, get_args(kind))), str
    elif kind == list[str]:
        kind = list
    if not isinstance(kind, type) or kind not in (bool, int, float, str, list):
        raise TypeError(f"{prefix}{name}: no ROS parameter type for {field.annotation}")
    return Parameter(
        prefix + name, kind, default, _bound(field, Ge, Gt), _bound(field, Le, Lt), choices, field.description or ""
    )


def parameters_of(model: BaseModel, prefix: str = "") -> Iterator[Parameter]:
    """All leaves of a configuration, in order; values of ``model`` are the defaults."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from parameters_of(value, f"{prefix}{name}.")
        else:
            yield _describe(prefix, name, field, value)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` to ``{"a": {"b": 1}}``."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        *path, leaf = name.split(".")
        at = out
        for part in path:
            at = at.setdefault(part, {})
        at[leaf] = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
    return out


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """One line: each refused parameter, what was expected, what came."""
    return "; ".join(sentences(error, model))


def build_config(values: Mapping[str, Any]) -> PerceptionConfig:
    """Configuration from flat parameter values.

    Raises:
        ConfigError: a value is refused; the message names the parameter, what was expected and what came.
    """
    try:
        return PerceptionConfig.model_validate(nested(values))
    except ValidationError as e:
        raise ConfigError(describe(e, PerceptionConfig)) from e
