"""Every decoder of bytes from outside, with broken inputs: it raises its own error or nothing, soon."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from random import Random

import hypothesis
import pytest
from fuzz import targets
from fuzz.mutation import mutated
from fuzz.targets import TARGETS, seeds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SHORT_S, LONG_S, SLOW_S = 2.5, 120.0, 5.0
"""Seconds of fuzzing per target in the short and the long run; seconds of CPU that one input may take."""
ROUND = 50
"""So many inputs Hypothesis tries with one seed."""


def attack(target: str, seconds: float, seed: int) -> int:
    """Let Hypothesis break inputs of the corpus for a while. Returns the number of inputs tried.

    An input that escapes is made as simple as Hypothesis can make it, kept in the corpus and named.
    """
    corpus, tried, kept = seeds(target), 0, Path()

    @settings(max_examples=ROUND, deadline=None, database=None, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.sampled_from(corpus), st.sampled_from(corpus), st.randoms(use_true_random=False))
    def attacked(chosen: tuple[str, bytes], other: tuple[str, bytes], random: Random) -> None:
        nonlocal tried, kept
        tried += 1
        kind, data = chosen
        broken = mutated(data, other[1], random, target in ("yaml", "metadata"))
        start = time.process_time()
        try:
            TARGETS[target](broken, kind)
            took = time.process_time() - start
            assert took < SLOW_S, f"took {took:.1f} s"
        except Exception:
            if kept.name:  # the last one is the simplest
                kept.unlink()
            kept = targets.CORPUS / target / f"{kind}-{hashlib.sha256(broken).hexdigest()[:12]}.bin"
            kept.write_bytes(broken)
            raise

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            hypothesis.seed(seed)(attacked)()
        except Exception as e:
            raise AssertionError(f"{target}/{kept.name}: {type(e).__name__}: {e}") from e
        seed += 1
    return tried


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_is_decoded_or_refused(target: str) -> None:
    assert seeds(target)
    for kind, data in seeds(target):
        TARGETS[target](data, kind)


@pytest.mark.parametrize("target", TARGETS)
def test_broken_inputs_short(target: str) -> None:
    assert attack(target, SHORT_S, seed=0) > 0


def test_an_input_that_escapes_is_made_simple_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def choosy(data: bytes, kind: str) -> None:
        assert data[:1] == b"s", "another beginning"

    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "word-seed.bin").write_bytes(b"sound and more that does not matter")
    monkeypatch.setattr(targets, "CORPUS", tmp_path)
    monkeypatch.setitem(TARGETS, "toy", choosy)
    with pytest.raises(AssertionError, match=r"toy/word-.*\.bin: AssertionError: another beginning"):
        attack("toy", 20.0, seed=0)
    (kept,) = (p for p in (tmp_path / "toy").iterdir() if p.name != "word-seed.bin")
    assert kept.read_bytes()[:1] != b"s" and len(kept.read_bytes()) <= 40
    with pytest.raises(AssertionError):
        choosy(kept.read_bytes(), "word")


@pytest.mark.long
@pytest.mark.timeout(LONG_S + 60)
@pytest.mark.parametrize("target", TARGETS)
def test_broken_inputs_long(target: str) -> None:
    print(target, attack(target, LONG_S, seed=int(time.time())))
