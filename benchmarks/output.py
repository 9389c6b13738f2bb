"""Where the figures go: a line to the standard output, at once, so that a long run can be watched."""

from __future__ import annotations

import sys

__all__ = ["say"]


def say(*parts: object) -> None:
    """Write a line of these parts."""
    sys.stdout.write(" ".join(map(str, parts)) + "\n")
    sys.stdout.flush()
