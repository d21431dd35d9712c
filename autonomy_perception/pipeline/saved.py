"""The state of a pipeline in a file: named arrays (NumPy's npz, no pickles) and one JSON text about them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autonomy_perception.pipeline.ego import EgoState, Moment
from autonomy_perception.pipeline.errors import PipelineError
from autonomy_perception.pipeline.modes import ModeMachine, Reason
from autonomy_perception.pipeline.stage import Stage
from autonomy_perception.platform import Platform
from autonomy_perception.types import Mode, SensorHealth, SensorState

FORMAT = 1
ABOUT, POSE = "about", "pose"
Jump = tuple[int, Reason] | None


def write(
    path: Path, stages: Sequence[Stage], last: Moment | None, modes: ModeMachine, clock_offset_ns: int, jump: Jump
) -> None:
    """Write a state; a file that is there is replaced only by a whole one. Raises OSError if it cannot be written."""
    about: dict[str, Any] = {
        "format": FORMAT,
        "stages": [stage.name for stage in stages],
        "modes": [int(modes.mode), modes.resets, modes.last_reset],
        "clock_offset_ns": clock_offset_ns,
        "jump": jump,
        "last": None if last is None else {
            "stamp_ns": last.stamp_ns, "data_stamp_ns": last.data_stamp_ns, "has_motion": last.ego.has_motion,
            "reasons": last.ego.reasons, "network": last.network, "calibration_hash": last.calibration_hash,
            "health": [[h.sensor, int(h.state), h.age_ns, h.message] for h in last.health],
        },
    }  # fmt: skip
    arrays = {f"{stage.name}/{name}": array for stage in stages for name, array in stage.save().items()}
    pose = np.eye(4) if last is None else last.ego.T_odom_base
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **{ABOUT: np.array(json.dumps(about)), POSE: pose, **arrays})
    part.replace(path)


def read(
    path: Path, stages: Sequence[Stage], modes: ModeMachine, platform: Platform
) -> tuple[Moment | None, int, Jump]:
    """Hand every stage what it saved; see :meth:`Pipeline.load`.

    Raises:
        PipelineError: as there.
    """
    arrays, about = _opened(path)
    names = [stage.name for stage in stages]
    if about["stages"] != names:
        raise PipelineError(f"{path}: state of the stages {', '.join(about['stages'])}, expected {', '.join(names)}")
    before = [stage.save() for stage in stages]
    try:
        for stage in stages:
            own = f"{stage.name}/"
            stage.load({name[len(own) :]: array for name, array in arrays.items() if name.startswith(own)})
    except (KeyError, ValueError) as e:
        for k, old in enumerate(before):
            stages[k].load(old)
        raise PipelineError(f"{path}: the state of stage {stage.name!r} does not fit this configuration: {e}") from e
    mode, modes.resets, modes.last_reset = about["modes"]
    modes.mode = Mode(mode)
    jump = (about["jump"][0], Reason(about["jump"][1])) if about["jump"] else None
    return _moment(about["last"], arrays[POSE], platform), about["clock_offset_ns"], jump


def _opened(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop(ABOUT).item())
        if about["format"] != FORMAT:
            raise PipelineError(f"{path}: state of format {about['format']}, expected {FORMAT}: make it anew")
    except OSError as e:
        raise PipelineError(f"{path}: cannot be read: {e.strerror or e}") from e
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as e:
        if isinstance(e, PipelineError):
            raise
        raise PipelineError(f"{path}: not the saved state of a pipeline ({e})") from e
    return arrays, about


def _moment(last: dict[str, Any] | None, pose: Any, platform: Platform) -> Moment | None:
    if last is None:
        return None
    ego = EgoState.at(platform, pose if last["has_motion"] else None, tuple(Reason(r) for r in last["reasons"]))
    health = tuple(
        SensorHealth(sensor, SensorState(state), age, message) for sensor, state, age, message in last["health"]
    )
    return Moment(last["stamp_ns"], last["data_stamp_ns"], ego, last["network"], health, last["calibration_hash"])
