"""Rows to train on and rows to test on, the same ones every time."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["stratified"]


def stratified(labels: Tensor, share: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return row numbers to train on and to test on, with `share` of each class (labels, (N,)) in the test part.

    >>> train, test = stratified(torch.tensor([0, 0, 0, 0, 1, 1]), 0.5)
    >>> len(train), len(test)
    (3, 3)
    """
    generator = torch.Generator().manual_seed(seed)
    train, test = [], []
    for label in labels.unique().tolist():
        members = torch.where(labels == label)[0]
        members = members[torch.randperm(len(members), generator=generator)]
        count = round(share * len(members))
        test.append(members[:count])
        train.append(members[count:])
    return torch.cat(train).sort().values, torch.cat(test).sort().values
