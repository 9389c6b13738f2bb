"""Checks on an explanation, one per file; `verify` runs them and returns a copy that carries what they found."""
