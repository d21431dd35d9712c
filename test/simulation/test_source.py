"""The digest that stands for a version of the simulator changes with everything its output follows from."""

import ast
import importlib.util
from pathlib import Path

import pytest

from autonomy_perception.simulation.io import source


def imported(path):
    """Files of the package beside the simulator's own that a file of it imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autonomy_perception"):
            for name in (node.module, *(f"{node.module}.{a.name}" for a in node.names)):
                try:
                    found = importlib.util.find_spec(name)
                except ModuleNotFoundError:  # a name in a module
                    continue
                if found is not None and Path(found.origin).name != "__init__.py":
                    yield Path(found.origin).relative_to(source.ROOT)


def test_every_module_that_the_simulator_imports_counts():
    used = {p for path in (source.ROOT / "simulation").rglob("*.py") for p in imported(path)}
    beside = {p.as_posix() for p in used if p.parts[0] != "simulation"}
    assert {"geometry.py", "grid.py"} <= beside <= {*source.SHARED, *source.SEEN_THROUGH}


@pytest.fixture
def digest_of_a_copy(tmp_path, monkeypatch):
    for name in ("simulation/a.py", *source.SHARED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(source, "ROOT", tmp_path)
    yield tmp_path, source.source_digest.__wrapped__


@pytest.mark.parametrize("name", ["simulation/a.py", "geometry.py", "grid.py", "config/vehicle.py"])
def test_the_digest_changes_with_a_file(digest_of_a_copy, name):
    root, digest = digest_of_a_copy
    before = digest()
    assert digest() == before
    (root / name).write_text("something else")
    assert digest() != before


def test_samples_follow_from_the_front_end_too_and_bags_do_not(digest_of_a_copy):
    root, digest = digest_of_a_copy
    samples = source.sample_digest.__wrapped__
    for name in (*source.SEEN_THROUGH, "sensors/deskew.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    before = digest(), samples()
    (root / "sensors/deskew.py").write_text("something else")
    assert digest() == before[0]
    assert samples() != before[1]


@pytest.mark.parametrize("name", ["numpy", "scipy", "opencv", "embreex"])
def test_the_digest_changes_with_a_library(digest_of_a_copy, monkeypatch, name):
    _, digest = digest_of_a_copy
    before, real = digest(), source.libraries()
    assert real[name][0].isdigit()
    monkeypatch.setattr(source, "libraries", lambda: real | {name: "0.0"})
    assert digest() != before
