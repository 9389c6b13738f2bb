"""Intervals by the bootstrap: of a mean, of a difference of means, and of any number read off a confusion matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import bootstrap

from xai.auditing.limits import ALPHA

__all__ = ["RESAMPLES", "bootstrap_confusion", "bootstrap_mean", "bootstrap_values"]

RESAMPLES = 999
AT_A_TIME = 50  # resamples held in memory together


def bootstrap_mean(values: np.ndarray, seed: int, minus: np.ndarray | None = None) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean, or of the mean minus that of other rows.

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
    """Return the 95 % percentile interval of a vectorized statistic of independent samples."""
    if all(np.ptp(part) == 0 for part in samples):
        whole = float(statistic(*samples, axis=-1))
        return (whole, whole)
    found = bootstrap(
        samples, statistic, n_resamples=RESAMPLES, batch=AT_A_TIME, confidence_level=1 - ALPHA, method="percentile",
        random_state=np.random.default_rng(seed),
    )  # fmt: skip
    return (float(found.confidence_interval.low), float(found.confidence_interval.high))


def bootstrap_confusion(
    confusion: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], seed: int
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic of confusion matrices (R, K, K) -> (R,).

    Drawing rows anew and counting them is drawing the counts from a multinomial law, at a fraction of the work.
    """
    total = int(confusion.sum())
    flat = np.random.default_rng(seed).multinomial(total, confusion.reshape(-1) / total, size=RESAMPLES)
    values = statistic(flat.reshape(RESAMPLES, *confusion.shape))
    low, high = np.nanquantile(values, [ALPHA / 2, 1 - ALPHA / 2])
    return (float(low), float(high))
