"""Optimizers by name, over torch.optim."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from xai.core.errors import InputError, expected

__all__ = ["OPTIMIZERS", "make_optimizer"]


def gradient_descent(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """w <- w - learning_rate * gradient."""
    return torch.optim.SGD(parameters, lr=learning_rate)


def adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """w <- w - learning_rate * m / (sqrt(v) + 1e-8), m and v bias-corrected means of the gradient and its square.

    Decay 0.9 and 0.999. Source: Kingma, Ba 2015, arXiv:1412.6980.
    """
    return torch.optim.Adam(parameters, lr=learning_rate)


OPTIMIZERS: dict[str, Callable[[Iterable[nn.Parameter], float], torch.optim.Optimizer]] = {
    "sgd": gradient_descent,
    "adam": adam,
}


def make_optimizer(name: str, parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """Return the optimizer of that name; raises InputError with the known names for another."""
    if name not in OPTIMIZERS:
        raise InputError(expected("train", "optimizer", f"one of {', '.join(OPTIMIZERS)}", repr(name)))
    if not learning_rate > 0:
        raise InputError(expected("train", "learning_rate", "a number above 0", learning_rate))
    return OPTIMIZERS[name](parameters, learning_rate)
