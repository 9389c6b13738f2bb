"""Grids without a lonely last picture."""

from __future__ import annotations

__all__ = ["balanced_columns"]


def balanced_columns(count: int, most: int) -> int:
    """Return how many columns a grid of `count` pictures has, at most `most`, so that its rows are about equally long.

    >>> [balanced_columns(count, 6) for count in (4, 6, 7, 8, 9, 10)]
    [4, 6, 4, 4, 5, 5]
    """
    rows = -(-count // most)
    return -(-count // rows) if count else 1
