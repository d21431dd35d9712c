"""The table of faults that the suite must survive, and how each is put into a drive (floor 6, docs/faults.md).

What a stranger imports: ``table.FAULTS``; each has a mutator of samples and the words that must be said.
"""
