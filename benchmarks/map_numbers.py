"""Simple numbers about a map, by their definitions: where the truth is known, and by small changes of the input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = [
    "infidelity", "max_sensitivity", "pointing_game", "rank_auc", "relevance_mass", "relevance_rank",
]  # fmt: skip


def pointing_game(values: Tensor, truth: Tensor) -> bool:
    """Say whether the highest value stands within the truth (Zhang et al. 2018, arXiv:1608.00507).

    >>> pointing_game(torch.tensor([0.1, 0.9, 0.2]), torch.tensor([0.0, 1.0, 0.0]))
    True
    """
    return bool(truth.flatten()[values.flatten().argmax()] > 0)


def relevance_mass(values: Tensor, truth: Tensor) -> float:
    """Return the share of the positive values that lies within the truth (Arras et al. 2022, arXiv:2003.07258).

    >>> relevance_mass(torch.tensor([1.0, 3.0, -5.0]), torch.tensor([0.0, 1.0, 0.0]))
    0.75
    """
    positive = values.double().clamp_min(0)
    total = float(positive.sum())
    return float(positive[truth > 0].sum()) / total if total > 0 else 0.0


def relevance_rank(values: Tensor, truth: Tensor) -> float:
    """Return which share of the k highest values lies within the truth of k units (Arras et al. 2022).

    >>> relevance_rank(torch.tensor([4.0, 3.0, 2.0, 1.0]), torch.tensor([1.0, 0.0, 1.0, 0.0]))
    0.5
    """
    marked = (truth > 0).flatten()
    highest = values.flatten().topk(int(marked.sum())).indices
    return float(marked[highest].double().mean())


def rank_auc(values: Tensor, truth: Tensor) -> float:
    """Return how often a unit within the truth has a higher value than one outside; ties count half.

    >>> rank_auc(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 0.0]))
    0.5
    """
    inside, outside = values[truth > 0].double(), values[truth <= 0].double()
    difference = inside[:, None] - outside[None]
    return float((difference > 0).double().mean() + (difference == 0).double().mean() / 2)


def infidelity(answer: Callable[[Tensor], Tensor], row: Tensor, values: Tensor, changes: Tensor) -> float:
    """Return the mean squared error with which a map predicts what changes do (Yeh et al. 2019, arXiv:1901.09392).

    answer: a batch (n, ...) to numbers (n,). row: (...). values: like the row. changes: (n, ...), what is taken away.

    >>> weight = torch.tensor([2.0, -1.0])
    >>> infidelity(lambda batch: batch @ weight, torch.ones(2), weight, torch.eye(2))
    0.0
    """
    predicted = (changes * values).flatten(1).double().sum(1)
    with torch.no_grad():
        fall = answer(row[None])[0].double() - answer(row[None] - changes).double()
    return float(((predicted - fall) ** 2).mean())


def max_sensitivity(explain: Callable[[Tensor], Tensor], row: Tensor, changes: Tensor) -> float:
    """Return the largest change of a map under small changes, as a share of its norm (Yeh et al. 2019).

    explain: a batch (n, ...) to maps (n, ...). row: (...). changes: (n, ...), what is added.

    >>> max_sensitivity(lambda batch: 2 * batch, torch.tensor([3.0, 4.0]), torch.tensor([[0.0, 0.5]]))
    0.1
    """
    before, after = explain(row[None])[0].double(), explain(row[None] + changes).double()
    return float((after - before).flatten(1).norm(dim=1).max() / before.norm())
