"""Checks on a model rather than on one explanation, one per file."""
