"""What is documented is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from autonomy_perception import topics
from autonomy_perception.config import PerceptionConfig, load_perception
from autonomy_perception.live import document
from autonomy_perception.nodes import graph

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(document.files()))
def test_made_files_are_up_to_date(name: str) -> None:
    want = document.files()[name]
    assert (ROOT / name).read_text() == want, f"{name}: run `python -m autonomy_perception.live.document`"


def test_default_yaml_is_the_default_configuration() -> None:
    assert load_perception(ROOT / "config" / "perception.yaml") == PerceptionConfig()
    assert yaml.safe_load(document.default_yaml()) == PerceptionConfig().model_dump()


def test_every_topic_literal_of_the_nodes_is_in_the_table() -> None:
    known = {t.name for t in topics.OUTPUTS} | {"/tf", "/tf_static", "/clock"}
    pattern = re.compile(r'"(/(?:perception/[a-z_/]+|diagnostics|clock|tf_static|tf))"')
    files = sorted((ROOT / "autonomy_perception" / "nodes").glob("*_node.py"))
    found = {
        m
        for f in [*files, ROOT / "autonomy_perception" / "nodes" / "inputs.py"]
        for m in pattern.findall(f.read_text())
    }
    assert files and found <= known


def test_message_contract_names_every_output_for_planning() -> None:
    page = (ROOT / "docs" / "messages.md").read_text()
    internal = (topics.TOKEN, topics.ACK, topics.CLOCK_TOPIC)
    missing = [t.name for t in topics.OUTPUTS if t not in internal and t.name not in page]
    assert not missing


def test_nodes_of_the_table_are_those_of_the_graph() -> None:
    nodes = {n.name for n in graph.NODES}
    named = {name.strip() for t in topics.OUTPUTS for name in t.node.split(",")}
    assert named <= nodes and {row[2] for row in topics.SERVICES} <= nodes
