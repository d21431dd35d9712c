"""Pages and files that are made from the code: topics, parameters, the default YAML and its schema.

``python -m autonomy_perception.live.document`` writes them; a test holds them equal to what the code says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from autonomy_perception import paths, topics
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.faults import processes
from autonomy_perception.faults import table as table_of_faults
from autonomy_perception.nodes.parameters import (
    HealthConfig,
    MarkersConfig,
    NodeConfig,
    Parameter,
    PlayerConfig,
    RecorderConfig,
    parameters_of,
)

MADE = "<!-- Made by `python -m autonomy_perception.live.document`; change the code, not this page. -->"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def qos_text(spec: topics.QosSpec) -> str:
    """Quality of service in one phrase."""
    parts = [spec.reliability, f"keep last {spec.depth}"]
    parts += [spec.durability] if spec.durability != "volatile" else []
    parts += [f"deadline {spec.deadline_ms} ms"] if spec.deadline_ms else []
    parts += [f"liveliness by topic, lease {spec.lease_ms} ms"] if spec.lease_ms else []
    return ", ".join(parts)


def topics_page() -> str:
    """docs/topics.md."""
    outputs = [
        (f"`{t.name}`", f"`{_short(t.msgtype)}`", t.node, t.frame, t.when, qos_text(t.qos)) for t in topics.OUTPUTS
    ]
    inputs = [(i.source, f"`{_short(i.msgtype)}`", i.meaning, qos_text(i.qos)) for i in topics.INPUTS]
    services = [(f"`{name}`", f"`{kind}`", node, what) for name, kind, node, what in topics.SERVICES]
    return "\n".join([
        MADE, "# Topics", "", "What the messages mean to planning is said in [messages.md](messages.md).", "",
        "## Outputs", "", table(("topic", "type", "node", "frame", "when", "quality of service"), outputs), "",
        "`odom` is the vehicle file's `odom_frame`, `base_link` its `base_frame`; without ego motion the grid, the terrain",
        "and the tracks are in `base_frame`. The liveliness of the outputs is asserted by publishing: a node that hangs",
        "loses it after the lease. With `stages:=split` the nodes `tracker`, `occupancy_grid` (the status too), `detector` and",
        "`terrain` publish what `perception` does, and have its services under their own names.", "",
        "## Inputs", "", table(("topic", "type", "meaning", "quality of service asked for"), inputs), "",
        "In lockstep replay the inputs are subscribed to reliably, keep last 10.", "",
        "## Services", "", table(("service", "type", "node", "what it does"), services), "",
    ])  # fmt: skip


def _short(msgtype: str) -> str:
    return msgtype.replace("/msg/", "/")


def parameters_page() -> str:
    """docs/parameters.md."""
    parts = [
        MADE, "# Parameters", "",
        "Every parameter of the suite with its default and range. Values out of range are refused with the reason. Stage",
        "parameters can be changed while the perception node is unconfigured; all others are fixed at start.", "",
        "The same stage parameters, nested, form the YAML that `params_file`, `config_file` and `--params` take:",
        "[config/perception.yaml](../config/perception.yaml) holds the defaults,",
        "[config/perception.schema.json](../config/perception.schema.json) its JSON schema.", "",
        "## perception: stages", "", parameter_table(parameters_of(PerceptionConfig())), "",
    ]  # fmt: skip
    parts += [
        "## Where tuned values come from", "",
        "The experiment is a command that prints the value it finds beside the one in use, or judges what was left out of the",
        "tuning ([tuning.md](tuning.md)). `none`: chosen by judgement on drives at hand, and nothing to run again; these are the first to doubt.",
        "Sizes and dynamics of classes stand in `autonomy_perception/road_users.py`, with their sources.", "",
        table(("parameter", "default", "experiment"), _experiments(PerceptionConfig())), "",
    ]  # fmt: skip
    nodes = {"perception: node": NodeConfig, "bag_player": PlayerConfig, "bag_recorder": RecorderConfig,
             "health_monitor": HealthConfig, "markers": MarkersConfig}  # fmt: skip
    for name, model in nodes.items():
        parts += [f"## {name}", "", parameter_table(parameters_of(model())), ""]
    return "\n".join([*parts, "## Vehicle file", "", *_vehicle()])


def _experiments(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Rows of every tuned parameter: name, default, the experiment behind it."""
    for name, field in type(model).model_fields.items():
        value, extra = getattr(model, name), field.json_schema_extra
        if isinstance(value, BaseModel):
            yield from _experiments(value, f"{prefix}{name}.")
        elif isinstance(extra, dict) and "experiment" in extra:
            yield f"`{prefix}{name}`", _plain(value), str(extra["experiment"])


def parameter_table(parameters: Iterable[Parameter]) -> str:
    """Name, type, default, range, meaning."""
    rows = [(f"`{p.name}`", p.type.__name__, _plain(p.default), p.range_text, p.description) for p in parameters]
    return table(("parameter", "type", "default", "range", "meaning"), rows)


def _plain(value: Any) -> str:
    return f"`{json.dumps(value)}`"


def _vehicle() -> list[str]:
    """Tables of the vehicle YAML, one a model, from its schema."""
    out = []
    schema = VehicleConfig.model_json_schema()
    for name, part in {"(top level)": schema, **schema["$defs"]}.items():
        required = part.get("required", [])
        rows = [
            (
                f"`{field}`",
                "required" if field in required else _plain(info.get("default")),
                info.get("description", ""),
            )
            for field, info in part["properties"].items()
        ]
        title = name if name.startswith("(") else f"{name}: {part.get('description', '').splitlines()[0]}"
        out += [f"### {title}", "", table(("field", "default", "meaning"), rows), ""]
    return out


