"""Pages and pictures for people: replay reports, previews, comparison sheets (floor 6).

What a stranger imports: ``page.write_report``, ``render`` and ``overlay`` (pictures of one step), ``offline.run_offline``.
"""
