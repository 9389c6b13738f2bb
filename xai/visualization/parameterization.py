"""What is optimized: numbers, and how they become inputs of the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Measure", "Parameterization", "unchanged"]

# (inputs, how many of them belong to each objective) -> the objective on each
Measure = Callable[[Tensor, int], Tensor]


def _same(values: Tensor) -> Tensor:
    return values


def unchanged(inputs: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Return the inputs as they are: no small changes."""
    return inputs


@dataclass(frozen=True)
class Parameterization:
    """One kind of input as the optimizer sees it.

    Args:
        values: where the optimization starts, (N, ...).
        draw: from values and the progress (0 to 1) to inputs scaled to 0..1.
        noise: from a generator and a count to random inputs, scaled.
        decode: from scaled inputs to the caller's units.
        encode: from the caller's units to scaled inputs.
        vary: the small changes of each step, one draw from a generator per input.
        change: the small changes that a finished input is evaluated under, also where the steps had none.
        project: puts values back into their range after a step.
        search: improves what has no gradient, a few times during the steps.
        finish: from values and a measure to the finished inputs, scaled.
    """

    values: Tensor
    draw: Callable[[Tensor, float], Tensor]
    noise: Callable[[torch.Generator, int], Tensor]
    decode: Callable[[Tensor], Tensor] = _same
    encode: Callable[[Tensor], Tensor] = _same
    vary: Callable[[Tensor, Sequence[torch.Generator]], Tensor] = unchanged
    change: Callable[[Tensor, Sequence[torch.Generator]], Tensor] = unchanged
    project: Callable[[Tensor], Tensor] = _same
    search: Callable[[Tensor, Measure], Tensor] | None = None
    finish: Callable[[Tensor, Measure], Tensor] | None = None
