"""A batch's gradient is the mean of its examples' gradients, and a mean of n varies an nth as much."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from models.batches import shuffled_batches
from models.heads import HEADS
from models.lecture.worked.comparing import compare, gradient
from xai.base.experiment import WorkedExample

__all__ = ["worked"]

INPUTS = torch.tensor([[1.0], [2.0], [3.0], [4.0]])


def worked(row: str) -> WorkedExample:
    """Return the gradients of y = w x at w = 0 for the targets 2 x: -4 x² for each example."""
    each = [_gradient([number]) for number in range(4)]
    pairs = [_gradient(list(pair)) for pair in itertools.product(range(4), repeat=2)]
    whole = _gradient([0, 1, 2, 3])
    parts = shuffled_batches(torch.arange(5), 2, torch.Generator().manual_seed(0))
    means = [_gradient([0, 1]), _gradient([2, 3])]
    return WorkedExample(
        name="mini_batches",
        row=row,
        shown="Inputs 1, 2, 3, 4, targets twice as much, weight 0, mean squared error. Batches may hold one example, "
        "all, or anything between; two drawn at random with replacement have half the variance of one.",
        comparisons=[
            compare("one example each: -4, -16, -36, -64", [-4, -16, -36, -64], each),
            compare("two each: the means of theirs", [-10, -50], means),
            compare("all four: the mean of all", -30, whole),
            compare("variance of one: (26² + 14² + 6² + 34²)/4", 516, _variance(each)),
            compare("variance of two: half of it", 258, _variance(pairs)),
            compare("five rows in batches of two: sizes", [2, 2, 1], [len(part) for part in parts]),
            compare("each row once", [0, 1, 2, 3, 4], torch.cat(parts).sort().values),
        ],
    )


def _gradient(rows: list[int]) -> float:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    HEADS["regression"].loss(network(INPUTS[rows]), 2 * INPUTS[rows]).backward()
    return float(gradient(network.weight))


def _variance(values: list[float]) -> float:
    return float(torch.tensor(values).var(correction=0))
