"""How alike two maps are, by the order of their values or of their sizes."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from xai.results.finding import Status

__all__ = ["LEAST_VALUES", "alike", "rank_correlation", "same_map", "status_of"]

# With fewer values, maps that have nothing to do with each other often look alike.
LEAST_VALUES = 8
REPRODUCED = 0.99
FREE = 4  # places beyond the ties, from which on a partial correlation is taken
NO_MORE = 0.05  # share of a map's ranks that `ties` must leave unexplained for it to be a map of its own


def alike(first: Tensor, second: Tensor, ties: Tensor | None = None) -> tuple[float, float]:
    """Return the rank correlations of the values and of their magnitudes, where either map is not 0.

    Both, since a map that keeps its picture and only flips signs has not changed. Where a map has one value besides 0,
    what counts is which places have it, so that the zeros are compared too. ties: like the maps, several, (T, ...);
    what both maps share with these is taken out (Spearman's partial correlation), but where a map is no more than they.
    """
    first, second = (part.detach().double().flatten().cpu() for part in (first, second))
    ties = None if ties is None else ties.detach().double().flatten(1).cpu()
    return _correlation(first, second, ties), _correlation(first.abs(), second.abs(), ties)


def _correlation(first: Tensor, second: Tensor, ties: Tensor | None) -> float:
    nonzero = (first != 0) | (second != 0)
    levels = min((part[nonzero].unique().numel() for part in (first, second)), default=0)
    if levels > 1:
        first, second = first[nonzero], second[nonzero]
        ties = None if ties is None else ties[:, nonzero]
    both = float(rank_correlation(first[None], second)[0])
    if ties is None or first.numel() < len(ties) + FREE:  # of few places, what is left is no evidence
        return both
    maps, shared = _centered_ranks(torch.stack([first, second])), _centered_ranks(ties)
    # Where nothing is below absent, both ties are one: their difference is rounding.
    left = maps - maps @ np.linalg.pinv(shared, rcond=1e-10) @ shared
    whole, rest = (np.prod((part**2).sum(1)) for part in (maps, left))
    return both if rest <= NO_MORE**2 * whole else float(left[0] @ left[1] / rest**0.5)


def rank_correlation(maps: Tensor, other: Tensor) -> Tensor:
    """Return Spearman's correlation of each of (n, ...) maps with another one; 0 where either is the same everywhere.

    >>> maps = torch.tensor([[1.0, 2.0, 9.0], [3.0, 2.0, 1.0]])
    >>> rank_correlation(maps, torch.tensor([0.0, 5.0, 6.0])).round(decimals=6).tolist()
    [1.0, -1.0]
    """
    if other.numel() < 3:  # any two pairs of numbers correlate fully
        return torch.zeros(len(maps), dtype=torch.float64)
    ranks, fixed = (_centered_ranks(part.flatten(1)) for part in (maps, other[None]))
    length = np.linalg.norm(ranks, axis=1) * np.linalg.norm(fixed)
    return torch.from_numpy((ranks @ fixed[0]) / np.where(length > 0, length, np.inf))


def _centered_ranks(values: Tensor) -> np.ndarray:
    ranks = rankdata(values.detach().cpu().numpy(), axis=1)
    return ranks - ranks.mean(1, keepdims=True)


def same_map(first: Tensor, second: Tensor) -> bool:
    """Say whether two maps are one but for rounding: their correlation is at least 0.99."""
    pair = torch.stack([first, second]).detach().double().flatten(1)
    pair = pair - pair.mean(1, keepdim=True)
    return float(pair[0] @ pair[1]) >= REPRODUCED * float(pair[0].norm() * pair[1].norm())


def status_of(score: float, passes: float, fails: float) -> Status:
    """Return "pass" up to one limit, "fail" beyond the other, "warn" between; which way is better, their order says.

    >>> [status_of(score, 0.5, 0.75) for score in (0.4, 0.6, 0.8)], status_of(0.4, 0.75, 0.5)
    (['pass', 'warn', 'fail'], 'fail')
    """
    if passes > fails:
        score, passes, fails = -score, -passes, -fails
    return "pass" if score < passes else "fail" if score > fails else "warn"
