"""Our work timed beside a peer's in the same run: ``autonomy-perception bench`` (floor 6).

What a stranger imports: ``result.BenchResult`` and ``time_pair``; each bench is a module with ``run(...)``.
"""
