"""Intervals and tests that several parts of the library share, each with its source; random ones take a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import binomtest, bootstrap, chi2, fisher_exact, spearmanr, ttest_1samp

__all__ = [
    "ALPHA", "RESAMPLES", "TIED", "bootstrap_confusion", "bootstrap_mean", "bootstrap_values", "holm", "mcnemar",
    "newcombe", "of_difference", "paired_t_test", "rank_correlations", "rank_p_value", "same_rate", "wilson",
]  # fmt: skip

ALPHA = 0.05  # of every interval and every family of tests, unless told otherwise
CONFIDENCE = 1 - ALPHA
RESAMPLES = 999
AT_A_TIME = 50  # resamples held in memory together
CHI_SQUARED_FROM = 1000  # rows, above which Fisher's exact test gives the same number, slowly
TIED = 1e-9  # statistics as near as this count as equal: one sum in two orders differs in its last digits


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number. Source: Holm 1979, Scandinavian Journal of Statistics 6.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = least
    return adjusted


def wilson(found: int, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval of a share, `found` of `count`. Source: Wilson 1927, JASA 22.

    >>> tuple(round(limit, 3) for limit in wilson(98, 100))
    (0.93, 0.994)
    """
    interval = binomtest(found, count).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def newcombe(
    first: int, of_first: int, second: int, of_second: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the interval of a difference of two shares. Source: Newcombe 1998, Statistics in Medicine 17, method 10.

    >>> tuple(round(end, 4) for end in newcombe(56, 70, 48, 80))
    (0.0524, 0.3339)
    """
    around = wilson(first, of_first, confidence), wilson(second, of_second, confidence)
    return of_difference(first / of_first, second / of_second, *around)


def of_difference(
    first: float, second: float, around_first: tuple[float, float], around_second: tuple[float, float]
) -> tuple[float, float]:
    """Return the interval of a difference of two shares from those of each."""
    (low_first, high_first), (low_second, high_second) = around_first, around_second
    low = (first - second) - np.hypot(first - low_first, high_second - second)
    high = (first - second) + np.hypot(high_first - first, second - low_second)
    return float(low), float(high)


def same_rate(first: np.ndarray, second: np.ndarray) -> float:
    """Return the two-sided p-value that events (N,) and (M,), 0 or 1, are as frequent in both samples.

    Fisher's exact test; from 1,000 rows on the likelihood ratio of one rate against two, which stays sound for rare
    events. Source: Fisher 1935; Wilks 1938, Annals of Mathematical Statistics 9.

    >>> round(same_rate(np.repeat([1, 0], [8, 2]), np.repeat([1, 0], [1, 5])), 4)
    0.035
    """
    table = np.array([[part.sum(), len(part) - part.sum()] for part in (first, second)])
    if len(first) + len(second) < CHI_SQUARED_FROM:
        return float(fisher_exact(table.astype(int)).pvalue)
    total = table.astype(np.float64)
    even = total.sum(1, keepdims=True) * total.sum(0, keepdims=True) / total.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = 2 * np.nansum(total * np.log(total / even))
    return float(chi2.sf(statistic, 1))


def mcnemar(before: np.ndarray, after: np.ndarray) -> float:
    """Return the exact two-sided p-value that two answers err as often, row by row (N,).

    Source: McNemar 1947, Psychometrika 12; exact by the binomial distribution.

    >>> round(mcnemar(np.array([1, 1, 0, 0, 0, 0, 0, 0]), np.array([1, 0, 1, 1, 1, 1, 1, 1])), 4)
    0.125
    """
    worse, better = int((after > before).sum()), int((after < before).sum())
    return 1.0 if worse + better == 0 else float(binomtest(worse, worse + better).pvalue)


def paired_t_test(differences: np.ndarray) -> float:
    """Return the two-sided p-value that differences (N,) are 0 on average; 1 where all are equal.

    Source: Student 1908, Biometrika 6.

    >>> round(paired_t_test(np.array([1.0, 2.0, 3.0])), 4), paired_t_test(np.ones(5))
    (0.0742, 1.0)
    """
    return 1.0 if np.ptp(differences) == 0 else float(ttest_1samp(differences, 0).pvalue)


def rank_p_value(statistics: np.ndarray, observed: float, *, among: bool = True, below: bool = False) -> float:
    """Return the share of exchangeable statistics, the observed one with them, that reach the observed one.

    statistics: (n,). among: the observed one is one of them; else it counts as one more. below: those that are as small
    as it. Source: Barnard 1963, Journal of the Royal Statistical Society B 25.

    >>> rank_p_value(np.array([2.5, 4.0, 2.5, 1.0]), 4.0)
    0.25
    >>> rank_p_value(np.array([2.5, 2.5, 1.0]), 4.0, among=False)
    0.25
    """
    near = TIED * max(1.0, abs(observed))
    reached = statistics <= observed + near if below else statistics >= observed - near
    return float(reached.mean()) if among else float((1 + reached.sum()) / (1 + len(reached)))


def rank_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of two rows (N, D) at a time (N,); 0 where a row does not vary, or D < 3.

    >>> rank_correlations(np.array([[1, 2, 9], [1, 1, 1]]), np.array([[0, 5, 6], [1, 2, 3]])).tolist()
    [1.0, 0.0]
    """
    found = []
    for a, b in zip(first, second, strict=True):
        varied = len(a) > 2 and np.ptp(a) > 0 and np.ptp(b) > 0
        found.append(float(spearmanr(a, b).statistic) if varied else 0.0)
    return np.array(found)


def bootstrap_mean(values: np.ndarray, seed: int, minus: np.ndarray | None = None) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean, or of the mean minus that of other rows.

    Source: Efron 1979, Annals of Statistics 7.

    >>> low, high = bootstrap_mean(np.array([0.0, 1.0] * 50), 0)
    >>> 0.35 < low < 0.45 and 0.55 < high < 0.65
    True
    """
    samples = [np.asarray(part, dtype=np.float64) for part in (values, minus) if part is not None]
    if any(len(part) < 2 for part in samples):
        return (-np.inf, np.inf)
    if minus is None:
        return bootstrap_values(samples, lambda a, axis: a.mean(axis), seed)
    return bootstrap_values(samples, lambda a, b, axis: a.mean(axis) - b.mean(axis), seed)


def bootstrap_values(samples: list[np.ndarray], statistic: Callable, seed: int) -> tuple[float, float]:
    """Return the 95 % percentile interval of a vectorized statistic of independent samples.

    >>> bootstrap_values([np.ones(9), np.zeros(9)], lambda a, b, axis: a.mean(axis) - b.mean(axis), 0)
    (1.0, 1.0)
    """
    if all(np.ptp(part) == 0 for part in samples):
        whole = float(statistic(*samples, axis=-1))
        return (whole, whole)
    found = bootstrap(
        samples, statistic, n_resamples=RESAMPLES, batch=AT_A_TIME, confidence_level=CONFIDENCE, method="percentile",
        random_state=np.random.default_rng(seed),
    )  # fmt: skip
    return (float(found.confidence_interval.low), float(found.confidence_interval.high))


def bootstrap_confusion(
    confusion: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], seed: int
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic of confusion matrices (R, K, K) -> (R,).

    Drawing rows anew and counting them is drawing the counts from a multinomial distribution, at less work.

    >>> low, high = bootstrap_confusion(np.array([[40, 10], [10, 40]]), lambda c: np.trace(c, 0, 1, 2) / 100, 0)
    >>> 0.7 < low < 0.75 and 0.85 < high < 0.9
    True
    """
    total = int(confusion.sum())
    flat = np.random.default_rng(seed).multinomial(total, confusion.reshape(-1) / total, size=RESAMPLES)
    values = statistic(flat.reshape(RESAMPLES, *confusion.shape))
    low, high = np.nanquantile(values, [ALPHA / 2, 1 - ALPHA / 2])
    return (float(low), float(high))
