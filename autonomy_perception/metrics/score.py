"""A drive's outputs against the truth in its bag: the one place where demo, replay and gate get their figures from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.replay import frames_of
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.metrics.accuracy import Accuracy
from autonomy_perception.metrics.figure import Figure
from autonomy_perception.metrics.labelled import LabelledAccuracy, LabelsByStamp, read_labels
from autonomy_perception.metrics.output import Output
from autonomy_perception.metrics.truth_frame import TOPICS, read_truth
from autonomy_perception.ops.library import Library
from autonomy_perception.simulation.io.truth_messages import OBJECTS
from autonomy_perception.types import SensorFrame


@dataclass(frozen=True)
class Score:
    """Figures of one drive.

    Attributes:
        truth: "synthetic" (exact: objects, structures and grid) or "labelled" (boxes that people drew).
        figures: those with a limit first; docs/accuracy.md defines them.
    """

    truth: str
    figures: tuple[Figure, ...]

    @property
    def ok(self) -> bool:
        """Whether every limit holds."""
        return all(f.ok for f in self.figures)

    def as_dict(self) -> dict[str, float | None]:
        """Values by name; None for what could not be measured (JSON knows no NaN)."""
        return {f.name: None if np.isnan(f.value) else f.value for f in self.figures}


class Scorer(ABC):
    """Takes a drive's outputs one by one, in the order of their stamps, and compares each with the truth of its frame.

    Attributes:
        uses_frames: ``add`` needs the frame that the output was made of.
    """

    uses_frames: bool

    @staticmethod
    def of(bag: Path) -> Scorer | None:
        """What can judge outputs of ``bag``; None if the bag has no truth.

        Raises:
            BagError: the bag cannot be read, or its labels are in a frame that nobody knows.
        """
        with BagReader(bag) as reader:
            topics = reader.topics
        if all(t in topics for t in TOPICS):
            return _Synthetic(bag)
        return _Labelled(bag) if OBJECTS in topics else None

    @abstractmethod
    def add(self, output: Output, frame: SensorFrame | None) -> None:
        """Judge one output, if there is truth for its stamp.

        Raises:
            BagError: the truth cannot be read.
            ValueError: the output's grid cannot be laid over the true one.
        """

    @abstractmethod
    def score(self) -> Score:
        """Figures of what was judged until now."""


class _Synthetic(Scorer):
    """Against the truth topics of the simulator; read as the outputs come, because the grids are large."""

    uses_frames = False

    def __init__(self, bag: Path) -> None:
        self._accuracy, self._truths = Accuracy(), read_truth(bag)
        self._next = next(self._truths, None)

    def add(self, output: Output, frame: SensorFrame | None) -> None:
        while self._next is not None and self._next.stamp_ns < output.stamp_ns:
            self._next = next(self._truths, None)
        if self._next is not None and self._next.stamp_ns == output.stamp_ns:
            self._accuracy.add(output, self._next)
            self._next = next(self._truths, None)

    def score(self) -> Score:
        return Score("synthetic", self._accuracy.figures())


class _Labelled(Scorer):
    """Against boxes that people drew; an output without a frame (an aged one) is not judged."""

    uses_frames = True

    def __init__(self, bag: Path) -> None:
        self._accuracy, self._labels = LabelledAccuracy(), LabelsByStamp(read_labels(bag))

    def add(self, output: Output, frame: SensorFrame | None) -> None:
        labels = self._labels.at(output.stamp_ns)
        if labels is not None and frame is not None:
            self._accuracy.add(frame, output, labels)

    def score(self) -> Score:
        return Score("labelled", self._accuracy.figures())


def score_bag(
    bag: Path, outputs: Iterable[Output], vehicle: VehicleConfig, config: PerceptionConfig, lib: Library
) -> Score | None:
    """Recorded outputs (``bags.outputs.read_outputs``) of a drive against the truth in its bag; None if it has none.

    Frames without an output do not enter; how many there were is a matter of rate.

    Args:
        outputs: in the order of their stamps; those that belong to no frame of the bag are passed over.
        vehicle, config: as they were when the outputs were made: frames are made again from the bag's messages if needed.

    Raises:
        BagError: the bag cannot be read.
        ValueError: an output's grid cannot be laid over the true one.
    """
    scorer = Scorer.of(bag)
    if scorer is None:
        return None
    frames = frames_of(bag, vehicle, config, lib) if scorer.uses_frames else iter(())
    frame = next(frames, None)
    for output in outputs:
        while frame is not None and frame.stamp_ns < output.stamp_ns:
            frame = next(frames, None)
        scorer.add(output, frame if frame is not None and frame.stamp_ns == output.stamp_ns else None)
    return scorer.score()
