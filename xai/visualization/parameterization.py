"""What an ascent changes: numbers, and how they become inputs of the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Canvas", "Measure"]

# (inputs, how many of them belong to each objective) -> the objective on each
Measure = Callable[[Tensor, int], Tensor]


def _same(values: Tensor) -> Tensor:
    return values


@dataclass(frozen=True)
class Canvas:
    """One kind of input as an ascent sees it.

    values (N, ...): where it starts. draw: (values, progress from 0 to 1) -> inputs scaled to 0..1. present and absorb:
    from those to the caller's units, and back. vary: the small changes of each step, one draw from a generator per
    input. change: those that a finished input is judged under, also where the ascent had none. settle: puts
    values back where they may be after a step. search: improves what has no gradient, now and then. finish: (values,
    measure) -> the finished inputs, scaled. noise: (generator, count) -> inputs that mean nothing, scaled.
    """

    values: Tensor
    draw: Callable[[Tensor, float], Tensor]
    noise: Callable[[torch.Generator, int], Tensor]
    present: Callable[[Tensor], Tensor] = _same
    absorb: Callable[[Tensor], Tensor] = _same
    vary: Callable[[Tensor, Sequence[torch.Generator]], Tensor] = lambda inputs, generators: inputs
    change: Callable[[Tensor, Sequence[torch.Generator]], Tensor] = lambda inputs, generators: inputs
    settle: Callable[[Tensor], Tensor] = _same
    search: Callable[[Tensor, Measure], Tensor] | None = None
    finish: Callable[[Tensor, Measure], Tensor] | None = None
