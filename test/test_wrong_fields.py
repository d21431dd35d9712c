"""A misspelt field of a configuration file: file, path, the nearest names and those of its section are said."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from autonomy_perception.config import (
    ConfigError,
    LidarConfig,
    PerceptionConfig,
    VehicleConfig,
    load_perception,
    load_vehicle,
)
from autonomy_perception.paths import vehicle_file

MISSPELT = [
    (("dimesions",), "dimensions", VehicleConfig.model_fields),
    (("lidars", "top", "tpoic"), "topic", LidarConfig.model_fields),
    (("lidars", "top", "extrinsics", "xyzz"), "xyz", ("xyz", "rpy")),
    (("hitch", "trailer_lenght"), "trailer_length", ("x", "trailer_length", "sign")),
    (("body", 0, "zmin"), "z_min", ("outline", "z_min", "z_max")),
    (("odometry", "imu_topik"), "imu_topic", ("topic", "imu_topic", "speed_topic")),
]


def a_vehicle() -> dict:
    extrinsics = {"xyz": [1.0, 0.0, 2.0], "rpy": [0.0, 0.0, 0.0]}
    return yaml.safe_load(vehicle_file("demo_truck").read_text()) | {
        "lidars": {"top": {"topic": "/points", "frame": "lidar", "extrinsics": extrinsics}},
        "hitch": {"x": 0.0, "trailer_length": 8.0, "trailer_width": 2.5},
        "body": [{"outline": [[0, 0], [1, 0], [0, 1]], "z_max": 2.0}],
    }


@pytest.mark.parametrize(("path", "meant", "names"), MISSPELT, ids=lambda v: v if isinstance(v, str) else "")
def test_a_misspelt_field_of_a_vehicle_file_is_named_with_what_was_meant(
    tmp_path: Path, path: tuple, meant: str, names: tuple
) -> None:
    data, file = a_vehicle(), tmp_path / "truck.yaml"
    file.write_text(yaml.safe_dump(data))
    load_vehicle(file)
    section = data
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = 7.5
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError) as error:
        load_vehicle(file)
    first, line = str(error.value).splitlines()
    assert first == f"{file}: 1 wrong field(s)"
    assert line.startswith(f"  {'.'.join(map(str, path))}: no such field (did you mean {meant}")
    listed = line.split("expected one of ")[1].split(", got 7.5")[0].split(", ")
    assert set(names) <= set(listed) and len(listed) == len(set(listed))


def test_a_misspelt_parameter_is_said_in_the_same_words_and_the_list_once_a_section(tmp_path: Path) -> None:
    file = tmp_path / "parameters.yaml"
    file.write_text("grond: {}\nground: {max_slop: 0.3, zzz: 1}\n")
    with pytest.raises(ConfigError) as error:
        load_perception(file)
    said = str(error.value)
    assert (
        f"grond: no such field (did you mean ground?), expected one of {', '.join(PerceptionConfig.model_fields)}"
        in said
    )
    assert "ground.max_slop: no such field (did you mean max_slope?), expected one of obstacle_height, rough_height, max_slope, got 0.3" in said  # fmt: skip
    assert "ground.zzz: no such field, got 1" in said
