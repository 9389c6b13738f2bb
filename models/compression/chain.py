"""In which order a network's layers pass their units on, read off one forward pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xai.base.errors import LayerError
from xai.network.guard import untouched

__all__ = [
    "RECURRENT",
    "BatchNorm",
    "Feedforward",
    "batch_norm",
    "consumer_of",
    "feedforward",
    "layers_in_order",
    "shape_units",
]

RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
Feedforward = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *RECURRENT)
BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def layers_in_order(network: nn.Module, example: Tensor) -> dict[str, nn.Module]:
    """Return the innermost layers by name in the order of the forward pass on an example (a batch).

    Raises LayerError where a layer is used twice: its units cannot be removed in one place.
    """
    order: dict[str, nn.Module] = {}
    twice: list[str] = []
    names = {module: name for name, module in network.named_modules() if not any(True for _ in module.children())}

    def hook(module: nn.Module, inputs: tuple, output: object) -> None:
        name = names[module]
        if name in order and any(True for _ in module.parameters()):
            twice.append(name)
        order[name] = module

    with untouched(network), torch.no_grad():
        handles = [module.register_forward_hook(hook) for module in names]
        try:
            network(example)
        finally:
            for handle in handles:
                handle.remove()
    if twice:
        raise LayerError("network", expected="each layer used once", got=f"{twice[0]!r} used twice", operation="prune")
    return order


def consumer_of(order: dict[str, nn.Module], name: str) -> tuple[list[str], str]:
    """Return the batch norms behind a layer and the next layer with weights, which reads its units.

    Raises LayerError for the last layer, whose units are the answers, and for a layer with weights of another kind.
    """
    names = list(order)
    if name not in order or not isinstance(order[name], WEIGHTED):
        known = ", ".join(key for key, module in order.items() if isinstance(module, WEIGHTED))
        raise LayerError("layer", expected=f"one of {known}", got=repr(name), operation="prune")
    norms = []
    for follower in names[names.index(name) + 1 :]:
        module = order[follower]
        if isinstance(module, WEIGHTED):
            return norms, follower
        if isinstance(module, BatchNorm):
            norms.append(follower)
        elif any(True for _ in module.parameters()):
            kinds = "batch norms, or layers without weights"
            raise LayerError(f"layer behind {name!r}", expected=kinds, got=type(module).__name__, operation="prune")
    raise LayerError(
        "layer", expected="one that another layer reads", got=f"{name!r}, which gives the answers", operation="prune"
    )


def shape_units(module: nn.Module) -> int:
    """Return how many units a layer puts out."""
    if isinstance(module, RECURRENT):
        return module.hidden_size
    plain = feedforward(module)
    return plain.out_features if isinstance(plain, nn.Linear) else plain.out_channels


def batch_norm(module: nn.Module) -> BatchNorm:
    """Return a batch norm as what it is; raises LayerError for another layer."""
    if not isinstance(module, BatchNorm):
        raise LayerError("layer", expected="a batch norm", got=type(module).__name__, operation="prune")
    return module


def feedforward(module: nn.Module) -> Feedforward:
    """Return a dense or convolutional layer as what it is; raises LayerError for another."""
    if not isinstance(module, Feedforward):
        raise LayerError("layer", expected="a dense or convolutional one", got=type(module).__name__, operation="prune")
    return module
