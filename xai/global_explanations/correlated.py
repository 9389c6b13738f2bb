"""Columns that can replace each other: neither is missed alone, and changing one alone makes rows that cannot occur."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

__all__ = ["association", "correlated_columns"]

STRONG = 0.5


def association(first: np.ndarray, second: np.ndarray, first_words: bool, second_words: bool) -> float:
    """Return how well one column follows from the other, 0 to 1.

    Of two columns of numbers |Spearman's correlation|, of two categorical ones Cramér's V (corrected for bias, Bergsma
    2013, doi:10.1016/j.jkss.2012.10.002), of one each the correlation ratio: the root of the share of the ranks'
    variance that lies between the categories.

    >>> round(association(np.array([1.0, 2, 3, 4]), np.array([8.0, 6, 4, 2]), False, False), 6)
    1.0
    """
    if first.min() == first.max() or second.min() == second.max():
        return 0.0
    if first_words and second_words:
        return _cramer(first, second)
    if first_words or second_words:
        codes, numbers = (first, second) if first_words else (second, first)
        return _ratio(codes, rankdata(numbers))
    return abs(float(np.corrcoef(rankdata(first), rankdata(second))[0, 1]))


def correlated_columns(
    values: np.ndarray, names: list[str], categorical: set[str], least: float = STRONG
) -> list[tuple[str, str, float]]:
    """Return pairs of columns whose association is at least `least`, strongest first. values: (N, D)."""
    pairs = []
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            both = values[:, [first, second]]
            columns = both[~np.isnan(both).any(1)].T  # the rows in which both are known
            kinds = (names[first] in categorical, names[second] in categorical)
            strength = association(*columns, *kinds) if columns.shape[1] > 1 else 0.0
            if strength >= least:
                pairs.append((names[first], names[second], strength))
    return sorted(pairs, key=lambda pair: -pair[2])


def _cramer(first: np.ndarray, second: np.ndarray) -> float:
    _, a = np.unique(first, return_inverse=True)
    _, b = np.unique(second, return_inverse=True)
    count, rows, columns = len(a), a.max() + 1, b.max() + 1
    table = np.zeros((rows, columns))
    np.add.at(table, (a, b), 1)
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / count
    squared = float(((table - expected) ** 2 / expected).sum()) / count
    squared = max(0.0, squared - (rows - 1) * (columns - 1) / (count - 1))
    rows, columns = rows - (rows - 1) ** 2 / (count - 1), columns - (columns - 1) ** 2 / (count - 1)
    return float(np.sqrt(squared / max(1e-12, min(rows, columns) - 1))) if min(rows, columns) > 1 else 0.0


def _ratio(codes: np.ndarray, numbers: np.ndarray) -> float:
    _, groups = np.unique(codes, return_inverse=True)
    counts = np.bincount(groups)
    means = np.bincount(groups, numbers) / counts
    between = float((counts * (means - numbers.mean()) ** 2).sum())
    return float(np.sqrt(between / ((numbers - numbers.mean()) ** 2).sum()))
