"""Figures of outputs against truth (floor 5); docs/accuracy.md defines every one of them.

What a stranger imports:

- ``score``: ``score_bag`` and ``Scorer`` give the figures of a drive whose bag has truth; demo, replay and gate use them.
- ``figure``: a ``Figure`` with its limit.
- ``accuracy``, ``labelled``: what stands behind a score: exact synthetic truth, boxes that people drew. ``simulated``: a synthetic
  drive judged in memory, without a bag.
- ``mot``: CLEAR MOT, IDF1 and HOTA of any tracker, by TrackEval. ``matching``: which track belongs to which object.
- ``golden*``: outputs held against those of an earlier commit, field by field.
- ``binary``: precision, recall, F1. ``realism``: how far simulated sweeps are from recorded ones.

Times are no accuracy: budgets and percentiles are in ``autonomy_perception.latency``.
"""
