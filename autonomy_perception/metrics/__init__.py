"""Figures of outputs against truth; docs/accuracy.md defines every one of them (floor 5)."""
