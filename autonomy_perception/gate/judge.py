"""A measurement against its baseline: one verdict per check."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from autonomy_perception.gate.baseline import AccuracyFigure, Baseline, accuracy_of, timing_of
from autonomy_perception.gate.limits import Limits
from autonomy_perception.gate.measure import MEMORY_FRAMES, Measured
from autonomy_perception.gate.published import published
from autonomy_perception.metrics.golden import Golden
from autonomy_perception.metrics.golden_compare import Comparison, compare

SHOWN = 10
"""Differences that a verdict lists."""


@dataclass(frozen=True)
class Verdict:
    """One check. ``ok`` None: it could not be judged, and ``detail`` says why; otherwise ``detail`` has what is wrong."""

    name: str
    value: str
    limit: str
    ok: bool | None
    detail: str = ""


def judge(baseline: Baseline, old: Golden, measured: Measured) -> tuple[list[Verdict], Comparison]:
    """All verdicts in order, and the differences of the outputs.

    Raises:
        KeyError: the baseline was not measured in this way (offline, ros).
    """
    limits = baseline.limits
    found = compare(held(old, measured.way), measured.golden, limits.tolerances())
    verdicts = [_outputs(found, len(measured.golden.frames)), *_accuracy(baseline, measured, limits), _same(measured)]
    return [*verdicts, *_timing(baseline, measured, limits), _memory(measured, limits)], found


def held(golden: Golden, way: str) -> Golden:
    """What outputs of a way are compared with: of the live nodes only what they publish is known."""
    return golden if way == "offline" else published(golden)


def _outputs(found: Comparison, frames: int) -> Verdict:
    count = len(found.differences)
    lines = [str(d) for d in found.differences[:SHOWN]]
    if count > SHOWN:
        lines.append(f"and {count - SHOWN} more")
    if count and found.other_inputs:
        lines.append(
            f"{found.other_inputs} of {frames} frames have other inputs than in the baseline (clouds, ego motion)"
        )
    return Verdict(
        "outputs", f"{count} differences in {frames} outputs", "0 outside tolerance", not count, "\n".join(lines)
    )


def _accuracy(baseline: Baseline, measured: Measured, limits: Limits) -> Iterator[Verdict]:
    now = accuracy_of(measured)
    if not baseline.accuracy and not now:
        yield Verdict("accuracy", "", "", None, "the bag has no truth")
    for name in baseline.accuracy.keys() | now.keys():
        if name not in now or name not in baseline.accuracy:
            where = "measured" if name not in now else "in the baseline"
            yield Verdict(f"accuracy: {name}", "", "", False, f"not {where}: another definition of accuracy; --update")
    for name, was in baseline.accuracy.items():
        if name in now:
            yield _figure(name, was, now[name], limits)


def _figure(name: str, was: AccuracyFigure, now: AccuracyFigure, limits: Limits) -> Verdict:
    if was.value is None:
        return Verdict(f"accuracy: {name}", _said(now.value, was.unit), "", None, "not measured in the baseline")
    room = limits.accuracy_absolute + limits.accuracy_relative * abs(was.value)
    sign, demand = (-1.0, ">=") if was.more_is_better else (1.0, "<=")
    limit = was.value + sign * room
    ok = now.value is not None and sign * (now.value - limit) <= 0.0
    text = f"was {_said(was.value, was.unit)}, is {_said(now.value, was.unit)}"
    return Verdict(f"accuracy: {name}", _said(now.value, was.unit), f"{demand} {_said(limit, was.unit)}", ok, "" if ok else text)  # fmt: skip


def _same(measured: Measured) -> Verdict:
    first, second = measured.digests
    detail = "" if first == second else f"{measured.part}: {first} and then {second}"
    return Verdict("determinism", first[:12], f"{measured.part} give the same digest twice", first == second, detail)


def _timing(baseline: Baseline, measured: Measured, limits: Limits) -> Iterator[Verdict]:
    was, now = baseline.ways[measured.way], timing_of(measured)
    for name, before, after, most in (
        ("p50", was.latency_p50_ms, now.latency_p50_ms, limits.latency_p50_ratio),
        ("p95", was.latency_p95_ms, now.latency_p95_ms, limits.latency_p95_ratio),
    ):
        if before is None or after is None:
            yield Verdict(f"latency {name}", "", "", (after is None) == (before is None) or None, "no frames")
            continue
        ratio = (after / now.machine_ms) / (before / was.machine_ms)
        text = f"was {before:.2f} ms on a machine of {was.machine_ms:.2f} ms, is {after:.2f} ms on one of {now.machine_ms:.2f} ms"
        yield Verdict(f"latency {name}", f"{ratio:.2f} x baseline", f"<= {most:g} x", ratio <= most, "" if ratio <= most else text)  # fmt: skip
    if was.rate_hz is not None:
        least = limits.rate_share * was.rate_hz
        ok = now.rate_hz is not None and now.rate_hz >= least
        yield Verdict(
            "rate", _said(now.rate_hz, "Hz"), f">= {least:.2f} Hz", ok, "" if ok else f"was {was.rate_hz:.2f} Hz"
        )
    most_lost = was.lost_scans + limits.lost_scans
    ok = now.lost_scans <= most_lost
    text = (
        ""
        if ok
        else f"{now.lost_scans} of {measured.scans} lidar scans led to no output; in the baseline {was.lost_scans}"
    )
    yield Verdict("lost scans", str(now.lost_scans), f"<= {most_lost}", ok, text)


def _memory(measured: Measured, limits: Limits) -> Verdict:
    if measured.memory_mb is None or math.isnan(measured.memory_mb):
        return Verdict("memory", "", "", None, f"not judged on fewer than {MEMORY_FRAMES} frames")
    ok = measured.memory_mb <= limits.memory_mb
    text = "" if ok else "memory grows from frame to frame over the second half of the part that was replayed again"
    return Verdict("memory", f"{measured.memory_mb:+.1f} MB per 1,000 frames", f"<= {limits.memory_mb:g} MB", ok, text)


def _said(value: float | None, unit: str) -> str:
    return "not measured" if value is None else f"{round(value, 4):g} {unit}".strip()
