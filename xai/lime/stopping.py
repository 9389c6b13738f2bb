"""How many samples are enough: until the ranking of the top features would not change with others."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from scipy.stats import t

from xai.lime.solver import Surrogate

__all__ = ["interim_analyses", "undecided_pairs"]

GROWTH = 1.5


def interim_analyses(start: int, cap: int) -> int:
    """Return how many interim analyses of the ranking there are from `start` samples to `cap`.

    >>> interim_analyses(256, 1000)
    5
    """
    return 1 + max(0, math.ceil(math.log(max(cap, start) / start) / math.log(GROWTH)))


def undecided_pairs(
    surrogate: Surrogate, top: int, confidence: float, analyses: int = 1
) -> list[tuple[int, int] | None]:
    """Return for each row the first two neighbors in its ranking that cannot be told apart, None where all can.

    The ranking is by size of weight. Each of the first `top` features has to differ from the next, and the last of
    them from every one behind it, by more than the error of the difference, at `confidence` over all these comparisons
    and all `analyses` together (Bonferroni).
    """
    weights = surrogate.weights  # (rows, d)
    size = weights.shape[1]
    top = min(top, size - 1)
    if top < 1:
        return [None] * len(weights)
    heavy, order = weights.abs().sort(dim=1, descending=True, stable=True)
    above = torch.cat([order[:, : top - 1], order[:, top - 1 : top].expand(-1, size - top)], 1)
    below = order[:, 1:]
    position = torch.arange(size - 1).clamp_max(top - 1)  # of `above` in the order
    signs = weights.sign()
    signed = surrogate.covariance * signs[:, :, None] * signs[:, None]
    variance = signed.diagonal(dim1=1, dim2=2).gather(1, order)
    between = signed.flatten(1).gather(1, above * size + below)
    error = (variance[:, position] + variance[:, 1:] - 2 * between).clamp_min(0).sqrt()
    gap = heavy[:, position] - heavy[:, 1:]
    close = gap <= _quantile((1 - confidence) / (above.shape[1] * analyses), surrogate.degrees_of_freedom) * error
    first = close.to(torch.uint8).argmax(1)
    pairs = torch.stack([above, below], 2)[torch.arange(len(first)), first].tolist()
    return [tuple(pair) if found else None for pair, found in zip(pairs, close.any(1).tolist(), strict=True)]


@lru_cache(maxsize=256)
def _quantile(chance: float, degrees: int) -> float:
    return float(t.isf(chance, degrees))
