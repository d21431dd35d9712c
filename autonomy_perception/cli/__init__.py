"""``autonomy-perception <verb>`` (floor 7): one module per verb, heavy rooms are imported when called."""
