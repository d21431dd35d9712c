"""The order of stages: each after all that give what it needs, otherwise as they were listed."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from autonomy_perception.pipeline.errors import PipelineError
from autonomy_perception.pipeline.stage import Key, Stage


def in_order(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages so that each finds what it needs.

    Raises:
        PipelineError: a need that nobody gives, two givers of one thing, two stages of one name, or a circle.
    """
    givers: dict[Key[Any], int] = {}
    names = [stage.name for stage in stages]
    for k, stage in enumerate(stages):
        if stage.name in names[:k]:
            raise PipelineError(f"two stages are called {stage.name!r}: a name belongs to one")
        for key in stage.gives:
            if key in givers:
                raise PipelineError(f"{key.name!r} is given by {names[givers[key]]!r} and {stage.name!r}: expected one")
            givers[key] = k
    before: dict[int, set[int]] = {}
    for k, stage in enumerate(stages):
        missing = [key.name for key in stage.needs if key not in givers]
        if missing:
            there = ", ".join(sorted(key.name for key in givers)) or "nothing"
            raise PipelineError(f"stage {stage.name!r} needs {missing[0]!r}, which no stage gives (given: {there})")
        before[k] = {givers[key] for key in stage.needs}
    sorter = TopologicalSorter(before)
    try:
        sorter.prepare()
    except CycleError as e:
        raise PipelineError(f"stages need each other in a circle: {' -> '.join(names[k] for k in e.args[1])}") from e
    out: list[Stage] = []
    waiting: set[int] = set()
    while sorter.is_active():
        waiting |= set(sorter.get_ready())
        first = min(waiting)  # as listed, wherever the needs leave a choice
        waiting.remove(first)
        out.append(stages[first])
        sorter.done(first)
    return tuple(out)
