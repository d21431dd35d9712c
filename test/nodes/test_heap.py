"""When the heap is trimmed, and that it works."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from autonomy_perception.nodes import heap
from autonomy_perception.nodes.environment import MALLOC

MB = 1 << 20


class Drive:
    """Ten frames a second on a clock of its own; ``trims`` are the seconds at which memory was given back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trims: list[float] = []
        self.released: list[float] = []
        self._care, self._s, self._disorder = heap.HeapCare(), 100.0, 0
        monkeypatch.setattr(heap, "trim", lambda: self.trims.append(round(self._s - 100.0, 1)))
        monkeypatch.setattr(heap, "time", SimpleNamespace(monotonic=lambda: self._s))

    def frame(self, size: int = 2 * MB, disorder: int = 0) -> None:
        self._s += 0.1
        self._care.on_message("/lidar", size)
        self._care.on_message("/camera", size // 4)
        self._disorder += disorder
        self._care.on_disorder(self._disorder)
        self._care.when_free(lambda: self.released.append(self._s))


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch) -> Drive:
    return Drive(monkeypatch)


def test_ordinary_messages_of_any_size_never_trim(drive: Drive) -> None:
    for k in range(600):
        drive.frame(size=(40 + 5 * (k % 3)) * MB)
    assert drive.trims == []


def test_once_after_a_stall_and_every_few_seconds_of_a_lasting_one(drive: Drive) -> None:
    for k in range(400):
        drive.frame(disorder=k == 100 or 200 <= k < 210)
    assert drive.trims == pytest.approx([10.1 + heap.AFTER_S, 20.1 + heap.AFTER_S], abs=0.11)
    for _ in range(300):
        drive.frame(disorder=1)
    assert len(drive.trims) == 2 + 5 == len(drive.released)


def test_after_a_message_unlike_the_others(drive: Drive) -> None:
    for k in range(400):
        drive.frame(size=16 * MB if k in (100, 120) else 2 * MB)
    assert drive.trims == pytest.approx([10.1 + heap.AFTER_S], abs=0.11)
    for _ in range(600):  # a new lidar: larger from now on
        drive.frame(size=16 * MB)
    assert 1 <= len(drive.trims) - 1 <= 3


def test_trimming_returns_a_burst_of_memory_to_the_system() -> None:
    code = """
import gc, psutil
from autonomy_perception.nodes.heap import trim
rss = lambda: psutil.Process().memory_info().rss * 1e-6
pin, burst = [], []
for k in range(400):
    burst.append(bytes(200_000)); pin.append(bytes(600))
high = rss(); del burst; gc.collect(); kept = rss()
print(high - kept < 20.0, trim() and kept - rss() > 60.0)
"""
    out = subprocess.run([sys.executable, "-c", code], env=os.environ | MALLOC, capture_output=True, text=True)
    assert out.stdout.split() == ["True", "True"], out.stdout + out.stderr
