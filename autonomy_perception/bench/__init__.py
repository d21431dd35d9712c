"""Our work timed beside a peer's in the same run: ``autonomy-perception bench`` (floor 6)."""
