"""The torture campaign: every fault once, then faults at random, alone and together, for as long as wanted."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autonomy_perception.faults.table import FAULTS, Fault
from autonomy_perception.live.faults.acts import ActError, Acts
from autonomy_perception.live.faults.session import START_S, Session, SessionError
from autonomy_perception.live.faults.trial import LEAST_S, strongest
from autonomy_perception.live.faults.vitals import Vitals

SENSOR = {"jpeg": "camera"}
"""Faults that aim at the same sensor are not injected together: one would hide the other."""
HIDES = (
    (
        {"lidar stamps ahead", "lidar stamps back", "TF that is no rotation", "lidar stamps swapped"},
        "CameraInfo that changes size",
    ),
    ({"lidar stamps back"}, "odometry stamps back"),
)
"""Faults with one of which another cannot be seen: there is no frame that an image could belong to, or only for every
second image, while the other concerns every second image; both are back by the same time, so that the ego motion fits."""
ACT_SHARE = 0.15
"""So many steps are acts on processes."""
RESTARTS = ("perception killed", "TF missing")
"""They begin a new life of perception, so only the first third has them: growth is judged over the rest."""
SETTLED = 1.0 / 3.0


@dataclass
class Tally:
    """What happened: how often each fault was injected, how many were noticed, and everything that was wrong."""

    injected: Counter[str] = field(default_factory=Counter)
    noticed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Campaign:
    """Runs steps until the time is over.

    Args:
        session: a graph with perception and health monitor.
        lines: what its nodes print, as it grows.
        folder: for recordings; what they leave is removed.
        minutes, seed: length and random numbers.
        slack: factor on all times allowed.
        say: takes one line for each step.
    """

    def __init__(self, session: Session, lines: list[str], folder: Path, minutes: float, seed: int, slack: float,
                 say: Callable[[str], None]) -> None:  # fmt: skip
        self._session, self._lines, self._folder, self._say = session, lines, folder, say
        self._slack, self._random, self.tally = slack, random.Random(seed), Tally()
        self._acts = Acts(session, lines, folder, slack)
        self._faults = [f for f in FAULTS if f.fits(session.rig)]
        self.left_out = [f.name for f in FAULTS if f not in self._faults]
        """Faults of what the vehicle does not have."""
        self._began, self._seconds = time.monotonic(), minutes * 60.0
        others: list[Fault | str] = [*self._faults, *(name for name in self._acts.by_name if name not in RESTARTS)]
        self._first = [*self._random.sample(others, len(others)), *RESTARTS]
        self.vitals: dict[str, Vitals] = {}
        self._heard, self._settled = 0, False
        session.on_spin = self._watch

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def run(self, progress: Callable[[float], None] = lambda seconds: None) -> Tally:
        """The whole campaign; ``progress`` is told the seconds done. SIGINT or a graph that does not come up end it early."""
        try:
            while self._elapsed < self._seconds:
                step = self._next()
                self._act(step) if isinstance(step, str) else self._trial(step)
                self._look_after()
                progress(min(self._elapsed, self._seconds))
        except SessionError as e:
            self._tell("campaign", "", [f"ended after {self._elapsed:.0f} s: {e}"])
        except KeyboardInterrupt:
            self._tell("campaign", "", [f"interrupted after {self._elapsed:.0f} of {self._seconds:.0f} s"])
        for name, vitals in self.vitals.items():
            self.tally.wrong += [f"{name}: {text}" for text in vitals.wrong()]
        return self.tally

    def _next(self) -> str | Sequence[Fault]:
        settled = self._elapsed > SETTLED * self._seconds
        if self._first:
            step = self._first.pop()
            return step if isinstance(step, str) else (step,)
        if self._random.random() < ACT_SHARE:
            acts = [name for name in self._acts.by_name if not (settled and name in RESTARTS)]
            return self._random.choice(acts)
        return self._combination()

    def _combination(self) -> Sequence[Fault]:
        """One to three faults of different sensors; jumps of ROS time come alone."""
        chosen: list[Fault] = []
        for fault in self._random.sample(self._faults, len(self._faults)):
            if fault.aims_at == "clock":
                if not chosen:
                    return (fault,)
                continue
            names = {fault.name, *(f.name for f in chosen)}
            if any(some & names and hidden in names for some, hidden in HIDES):
                continue
            if SENSOR.get(fault.aims_at, fault.aims_at) not in {SENSOR.get(f.aims_at, f.aims_at) for f in chosen}:
                chosen.append(fault)
            if len(chosen) == self._random.choice((1, 2, 3)) or len(chosen) == 3:
                break
        return chosen

    def _trial(self, faults: Sequence[Fault]) -> None:
        least = self._random.uniform(0.4, 4.0)
        if not all(
            self.tally.injected[f.name] for f in faults
        ):  # the first time it is certain that the outputs are judged
            least = max(least, LEAST_S[strongest(faults)])
        verdict = self._session.trial.run(faults, least, self._slack)
        for fault in faults:
            self.tally.injected[fault.name] += 1
            self.tally.noticed[fault.name] += not fault.says or verdict.noticed_s.get(fault.name) is not None
        noticed = ", ".join("-" if s is None else f"{s:.1f} s" for s in verdict.noticed_s.values()) or "legal"
        recovered = "not recovered" if verdict.recovered_s is None else f"recovered in {verdict.recovered_s:.1f} s"
        self._tell(" + ".join(verdict.faults), f"noticed {noticed}; {recovered}", verdict.wrong)

    def _act(self, name: str) -> None:
        self.tally.injected[name] += 1
        began = time.monotonic()
        try:
            self._acts.run(name)
        except ActError as e:
            self._tell(name, "", [str(e)])
        else:
            self.tally.noticed[name] += 1
            self._tell(name, f"as it should be after {time.monotonic() - began:.1f} s", [])
        for path in self._folder.iterdir():
            shutil.rmtree(path, ignore_errors=True)

    def _tell(self, what: str, outcome: str, wrong: Sequence[str]) -> None:
        self.tally.wrong += [f"{what}: {text}" for text in wrong]
        failures = "".join(f"\n    WRONG: {text}" for text in wrong)
        rows = self.vitals["perception"].rows if "perception" in self.vitals else []
        memory = f"{rows[-1][1]:.0f} MB" if rows else ""
        self._say(f"{self._elapsed:6.0f} s  {memory:>7}  {what}: {outcome}{failures}")

    def _look_after(self) -> None:
        """What must never happen: a node that died, a traceback; and a graph that does not come back is started anew."""
        fresh, self._heard = self._lines[self._heard :], len(self._lines)
        if any("Traceback" in line or "a step failed" in line for line in fresh):
            self._tell("log", "", ["a node raised:\n" + "\n".join(fresh[-40:])])
        for name in ("perception", "health_monitor"):
            if name not in self._session.supervisor.alive():
                self._tell(name, "", [f"died with {self._session.supervisor.codes()[name]}"])
                self._session.start(name, name)
        try:
            self._session.await_sound(START_S)
        except SessionError as e:
            self._tell("perception", "is started anew", [str(e)])
            os.kill(self._session.supervisor.pids()["perception"], signal.SIGKILL)
            self._session.spin(lambda: "perception" not in self._session.supervisor.alive(), START_S)
            self._session.start("perception", "perception")
            self._session.await_sound(START_S)

    def _watch(self) -> None:
        """Between messages: samples of the processes; they begin anew with a new life, and when restarts are over."""
        settled = self._elapsed > SETTLED * self._seconds
        for name in ("perception", "health_monitor"):
            pid, vitals = self._session.supervisor.pids()[name], self.vitals.get(name)
            if vitals is None or vitals.pid != pid or (settled and not self._settled):
                self.vitals[name] = Vitals(pid)
            self.vitals[name].sample()
        self._settled = settled
