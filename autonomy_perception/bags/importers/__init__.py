"""Data sets to bags: one file per source, all behind :class:`~.base.Source`."""
