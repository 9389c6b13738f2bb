"""Dropout's test-time scaling against what it stands for: the average of all subnetworks, each by its probability."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, LayerError, names_errors
from xai.network.guard import untouched
from xai.network.hooks import find_layer

__all__ = ["Averages", "subnetwork_average"]

MOST_UNITS = 14


@dataclass(frozen=True)
class Averages:
    """average: over the 2^n subnetworks (N, K). scaled: of the one network without dropout (N, K)."""

    average: Tensor
    scaled: Tensor

    @property
    def gap(self) -> float:
        """The largest difference between the two; 0 up to rounding where everything after the layer is linear."""
        return float((self.average - self.scaled).abs().max())


@names_errors("subnetwork_average")
def subnetwork_average(network: nn.Module, layer: str, inputs: Tensor) -> Averages:
    """Enumerate the subnetworks of one dropout layer over at most 14 units, with its drop chance p.

    A subnetwork keeps k of n units with probability (1-p)^k p^(n-k). PyTorch multiplies the kept ones by 1/(1-p) in
    training and nothing at test time; the lecture multiplies by the chance 1-p to keep at test time: the same network.
    Source: Srivastava et al. 2014, JMLR 15.
    """
    module = find_layer(network, layer)
    if not isinstance(module, nn.Dropout):
        raise LayerError("layer", expected="a torch.nn.Dropout", got=type(module).__name__)
    chance = module.p
    masks: list[Tensor] = []

    def hook(_: nn.Module, arguments: tuple, output: Tensor) -> Tensor:
        units = arguments[0].shape[1]
        if arguments[0].ndim != 2 or units > MOST_UNITS:
            wanted = f"dropout over at most {MOST_UNITS} units (N, units)"
            raise InputError("layer", expected=wanted, got=tuple(arguments[0].shape))
        if not masks:
            masks.extend(torch.tensor(bits).to(arguments[0]) for bits in itertools.product((0, 1), repeat=units))
            return output
        return arguments[0] * current[0] / (1 - chance)

    current: list[Tensor] = []
    with untouched(network), torch.no_grad():
        handle = module.register_forward_hook(hook)
        try:
            scaled = network(inputs)  # eval mode: the network without dropout; counts the units on the way
            average = torch.zeros_like(scaled)
            if not masks or chance >= 1:
                wanted = "a dropout that the forward pass reaches, with a chance below 1"
                raise LayerError("layer", expected=wanted, got=f"{layer!r} with p = {chance}")
            for mask in masks:
                kept = int(mask.sum())
                current[:] = [mask]
                average += (1 - chance) ** kept * chance ** (len(mask) - kept) * network(inputs)
        finally:
            handle.remove()
    return Averages(average, scaled)
