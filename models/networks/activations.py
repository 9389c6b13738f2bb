"""The lecture's activation functions by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from xai.base.errors import InputError

__all__ = ["ACTIVATIONS", "make_activation"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,  # x
    "sigmoid": nn.Sigmoid,  # 1 / (1 + exp(-x)), 0 to 1
    "tanh": nn.Tanh,  # (exp(x) - exp(-x)) / (exp(x) + exp(-x)), -1 to 1
    "relu": nn.ReLU,  # max(0, x)
    "leaky_relu": lambda: nn.LeakyReLU(0.01),  # x from 0 on, 0.01 x below
    "softmax": lambda: nn.Softmax(dim=1),  # exp(x_i) / sum_j exp(x_j), over a layer's units
}


def make_activation(name: str) -> nn.Module:
    """Return a new activation layer; raises InputError with the known names for another.

    >>> make_activation("relu")
    ReLU()
    """
    if name not in ACTIVATIONS:
        raise InputError("activation", expected=f"one of {', '.join(ACTIVATIONS)}", got=repr(name), operation="network")
    return ACTIVATIONS[name]()
