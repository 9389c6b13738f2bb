"""Chapters of a model report, one per file; each is a function that returns a Section."""
