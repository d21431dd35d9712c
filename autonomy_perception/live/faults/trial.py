"""One fault in the live graph: inject, watch, heal, judge (no rclpy here)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np

from autonomy_perception.faults.sample import Rig
from autonomy_perception.faults.table import CHOKING, FRESH_HZ, MAX_GAP_S, TYPICAL_GAP_S, Fault, Outputs
from autonomy_perception.live.faults.player import FaultyPlayer
from autonomy_perception.live.faults.witness import Seen, Witness
from autonomy_perception.pipeline.modes import Reason
from autonomy_perception.types import Mode

SETTLE_S = 0.8
"""After its injection a fault needs this long to show in the outputs."""
HELD_S = 0.8
"""After another moment the last twist is not held any longer."""
MAX_STALL_S = 0.5
"""Longer stalls of the player itself leave nothing to judge rates by."""
LEAST_S = {Outputs.AGE: 1.2, Outputs.LOSE_MOTION: 2.5, Outputs.RESTART: 2.5, Outputs.GO_ON: 2.5}
"""What the outputs do is judged of faults that last so long at least [s]: data that stands still would not show before."""

STRENGTH = (Outputs.AGE, Outputs.LOSE_MOTION, Outputs.RESTART, Outputs.GO_ON)
"""Of several faults at once the first decides what the outputs do."""

Spin = Callable[[Callable[[], bool], float], bool]
"""Plays and listens until the condition holds or the seconds are over; True if it holds."""


def strongest(faults: Sequence[Fault]) -> Outputs:
    """What the outputs do under all of these faults."""
    return min((f.outputs for f in faults), key=STRENGTH.index)


@dataclass
class Verdict:
    """What became of one trial: seconds until noticed and recovered (None: not), what else was wrong."""

    faults: tuple[str, ...]
    noticed_s: dict[str, float | None] = field(default_factory=dict)
    recovered_s: float | None = None
    wrong: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Everything was as the table says."""
        return not self.wrong