def faults_page() -> str:
    """docs/faults.md."""
    kinds = {"Clouds": table_of_faults.CLOUDS, "Images and intrinsics": table_of_faults.IMAGES,
             "Transforms and odometry": table_of_faults.MOTION, "Streams": table_of_faults.STREAMS,
             "ROS time": table_of_faults.CLOCK, "Objects of another node (split graph)": table_of_faults.OBJECTS}  # fmt: skip
    choking = " and ".join(f"*{name}*" for name in table_of_faults.CHOKING)
    parts = [
        MADE, "# Faults", "",
        "What the suite says and does when its inputs misbehave. The tests inject every row into the running graph and hold",
        "it to these words and times (on a quiet machine): in `make test` several rows at once, in `make test-long` each alone,",
        "some of them at a second lidar too, and those of another node's objects.",
        "`autonomy-perception torture` injects the rows of sensors, streams and ROS time at random, alone and together, and",
        f'those of "Processes and resources" but `{processes.TESTED_ONLY}`, while memory, threads and file descriptors are',
        'watched; "Start and end" and "Files" are left to the tests:', "",
        "    autonomy-perception torture --minutes 30 --seed 1", "",
        "Whatever a sensor sends, its messages end no node, and outputs go on: of the gaps between two of them half are at",
        f"most {table_of_faults.TYPICAL_GAP_S:g} s, none is longer than {table_of_faults.MAX_GAP_S:g} s. Outputs that *go on with fresh data* rest on new data {table_of_faults.FRESH_HZ:g} times a second",
        f"at least. For {choking} only the longest gap counts: a small machine has no",
        "time for more. The tests and `--slack` grant a busy machine a multiple of all times.", "",
        "*Said* are words of one text in `/diagnostics` (status `perception: inputs`, `perception: sensor NAME`,",
        "`perception: pipeline` ...) or of the sensor's entry in `/perception/status`; `{lidar}` and so on stand for the topic.",
        "Times are the longest allowed: until it is said, and from the end of the fault until outputs with fresh data of all",
        "sensors come. One of several faults at once may hide what another says until it has gone.", "",
    ]  # fmt: skip
    for title, rows in kinds.items():
        cells = [(f.name, f.injected, _said(f.says), f.outputs.value, f"{f.noticed_s:g} s" if f.says else "-", f"{f.recovers_s:g} s") for f in rows]  # fmt: skip
        head = ("fault", "injected", "said", "outputs", "said within", "recovered within")
        parts += [f"## {title}", "", table(head, cells), ""]
    named = {"Processes and resources": processes.LIVE, "Start and end": processes.ENDS, "Files": processes.FILES}
    for title, group in named.items():
        lines = [(f.name, f.injected, f"{f.where}: {_said(f.says)}" if f.says else "-", f.outputs, f"{f.recovers_s:g} s" if f.recovers_s else "-") for f in group]  # fmt: skip
        parts += [f"## {title}", "", table(("fault", "injected", "said", "meanwhile", "recovered within"), lines), ""]
    return "\n".join(parts)


def _said(words: Sequence[str]) -> str:
    return " ... ".join(f"`{word}`" for word in words) or "nothing: it is legal"


def default_yaml() -> str:
    """config/perception.yaml: all stage parameters with their defaults, ranges and meanings."""
    lines = ["# All stage parameters with their defaults; leave out what you do not change.",
             "# Made by `python -m autonomy_perception.live.document` from autonomy_perception/config.", ""]  # fmt: skip
    config = PerceptionConfig()
    for stage in type(config).model_fields:
        lines += [*_section(stage, getattr(config, stage), ""), ""]
    return "\n".join(lines)


def _section(name: str, model: BaseModel, indent: str) -> Iterator[str]:
    """A model as YAML under its name, sections within it too."""
    yield f"{indent}{name}:  # {(type(model).__doc__ or '').strip().splitlines()[0]}"
    indent += "  "
    for p in parameters_of(model):
        if "." in p.name:
            continue
        value = yaml.safe_dump(p.default, default_flow_style=True).splitlines()[0]
        limits = f"; {p.range_text}" if p.range_text else ""
        yield f"{indent}{p.name}: {value}  # {p.description}{limits}"
    for field in type(model).model_fields:
        if isinstance(part := getattr(model, field), BaseModel):
            yield from _section(field, part, indent)


def schema_json(model: type[BaseModel]) -> str:
    """JSON schema of a configuration file."""
    return json.dumps(model.model_json_schema(), indent=2, sort_keys=True) + "\n"


def files() -> dict[str, str]:
    """Every made file: path below the project, content."""
    return {
        "docs/topics.md": topics_page(),
        "docs/parameters.md": parameters_page(),
        "docs/faults.md": faults_page(),
        "config/perception.yaml": default_yaml(),
        "config/perception.schema.json": schema_json(PerceptionConfig),
        "config/vehicle.schema.json": schema_json(VehicleConfig),
    }


def main() -> None:
    """Write all of them."""
    for name, text in files().items():
        Path(paths.share() / name).write_text(text)


if __name__ == "__main__":
    main()
