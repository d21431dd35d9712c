"""A bag judged against what it gave before: the command that users put into their CI (floor 6).

:mod:`measure` replays and measures, :mod:`baseline` is the file that holds what was good, :mod:`judge` compares the two
within :mod:`limits`, :mod:`run` is the order of it all.

What a stranger imports: ``run.GateOptions`` and ``run.run`` (the gate as one call), ``baseline.read`` (the file), ``judge.judge``
(verdicts), ``limits.Limits``.
"""
