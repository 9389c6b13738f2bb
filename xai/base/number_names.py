"""Numbers that are words: the categories or classes of a table that are named "1", "2", "3"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["spelled_codes"]


def spelled_codes(column: np.ndarray, words: Sequence[str]) -> np.ndarray | None:
    """Return the codes of numbers that are words themselves, None where one of them is not.

    >>> spelled_codes(np.array([2.0, 1.0]), ["1", "2", "3"])
    array([1., 0.])
    >>> spelled_codes(np.array([0, 1]), ["1", "2", "3"]) is None
    True
    """
    positions = {word: position for position, word in enumerate(words)}
    numbers, inverse = np.unique(column, return_inverse=True)
    spelled = [str(int(number)) if number == np.round(number) else str(number) for number in numbers.tolist()]
    codes = [
        positions.get(word, positions.get(str(number))) for word, number in zip(spelled, numbers.tolist(), strict=True)
    ]
    return None if None in codes else np.array(codes, dtype=np.float64)[inverse]