class Trial:
    """Runs faults at the same time in a running graph.

    Args:
        player, witness, spin: the live graph.
        rig: names that the faults aim at.
    """

    def __init__(self, player: FaultyPlayer, witness: Witness, spin: Spin, rig: Rig) -> None:
        self._player, self._witness, self._spin, self.rig = player, witness, spin, rig

    def run(self, faults: Sequence[Fault], least_s: float, slack: float = 1.0) -> Verdict:
        """Inject ``faults`` together for at least ``least_s``, heal them, wait for recovery.

        Args:
            slack: factor on all times allowed (a machine that does other work as well).
        """
        verdict, witness = Verdict(tuple(f.name for f in faults)), self._witness
        words = {f.name: f.words(self.rig) for f in faults if f.says}
        began = time.monotonic()
        for fault in faults:
            self._player.inject(fault.name, fault.mutator(self.rig), fault.clock_ns)

        def all_said() -> bool:
            return all(witness.said(w, began) is not None for w in words.values())

        self._spin(lambda: time.monotonic() - began >= least_s, least_s + 1.0)
        self._spin(all_said, slack * max(f.noticed_s for f in faults) - least_s)
        healed, healed_ns = time.monotonic(), self._player.now_ns()
        for fault in faults:
            self._player.heal(fault.name)
        limit = slack * max(f.recovers_s for f in faults)
        self._spin(lambda: self._recovery(healed, healed_ns) is not None, limit)
        verdict.recovered_s = self._recovery(healed, healed_ns)
        if verdict.recovered_s is None:
            verdict.wrong.append(f"not recovered within {limit:.1f} s: {self.look()}")
        if len(faults) > 1:  # what one fault hides of another is said when the other has gone
            self._spin(all_said, slack * 2.5)
        self._judge_words(verdict, words, began)
        if len(faults) == 1:
            self._judge_notice(verdict, faults[0], began, slack)
        self._judge_outputs(verdict, faults, began, healed, slack)
        return verdict

    def _recovery(self, healed: float, healed_ns: int) -> float | None:
        """Seconds from the healing to the first sound status with data that was measured after it."""
        since = takewhile(lambda s: s.at > healed, reversed(self._witness.seen))
        sound = [s.at for s in since if s.sound and s.data_stamp_ns > healed_ns]
        return min(sound) - healed if sound else None

    def look(self) -> str:
        """The newest status in one line."""
        last = self._witness.seen[-1] if self._witness.seen else None
        if last is None:
            return "no status ever came"
        told = {key[1]: text for key, text in self._witness.texts.items() if key[0] == "status" and text}
        return f"last status {time.monotonic() - last.at:.1f} s ago: {last.mode.name} {' '.join(last.reasons)} {told}"

    def _judge_words(self, verdict: Verdict, words: dict[str, tuple[str, ...]], began: float) -> None:
        for name, wanted in words.items():
            at = self._witness.said(wanted, began)
            verdict.noticed_s[name] = None if at is None else at - began
            if at is None:
                near = self._witness.said_of(wanted[0], began)[-3:]
                verdict.wrong.append(f"{name}: nothing said {wanted}; said of {wanted[0]!r}: {near}")

    def _judge_notice(self, verdict: Verdict, fault: Fault, began: float, slack: float) -> None:
        """Whether a fault that nothing else hides was said in time; stalls of the player itself do not count."""
        allowed = slack * fault.noticed_s + sum(self._stalls(began))
        took = verdict.noticed_s.get(fault.name)
        if took is not None and took > allowed:
            verdict.wrong.append(f"{fault.name}: said after {took:.1f} s, allowed {allowed:.1f} s")

    def _stalls(self, began: float) -> list[float]:
        return [length for end, length in self._player.stalls if end > began]

    def _judge_outputs(
        self, verdict: Verdict, faults: Sequence[Fault], began: float, healed: float, slack: float
    ) -> None:
        now = time.monotonic()
        gaps = np.diff([began, *(at for at in self._witness.outputs if began <= at <= now), now])
        stalls = self._stalls(began)
        if gaps.max() > MAX_GAP_S * slack + sum(stalls):
            hung = self._witness.said_of("one round has been running", began)
            verdict.wrong.append(f"outputs were silent for {gaps.max():.2f} s; {hung or 'the worker did not hang'}")
        expected = strongest(faults)
        if any(f.name in CHOKING for f in faults) or healed - began < LEAST_S[expected]:
            return
        if sum(stalls) > MAX_STALL_S:  # this machine has no time for the rates that the sensors ask for
            return
        if np.median(gaps) > TYPICAL_GAP_S * slack:
            verdict.wrong.append(f"outputs came every {np.median(gaps):.2f} s")
        rows = [s for s in self._witness.seen if began + SETTLE_S <= s.at <= healed]
        verdict.wrong += wrong_outputs(expected, rows, healed - began - SETTLE_S, FRESH_HZ / slack)


def wrong_outputs(expected: Outputs, rows: Sequence[Seen], seconds: float, fresh_hz: float = FRESH_HZ) -> list[str]:
    """What the statuses of a fault's ``seconds`` say against ``expected``."""
    fresh = len({s.data_stamp_ns for s in rows})
    modes = {s.mode for s in rows}
    if expected is Outputs.AGE:
        told = [] if fresh <= 1 else [f"expected held outputs, data changed {fresh - 1} times"]
        return told + ([] if modes & {Mode.STALE, Mode.STOPPED} else [f"expected STALE, modes were {modes}"])
    least = max(2.0, fresh_hz * seconds)  # data that stands still is one, however short the time
    told = [] if fresh >= least else [f"expected fresh data, got it {fresh} times in {seconds:.1f} s"]
    if (
        expected is Outputs.LOSE_MOTION
        and seconds > HELD_S
        and not any(Reason.NO_EGO_MOTION in s.reasons for s in rows)
    ):
        told.append("expected NO_EGO_MOTION, it was never said")
    return told
