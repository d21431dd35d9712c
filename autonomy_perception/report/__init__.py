"""Pages, pictures and tables about a replay, and about simulated sweeps (floor 6).

What a stranger imports: ``offline.run_offline`` (a bag to figures, hash and report), ``page`` (the HTML page), ``checks`` and
``times`` (tables for the terminal), ``render`` and ``overlay`` (pictures of frames and outputs).
"""
