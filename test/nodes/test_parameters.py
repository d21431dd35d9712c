"""Parameters agree with autonomy_perception.config, and what pydantic refuses is refused with the same words."""

from __future__ import annotations

import pytest

from autonomy_perception.config import ConfigError, PerceptionConfig
from autonomy_perception.nodes.parameters import NodeConfig, build_config, nested, parameters_of


def flat() -> dict[str, object]:
    return {p.name: p.default for p in parameters_of(PerceptionConfig())}


def test_flat_values_make_the_same_configuration() -> None:
    assert build_config(flat()) == PerceptionConfig()
    assert build_config(flat() | {"occupancy.resolution": 0.2}).occupancy.resolution == 0.2
    assert nested({"a.b": 1, "a.c": 2, "d": 3}) == {"a": {"b": 1, "c": 2}, "d": 3}


def test_every_parameter_is_described_and_bounds_are_found() -> None:
    table = {p.name: p for p in [*parameters_of(PerceptionConfig()), *parameters_of(NodeConfig())]}
    assert all(p.description for p in table.values())
    assert (table["occupancy.resolution"].low, table["occupancy.resolution"].high) == (0.2, 2.0)
    assert table["occupancy.encoding"].choices == ("ros", "autoware")
    assert table["occupancy.encoding"].range_text == "ros | autoware"
    assert table["sensors.max_points"].type is int


@pytest.mark.parametrize(
    ("name", "value"),
    [("occupancy.resolution", 0.01), ("ground.max_slope", 9.0), ("occupancy.encoding", "x"), ("no.such", 1)],
)
def test_refusals_name_the_parameter_and_the_value(name: str, value: object) -> None:
    with pytest.raises(ConfigError) as error:
        build_config(flat() | {name: value})
    assert name.split(".")[0] in str(error.value) and repr(value) in str(error.value)
