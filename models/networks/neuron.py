"""One weight: predict, compare, learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.networks.columns import Columns, Rescale
from xai.base.errors import InputError, NetworkError, names_errors

__all__ = ["Neuron", "Step", "neuron", "train_neuron"]


@dataclass(frozen=True)
class Step:
    """One step of learning: all numbers as they were before the weight changed to `updated`."""

    weight: float
    prediction: float
    error: float
    derivative: float
    updated: float


@names_errors("train_neuron")
def train_neuron(
    inputs: Sequence[float], targets: Sequence[float], *, weight: float = 0.0, alpha: float = 0.1, epochs: int = 1
) -> list[Step]:
    """Learn one weight by gradient descent, one example after the other, and return each step.

    error = (input * weight - target)^2; derivative = input * (prediction - target), the error's without its factor 2,
    which alpha takes in; weight <- weight - alpha * derivative. One input descends while alpha * input^2 < 2.
    Raises InputError for no or unequal numbers of examples, NetworkError where the weight grows beyond all bounds.

    >>> [round(step.updated, 2) for step in train_neuron([2.0], [0.8], weight=0.5, epochs=3)]
    [0.46, 0.44, 0.42]
    """
    if not len(inputs) or len(inputs) != len(targets):
        wanted = "as many targets as inputs, at least one"
        raise InputError("targets", expected=wanted, got=f"{len(inputs)} inputs and {len(targets)} targets")
    steps = []
    for _ in range(epochs):
        for value, target in zip(inputs, targets, strict=True):
            prediction = value * weight
            derivative = value * (prediction - target)
            updated = weight - alpha * derivative
            try:
                error = (prediction - target) ** 2
            except OverflowError:
                error = math.inf
            if not (math.isfinite(updated) and math.isfinite(error)):
                wanted = f"a weight that settles; a learning rate (alpha) smaller than {alpha:g} may help"
                raise NetworkError(f"step {len(steps) + 1}", expected=wanted, got=f"{updated:g}")
            steps.append(Step(weight, prediction, error, derivative, updated))
            weight = updated
    return steps


class Neuron(nn.Module):
    """One weight between an input and a target (N, 1) that are standardized around it: it learns their correlation."""

    def __init__(self) -> None:
        super().__init__()
        self.columns = Columns([0])
        self.weight = nn.Parameter(torch.zeros(1))
        self.rescale = Rescale()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.rescale(self.columns(inputs) * self.weight)


def neuron() -> Neuron:
    """Return the one-weight network, at weight 0.

    >>> neuron()(torch.ones(3, 1)).shape
    torch.Size([3, 1])
    """
    return Neuron()
