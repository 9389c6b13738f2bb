"""The limit of a method: the same passes of the plain network, on the inputs that the method makes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from xai.model.model import Model

__all__ = ["evaluated", "passes"]


def passes(network: nn.Module, batch: Tensor, backward: bool, size: int) -> None:
    """Run a network forward, or forward and backward, on a batch in parts of `size` rows."""
    for part in batch.split(size):
        if backward:
            inputs = part.clone().requires_grad_()
            torch.autograd.grad(network(inputs)[:, 0].sum(), inputs)
        else:
            with torch.no_grad():
                network(part)


def evaluated(model: Model, run: Callable[[Model], object], count: int) -> Tensor:
    """Return the last `count` inputs on which a method evaluates the network, in the order in which it does.

    Passes over copies of one image would be faster: max pooling branches on what it reads.
    """
    seen: list[Tensor] = []

    def forward(network: nn.Module, part: Tensor) -> Tensor:
        seen.append(part.detach().clone())
        return network(part)

    run(Model(model.network, input=model.input, forward=forward))
    return torch.cat(seen)[-count:]
