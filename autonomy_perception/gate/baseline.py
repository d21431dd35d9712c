"""The baseline of a drive: a readable JSON file, and the outputs packed beside it.

The packed file is named by its content, and the JSON names it. So the JSON is renamed into place last, and whoever reads
at any moment finds either the old pair or the new one.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autonomy_perception import __version__
from autonomy_perception.bags.events import input_topics
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.config import VehicleConfig
from autonomy_perception.gate.limits import Limits
from autonomy_perception.gate.machine import WORKLOAD
from autonomy_perception.gate.measure import Measured
from autonomy_perception.latency import Percentiles
from autonomy_perception.metrics.golden import Golden
from autonomy_perception.metrics.golden_file import GoldenError, load, save
from autonomy_perception.wrong_fields import sentences

VERSION = 1


class BaselineError(ValueError):
    """A baseline cannot be used; the message says which file, what was expected and what came."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BagIdentity(_Strict):
    """What a bag is known by: messages by input topic, and its length [s]."""

    messages: dict[str, int]
    seconds: float

    @classmethod
    def of(cls, bag: Path, vehicle: VehicleConfig) -> BagIdentity:
        """Raises BagError."""
        wanted = set(input_topics(vehicle))
        with BagReader(bag) as reader:
            counts, (first, last) = reader.counts, reader.span_ns
        return cls(
            messages={t: n for t, n in sorted(counts.items()) if t in wanted}, seconds=round((last - first) * 1e-9, 3)
        )


class AccuracyFigure(_Strict):
    """A figure against truth; null: it could not be measured."""

    value: float | None
    unit: str
    more_is_better: bool


class Timing(_Strict):
    """What depends on the machine and the way of replaying."""

    latency_p50_ms: float | None
    latency_p95_ms: float | None
    machine_ms: float = Field(gt=0, description="the fixed workload, meanwhile; see gate/machine.py")
    rate_hz: float | None
    lost_scans: int


class Baseline(_Strict):
    """Schema of the JSON file; ``limits`` holds what differs from the usual limits and survives an update."""

    version: int
    suite: str
    workload: int
    bag: BagIdentity
    outputs: str = Field(description="packed outputs, in the same folder")
    sha256: str
    accuracy: dict[str, AccuracyFigure]
    ways: dict[str, Timing] = Field(description="offline; ros if it was measured too")
    limits: Limits


def timing_of(measured: Measured) -> Timing:
    """The part of a measurement that belongs to its way."""
    p = Percentiles.of(measured.latency_ms)
    return Timing(
        latency_p50_ms=_number(p.p50, 3), latency_p95_ms=_number(p.p95, 3), machine_ms=round(measured.machine_ms, 4),
        rate_hz=_number(measured.rate_hz, 3), lost_scans=max(0, measured.scans - measured.frames),
    )  # fmt: skip


def accuracy_of(measured: Measured) -> dict[str, AccuracyFigure]:
    """The figures of a measurement that are good or bad; none without truth."""
    if measured.score is None:
        return {}
    return {
        f.name: AccuracyFigure(value=_number(f.value, 6), unit=f.unit, more_is_better=f.at_least)
        for f in measured.score.figures
        if not f.counted
    }


def read(path: Path) -> tuple[Baseline, Golden]:
    """Baseline and its outputs.

    Raises:
        BaselineError: missing, damaged, or of another version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BaselineError(f"{path}: there is no baseline; make one with --update") from None
    except OSError as e:
        raise BaselineError(f"{path}: cannot be read: {e.strerror}") from e
    except ValueError as e:
        raise BaselineError(f"{path}: not valid JSON: {e}") from e
    if not isinstance(data, dict) or "version" not in data:
        raise BaselineError(f"{path}: not a baseline: expected a JSON object with a version")
    for name, expected in (("version", VERSION), ("workload", WORKLOAD)):
        if data.get(name) != expected:
            raise BaselineError(
                f"{path}: {name}: this suite ({__version__}) expects {expected}, found {data.get(name)} "
                f"(suite {data.get('suite')}); make it anew with --update"
            )
    try:
        baseline = Baseline.model_validate(data)
        baseline.limits.tolerances()
    except ValidationError as e:
        raise BaselineError(f"{path}: " + "; ".join(sentences(e, Baseline, 5))) from e
    except ValueError as e:
        raise BaselineError(f"{path}: limits.{e}") from e
    return baseline, _outputs(path, baseline)


def _outputs(path: Path, baseline: Baseline) -> Golden:
    packed = path.parent / baseline.outputs
    if packed.parent != path.parent:
        raise BaselineError(f"{path}: outputs: expected a name without a folder, found {baseline.outputs}")
    try:
        found = hashlib.sha256(packed.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise BaselineError(f"{path}: its outputs {packed.name} are missing") from None
    except OSError as e:
        raise BaselineError(f"{packed}: cannot be read: {e.strerror}") from e
    if found != baseline.sha256:
        raise BaselineError(f"{packed}: damaged: expected SHA-256 {baseline.sha256[:12]}..., found {found[:12]}...")
    try:
        return load(packed)
    except GoldenError as e:
        raise BaselineError(str(e)) from e


def write(path: Path, bag: BagIdentity, measured: Measured, old: Baseline | None) -> None:
    """Make an offline measurement the baseline. Limits stay those of ``old``, and so does what it holds of other ways,
    if it is of the same bag.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.stem}.{os.getpid()}.new")
    try:
        save(measured.golden, new)
        digest = hashlib.sha256(new.read_bytes()).hexdigest()
        packed = path.with_name(f"{path.stem}.{digest[:12]}.npz")
        new.replace(packed)
    finally:
        new.unlink(missing_ok=True)
    others = {w: t for w, t in old.ways.items() if old.bag == bag} if old else {}
    _write_json(path, Baseline(
        version=VERSION, suite=__version__, workload=WORKLOAD, bag=bag, outputs=packed.name, sha256=digest,
        accuracy=accuracy_of(measured), ways={**others, measured.way: timing_of(measured)}, limits=old.limits if old else Limits(),
    ))  # fmt: skip
    if old is not None and old.outputs != packed.name:
        (path.parent / old.outputs).unlink(missing_ok=True)


def add_way(path: Path, measured: Measured, old: Baseline) -> None:
    """Note the timing of another way of replaying; outputs and accuracy stay. Raises OSError."""
    _write_json(path, old.model_copy(update={"ways": {**old.ways, measured.way: timing_of(measured)}}))


def _write_json(path: Path, baseline: Baseline) -> None:
    data: dict[str, Any] = baseline.model_dump(mode="json")
    data["limits"] = baseline.limits.model_dump(mode="json", exclude_defaults=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        new.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _number(value: float, digits: int) -> float | None:
    return None if math.isnan(value) else round(value, digits)
