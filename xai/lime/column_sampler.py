"""How a column is drawn: as a table of equally likely values, so that a sample is one random number and one look-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xai.lime.summary import Column

__all__ = ["ATOMS", "ColumnLaw", "column_law"]

ATOMS = 8192  # probabilities are exact to 1 in this many, quantiles to the middle of such a share


@dataclass(frozen=True)
class ColumnLaw:
    """`values` (ATOMS,) in rising order, each as likely as another, and the bin or category `codes` of each."""

    values: np.ndarray
    codes: np.ndarray


def column_law(column: Column) -> ColumnLaw:
    """Return LIME's law of a column: categories by their shares; in a bin a normal of the bin's mean and spread, cut at
    its borders; without bins a normal of the column's mean and spread.
    """
    from scipy.stats import norm

    middle = (np.arange(ATOMS) + 0.5) / ATOMS
    if not column.binary:
        return ColumnLaw(column.mean + column.std * norm.ppf(middle), np.zeros(ATOMS, dtype=np.uint8))
    counts = _counts(np.asarray(column.share))
    codes = np.repeat(np.arange(len(counts)), counts)
    if column.words is not None:
        return ColumnLaw(codes.astype(np.float64), codes.astype(np.uint8 if len(counts) < 256 else np.int32))
    edges = [column.low, *column.borders, column.high]
    parts = [
        _within(edges[number], edges[number + 1], column.means[number], column.stds[number], count)
        for number, count in enumerate(counts)
    ]
    return ColumnLaw(np.concatenate(parts), codes.astype(np.uint8))


def _within(low: float, high: float, mean: float, std: float, count: int) -> np.ndarray:
    from scipy.stats import norm

    low, high = min(low, high), max(low, high)
    if count == 0 or std <= 0 or high == low:
        return np.full(count, min(max(mean, low), high))
    ends = norm.cdf([(low - mean) / std, (high - mean) / std])
    middle = (np.arange(count) + 0.5) / count
    values = mean + std * norm.ppf(ends[0] + middle * (ends[1] - ends[0]))
    # Just inside the borders, so that a value falls into the bin that it was drawn for.
    return np.clip(values, np.nextafter(low, high), high)


def _counts(share: np.ndarray) -> np.ndarray:
    """Share the atoms out: proportionally, by largest remainders, at least one for what occurred at all."""
    exact = share * ATOMS
    counts = np.maximum(np.floor(exact).astype(np.int64), (share > 0).astype(np.int64))
    while counts.sum() < ATOMS:
        counts[np.argmax(exact - counts)] += 1
    while counts.sum() > ATOMS:
        counts[np.argmax(counts)] -= 1
    return counts
