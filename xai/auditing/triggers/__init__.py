"""Triggers: candidates of many kinds, and one test that plants them and counts the rows that move to one class."""
