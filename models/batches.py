"""Which rows learn together: the part that is held out for validation, and mini-batches of the rest."""

from __future__ import annotations

import torch
from torch import Tensor

from models.datasets import Dataset
from xai.base.errors import InputError

__all__ = ["hold_out", "shuffled_batches"]

# Rows are sorted by length among so many batches: little padding, and still other neighbors in every epoch.
NEIGHBORS = 50


def hold_out(data: Dataset, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Return the numbers of the training rows to learn from and of those to validate on, by a seed of its own.

    Rows of one group (`data.train_groups`) stay together. Both parts come out of the training part: the test part is
    for the end. Raises InputError where a part would be empty.
    """
    if not 0 <= share < 1:
        raise InputError("validation", expected="a share from 0, below 1", got=share, operation="train")
    rows = torch.arange(len(data.train_inputs))
    if share == 0:
        return rows, rows[:0]
    groups = rows if data.train_groups is None else data.train_groups
    names = groups.unique()
    chosen = names[
        torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))[: round(share * len(names))]
    ]
    held = torch.isin(groups, chosen)
    if not bool(held.any()) or bool(held.all()):
        got = f"{share:g} of {len(names)} rows or groups"
        raise InputError("validation", expected="a share that leaves rows on both sides", got=got, operation="train")
    return rows[~held], rows[held]


def shuffled_batches(
    rows: Tensor, size: int, generator: torch.Generator, lengths: Tensor | None = None
) -> list[Tensor]:
    """Return the row numbers in random batches, each row once; with lengths, rows of similar length share a batch.

    >>> parts = shuffled_batches(torch.arange(5), 2, torch.Generator().manual_seed(0))
    >>> [len(part) for part in parts], sorted(torch.cat(parts).tolist())
    ([2, 2, 1], [0, 1, 2, 3, 4])
    """
    order = rows[torch.randperm(len(rows), generator=generator)]
    if lengths is None:
        return list(order.split(size))
    parts = [part[lengths[part].argsort(stable=True)] for part in order.split(size * NEIGHBORS)]
    batches = torch.cat(parts).split(size)
    return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]
