"""The scripts behind tuned constants: what they compute, on tables whose answer is known."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pydantic import BaseModel

from autonomy_perception.config import GroundConfig, PerceptionConfig
from autonomy_perception.road_users import ROAD_USERS, ObjectClass

ROOT = Path(__file__).parents[1]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def experiments(model: type[BaseModel]) -> set[str]:
    own = {str(f.json_schema_extra["experiment"]) for f in model.model_fields.values() if f.json_schema_extra}  # type: ignore[index, call-overload]
    parts = (f.annotation for f in model.model_fields.values())
    return own.union(*(experiments(p) for p in parts if isinstance(p, type) and issubclass(p, BaseModel)))


def test_every_experiment_named_can_be_run() -> None:
    named = experiments(PerceptionConfig) - {"none"}
    assert {"tools/fit_existence.py", "tools/fit_ground.py"} < named
    assert [e for e in named if not (ROOT / e.split(":")[0]).is_file()] == []
    assert (ROOT / "tools/fit_road_users.py").is_file()
    assert all("none" in user.source or "tools/" in user.source for user in ROAD_USERS.values())


def test_existence_weights_are_found_again() -> None:
    fit = tool("fit_existence")
    rng, true = np.random.default_rng(0), np.array([-1.0, 2.0, 0.0, 0.0, -1.5, 0.0, 0.0])
    places = {}
    for name in ("a", "b"):
        features = np.column_stack([np.ones(4000), rng.normal(0.0, 1.0, (4000, 6))])
        places[name] = fit.Sample(features, rng.random(4000) < 1.0 / (1.0 + np.exp(-features @ true)))
    found = fit.fit(places)
    np.testing.assert_allclose(found[1:], true[1:], atol=0.2)  # the constant follows from the share of road users
    assert fit.area(places["a"].features @ found, places["a"].true) > 0.85
    assert fit.area(np.array([0.1, 0.9]), np.array([False, True])) == 1.0


def test_thresholds_are_chosen_without_the_place_they_are_judged_on() -> None:
    fit = tool("fit_ground")
    low, high = GroundConfig(rough_height=0.15), GroundConfig(rough_height=0.3)
    table = {low: {"a": 0.9, "b": 0.5, "c": 0.6}, high: {"a": 0.4, "b": 0.8, "c": 0.9}}
    left = fit.leave_one_out(table)
    assert left["a"] == (high, 0.4)  # best on b and c, bad on a
    assert left["c"][0] == low and left["c"][1] == pytest.approx(0.6)


def test_means_with_a_place_left_out_and_speeds() -> None:
    fit = tool("fit_road_users")
    low, high = fit.left_out(np.array([[4.0, 2, 2], [4.0, 2, 2], [7.0, 2, 2]]), ["a", "a", "b"])
    assert (low[0], high[0]) == (4.0, 7.0)
    t = np.arange(0.0, 2.0, 0.1)
    assert fit.top_speed(np.column_stack([t, 3.0 * t, 4.0 * t])) == pytest.approx(5.0)
    rows = list(fit.rows([fit.Labelled("a", ObjectClass.CAR, np.array([4.0, 1.7, 1.5]), 12.0)]))
    assert rows[0][0] == "CAR" and rows[0][5] == "12.0" and len(rows) == len(ObjectClass) - 1
    assert {r[2] for r in rows[1:]} == {"no label: experiment none"}
