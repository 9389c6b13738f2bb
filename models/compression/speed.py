"""How much smaller and faster one network is than another, measured side by side."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xai.network.guard import untouched

__all__ = ["Savings", "parameter_count", "savings"]


@dataclass(frozen=True)
class Savings:
    """Parameters and seconds of the fastest forward pass before and after."""

    parameters_before: int
    parameters_after: int
    seconds_before: float
    seconds_after: float

    @property
    def speedup(self) -> float:
        """How many times faster the second network is."""
        return self.seconds_before / self.seconds_after


def parameter_count(network: nn.Module) -> int:
    """Return the number of trained and frozen parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def savings(before: nn.Module, after: nn.Module, inputs: Tensor, repeats: int = 15) -> Savings:
    """Time both networks in turn, so that whatever else the machine does falls on both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    with untouched(before), untouched(after), torch.no_grad():
        for _ in range(repeats):
            for network, times in zip((before, after), seconds, strict=True):
                started = time.perf_counter()
                network(inputs)
                times.append(time.perf_counter() - started)
    # The fastest pass: what else the machine does can only slow one down.
    first, second = map(min, seconds)
    return Savings(parameter_count(before), parameter_count(after), first, second)
