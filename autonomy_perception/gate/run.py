"""The order of the gate: read, measure, judge, show, and renew if asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from autonomy_perception.bags.errors import BagError
from autonomy_perception.config import ConfigError, VehicleConfig
from autonomy_perception.gate import baseline as files
from autonomy_perception.gate.baseline import BagIdentity, Baseline, BaselineError
from autonomy_perception.gate.judge import Verdict, held, judge
from autonomy_perception.gate.junit import write_junit
from autonomy_perception.gate.measure import Measured
from autonomy_perception.metrics.golden import Golden
from autonomy_perception.metrics.golden_compare import Comparison
from autonomy_perception.report.checks import Check, print_checks
from autonomy_perception.report.golden_picture import write_picture

GOOD, BAD, CANNOT = 0, 1, 2


@dataclass(frozen=True)
class GateOptions:
    """What to judge.

    Attributes:
        way: "offline" or "ros". update: make what is measured the baseline.
        pictures: folder for the picture of the first difference. junit: XML report, if any.
    """

    bag: Path
    vehicle: VehicleConfig
    baseline: Path
    way: str = "offline"
    update: bool = False
    pictures: Path = Path("out/gate")
    junit: Path | None = None


Measure = Callable[[Golden | None], Measured]
"""Measures the bag; given the outputs of the baseline, if there is one, it summarises those of the same stamps."""


def run(options: GateOptions, measure: Measure, console: Console, errors: Console) -> int:
    """Judge, and show the verdicts on ``console``; returns GOOD, BAD, or CANNOT with one sentence on ``errors``."""
    start = time.perf_counter()
    verdicts: list[Verdict] = []
    cannot = ""
    try:
        verdicts = _run(options, measure, console)
    except (BagError, BaselineError, ConfigError, OSError) as e:
        cannot = str(e)
        errors.print(f"gate: {cannot}", style="red", markup=False, highlight=False, soft_wrap=True)
    if options.junit is not None:
        try:
            write_junit(options.junit, options.bag.name, verdicts, time.perf_counter() - start, cannot)
        except OSError as e:
            errors.print(f"gate: {e}", style="red", markup=False, highlight=False, soft_wrap=True)
            return CANNOT
    if cannot:
        return CANNOT
    return GOOD if options.update or all(v.ok is not False for v in verdicts) else BAD


def _run(options: GateOptions, measure: Measure, console: Console) -> list[Verdict]:
    bag = BagIdentity.of(options.bag, options.vehicle)
    old, golden = _read(options, bag, console)
    fits = old is not None and old.bag == bag
    measured = measure(golden if fits else None)
    if not measured.golden.frames:
        raise BagError(f"{options.bag}: no output came of it: is {options.vehicle.name} the vehicle that recorded it?")
    verdicts: list[Verdict] = []
    if old is not None and golden is not None and fits and measured.way in old.ways:
        verdicts, found = judge(old, golden, measured)
        _show(options, verdicts, found, held(golden, measured.way), measured, console)
    if options.update:
        _update(options, bag, measured, old, console)
    return verdicts


def _read(options: GateOptions, bag: BagIdentity, console: Console) -> tuple[Baseline | None, Golden | None]:
    """The baseline, if it can be used.

    Raises:
        BaselineError: it cannot, and it is not to be made now.
    """
    path = options.baseline
    if options.update and options.way == "offline" and not path.exists():
        return None, None
    try:
        old, golden = files.read(path)
    except BaselineError as e:
        if not options.update or options.way != "offline":
            raise
        console.print(f"replaced: {e}", markup=False, highlight=False, soft_wrap=True)
        return None, None
    if old.bag != bag:
        text = f"{path}: made from another bag: {_other(old.bag, bag)}"
        if not options.update or options.way != "offline":
            raise BaselineError(f"{text}; make it anew with --update")
        console.print(f"replaced: {text}", markup=False, highlight=False, soft_wrap=True)
    elif options.way not in old.ways and not options.update:
        raise BaselineError(
            f"{path}: holds no figures of --ros, only of {', '.join(old.ways)}; add them with --ros --update"
        )
    return old, golden


def _other(old: BagIdentity, new: BagIdentity) -> str:
    for topic in sorted(old.messages.keys() | new.messages.keys()):
        a, b = old.messages.get(topic, 0), new.messages.get(topic, 0)
        if a != b:
            return f"{topic} has {b} messages, expected {a}"
    return f"it is {new.seconds:g} s long, expected {old.seconds:g} s"


def _show(
    options: GateOptions,
    verdicts: list[Verdict],
    found: Comparison,
    old: Golden,
    measured: Measured,
    console: Console,
) -> None:
    rows = [Check(v.name, v.value, v.limit if v.ok is not None else "", v.ok is not False) for v in verdicts]
    print_checks(rows, console, f"{options.bag.name} against {options.baseline.name}")
    for v in verdicts:
        if v.detail and v.ok is not True:
            console.print(f"{v.name}: {v.detail}", markup=False, highlight=False, soft_wrap=True)
    if found.differences:
        path = options.pictures / f"{options.bag.stem}.png"
        console.print(
            f"picture of the first difference: {write_picture(old, measured.golden, found.differences, path)}"
        )


def _update(options: GateOptions, bag: BagIdentity, measured: Measured, old: Baseline | None, console: Console) -> None:
    if measured.way != "offline":
        assert old is not None  # _read gave one, or raised
        files.add_way(options.baseline, measured, old)
    else:
        files.write(options.baseline, bag, measured, old)
    before = "" if old is None else _changes(old, files.read(options.baseline)[0])
    console.print(f"{options.baseline}: written{before}", markup=False, highlight=False, soft_wrap=True)


def _changes(old: Baseline, new: Baseline) -> str:
    """What an update changed, in words."""
    a, b = (_flat(x.model_dump(mode="json")) for x in (old, new))
    lines = [
        f"  {k}: {a.get(k, 'none')} -> {b.get(k, 'none')}" for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)
    ]
    return "; changed:\n" + "\n".join(lines) if lines else ", nothing changed"


def _flat(data: object, path: str = "") -> dict[str, object]:
    if not isinstance(data, dict):
        return {path: data}
    return {k: v for key, value in data.items() for k, v in _flat(value, f"{path}.{key}" if path else str(key)).items()}
