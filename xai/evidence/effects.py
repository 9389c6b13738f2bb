"""What hiding each window of an input does, measured: the numbers that a map is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xai.evidence.windows import Sets

__all__ = ["DRAWS", "RELIABLE", "Effects", "fitted", "from_repeats"]

DRAWS = 400  # of the effects within their error, for intervals
RELIABLE = 0.3  # the least share of the measured differences between windows that is no error


@dataclass(frozen=True)
class Effects:
    """The effect of each window, and how well it is known.

    Attributes:
        values: mean 0, (K,).
        drawn: the same within its error, (DRAWS, K).
        reliability: the share of the variance of `values` that is no error, 0 to 1.
        explained: the share of what hiding sets does that is the sum of what single windows do, 0 to 1.
    """

    values: np.ndarray
    drawn: np.ndarray
    reliability: float
    explained: float

    def correlations(self, maps: np.ndarray) -> np.ndarray:
        """Return the correlation of each map (n, K) with the effects as they would be without error, (n,)."""
        return np.clip(_correlations(maps, self.values[None])[:, 0] / max(self.reliability, RELIABLE) ** 0.5, -1, 1)

    def interval(self, one: np.ndarray) -> tuple[float, float]:
        """Return the 95 % interval of the correlation of a map (K,), for the sets that were drawn."""
        observed = float(self.correlations(one[None])[0])
        error = float(_correlations(one[None], self.drawn)[0].std()) / max(self.reliability, RELIABLE) ** 0.5
        return max(-1.0, observed - 1.96 * error), min(1.0, observed + 1.96 * error)


def fitted(sets: Sets, falls: np.ndarray, seed: int) -> list[Effects]:
    """Return the effects in each row by least squares: what a window takes away, on average over what else is hidden.

    Args:
        sets: which windows were hidden.
        falls: of the score in each row under each set, (R, S).
        seed: of the draws within the error.
    """
    hidden, falls = sets.hidden.astype(np.float64), falls.astype(np.float64).copy()
    sizes = np.unique(sets.sizes)
    for size in sizes:
        same = sets.sizes == size
        hidden[same] -= hidden[same].mean(0)
        falls[:, same] -= falls[:, same].mean(1, keepdims=True)
    inverse = np.linalg.pinv(hidden.T @ hidden, rcond=1e-10)  # the effect of all windows together is not identified
    values = falls @ hidden @ inverse
    left = falls - values @ hidden.T
    freedom = max(1, len(hidden) - len(sizes) - hidden.shape[1] + 1)
    variance = (left**2).sum(1) / freedom
    whole = (falls**2).sum(1)
    explained = 1 - np.divide((left**2).sum(1), whole, out=np.ones_like(whole), where=whole > 0)
    root = _root(inverse)
    noise = np.random.default_rng(seed).standard_normal((DRAWS, len(root)))
    return [
        _effects(value, one * np.trace(_centered(inverse)), value + (one**0.5) * (noise @ root), share)
        for value, one, share in zip(values, variance, explained, strict=True)
    ]


def from_repeats(sizes: np.ndarray, seed: int) -> Effects:
    """Return the effects of windows that were measured several times over, (K, repeats): their means."""
    values, count = sizes.mean(1), sizes.shape[1]
    variance = sizes.var(1, ddof=1) / count
    noise = np.random.default_rng(seed).standard_normal((DRAWS, len(values)))
    error = float(variance.sum() * (1 - 1 / len(values)))
    return _effects(values, error, values + noise * variance**0.5, 1.0)


def _effects(values: np.ndarray, error: float, drawn: np.ndarray, explained: float) -> Effects:
    values = values - values.mean()
    size = float((values**2).sum())
    # Differences of the order of rounding are none.
    reliability = 0.0 if size < 1e-18 else max(0.0, 1 - error / size)
    return Effects(values, drawn - drawn.mean(1, keepdims=True), reliability, float(np.clip(explained, 0, 1)))


def _correlations(maps: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of each map (n, K) with each of the effects (m, K), (n, m); 0 where one is flat."""
    maps, effects = (part - part.mean(1, keepdims=True) for part in (maps, effects))
    lengths = np.linalg.norm(maps, axis=1)[:, None] * np.linalg.norm(effects, axis=1)
    return np.divide(maps @ effects.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def _centered(matrix: np.ndarray) -> np.ndarray:
    return matrix - matrix.mean(0) - matrix.mean(1, keepdims=True) + matrix.mean()


def _root(matrix: np.ndarray) -> np.ndarray:
    """Return a root of a positive matrix (K, K): root.T @ root is the matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (np.clip(values, 0, None) ** 0.5)[:, None] * vectors.T
