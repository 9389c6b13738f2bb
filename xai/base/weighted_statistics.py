"""Means, shares and tests of rows that stand for unequal numbers of rows, as certain as an effective count of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import norm, t

from xai.base.statistics import ALPHA, CONFIDENCE, RESAMPLES, bootstrap_mean, bootstrap_values, of_difference, same_rate

__all__ = [
    "WeightedMean", "bootstrap_weighted_confusion", "bootstrap_weighted_mean", "effective_count", "mean_interval",
    "mean_of", "newcombe_of_shares", "same_share", "weighted_mean", "welch", "wilson_of_share",
]  # fmt: skip

TINY = np.finfo(np.float64).tiny


def effective_count(weights: np.ndarray) -> float:
    """Return the number of rows of equal weight that would leave as much certainty as rows of these weights (N,).

    Source: Kish 1965, Survey Sampling.

    >>> effective_count(np.array([1.0, 1.0, 2.0])).__round__(3)
    2.667
    """
    return float(weights.sum() ** 2 / max((weights**2).sum(), TINY))


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean of values (N,) of rows that stand for so many rows (N,) each."""
    return float((values * weights).sum() / weights.sum())


def mean_interval(
    values: np.ndarray,
    weights: np.ndarray | None,
    seed: int,
    minus: np.ndarray | None = None,
    minus_weights: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return the interval of a mean, or of it minus that of other rows, by weight where there are weights."""
    if weights is None:
        return bootstrap_mean(values, seed, minus=minus)
    return bootstrap_weighted_mean(values, weights, seed, minus, minus_weights)


def mean_of(values: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the mean of values (N,), by weight where there are weights."""
    return float(values.mean()) if weights is None else weighted_mean(values, weights)


def wilson_of_share(share: float, count: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval of a share of an effective count, which is no whole number. Source: Wilson 1927, JASA 22.

    >>> tuple(round(limit, 3) for limit in wilson_of_share(0.98, 100))
    (0.93, 0.994)
    """
    z = norm.ppf((1 + confidence) / 2)
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def newcombe_of_shares(
    first: float, of_first: float, second: float, of_second: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the interval of a difference of two shares of effective counts. Source: Newcombe 1998, method 10.

    >>> tuple(round(end, 4) for end in newcombe_of_shares(56 / 70, 70, 48 / 80, 80))
    (0.0524, 0.3339)
    """
    around = wilson_of_share(first, of_first, confidence), wilson_of_share(second, of_second, confidence)
    return of_difference(first, second, *around)


def same_share(first: float, of_first: float, second: float, of_second: float) -> float:
    """Return the p-value that two shares of effective counts are one share, as `same_rate` of so many whole rows.

    Counts are rounded down, and events to the nearest: what is less than a row is no evidence. The correction of a
    test by an effective count is the first one of Rao and Scott 1984, Annals of Statistics 12.

    >>> same_share(8 / 10, 10.4, 1 / 6, 6.0) == same_rate(np.repeat([1, 0], [8, 2]), np.repeat([1, 0], [1, 5]))
    True
    """
    counts = [int(count + 1e-9) for count in (of_first, of_second)]  # of equal weights a whole number, but for rounding
    rows = [(round(share * count), count) for share, count in zip((first, second), counts, strict=True)]
    return same_rate(*(np.repeat([1.0, 0.0], [found, count - found]) for found, count in rows))


class WeightedMean:
    """A mean by weight, its standard error and its degrees of freedom, as of an effective count of rows."""

    def __init__(self, values: np.ndarray, weights: np.ndarray) -> None:
        self.count = effective_count(weights)
        self.mean = weighted_mean(values, weights)
        variance = weighted_mean((values - self.mean) ** 2, weights) * self.count / max(self.count - 1, TINY)
        self.error_squared = variance / self.count


def welch(
    first: WeightedMean, second: WeightedMean, confidence: float = CONFIDENCE
) -> tuple[tuple[float, float], float]:
    """Return the interval of a difference of two means, and the two-sided p-value that it is 0.

    Source: Welch 1947, Biometrika 34, with effective counts of rows.
    """
    parts = (first.error_squared, second.error_squared)
    error, gap = float(np.sqrt(sum(parts))), first.mean - second.mean
    if error == 0:
        return (gap, gap), float(gap == 0)
    below = sum(part**2 / max(item.count - 1, TINY) for part, item in zip(parts, (first, second), strict=True))
    freedom = sum(parts) ** 2 / max(below, TINY)
    half = float(t.ppf((1 + confidence) / 2, freedom)) * error
    return (gap - half, gap + half), float(2 * t.sf(abs(gap) / error, freedom))


def bootstrap_weighted_mean(
    values: np.ndarray,
    weights: np.ndarray,
    seed: int,
    minus: np.ndarray | None = None,
    minus_weights: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean by weight, or of that minus one of other rows; rows are drawn."""

    def mean(rows: np.ndarray, axis: int, of: np.ndarray, by: np.ndarray) -> np.ndarray:
        drawn = rows.astype(int)
        return (of * by)[drawn].sum(axis) / np.maximum(by[drawn].sum(axis), TINY)

    if minus is None:
        return bootstrap_values([np.arange(len(values))], lambda a, axis: mean(a, axis, values, weights), seed)
    other = np.ones(len(minus)) if minus_weights is None else minus_weights
    rows = [np.arange(len(values)), np.arange(len(minus))]
    return bootstrap_values(rows, lambda a, b, axis: mean(a, axis, values, weights) - mean(b, axis, minus, other), seed)


def bootstrap_weighted_confusion(
    cells: np.ndarray, weights: np.ndarray, classes: int, statistic: Callable[[np.ndarray], np.ndarray], seed: int
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic of confusion matrices (R, K, K) -> (R,) by weight.

    cells (N,): the place of each row in the flattened matrix.
    """
    draw, found = np.random.default_rng(seed), np.empty((RESAMPLES, classes**2))
    for matrix in found:
        rows = draw.integers(len(cells), size=len(cells))
        matrix[:] = np.bincount(cells[rows], weights[rows], classes**2)
    low, high = np.nanquantile(statistic(found.reshape(-1, classes, classes)), [ALPHA / 2, 1 - ALPHA / 2])
    return (float(low), float(high))
