"""Synthetic drives as messages, bags and training samples."""
