"""Some of many, from all over: rows may be sorted."""

from __future__ import annotations

__all__ = ["evenly"]


def evenly(total: int, count: int) -> list[int]:
    """Return so many numbers below `total`, or all, spread evenly.

    >>> evenly(10, 4), evenly(2, 4), evenly(0, 4)
    ([0, 2, 5, 7], [0, 1], [])
    """
    return [index * total // count for index in range(count)] if count < total else list(range(total))
