"""Counterfactuals of a table's rows: the smallest change, toward rows that exist, that changes the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xai.auditing.split import Split
from xai.base.errors import InputError
from xai.model.model import Model

__all__ = ["Allowed", "Counterfactual", "allowed", "counterfactual"]

TRIED, STEPS = 40, 6  # known rows that are tried, nearest first; halvings of a change


@dataclass(frozen=True)
class Allowed:
    """Which way each column (D,) may change: 0 freely, 1 only up, -1 only down, 2 not at all."""

    ways: Tensor


@dataclass(frozen=True)
class Counterfactual:
    """A row (D,) with another answer, the columns that differ from the original, and the number of that answer."""

    row: Tensor
    columns: list[int]
    answer: int


def allowed(
    model: Model, immutable: Sequence[str] = (), increasing: Sequence[str] = (), decreasing: Sequence[str] = ()
) -> Allowed:
    """Return how the columns of a model's table may change; raises InputError for a column that it does not have."""
    names = list(model.input.names)
    ways = torch.zeros(len(names))
    for argument, chosen, way in (
        ("immutable", immutable, 2.0), ("increasing", increasing, 1.0), ("decreasing", decreasing, -1.0),
    ):  # fmt: skip
        for name in chosen:
            if name not in names:
                raise InputError(argument, expected=f"columns of the table ({', '.join(names)})", got=repr(name))
            ways[names.index(name)] = way
    return Allowed(ways)


def counterfactual(
    model: Model, split: Split, row: Tensor, answer: int, known: Split, ways: Allowed
) -> Counterfactual | None:
    """Return a near row (D,) that is answered otherwise, or None where no known row leads to one.

    Every value lies between that of the row and that of a known row that is answered otherwise, so that none leaves the
    range of the data; columns that may not change, or not that way, keep their value. Then columns go back, one after
    the other, as long as the answer stays another (sparse), and numbers go half of the way back, and half again. Of
    all that are found, the one with the fewest changes counts, and of those the nearest.
    Sources: Wachter, Mittelstadt and Russell 2017, arXiv:1711.00399; Mothilal, Sharma and Tan 2020, arXiv:1905.07697.
    """
    table = model.input
    words = torch.tensor([name in table.categorical for name in table.names])
    std = known.inputs.std(0).clamp_min(1e-9)
    others = known.inputs[known.predicted != answer]
    if len(others) == 0:
        return None
    distance = torch.where(words, (others != row).float(), (others - row).abs() / std).sum(1)
    donors = others[distance.argsort(stable=True)[:TRIED]]
    mixed = torch.where(_may(donors - row, ways, words), donors, row)
    changed = mixed[_others(model, split, mixed, answer)]
    if len(changed) == 0:
        return None
    changed = _sparse(model, split, row, changed, answer, std)
    changed = _shorter(model, split, row, changed, answer, words)
    counts = (changed != row).sum(1)
    sizes = torch.where(words, (changed != row).float(), (changed - row).abs() / std).sum(1)
    best = changed[min(range(len(changed)), key=lambda index: (int(counts[index]), float(sizes[index])))]
    answers = split.called(model.predict(best[None]).double().cpu())
    return Counterfactual(best, torch.where(best != row)[0].tolist(), int(answers[0]))


def _may(change: Tensor, ways: Allowed, words: Tensor) -> Tensor:
    """Return where a change (N, D) is allowed."""
    free, up, down = ways.ways == 0, (ways.ways == 1) & (change > 0), (ways.ways == -1) & (change < 0)
    return free | ((up | down) & ~words)


def _others(model: Model, split: Split, rows: Tensor, answer: int) -> Tensor:
    return split.called(model.predict(rows).double().cpu()) != answer


def _sparse(model: Model, split: Split, row: Tensor, changed: Tensor, answer: int, std: Tensor) -> Tensor:
    """Return changed rows (N, D) with as many columns back as the answer allows, the smallest changes first."""
    order = ((changed - row).abs() / std).argsort(1)
    indices = torch.arange(len(changed))
    for column in order.T:
        back = changed.clone()
        back[indices, column] = row[column]
        changed = torch.where(_others(model, split, back, answer)[:, None], back, changed)
    return changed


def _shorter(model: Model, split: Split, row: Tensor, changed: Tensor, answer: int, words: Tensor) -> Tensor:
    """Return changed rows (N, D) with numbers as near to the row as halving finds the answer to be another."""
    numbers = (changed != row) & ~words
    near, far = torch.zeros(len(changed), 1), torch.ones(len(changed), 1)
    for _ in range(STEPS):
        middle = (near + far) / 2
        others = _others(model, split, torch.where(numbers, row + middle * (changed - row), changed), answer)[:, None]
        near, far = torch.where(others, near, middle), torch.where(others, middle, far)
    return torch.where(numbers, row + far * (changed - row), changed)
