"""Declare the generated parameters on a node and answer changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, ParameterType
from rclpy.exceptions import ParameterException

from autonomy_perception.config import ConfigError
from autonomy_perception.nodes.parameters import Parameter, describe, parameters_of

_TYPES = {
    bool: ParameterType.PARAMETER_BOOL,
    int: ParameterType.PARAMETER_INTEGER,
    float: ParameterType.PARAMETER_DOUBLE,
    str: ParameterType.PARAMETER_STRING,
    list: ParameterType.PARAMETER_STRING_ARRAY,
}
_MAX_INT = 2**53


def descriptor(parameter: Parameter, *, read_only: bool = False) -> ParameterDescriptor:
    """rcl_interfaces/ParameterDescriptor: description, type, range or choices."""
    out = ParameterDescriptor(name=parameter.name, type=_TYPES[parameter.type], description=parameter.description)
    out.read_only = read_only
    out.additional_constraints = f"one of: {', '.join(parameter.choices)}" if parameter.choices else ""
    if parameter.low is None and parameter.high is None:
        return out
    if parameter.type is float:
        low = -1e300 if parameter.low is None else parameter.low
        high = 1e300 if parameter.high is None else parameter.high
        out.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
    elif parameter.type is int:
        low = -_MAX_INT if parameter.low is None else parameter.low
        high = _MAX_INT if parameter.high is None else parameter.high
        out.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return out


def declare(node: Any, parameters: Iterable[Parameter], *, read_only: bool = False) -> None:
    """Declare every parameter that the node does not have yet.

    Raises:
        ConfigError: an override has another type or lies outside its range; the message says which and what came.
    """
    for p in parameters:
        if node.has_parameter(p.name):
            continue
        try:
            node.declare_parameter(p.name, _default(p), descriptor(p, read_only=read_only))
        except ParameterException as e:
            expected = f"{p.type.__name__} {p.range_text}".strip()
            raise ConfigError(f"parameter {p.name}: expected {expected}, found: {e}") from e


def _default(p: Parameter) -> Any:
    """The default in ROS terms; an empty list is spelt [""], because ROS cannot type an empty array."""
    return (list(p.default) or [""]) if p.type is list else p.type(p.default)


def values_of(node: Any, parameters: Iterable[Parameter]) -> dict[str, Any]:
    """Current values by name."""
    out = {p.name: node.get_parameter(p.name).value for p in parameters}
    return {k: [x for x in v if x] if isinstance(v, list) else v for k, v in out.items()}


Config = TypeVar("Config", bound=BaseModel)


def read(node: Any, model: type[Config]) -> Config:
    """Declare the parameters of a small node's model (read-only after start) and return their values.

    Raises:
        ConfigError: a value is refused.
    """
    parameters = list(parameters_of(model()))
    declare(node, parameters, read_only=True)
    try:
        return model.model_validate(values_of(node, parameters))
    except ValidationError as e:
        raise ConfigError(describe(e, model)) from e
