"""``autonomy-perception <verb>`` (floor 4): one module per verb."""
