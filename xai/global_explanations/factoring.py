"""Matrices that are nowhere negative as sums of few parts, and how surely the parts are there."""

from __future__ import annotations

import warnings

import numpy as np

__all__ = ["cosines_of_pairs", "factorize", "left_over", "shuffled"]

ITERATIONS = 300


def factorize(values: np.ndarray, count: int, seed: int, start: str = "nndsvda") -> tuple[np.ndarray, np.ndarray]:
    """Return weights (n, K) and directions (K, C) of length 1 whose product is near values (n, C) of at least 0.

    The factor that makes up most of the values (by squares) is the first one. start: "nndsvda" or "random", where
    scikit-learn's NMF begins.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    scale = float(np.sqrt(np.square(values).mean())) or 1.0
    nmf = NMF(count, init=start, random_state=seed, max_iter=ITERATIONS)
    with warnings.catch_warnings():
        # Stopped earlier, the parts are as good as the error that is reported with them says.
        warnings.simplefilter("ignore", ConvergenceWarning)
        weights = nmf.fit_transform(values / scale)
    lengths = np.linalg.norm(nmf.components_, axis=1)
    weights = weights * lengths * scale
    order = np.argsort(-np.square(weights).sum(0), kind="stable")
    return weights[:, order], (nmf.components_ / np.maximum(lengths, 1e-300)[:, None])[order]


def left_over(values: np.ndarray, weights: np.ndarray, directions: np.ndarray) -> float:
    """Return how long what the product leaves of values is, where the values are 1 long."""
    return float(np.linalg.norm(values - weights @ directions) / max(float(np.linalg.norm(values)), 1e-300))


def cosines_of_pairs(directions: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the cosine (K,) of each direction with its partner, paired so that their sum is largest."""
    from scipy.optimize import linear_sum_assignment

    cosines = directions @ others.T
    first, second = linear_sum_assignment(-cosines)
    return cosines[first, second]


def shuffled(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return values (n, C) with every channel in an order of its own: the same numbers, and nothing in common."""
    return generator.permuted(values, axis=0)
